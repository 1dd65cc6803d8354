"""Objects cut out of pictures, their motion, and the crops that follow them: the material of synthetic clips."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from .clip_recipe import ClipRecipe
from .pool import Picture, Pool, choose, object_box, pick_object
from .warps import WarpView, crop_matrix, motion_matrix, random_bend, random_colour, render

Matrix = NDArray[np.float64]
Walk = list[tuple[float, float, float, float, float]]
Seen = tuple[float, float, float]
"""Centre x, y and longer side of an object's box, in source pixels."""

STILL_SHARE = {
    "ecssd": 0.24,
    "pascal_s": 0.18,
    "ccp": 0.1,
    "coco_mval": 0.2,
    "bsds500": 0.12,
    "horses": 0.09,
    "human290": 0.07,
    "oxford_pets600": 0.1,
    "msrc591": 0.08,
    "camvid701": 0.04,
    "movers": 0.04,
    "powerlines_thin": 0.02,
}


@dataclass(frozen=True, slots=True)
class Thing:
    """An object cut from a picture, with its box's centre and longer side in that picture."""

    picture: Picture
    mask: NDArray[np.bool_]
    cx: float
    cy: float
    side: float


class Layer(NamedTuple):
    """Content of a frame: picture (3, S, S), mattes (N, S, S), and where the truth is unknown (1, S, S) or None."""

    image: Tensor
    mattes: Tensor
    unknown: Tensor | None


@dataclass(frozen=True, slots=True)
class ClipScene:
    """What every layer of a clip is rendered with: the crop of every frame, its size in pixels, the device."""

    worlds: Sequence[Matrix]
    size: int
    device: torch.device

    def __len__(self) -> int:
        return len(self.worlds)


def pick_thing(pool: Pool, rng: np.random.Generator) -> Thing:
    """Returns a random object of the stills."""
    while True:
        picture = choose(pool, STILL_SHARE, rng)
        mask = pick_object(picture, rng)
        box = object_box(mask) if mask is not None else None
        if mask is not None and box is not None:
            x0, y0, x1, y1 = box
            side = max(x1 - x0, y1 - y0)
            if side > 24:
                return Thing(picture, mask, (x0 + x1) / 2, (y0 + y1) / 2, side)


def random_walk(rng: np.random.Generator, frames: int, side: float, strength: float) -> Walk:
    """Returns rotation, scale, shear, dx, dy of every frame: a random walk, so that neighbouring frames are alike."""
    state = np.zeros(5)
    spread = np.array([0.16, 0.10, 0.07, 0.12 * side, 0.10 * side]) * strength
    out = []
    for _ in range(frames):
        turn, log_scale, shear, dx, dy = (float(v) for v in state)
        out.append((turn, float(np.exp(log_scale)), shear, dx, dy))
        state = state + rng.normal(0.0, 1.0, 5) * spread
        state[1] = np.clip(state[1], -0.5, 0.5)  # a long walk must not end in a dot
    return out


def crops(seen: Sequence[Seen], rng: np.random.Generator, bounds_hw: tuple[int, int] | None) -> list[Matrix]:
    """Returns a square crop (3, 3) for each frame, chosen as the engine does from where the object was `seen` before.

    With `bounds_hw` a crop is at most as long as the picture's longer side, and moved inside it where it fits.
    """
    expand = float(rng.uniform(1.6, 2.7))
    out = []
    for cx, cy, side in seen:
        half = 0.5 * side * expand * float(np.exp(rng.normal(0.0, 0.08)))
        cx, cy = (c + float(s) for c, s in zip((cx, cy), rng.normal(0.0, 0.07, 2) * side, strict=True))
        if bounds_hw is not None:
            height, width = bounds_hw
            half = min(half, 0.5 * max(bounds_hw))
            cx = width / 2 if 2 * half >= width else min(max(cx, half), width - half)
            cy = height / 2 if 2 * half >= height else min(max(cy, half), height - half)
        out.append(crop_matrix(cx, cy, half, half))
    return out


def steps_between(worlds: Sequence[Matrix]) -> Tensor:
    """Returns the map from each frame's crop to that of the frame before, (T, 2, 3); the first maps to itself."""
    before = [worlds[0], *worlds[:-1]]
    return torch.stack(
        [torch.from_numpy((np.linalg.inv(b) @ w)[:2]).float() for b, w in zip(before, worlds, strict=True)]
    )


