"""Clips for the propagation network, of any length, cropped as the engine crops: a square that follows the object.

Two sources: real video, and stills that are moved and bent, put on other backgrounds, and partly covered by other
objects. The crop of a frame is chosen from the object's box in the frame before, which is all that the engine knows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from .camera import compress, motion_blur
from .clip_recipe import ClipRecipe, RecipeError
from .compositing import (
    ClipScene,
    Layer,
    Matrix,
    Seen,
    Thing,
    crops,
    over,
    paste,
    pick_thing,
    random_walk,
    rendered,
    shown,
    steps_between,
)
from .films import FAR, choose_frames, choose_objects, film_shares, masks_of, seen, together, widest_gap
from .instances import split_object
from .pool import Pool
from .warps import WarpView, motion_matrix, random_bend, random_colour, recoloured, soften


@dataclass(frozen=True, slots=True)
class TrainingClip:
    """images (T, 3, H, W) in [0, 255], mattes (T, N, H, W) in [0, 1], loss weight, steps (T, 2, 3), known (T,).

    `steps[t]` maps places of frame t's crop to places of frame t - 1's, both in [-1, 1], for `affine_grid`. `known[t]`
    is 1 where the engine would know the mattes of the frame before frame t, else 0. `unknown` (T, H, W) in [0, 1] marks
    where the truth is unknown; None = it is known everywhere.
    """

    images: Tensor
    mattes: Tensor
    weight: float
    steps: Tensor
    known: Tensor
    unknown: Tensor | None = None


@dataclass(frozen=True, slots=True)
class ClipBatch:
    """Clips stacked: images (B, T, 3, H, W), mattes (B, T, N, H, W), weight (B,), steps (B, T, 2, 3), known (B, T).

    `certain` (B, T, H, W) is the weight of each pixel in the loss, 0 to 1; None = 1 everywhere.
    """

    images: Tensor
    mattes: Tensor
    weight: Tensor
    steps: Tensor
    known: Tensor
    certain: Tensor | None = None


@dataclass(frozen=True, slots=True)
class ClipKind:
    """Properties shared by every clip of a batch: frames, side of the crop in pixels, objects (1 to 3), device."""

    frames: int
    size: int
    objects: int
    device: torch.device


def still_clip(pool: Pool, rng: np.random.Generator, kind: ClipKind, recipe: ClipRecipe) -> TrainingClip:
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
    scene = ClipScene(worlds, kind.size, kind.device)
    border = bool(rng.random() < 0.5)
    amplitude = main.side * float(rng.uniform(0.0, recipe.bend))
    bends = [random_bend(rng, amplitude) for _ in motions]
    parts = None
    if kind.objects > 1 and rng.random() < recipe.pseudo_instances:
        parts = split_object(main.picture.image, main.mask, rng)
    layers = rendered(main, scene, np.eye(3), motions, bends, border, parts)
    if on_other:
        layers = _on_other(pool, rng, recipe, scene, layers, main, strength)
    lacking = kind.objects - layers[0].mattes.shape[0]
    if lacking or rng.random() < recipe.paste:
        shifts = [(0.0, 0.0)] * kind.frames
        for _ in range(max(lacking, 1)):
            layers = paste(pool, rng, recipe, scene, layers, main, strength, shifts, lacking > 0)
    images = _seen_by_camera(layers, rng, recipe, _speeds(boxes, [1] * kind.frames, scene))
    return _clip(images, layers, main.picture.weight, worlds, torch.ones(kind.frames))


def _on_other(
    pool: Pool,
    rng: np.random.Generator,
    recipe: ClipRecipe,
    scene: ClipScene,
    layers: list[Layer],
    main: Thing,
    strength: float,
) -> list[Layer]:
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
        # Only the object is left of its picture, so everything is known.
        Layer(over(below.image, tone(layer.image), layer.mattes.sum(dim=0, keepdim=True)), layer.mattes, None)
        for below, layer in zip(ground, layers, strict=True)
    ]


def video_clip(pool: Pool, rng: np.random.Generator, kind: ClipKind, recipe: ClipRecipe) -> TrainingClip:
    """Returns a clip of real video; pastes in objects that its film lacks."""
    films = pool
    if pool.rendered is not None and recipe.rendered > 0 and rng.random() < recipe.rendered:
        films = pool.rendered
    names, shares = film_shares(films)
    while True:
        frames = films.sequences[names[int(rng.choice(len(names), p=shares))]]
        numbers = np.array([films.entries[index].frame for index in frames])
        places, before = choose_frames(len(frames), kind.frames, rng, recipe.far_anchors, widest_gap(numbers))
        pictures = [films[frames[int(p)]] for p in places]
        ids = choose_objects(pictures[0].objects(), kind.objects, rng)
        if ids:
            break
    masks = [masks_of(picture, ids) for picture in pictures]
    shape = masks[0].shape[1:]
    boxes = [seen(together(mask)) for mask in masks]
    gaps = np.abs(np.diff(numbers[places], prepend=numbers[places[0]]))
    # The engine sees every frame between two distant ones, so its crop has followed the object by then.
    looked = [boxes[0], *(boxes[t if gaps[t] > FAR else t - 1] for t in range(1, kind.frames))]
    if before != int(places[0]):
        looked[1] = seen(together(masks_of(films[frames[before]], ids)))
    worlds = crops(looked, rng, shape if rng.random() < 0.85 else None)
    turn, stretch = float(rng.normal(0.0, 0.1)), float(np.exp(rng.normal(0.0, 0.08)))
    spin = motion_matrix(0, 0, turn, 1.0, float(rng.normal(0.0, 0.04)), 0, 0) @ np.diag([stretch, 1 / stretch, 1.0])
    if rng.random() < 0.5:
        spin = spin @ np.diag([-1.0, 1.0, 1.0])
    scene = ClipScene([w @ spin for w in worlds], kind.size, kind.device)
    border = bool(rng.random() < 0.5)
    layers = [
        shown(p.image, m, p.unknown(), WarpView(w[:2]), scene, border)
        for p, m, w in zip(pictures, masks, scene.worlds, strict=True)
    ]
    lacking = kind.objects - len(ids)
    if lacking or rng.random() < recipe.paste * 3 / 7:
        main = Thing(pictures[0], together(masks[0]), *boxes[0])
        shifts = [(b[0] - boxes[0][0], b[1] - boxes[0][1]) if before != int(places[0]) else (0.0, 0.0) for b in boxes]
        for _ in range(max(lacking, 1)):
            layers = paste(pool, rng, recipe, scene, layers, main, 0.8, shifts, lacking > 0)
    images = _seen_by_camera(layers, rng, recipe, _speeds(boxes, [int(g) for g in gaps], scene))
    known = torch.from_numpy(gaps <= FAR).float()
    return _clip(images, layers, pictures[0].weight, scene.worlds, known)


def _clip(images: Tensor, layers: list[Layer], weight: float, worlds: Sequence[Matrix], known: Tensor) -> TrainingClip:
    mattes = torch.stack([layer.mattes for layer in layers])
    unknown = None
    if any(layer.unknown is not None for layer in layers):
        nowhere = torch.zeros_like(mattes[0, :1])
        unknown = torch.cat([nowhere if layer.unknown is None else layer.unknown for layer in layers])
    return TrainingClip(images, mattes, weight, steps_between(worlds), known, unknown)


def _speeds(boxes: list[Seen], gaps: list[int], scene: ClipScene) -> list[Matrix]:
    """Returns the object's motion (2,) in crop pixels from one stored frame to the next; zero where frames are far."""
    out = []
    for t, (world, gap) in enumerate(zip(scene.worlds, gaps, strict=True)):
        last = boxes[max(t - 1, 0)]
        moved = np.array([boxes[t][0] - last[0], boxes[t][1] - last[1]])
        speed = np.linalg.solve(world[:2, :2], moved) * scene.size / 2 / max(gap, 1)
        out.append(speed if gap <= FAR else np.zeros(2))
    out[0] = out[min(1, len(out) - 1)]  # nothing is known of the frame before the first
    return out


