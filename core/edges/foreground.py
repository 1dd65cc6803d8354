"""Computes the object's own colours: half-transparent pixels without the background's share.

Fast multi-level foreground estimation (Germer, Uelwer, Conrad, Harmeling, ICPR 2020): foreground and background are
found together from coarse to fine; each pixel must explain the picture, and both colours are smooth where alpha is.
Here with Jacobi sweeps on whole arrays, so that numpy is fast enough and no compiler is needed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..types import Image, Matte

    Colours = NDArray[np.float32]

SMOOTH = 5e-3
"""Weight of smoothness where alpha is even."""

SMOOTH_BY_ALPHA = 0.1
"""Further weight per step of alpha: across an edge of alpha colours follow their neighbours."""

SWEEPS_SMALL, SWEEPS_LARGE, SMALL_PX = 10, 2, 32
"""Sweeps of levels up to `SMALL_PX` a side, and of larger ones."""


def estimate_foreground(image: Image, alpha: Matte) -> Image:
    """Returns the straight foreground colours (H, W, 3) uint8; where alpha is 1 the picture's own.

    Args:
        image: (H, W, 3) uint8 RGB.
        alpha: (H, W) float32 in [0, 1].
    """
    height, width = alpha.shape
    levels = max(int(np.ceil(np.log2(max(height, width)))), 1)
    colours = image.astype(np.float32) / np.float32(255)
    front: Colours = _mean(colours, alpha)
    back: Colours = _mean(colours, 1 - alpha)
    for level in range(levels + 1):
        size = (max(round(width ** (level / levels)), 1), max(round(height ** (level / levels)), 1))
        last = level == levels
        here = colours if last else _shrunk(colours, size)
        share = alpha if last else _shrunk(alpha, size)
        front, back = (_nearest(part, size) for part in (front, back))
        sweeps = SWEEPS_SMALL if max(size) <= SMALL_PX else SWEEPS_LARGE
        front, back = _sweep(here, share, front, back, sweeps)
    out = np.clip(front * 255.0 + 0.5, 0, 255).astype(np.uint8)
    return np.where((alpha >= 1)[..., None], image, out)


def _mean(colours: Colours, weight: NDArray[np.float32]) -> Colours:
    total = float(weight.sum())
    mean = np.tensordot(weight, colours, axes=2) / total if total > 0 else colours.mean(axis=(0, 1))
    return np.asarray(mean, np.float32).reshape(1, 1, 3)


def _shrunk(picture: NDArray[np.float32], size: tuple[int, int]) -> NDArray[np.float32]:
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.float32).reshape(
        size[1], size[0], *picture.shape[2:]
    )


def _nearest(picture: Colours, size: tuple[int, int]) -> Colours:
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_NEAREST), np.float32).reshape(
        size[1], size[0], 3
    )


def _sweep(
    colours: Colours, alpha: NDArray[np.float32], front: Colours, back: Colours, sweeps: int
) -> tuple[Colours, Colours]:
    """Returns foreground and background after some Jacobi sweeps."""
    front_share, back_share = alpha, 1 - alpha
    padded = np.pad(alpha, 1, mode="edge")
    neighbours = (np.s_[1:-1, :-2], np.s_[1:-1, 2:], np.s_[:-2, 1:-1], np.s_[2:, 1:-1])
    weights = [SMOOTH + SMOOTH_BY_ALPHA * np.abs(padded[n] - alpha) for n in neighbours]
    total = sum(weights[1:], weights[0])
    # The normal equations of a pixel: two unknowns, the same matrix for all three channels.
    a, b, c = front_share**2 + total, front_share * back_share, back_share**2 + total
    inverse = 1 / (a * c - b * b)
    for _ in range(sweeps):
        sums = []
        for part in (front, back):
            around = np.pad(part, ((1, 1), (1, 1), (0, 0)), mode="edge")
            sums.append(sum(w[..., None] * around[n] for w, n in zip(weights, neighbours, strict=True)))
        known_front = front_share[..., None] * colours + sums[0]
        known_back = back_share[..., None] * colours + sums[1]
        front = np.clip((c[..., None] * known_front - b[..., None] * known_back) * inverse[..., None], 0, 1)
        back = np.clip((a[..., None] * known_back - b[..., None] * known_front) * inverse[..., None], 0, 1)
    return front, back
