"""Three-frame clips for the propagation network, cropped as the engine crops: a square that follows the object.

Two sources: real video, and stills that are moved and bent, put on other backgrounds, and partly covered by other
objects. The crop of a frame is chosen from the object's box in the frame before, since that is all the engine knows.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from .data import Picture, Pool, choose, object_box, pick_object
from .warps import View, crop_matrix, motion_matrix, random_bend, random_colour, render, soften

FRAMES = 3
STILL_SHARE = {
    "ecssd": 0.24,
    "pascal_s": 0.18,
    "ccp": 0.1,
    "coco_mval": 0.2,
    "bsds500": 0.12,
    "horses": 0.09,
    "human290": 0.07,
}


@dataclass(frozen=True, slots=True)
class ClipBatch:
    """images (B, T, 3, H, W) in [0, 255], mattes (B, T, N, H, W) in [0, 1], weight (B,), steps (B, T, 2, 3).

    `steps[:, t]` maps places of frame t's crop to places of frame t - 1's, both in [-1, 1], for `affine_grid`.
    """

    images: Tensor
    mattes: Tensor
    weight: Tensor
    steps: Tensor


@dataclass(frozen=True, slots=True)
class _Thing:
    """An object cut from a picture, with its box's centre and longer side in that picture."""

    picture: Picture
    mask: NDArray[np.bool_]
    cx: float
    cy: float
    side: float


def pick_thing(pool: Pool, rng: np.random.Generator) -> _Thing:
    """Returns a random object of the stills."""
    while True:
        picture = choose(pool, STILL_SHARE, rng)
        mask = pick_object(picture, rng)
        box = object_box(mask) if mask is not None else None
        if mask is not None and box is not None:
            x0, y0, x1, y1 = box
            side = max(x1 - x0, y1 - y0)
            if side > 24:
                return _Thing(picture, mask, (x0 + x1) / 2, (y0 + y1) / 2, side)


def _walk(rng: np.random.Generator, side: float, strength: float) -> list[tuple[float, float, float, float, float]]:
    """Turn, scale, shear, dx, dy of every frame: a random walk, so that frames next to each other are alike."""
    state = np.zeros(5)
    spread = np.array([0.16, 0.10, 0.07, 0.12 * side, 0.10 * side]) * strength
    out = []
    for _ in range(FRAMES):
        turn, log_scale, shear, dx, dy = (float(v) for v in state)
        out.append((turn, float(np.exp(log_scale)), shear, dx, dy))
        state = state + rng.normal(0.0, 1.0, 5) * spread
    return out


def _crops(
    centres: list[tuple[float, float, float]], rng: np.random.Generator, bounds_hw: tuple[int, int] | None
) -> list[NDArray[np.float64]]:
    """Crop matrices from (cx, cy, side) of the object in every frame; each looks one frame back.

    With `bounds_hw` a crop is a square no longer than the picture's longer side and moved inside it where it fits.
    """
    expand = float(rng.uniform(1.6, 2.7))
    out = []
    for t in range(FRAMES):
        cx, cy, side = centres[max(t - 1, 0)]
        half = 0.5 * side * expand * float(np.exp(rng.normal(0.0, 0.08)))
        cx, cy = (c + float(s) for c, s in zip((cx, cy), rng.normal(0.0, 0.07, 2) * side, strict=True))
        if bounds_hw is not None:
            height, width = bounds_hw
            half = min(half, 0.5 * max(bounds_hw))
            cx = width / 2 if 2 * half >= width else min(max(cx, half), width - half)
            cy = height / 2 if 2 * half >= height else min(max(cy, half), height - half)
        out.append(crop_matrix(cx, cy, half, half))
    return out


def _steps(worlds: list[NDArray[np.float64]]) -> Tensor:
    """From each frame's crop to that of the frame before, (T, 2, 3); the first maps to itself."""
    before = [worlds[0], *worlds[:-1]]
    return torch.stack(
        [torch.from_numpy((np.linalg.inv(b) @ w)[:2]).float() for b, w in zip(before, worlds, strict=True)]
    )


