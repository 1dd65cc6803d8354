"""Samples for the automatic modes: views of whole pictures and of people, with the truth of each mode where known."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from . import framing
from .class_labels import HEAD, KNOWN, PERSON, SKY
from .pool import Picture, Pool, choose, object_box
from .warps import WarpView, crop_matrix, inside_box, motion_matrix, random_colour, render, soften

SHARE = {
    "ccp": 0.3,
    "human290": 0.16,
    "msrc591": 0.22,
    "camvid701": 0.14,
    "davis": 0.08,
    "oxford_pets600": 0.08,
    "horses": 0.04,
    "powerlines_thin": 0.02,
}
SIZES = ((240, 432), (240, 432), (208, 320), (272, 368), (368, 272), (400, 256), (256, 256), (320, 320))
MODES = (PERSON, HEAD, SKY)


@dataclass(frozen=True, slots=True)
class ClassBatch:
    """image (B, 3, H, W) in [0, 255]; truth and known (B, 3, H, W) in [0, 1], by mode; weight (B,)."""

    image: Tensor
    truth: Tensor
    known: Tensor
    weight: Tensor


def class_batch(pool: Pool, rng: np.random.Generator, pixels: int, closer: float, device: torch.device) -> ClassBatch:
    """Returns samples of one shape.

    Args:
        pool: labelled pictures.
        rng: source of randomness.
        pixels: of the batch, about.
        closer: share of close-ups, of a person or a head.
        device: where to compute.
    """
    size = SIZES[int(rng.integers(len(SIZES)))]
    count = max(round(pixels / (size[0] * size[1])), 2)
    rows = [_sample(choose(pool, SHARE, rng), size, closer, rng, device) for _ in range(count)]
    image, truth, known = (torch.stack([row[i] for row in rows]) for i in range(3))  # type: ignore[misc]
    return ClassBatch(image, truth, known, torch.tensor([row[3] for row in rows], device=device))


def _sample(
    picture: Picture, size_hw: tuple[int, int], closer: float, rng: np.random.Generator, device: torch.device
) -> tuple[Tensor, Tensor, Tensor, float]:
    labels = picture.mask
    bits = np.stack([(labels & bit) > 0 for mode in MODES for bit in (mode, mode << KNOWN)])
    box = framing.whole(picture, size_hw, rng, 0.2)
    inside = False
    if rng.random() < closer:
        found = object_box(bits[2 * int(rng.random() < 0.6)])
        if found is not None:
            box, inside = framing.around(found, float(np.exp(rng.uniform(0.0, 1.2))), size_hw, rng), True
    elif rng.random() < 0.3:
        box, inside = _window(labels.shape, size_hw, rng), True
    x0, y0, x1, y1 = inside_box(box, (labels.shape[0], labels.shape[1])) if inside else box
    matrix = crop_matrix((x0 + x1) / 2, (y0 + y1) / 2, (x1 - x0) / 2, (y1 - y0) / 2)
    if rng.random() < 0.5:
        matrix = matrix @ np.diag([-1.0, 1.0, 1.0])
    if rng.random() < 0.3:
        matrix = matrix @ motion_matrix(0, 0, float(rng.normal(0, 0.15)), 1.0, float(rng.normal(0, 0.06)), 0, 0)
    image, maps = render(picture.image, bits, WarpView(matrix[:2]), size_hw, bool(rng.random() < 0.5), device)
    image = soften(random_colour(rng, 1.0)(image), rng)
    known = (maps[1::2] > 0.99).float()
    return image, maps[0::2].clamp(0, 1), known, picture.weight


def _window(shape: tuple[int, ...], size_hw: tuple[int, int], rng: np.random.Generator) -> framing.Box:
    """Returns a random window of the network's shape inside the picture."""
    h, w = shape[0], shape[1]
    wide = min(w, h * size_hw[1] / size_hw[0]) * float(rng.uniform(0.6, 1.0))
    tall = wide * size_hw[0] / size_hw[1]
    x, y = float(rng.uniform(0, w - wide)), float(rng.uniform(0, h - tall))
    return x, y, x + wide, y + tall
