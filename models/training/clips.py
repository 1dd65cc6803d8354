"""Clips for the propagation network, of any length, cropped as the engine crops: a square that follows the object.

Two sources: real video, and stills that are moved and bent, put on other backgrounds, and partly covered by other
objects. The crop of a frame is chosen from the object's box in the frame before, since that is all the engine knows.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .camera import compress, motion_blur
from .data import Pool, object_box
from .instances import split_object
from .layers import Matrix, Scene, Seen, Thing, crops, over, paste, pick_thing, random_walk, rendered, steps_between
from .recipe import ClipRecipe, RecipeError
from .warps import View, motion_matrix, random_bend, random_colour, render, soften

FAR = 8
"""Frames of a sequence that are further apart are shown without a hint."""

NEAREST_GAPS = 3
WIDEST_GAPS = 5
"""Stored frames from one frame of a clip to the next: after a far first frame, and else."""


@dataclass(frozen=True, slots=True)
class Clip:
    """images (T, 3, H, W) in [0, 255], mattes (T, N, H, W) in [0, 1], loss weight, steps (T, 2, 3), known (T,).

    `steps[t]` maps places of frame t's crop to places of frame t - 1's, both in [-1, 1], for `affine_grid`. `known[t]`
    is 1 where the engine would know the mattes of the frame before frame t, else 0.
    """

    images: Tensor
    mattes: Tensor
    weight: float
    steps: Tensor
    known: Tensor


@dataclass(frozen=True, slots=True)
class ClipBatch:
    """Clips stacked: images (B, T, 3, H, W), mattes (B, T, N, H, W), weight (B,), steps (B, T, 2, 3), known (B, T)."""

    images: Tensor
    mattes: Tensor
    weight: Tensor
    steps: Tensor
    known: Tensor


@dataclass(frozen=True, slots=True)
class ClipKind:
    """What every clip of a batch has in common: frames, side of the crop in pixels, objects (1 or 2), device."""

    frames: int
    size: int
    objects: int
    device: torch.device


def still_clip(pool: Pool, rng: np.random.Generator, kind: ClipKind, recipe: ClipRecipe) -> Clip:
    """Returns a clip made from stills."""
    main = pick_thing(pool, rng)
    strength = float(rng.uniform(0.4, 1.3))
    walk = random_walk(rng, kind.frames, main.side, strength)
    motions = [motion_matrix(main.cx, main.cy, *w) for w in walk]
    boxes = [(main.cx + w[3], main.cy + w[4], main.side * w[1]) for w in walk]
    on_other = rng.random() < recipe.background
    bounds = None if on_other or rng.random() < 0.1 else main.mask.shape[:2]
    worlds = crops([boxes[0], *boxes[:-1]], rng, bounds)
    if rng.random() < 0.5:
        worlds = [w @ np.diag([-1.0, 1.0, 1.0]) for w in worlds]
    scene = Scene(worlds, kind.size, kind.device)
    border = bool(rng.random() < 0.5)
    amplitude = main.side * float(rng.uniform(0.0, recipe.bend))
    bends = [random_bend(rng, amplitude) for _ in motions]
    parts = None
    if kind.objects == 2 and rng.random() < recipe.pseudo_instances:
        parts = split_object(main.picture.image, main.mask, rng)
    layers = rendered(main, scene, np.eye(3), motions, bends, border, parts)
    if on_other:
        layers = _on_other(pool, rng, recipe, scene, layers, main, strength)
    second = kind.objects == 2 and parts is None
    if second or rng.random() < recipe.paste:
        shifts = [(0.0, 0.0)] * kind.frames
        layers = paste(pool, rng, recipe, scene, layers, main, strength, shifts, second)
    images = _seen_by_camera(layers, rng, recipe, _speeds(boxes, [1] * kind.frames, scene))
    mattes = torch.stack([mattes for _, mattes in layers])
    return Clip(images, mattes, main.picture.weight, steps_between(worlds), torch.ones(kind.frames))


def _on_other(
    pool: Pool,
    rng: np.random.Generator,
    recipe: ClipRecipe,
    scene: Scene,
    layers: list[tuple[Tensor, Tensor]],
    main: Thing,
    strength: float,
) -> list[tuple[Tensor, Tensor]]:
    """Puts the object on another picture, which moves less than the object."""
    back = pick_thing(pool, rng)
    h, w = back.picture.mask.shape
    zoom = main.side * float(rng.uniform(2.4, 4.5)) / min(h, w)
    place = motion_matrix(0, 0, 0.0, zoom, 0.0, main.cx - zoom * w / 2, main.cy - zoom * h / 2)
    walk = random_walk(rng, len(scene), main.side, 0.5 * strength)
    motions = [motion_matrix(main.cx, main.cy, *s) for s in walk]
    ground = rendered(back, scene, place, motions, [None] * len(scene), True, whole=True)
    tone = random_colour(rng, 0.7 * recipe.colour)
    return [
        (over(below, tone(image), mattes.sum(dim=0, keepdim=True)), mattes)
        for (below, _), (image, mattes) in zip(ground, layers, strict=True)
    ]


def choose_frames(
    length: int, count: int, rng: np.random.Generator, far_anchors: float
) -> tuple[NDArray[np.int64], int]:
    """Returns places (count,) in a sequence of `length` frames, and the place where the second one's crop is chosen.

    Mostly gaps of 1 to 5 either forward or backward, the crop chosen from the first frame. With a far anchor the first
    frame is anywhere and the others lie near each other; the crop of the second then follows a frame near it.
    """
    far = rng.random() < far_anchors
    widest = max(min(NEAREST_GAPS if far else WIDEST_GAPS, (length - 1) // (count - 1)), 1)
    gaps = rng.integers(1, widest + 1, count - 1)
    start = int(rng.integers(0, max(length - int(gaps.sum()), 1)))
    places = np.minimum(start + np.concatenate(([0], np.cumsum(gaps))), length - 1)
    if rng.random() < 0.5:
        places = places[::-1].copy()
    before = int(places[0])
    if far:
        places[0] = rng.integers(0, length)
        if abs(int(places[0]) - int(places[1])) <= FAR:
            before = int(places[0])
    return places, before


def video_clip(pool: Pool, rng: np.random.Generator, kind: ClipKind, recipe: ClipRecipe) -> Clip:
    """Returns a clip of real video."""
    while True:
        frames = pool.sequences[str(rng.choice(list(pool.sequences)))]
        places, before = choose_frames(len(frames), kind.frames, rng, recipe.far_anchors)
        pictures = [pool[frames[int(p)]] for p in places]
        masks = [p.mask > 127 for p in pictures]
        if masks[0].mean() > 0.002:
            break
    shape = masks[0].shape
    boxes = [_seen(mask) for mask in masks]
    seen = [boxes[0], *boxes[:-1]]
    if before != int(places[0]):
        seen[1] = _seen(pool[frames[before]].mask > 127)
    worlds = crops(seen, rng, shape if rng.random() < 0.85 else None)
    turn, stretch = float(rng.normal(0.0, 0.1)), float(np.exp(rng.normal(0.0, 0.08)))
    spin = motion_matrix(0, 0, turn, 1.0, float(rng.normal(0.0, 0.04)), 0, 0) @ np.diag([stretch, 1 / stretch, 1.0])
    if rng.random() < 0.5:
        spin = spin @ np.diag([-1.0, 1.0, 1.0])
    scene = Scene([w @ spin for w in worlds], kind.size, kind.device)
    border = bool(rng.random() < 0.5)
    square = (kind.size, kind.size)
    layers = [
        render(p.image, m, View(w[:2]), square, border, kind.device)
        for p, m, w in zip(pictures, masks, scene.worlds, strict=True)
    ]
    if kind.objects > 1 or rng.random() < recipe.paste * 3 / 7:
        main = Thing(pictures[0], masks[0], *boxes[0])
        shifts = [(b[0] - boxes[0][0], b[1] - boxes[0][1]) if before != int(places[0]) else (0.0, 0.0) for b in boxes]
        layers = paste(pool, rng, recipe, scene, layers, main, 0.8, shifts, kind.objects > 1)
    gaps = np.abs(np.diff(places, prepend=places[0]))
    images = _seen_by_camera(layers, rng, recipe, _speeds(boxes, [int(g) for g in gaps], scene))
    known = torch.from_numpy(gaps <= FAR).float()
    return Clip(images, torch.stack([m for _, m in layers]), 1.0, steps_between(scene.worlds), known)


def _seen(mask: NDArray[np.bool_]) -> Seen:
    """Where an object is; where it is not, the whole picture, as the engine looks for what it has lost."""
    box = object_box(mask)
    if box is None:
        height, width = mask.shape
        return width / 2, height / 2, max(height, width) / 2
    return (box[0] + box[2]) / 2, (box[1] + box[3]) / 2, max(box[2] - box[0], box[3] - box[1], 24.0)


def _speeds(boxes: list[Seen], gaps: list[int], scene: Scene) -> list[Matrix]:
    """The object's motion (2,) in pixels of the crop from one stored frame to the next; none where frames are far."""
    out = []
    for t, (world, gap) in enumerate(zip(scene.worlds, gaps, strict=True)):
        last = boxes[max(t - 1, 0)]
        moved = np.array([boxes[t][0] - last[0], boxes[t][1] - last[1]])
        speed = np.linalg.solve(world[:2, :2], moved) * scene.size / 2 / max(gap, 1)
        out.append(speed if gap <= FAR else np.zeros(2))
    out[0] = out[min(1, len(out) - 1)]  # nothing is known of the frame before the first
    return out