def _layer(
    thing: _Thing,
    place: NDArray[np.float64],
    worlds: list[NDArray[np.float64]],
    motions: list[NDArray[np.float64]],
    bends: list[NDArray[np.float64]],
    size: int,
    border: bool,
    device: torch.device,
    whole: bool = False,
) -> list[tuple[Tensor, Tensor]]:
    """Renders an object's picture in every frame: output -> world (crop) -> undo motion -> undo placing -> source."""
    back = np.linalg.inv(place)
    out = []
    for world, motion, bend in zip(worlds, motions, bends, strict=True):
        matrix = (back @ np.linalg.inv(motion) @ world)[:2]
        mask = None if whole else thing.mask
        out.append(render(thing.picture.image, mask, View(matrix, bend), (size, size), border, device))
    return out


def still_clip(
    pool: Pool, rng: np.random.Generator, size: int, objects: int, device: torch.device
) -> tuple[Tensor, Tensor, float, Tensor]:
    """Returns images (T, 3, S, S), mattes (T, N, S, S), weight and steps (T, 2, 3) of a clip made from stills."""
    main = pick_thing(pool, rng)
    strength = float(rng.uniform(0.4, 1.3))
    walk = _walk(rng, main.side, strength)
    motions = [motion_matrix(main.cx, main.cy, *w) for w in walk]
    centres = [(main.cx + w[3], main.cy + w[4], main.side * w[1]) for w in walk]
    behind_is_other = rng.random() < 0.4
    worlds = _crops(centres, rng, None if behind_is_other or rng.random() < 0.1 else main.mask.shape[:2])
    if rng.random() < 0.5:
        flip = np.diag([-1.0, 1.0, 1.0])
        worlds = [w @ flip for w in worlds]
    border = bool(rng.random() < 0.5)
    amplitude = main.side * float(rng.uniform(0.0, 0.035))
    bends = [random_bend(rng, amplitude) for _ in range(FRAMES)]
    identity = np.eye(3)
    layers = _layer(main, identity, worlds, motions, bends, size, border, device)
    images = [image for image, _ in layers]
    mattes = [[matte] for _, matte in layers]
    if behind_is_other:
        back = pick_thing(pool, rng)
        h, w = back.picture.mask.shape
        zoom = main.side * float(rng.uniform(2.4, 4.5)) / min(h, w)
        place = motion_matrix(0, 0, 0.0, zoom, 0.0, main.cx - zoom * w / 2, main.cy - zoom * h / 2)
        slide = _walk(rng, main.side, 0.5 * strength)
        motions_b = [motion_matrix(main.cx, main.cy, *s) for s in slide]
        still = [np.zeros((2, 4, 4))] * FRAMES
        ground = _layer(back, place, worlds, motions_b, still, size, True, device, whole=True)
        tone = random_colour(rng, 0.7)
        images = [_over(ground[t][0], tone(images[t]), mattes[t][0]) for t in range(FRAMES)]
    if objects > 1 or rng.random() < 0.35:
        images, mattes = _paste(pool, rng, images, mattes, worlds, main, objects, size, strength, device)
    images = _tone(images, rng)
    return torch.stack(images), torch.stack([torch.cat(m) for m in mattes]), main.picture.weight, _steps(worlds)


def _over(below: Tensor, above: Tensor, matte: Tensor) -> Tensor:
    soft = F.avg_pool2d(matte[None], 3, 1, 1)[0] * (matte > 0.02)
    return below + (above - below) * soft


def _paste(
    pool: Pool,
    rng: np.random.Generator,
    images: list[Tensor],
    mattes: list[list[Tensor]],
    worlds: list[NDArray[np.float64]],
    main: _Thing,
    objects: int,
    size: int,
    strength: float,
    device: torch.device,
) -> tuple[list[Tensor], list[list[Tensor]]]:
    """Puts another moving object in front; it hides what it covers and, where two objects are wanted, is the second."""
    twin = rng.random() < 0.4  # a thing that looks just like the object: only place and motion tell them apart
    other = main if twin and main.side > 24 else pick_thing(pool, rng)
    zoom = main.side * float(rng.uniform(0.5, 1.0) if twin else rng.uniform(0.3, 0.9)) / other.side
    angle, reach = rng.uniform(0, 2 * np.pi), main.side * (rng.uniform(0.6, 1.1) if twin else rng.uniform(0.3, 0.8))
    x, y = main.cx + reach * np.cos(angle), main.cy + reach * np.sin(angle)
    place = motion_matrix(0, 0, 0.0, zoom, 0.0, float(x) - zoom * other.cx, float(y) - zoom * other.cy)
    motions = [motion_matrix(float(x), float(y), *w) for w in _walk(rng, main.side, strength)]
    bends = [random_bend(rng, other.side * 0.015) for _ in range(FRAMES)]
    layers = _layer(other, place, worlds, motions, bends, size, True, device)
    tone = random_colour(rng, 0.25 if twin else 0.7)
    images = [_over(images[t], tone(layers[t][0]), layers[t][1]) for t in range(FRAMES)]
    out = []
    for t in range(FRAMES):
        cover = layers[t][1]
        kept = [m * (1.0 - cover) for m in mattes[t]]
        out.append([*kept, cover] if objects > 1 else kept)
    return images, out