def _seen_by_camera(layers: list[Layer], rng: np.random.Generator, recipe: ClipRecipe, speeds: list[Matrix]) -> Tensor:
    """Returns the pictures (T, 3, S, S) with a colour tone of their own; at random blurred, noisy and compressed."""
    tone = random_colour(rng, recipe.colour)
    images = [recoloured(layer.image, (tone, random_colour(rng, 0.2 * recipe.colour))) for layer in layers]
    if rng.random() < recipe.motion_blur:
        exposure, all_of_it = float(rng.uniform(0.2, 0.9)), rng.random() < 0.3
        covers = [None if all_of_it else layer.mattes.sum(dim=0, keepdim=True) for layer in layers]
        images = [
            motion_blur(image, cover, *(exposure * speed))
            for image, cover, speed in zip(images, covers, speeds, strict=True)
        ]
    if rng.random() < recipe.soften:
        images = [soften(image, rng) for image in images]
    film = torch.stack(images)
    if rng.random() < recipe.compression:
        y, x = (int(v) for v in rng.integers(0, 8, 2))
        film = compress(film, float(rng.uniform(12.0, 60.0)), (y, x))
    return film


def clip_batch(
    pool: Pool, rng: np.random.Generator, clips: int, kind: ClipKind, video_share: float, recipe: ClipRecipe
) -> ClipBatch:
    """Returns a batch of clips, each from video with probability `video_share`.

    Raises:
        RecipeError: there is no video, or no rendered video although the recipe has a share of it.
    """
    if video_share > 0 and not pool.sequences:
        raise RecipeError("There is no usable training video; video=0 trains on stills only.")
    if recipe.rendered > 0 and pool.rendered is None:
        raise RecipeError("There are no rendered clips; give their folder: --rendered DIR.")
    made: list[TrainingClip] = []
    while len(made) < clips:
        make = video_clip if rng.random() < video_share else still_clip
        clip = make(pool, rng, kind, recipe)
        if float(clip.mattes[0].mean(dim=(1, 2)).min()) > 0.004 and float(clip.mattes[0, 0].mean()) > 0.01:
            made.append(clip)
    return ClipBatch(
        torch.stack([c.images for c in made]),
        torch.stack([c.mattes for c in made]).clamp(0, 1),
        torch.tensor([c.weight for c in made], device=kind.device),
        torch.stack([c.steps for c in made]).to(kind.device),
        torch.stack([c.known for c in made]).to(kind.device),
        _certain(made),
    )


def _certain(clips: Sequence[TrainingClip]) -> Tensor | None:
    if all(clip.unknown is None for clip in clips):
        return None
    nowhere = torch.zeros_like(clips[0].mattes[:, 0])
    return 1.0 - torch.stack([nowhere if clip.unknown is None else clip.unknown for clip in clips]).clamp(0, 1)