def _seen_by_camera(
    layers: list[tuple[Tensor, Tensor]], rng: np.random.Generator, recipe: ClipRecipe, speeds: list[Matrix]
) -> Tensor:
    """Returns the pictures (T, 3, S, S) in a tone of their own; by chance blurred, noisy and compressed."""
    tone = random_colour(rng, recipe.colour)
    images = [random_colour(rng, 0.2 * recipe.colour)(tone(image)) for image, _ in layers]
    if rng.random() < recipe.motion_blur:
        exposure, all_of_it = float(rng.uniform(0.2, 0.9)), rng.random() < 0.3
        covers = [None if all_of_it else mattes.sum(dim=0, keepdim=True) for _, mattes in layers]
        images = [
            motion_blur(image, cover, *(exposure * speed))
            for image, cover, speed in zip(images, covers, speeds, strict=True)
        ]
    if rng.random() < recipe.soften:
        images = [soften(image, rng) for image in images]
    shown = torch.stack(images)
    if rng.random() < recipe.compression:
        y, x = (int(v) for v in rng.integers(0, 8, 2))
        shown = compress(shown, float(rng.uniform(12.0, 60.0)), (y, x))
    return shown


def clip_batch(
    pool: Pool, rng: np.random.Generator, clips: int, kind: ClipKind, video_share: float, recipe: ClipRecipe
) -> ClipBatch:
    """Returns a batch of clips, each from video with probability `video_share`.

    Raises:
        RecipeError: there is no video to show.
    """
    if video_share > 0 and not pool.sequences:
        raise RecipeError("There is no usable training video; video=0 trains on stills only.")
    made: list[Clip] = []
    while len(made) < clips:
        make = video_clip if rng.random() < video_share else still_clip
        clip = make(pool, rng, kind, recipe)
        if float(clip.mattes[0, 0].mean()) > 0.01:  # the first frame must show the object
            made.append(clip)
    return ClipBatch(
        torch.stack([c.images for c in made]),
        torch.stack([c.mattes for c in made]).clamp(0, 1),
        torch.tensor([c.weight for c in made], device=kind.device),
        torch.stack([c.steps for c in made]).to(kind.device),
        torch.stack([c.known for c in made]).to(kind.device),
    )
