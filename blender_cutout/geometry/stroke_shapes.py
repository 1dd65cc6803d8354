"""Turns strokes and brushes into shapes on the screen. Pure maths, no Blender."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from .picture_map import Point

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_SIDES = 20
"""Number of a disc's corners."""


def circle(middle: Point, radius: float, sides: int = 64) -> list[tuple[float, float, float]]:
    """Returns points around a circle, the first one again at the end."""
    turns = (2 * math.pi * i / sides for i in range(sides + 1))
    return [(middle[0] + radius * math.cos(turn), middle[1] + radius * math.sin(turn), 0.0) for turn in turns]


def band(points: Sequence[Point], radii: Sequence[float]) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
    """Returns what a round brush covers along its path: a disc at each point, joined by tapering bands.

    Returns:
        Corners (M, 2) and triangles (K, 3); these overlap, so paint them without blending.
    """
    import numpy as np

    at, radius = np.asarray(points, np.float32).reshape(-1, 2), np.asarray(radii, np.float32)
    turns = np.linspace(0, 2 * np.pi, _SIDES, endpoint=False, dtype=np.float32)
    ring = np.stack([np.cos(turns), np.sin(turns)], axis=-1)
    discs = (at[:, None] + radius[:, None, None] * ring).reshape(-1, 2)
    fan = np.stack([np.zeros(_SIDES - 2, int), np.arange(1, _SIDES - 1), np.arange(2, _SIDES)], axis=-1)
    triangles = [(np.arange(len(at))[:, None, None] * _SIDES + fan).reshape(-1, 3)]
    along = at[1:] - at[:-1]
    length = np.maximum(np.linalg.norm(along, axis=1, keepdims=True), 1e-6)
    across = np.stack([-along[:, 1], along[:, 0]], axis=-1) / length
    before, after = across * radius[:-1, None], across * radius[1:, None]
    bands = np.stack([at[:-1] + before, at[:-1] - before, at[1:] - after, at[1:] + after], axis=1).reshape(-1, 2)
    first = len(discs) + 4 * np.arange(len(along))[:, None, None]
    triangles.append((first + np.array([[0, 1, 2], [0, 2, 3]])).reshape(-1, 3))
    return np.concatenate([discs, bands]).astype(np.float32), np.concatenate(triangles).astype(np.int32)
