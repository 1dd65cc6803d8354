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
    padded = _framed(alpha[None])
    neighbours = (np.s_[:, 1:-1, :-2], np.s_[:, 1:-1, 2:], np.s_[:, :-2, 1:-1], np.s_[:, 2:, 1:-1])
    weights = [SMOOTH + SMOOTH_BY_ALPHA * np.abs(padded[n] - alpha) for n in neighbours]
    total = sum(weights[1:], weights[0])
    # The normal equations of a pixel: two unknowns, the same matrix for all three channels.
    a, b, c = alpha**2 + total, alpha * (1 - alpha), (1 - alpha) ** 2 + total
    inverse = 1 / (a * c - b * b)
    a, b, c = a * inverse, b * inverse, c * inverse
    # Six planes, three of each picture: numpy is quick only along long rows.
    planes = _framed(np.concatenate((front, back), axis=2).transpose(2, 0, 1))
    seen = colours.transpose(2, 0, 1)
    known = np.concatenate((alpha * seen, (1 - alpha) * seen))
    part = np.empty_like(known)
    for _ in range(sweeps):
        sums = known.copy()
        for weight, place in zip(weights, neighbours, strict=True):
            sums += np.multiply(weight, planes[place], out=part)
        inner = planes[:, 1:-1, 1:-1]
        np.subtract(c * sums[:3], b * sums[3:], out=inner[:3])
        np.subtract(a * sums[3:], b * sums[:3], out=inner[3:])
        np.clip(inner, 0, 1, out=inner)
        _frame(planes)
    found = planes[:, 1:-1, 1:-1].transpose(1, 2, 0)
    return np.ascontiguousarray(found[..., :3]), np.ascontiguousarray(found[..., 3:])


def _framed(planes: NDArray[np.float32]) -> NDArray[np.float32]:
    """Returns planes (C, H, W) with their outermost pixels repeated once."""
    out = np.empty((planes.shape[0], planes.shape[1] + 2, planes.shape[2] + 2), np.float32)
    out[:, 1:-1, 1:-1] = planes
    _frame(out)
    return out


def _frame(planes: NDArray[np.float32]) -> None:
    """Sets the outermost pixels of planes (C, H, W) to those next to them."""
    planes[:, 0], planes[:, -1] = planes[:, 1], planes[:, -2]
    planes[..., 0], planes[..., -1] = planes[..., 1], planes[..., -2]