def rendered(
    thing: Thing,
    scene: ClipScene,
    place: Matrix,
    motions: Sequence[Matrix],
    bends: Sequence[Matrix | None],
    border: bool,
    parts: NDArray[np.bool_] | None = None,
    whole: bool = False,
) -> list[Layer]:
    """Renders a thing's picture and mask in every frame: output -> crop -> undo motion -> undo placing -> source.

    Args:
        thing: the object to render.
        scene: the crops.
        place: from the thing's picture to the scene.
        motions: of every frame, in the scene.
        bends: of every frame, or None.
        border: outside the picture repeat its edge (True) or show black.
        parts: (C, h, w) masks to render instead of the thing's own.
        whole: the whole picture is the thing.
    """
    back = np.linalg.inv(place)
    mask = None if whole else thing.mask[None] if parts is None else parts
    unknown = None if whole else thing.picture.unknown()
    out = []
    for world, motion, bend in zip(scene.worlds, motions, bends, strict=True):
        view = WarpView((back @ np.linalg.inv(motion) @ world)[:2], bend)
        out.append(shown(thing.picture.image, mask, unknown, view, scene, border))
    return out


def shown(
    image: NDArray[np.uint8],
    masks: NDArray[np.bool_] | None,
    unknown: NDArray[np.bool_] | None,
    view: WarpView,
    scene: ClipScene,
    border: bool,
) -> Layer:
    """Returns a view of a picture (h, w, 3), of its objects (N, h, w) and of its unknown area (h, w)."""
    planes = masks if masks is None or unknown is None else np.concatenate((masks, unknown[None]))
    picture, mattes = render(image, planes, view, (scene.size, scene.size), border, scene.device)
    if masks is None or unknown is None:
        return Layer(picture, mattes, None)
    return Layer(picture, mattes[:-1], mattes[-1:])


def over(below: Tensor, above: Tensor, matte: Tensor) -> Tensor:
    """Returns `above` composited over `below` (3, H, W) by `matte` (1, H, W), with a soft rim."""
    soft = F.avg_pool2d(matte[None], 3, 1, 1)[0] * (matte > 0.02)
    return below + (above - below) * soft


def paste(
    pool: Pool,
    rng: np.random.Generator,
    recipe: ClipRecipe,
    scene: ClipScene,
    layers: list[Layer],
    main: Thing,
    strength: float,
    shifts: Sequence[tuple[float, float]],
    as_object: bool,
) -> list[Layer]:
    """Returns the layers with another moving thing in front, which hides what it covers.

    Args:
        pool: source of the thing.
        rng: source of randomness.
        recipe: how often the thing looks just like the object, so that only position and motion distinguish them.
        scene: the crops.
        layers: content of every frame.
        main: the object, near which it is placed.
        strength: of its motion.
        shifts: of its place in every frame.
        as_object: make it one more object, appended to the mattes.
    """
    twin = rng.random() < recipe.twin
    other = main if twin and main.side > 24 else pick_thing(pool, rng)
    zoom = main.side * float(rng.uniform(0.5, 1.0) if twin else rng.uniform(0.3, 0.9)) / other.side
    angle, reach = rng.uniform(0, 2 * np.pi), main.side * (rng.uniform(0.6, 1.1) if twin else rng.uniform(0.3, 0.8))
    x, y = float(main.cx + reach * np.cos(angle)), float(main.cy + reach * np.sin(angle))
    place = motion_matrix(0, 0, 0.0, zoom, 0.0, x - zoom * other.cx, y - zoom * other.cy)
    walk = random_walk(rng, len(scene), main.side, strength)
    motions = [motion_matrix(x, y, *w[:3], w[3] + s[0], w[4] + s[1]) for w, s in zip(walk, shifts, strict=True)]
    bends = [random_bend(rng, other.side * 0.4 * recipe.bend) for _ in motions]
    front = rendered(other, scene, place, motions, bends, True)
    tone = random_colour(rng, (0.25 if twin else 0.7) * recipe.colour)
    out = []
    for layer, above in zip(layers, front, strict=True):
        cover = above.mattes
        kept = layer.mattes * (1.0 - cover)
        unknown = layer.unknown if layer.unknown is None else layer.unknown * (1.0 - cover)
        mattes = torch.cat((kept, cover)) if as_object else kept
        out.append(Layer(over(layer.image, tone(above.image), cover), mattes, unknown))
    return out
