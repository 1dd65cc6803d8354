"""Chooses the scribble network's view of a picture: whole, around an object, or a small object on another picture."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from .pool import Picture, Pool, choose
from .warps import WarpView, crop_matrix, inside_box, motion_matrix, random_colour, render, soften

Box = tuple[float, float, float, float]

BACKGROUNDS = {"davis": 0.8, "ecssd": 0.2}
"""Sets of pictures that small objects are pasted on, where their own object is out of view."""


def shown(
    picture: Picture,
    mask: np.ndarray,
    box: Box,
    size_hw: tuple[int, int],
    rng: np.random.Generator,
    device: torch.device,
    wild: bool = True,
    inside: bool = False,
) -> tuple[Tensor, Tensor]:
    """Returns picture (3, H, W) and mask (1, H, W) in a box, perhaps mirrored, turned, recoloured, blurred.

    Args:
        picture: of the pool.
        mask: (h, w) of the object.
        box: x0, y0, x1, y1 in the picture's pixels.
        size_hw: output size.
        rng: source of randomness.
        device: where to compute.
        wild: allow turning and bending too.
        inside: move the box into the picture; otherwise the outside repeats its edge, or is black.
    """
    x0, y0, x1, y1 = inside_box(box, mask.shape[:2]) if inside else box
    matrix = crop_matrix((x0 + x1) / 2, (y0 + y1) / 2, (x1 - x0) / 2, (y1 - y0) / 2)
    if rng.random() < 0.5:
        matrix = matrix @ np.diag([-1.0, 1.0, 1.0])
    if wild and rng.random() < 0.3:
        matrix = matrix @ motion_matrix(0, 0, float(rng.normal(0, 0.15)), 1.0, float(rng.normal(0, 0.06)), 0, 0)
    image, truth = render(picture.image, mask, WarpView(matrix[:2]), size_hw, bool(rng.random() < 0.5), device)
    return soften(random_colour(rng, 0.8)(image), rng), truth


def whole(picture: Picture, size_hw: tuple[int, int], rng: np.random.Generator, most: float = 0.12) -> Box:
    """Returns the whole picture, stretched or padded to the network's shape, or cropped by up to `most` per side."""
    h, w = picture.mask.shape
    x0, y0, x1, y1 = 0.0, 0.0, float(w), float(h)
    if rng.random() < 0.5:
        cut = rng.uniform(0.0, most, 4) * np.array([w, h, w, h])
        x0, y0, x1, y1 = float(cut[0]), float(cut[1]), float(w - cut[2]), float(h - cut[3])
    if rng.random() < 0.5:  # pad to shape
        aspect = size_hw[1] / size_hw[0]
        bw, bh = max(x1 - x0, (y1 - y0) * aspect), max(y1 - y0, (x1 - x0) / aspect)
        cx, cy = (x0 + x1) / 2, (y0 + y1) / 2
        return cx - bw / 2, cy - bh / 2, cx + bw / 2, cy + bh / 2
    return x0, y0, x1, y1


def around(box: Box, grow: float, size_hw: tuple[int, int], rng: np.random.Generator) -> Box:
    """Returns a box about `grow` times as long as the given one, roughly of the network's shape, off centre."""
    x0, y0, x1, y1 = box
    side = max(x1 - x0, (y1 - y0) * size_hw[1] / size_hw[0], 40.0) * grow
    half_w = side / 2 * float(np.exp(rng.normal(0, 0.1)))
    half_h = side / 2 * size_hw[0] / size_hw[1] * float(np.exp(rng.normal(0, 0.1)))
    cx = (x0 + x1) / 2 + float(rng.normal(0, 0.08)) * side
    cy = (y0 + y1) / 2 + float(rng.normal(0, 0.08)) * side
    return cx - half_w, cy - half_h, cx + half_w, cy + half_h


def empty_part(picture: Picture, size_hw: tuple[int, int], rng: np.random.Generator) -> Box | None:
    """Returns a random large window (x0, y0, x1, y1) of the given shape without the picture's object, or None."""
    height, width = picture.mask.shape
    most = min(width, height * size_hw[1] / size_hw[0])
    for share in np.linspace(0.95, 0.35, 13):
        wide = most * share
        tall = wide * size_hw[0] / size_hw[1]
        x, y = float(rng.uniform(0, width - wide)), float(rng.uniform(0, height - tall))
        if (picture.mask[int(y) : int(y + tall), int(x) : int(x + wide)] > 127).mean() < 0.003:
            return x, y, x + wide, y + tall
    return None


def pasted(
    pool: Pool,
    picture: Picture,
    mask: np.ndarray,
    box: Box,
    size_hw: tuple[int, int],
    rng: np.random.Generator,
    device: torch.device,
) -> tuple[Tensor, Tensor]:
    """Returns a small object on another picture, usually standing low in it: picture (3, H, W) and mask (1, H, W)."""
    grow = float(np.exp(rng.uniform(1.0, 1.9)))  # 2.7 to 6.7 times the object's box
    x0, y0, x1, y1 = around(box, grow, size_hw, rng)
    room_x, room_y = (x1 - x0 - (box[2] - box[0])) / 2, (y1 - y0 - (box[3] - box[1])) / 2
    dx, dy = float(rng.uniform(-0.9, 0.9)) * room_x, float(rng.normal(-0.2, 0.3)) * room_y
    object_image, alpha = shown(picture, mask, (x0 + dx, y0 + dy, x1 + dx, y1 + dy), size_hw, rng, device, wild=False)
    ground = choose(pool, BACKGROUNDS, rng)
    view = empty_part(ground, size_hw, rng)
    if view is None:
        return object_image, torch.zeros_like(alpha)
    behind, _ = shown(ground, ground.mask > 127, view, size_hw, rng, device, wild=False)
    # A rim is never sharper than the picture.
    soft = torch.nn.functional.avg_pool2d(alpha[None], 3, 1, 1)[0]
    return behind + soft * (object_image - behind), alpha