def video_clip(
    pool: Pool, rng: np.random.Generator, size: int, objects: int, device: torch.device
) -> tuple[Tensor, Tensor, float, Tensor]:
    """Returns images (T, 3, S, S), mattes (T, N, S, S), weight and steps (T, 2, 3) of a clip of real video."""
    while True:
        frames = pool.sequences[str(rng.choice(list(pool.sequences)))]
        gaps = rng.integers(1, 6, FRAMES - 1)
        start = int(rng.integers(0, max(len(frames) - int(gaps.sum()), 1)))
        places = np.minimum(start + np.concatenate(([0], np.cumsum(gaps))), len(frames) - 1)
        if rng.random() < 0.5:
            places = places[::-1]
        pictures = [pool[frames[int(p)]] for p in places]
        masks = [p.mask > 127 for p in pictures]
        first = object_box(masks[0])
        if first is not None and masks[0].mean() > 0.002:
            break
    centres: list[tuple[float, float, float]] = []
    for mask in masks:
        box = object_box(mask)
        if box is not None:
            centres.append(((box[0] + box[2]) / 2, (box[1] + box[3]) / 2, max(box[2] - box[0], box[3] - box[1], 24.0)))
        else:
            centres.append(centres[-1])
    worlds = _crops(centres, rng, masks[0].shape if rng.random() < 0.85 else None)
    turn, stretch = float(rng.normal(0.0, 0.1)), float(np.exp(rng.normal(0.0, 0.08)))
    spin = motion_matrix(0, 0, turn, 1.0, float(rng.normal(0.0, 0.04)), 0, 0) @ np.diag([stretch, 1 / stretch, 1.0])
    if rng.random() < 0.5:
        spin = spin @ np.diag([-1.0, 1.0, 1.0])
    worlds = [w @ spin for w in worlds]
    border = bool(rng.random() < 0.5)
    shown = [
        render(p.image, m, View(w[:2]), (size, size), border, device)
        for p, m, w in zip(pictures, masks, worlds, strict=True)
    ]
    images, mattes = [i for i, _ in shown], [[m] for _, m in shown]
    if objects > 1 or rng.random() < 0.15:
        main = _Thing(pictures[0], masks[0], *centres[0])
        images, mattes = _paste(pool, rng, images, mattes, worlds, main, objects, size, 0.8, device)
    images = _tone(images, rng)
    return torch.stack(images), torch.stack([torch.cat(m) for m in mattes]), 1.0, _steps(worlds)


def _tone(images: list[Tensor], rng: np.random.Generator) -> list[Tensor]:
    tone = random_colour(rng)
    images = [random_colour(rng, 0.2)(tone(image)) for image in images]
    return [soften(image, rng) for image in images] if rng.random() < 0.5 else images


def clip_batch(
    pool: Pool,
    rng: np.random.Generator,
    clips: int,
    size: int,
    video_share: float,
    device: torch.device,
    objects: int = 1,
) -> ClipBatch:
    """Returns a batch of clips of `objects` (1 or 2) objects, each from video with probability `video_share`."""
    images: list[Tensor] = []
    mattes, weights, steps = [], [], []
    while len(images) < clips:
        make = video_clip if rng.random() < video_share else still_clip
        image, matte, weight, step = make(pool, rng, size, objects, device)
        if float(matte[0, 0].mean()) > 0.01:  # the first frame must show the object
            images.append(image)
            mattes.append(matte)
            weights.append(weight)
            steps.append(step)
    return ClipBatch(
        torch.stack(images),
        torch.stack(mattes).clamp(0, 1),
        torch.tensor(weights, device=device),
        torch.stack(steps).to(device),
    )
