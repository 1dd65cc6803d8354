"""Short scenes for the fusion network's samples: real video, and stills moving with another thing in front."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .pool import Picture, Pool, choose, object_box, pick_object
from .warps import WarpView, crop_matrix, motion_matrix, random_bend, random_colour, render, soften

SIZE = 224
STILL_SHARE = {"ecssd": 0.3, "pascal_s": 0.25, "ccp": 0.1, "coco_mval": 0.2, "horses": 0.1, "human290": 0.05}

Array = NDArray[Any]
Matrix = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Scene:
    """Frames of a scene: images (S, S, 3) uint8, mattes (S, S) in [0, 1], crop matrices, and another thing's mask.

    `name` is that of the sequence or the still. `other` (S, S) in [0, 1] is what a leaking mask includes on the first
    frame; None if there is no other thing.
    """

    images: list[Array]
    truths: list[Array]
    worlds: list[Matrix]
    other: Array | None
    name: str


def _crops(
    centres: list[tuple[float, float, float]], rng: np.random.Generator, size_hw: tuple[int, int]
) -> list[Matrix]:
    """Returns squares around the object of the frame before, as the engine's crop follows it, inside the picture."""
    factor = float(rng.uniform(1.5, 2.2))
    height, width = size_hw
    flip = np.diag([-1.0 if rng.random() < 0.5 else 1.0, 1.0, 1.0])
    out = []
    for cx, cy, side in centres[:1] + centres[:-1]:
        half = max(0.5 * side * factor * float(np.exp(rng.normal(0, 0.05))), 40.0)
        cx, cy = (c + float(s) for c, s in zip((cx, cy), rng.normal(0.0, 0.04, 2) * side, strict=True))
        half = min(half, 0.5 * max(size_hw))
        cx = width / 2 if 2 * half >= width else min(max(cx, half), width - half)
        cy = height / 2 if 2 * half >= height else min(max(cy, half), height - half)
        out.append(crop_matrix(cx, cy, half, half) @ flip)
    return out


def video_scene(pool: Pool, rng: np.random.Generator) -> Scene | None:
    """Returns a scene of real video: four to eight frames, one to six apart, in either direction; None = unusable."""
    frames = pool.sequences[str(rng.choice(list(pool.sequences)))]
    count = min(int(rng.integers(4, 9)), len(frames))
    gap = int(rng.integers(1, max(min(6, (len(frames) - 1) // (count - 1)), 1) + 1))
    start = int(rng.integers(0, len(frames) - gap * (count - 1)))
    places = [frames[start + gap * t] for t in range(count)]
    pictures = [pool[p] for p in (places[::-1] if rng.random() < 0.5 else places)]
    centres: list[tuple[float, float, float]] = []
    for picture in pictures:
        box = object_box(picture.visible())
        if box is None:
            if not centres:
                return None
            centres.append(centres[-1])
        else:
            centres.append(((box[0] + box[2]) / 2, (box[1] + box[3]) / 2, max(box[2] - box[0], box[3] - box[1])))
    worlds = _crops(centres, rng, pictures[0].mask.shape)
    tone = random_colour(rng, 0.8)
    images, truths = [], []
    for picture, world in zip(pictures, worlds, strict=True):
        image, truth = _view(picture.image, picture.visible(), world)
        images.append(_picture(tone(image)))
        truths.append(truth.numpy())
    return Scene(images, truths, worlds, None, pictures[0].entry.sequence)


def still_scene(pool: Pool, rng: np.random.Generator) -> Scene | None:
    """Returns a scene of a moved, bent still with another thing (often its twin) moving in front; None = unusable."""
    main, mask = _thing(pool, rng)
    box = object_box(mask)
    if box is None or max(box[2] - box[0], box[3] - box[1]) < 24:
        return None
    x, y, side = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2, max(box[2] - box[0], box[3] - box[1])
    other, cover = (main, mask) if rng.random() < 0.6 else _thing(pool, rng)
    spot = object_box(cover)
    if spot is None:
        return None
    zoom = side * float(rng.uniform(0.5, 1.0)) / max(spot[2] - spot[0], spot[3] - spot[1], 8.0)
    angle, reach = rng.uniform(0, 2 * np.pi), side * rng.uniform(0.5, 1.1)
    shift_x = x + reach * np.cos(angle) - zoom * (spot[0] + spot[2]) / 2
    shift_y = y + reach * np.sin(angle) - zoom * (spot[1] + spot[3]) / 2
    place = motion_matrix(0, 0, 0.0, zoom, 0.0, float(shift_x), float(shift_y))
    count, strength = int(rng.integers(4, 7)), float(rng.uniform(0.3, 1.0))
    motions, others = (_walk(rng, count, x, y, side * strength, strength) for _ in range(2))
    centres = [(float(m[0, 2] + m[0, :2] @ (x, y)), float(m[1, 2] + m[1, :2] @ (x, y)), side) for m in motions]
    worlds = _crops(centres, rng, mask.shape)
    tone, second = random_colour(rng, 0.8), random_colour(rng, 0.4)
    bend = side * float(rng.uniform(0.0, 0.03))
    images, truths, covers = [], [], []
    for t in range(count):
        image, truth = _view(main.image, mask, np.linalg.inv(motions[t]) @ worlds[t], random_bend(rng, bend))
        front, alpha = _view(other.image, cover, np.linalg.inv(place) @ np.linalg.inv(others[t]) @ worlds[t])
        shown = tone(image) * (1 - alpha) + second(front) * alpha
        images.append(_picture(soften(shown, rng)))
        truths.append((truth * (1 - alpha)).numpy())
        covers.append(alpha.numpy())
    return Scene(images, truths, worlds, covers[0], main.entry.name) if truths[0].mean() > 0.005 else None


def _thing(pool: Pool, rng: np.random.Generator) -> tuple[Picture, Array]:
    while True:
        picture = choose(pool, STILL_SHARE, rng)
        mask = pick_object(picture, rng)
        if mask is not None:
            return picture, mask


def _walk(rng: np.random.Generator, count: int, x: float, y: float, reach: float, strength: float) -> list[Matrix]:
    state, out = np.zeros(5), []
    spread = np.array([0.1 * strength, 0.06 * strength, 0.04 * strength, 0.1 * reach, 0.08 * reach])
    for _ in range(count):
        turn, log_scale, shear, dx, dy = (float(v) for v in state)
        out.append(motion_matrix(x, y, turn, float(np.exp(log_scale)), shear, dx, dy))
        state = state + rng.normal(0.0, 1.0, 5) * spread
    return out


def _view(image: Array, mask: Array, matrix: Matrix, bend: Matrix | None = None) -> tuple[Tensor, Tensor]:
    """Returns picture (3, S, S) and mask (S, S) as seen through a crop."""
    shown, cover = render(image, mask, WarpView(matrix[:2], bend), (SIZE, SIZE), True, torch.device("cpu"))
    return shown, cover[0].clamp(0, 1)


def _picture(image: Tensor) -> Array:
    return np.ascontiguousarray(image.clamp(0, 255).round().byte().permute(1, 2, 0).numpy())
