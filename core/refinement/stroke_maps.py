"""Draws strokes as maps for the stroke network. Imports numpy and OpenCV only."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import cv2
import numpy as np

from ..errors import StrokeError
from ..types import Label, Stroke

if TYPE_CHECKING:
    from ..images.crop import Crop
    from ..types import Map

RADIUS_PX = (2.0, 6.0)
"""Smallest and largest radius of a drawn stroke in network pixels: the range seen in training."""

_SHIFT = 4  # OpenCV draws at 1/16 of a pixel


def strokes_inside(strokes: Sequence[Stroke], size_hw: tuple[int, int]) -> tuple[Stroke, ...]:
    """Returns the strokes that touch the picture.

    Raises:
        StrokeError: there are no strokes, or all lie outside.
    """
    if not strokes:
        raise StrokeError("There are no strokes.", "Draw at least one stroke on the object.")
    height, width = size_hw
    inside = tuple(
        s
        for s in strokes
        if min(p[0] for p in s.points) - s.radius < width
        and max(p[0] for p in s.points) + s.radius > 0
        and min(p[1] for p in s.points) - s.radius < height
        and max(p[1] for p in s.points) + s.radius > 0
    )
    if not inside:
        raise StrokeError(f"All strokes lie outside the picture ({width} x {height}).", "Draw on the picture itself.")
    return inside


def rasterise(strokes: Sequence[Stroke], crop: Crop) -> tuple[Map, Map]:
    """Returns the strokes' maps (keep, remove), each (h, w) float32, 1 on a stroke and 0 elsewhere, in crop space.

    A stroke is as wide as it was drawn, but within `RADIUS_PX`; a click is a disc. Where strokes cross, the later wins.

    Raises:
        StrokeError: there are no strokes, or none touches the crop.
    """
    if not strokes:
        raise StrokeError("There are no strokes.", "Draw at least one stroke on the object.")
    maps = {label: np.zeros(crop.size, np.uint8) for label in Label}
    for stroke in strokes:
        drawn = np.zeros(crop.size, np.uint8)
        radius = float(np.clip(stroke.radius * crop.scale, *RADIUS_PX))
        # Our pixel centres lie at .5, OpenCV's at whole numbers.
        points = np.round((crop.points_to_crop(stroke.points) - 0.5) * (1 << _SHIFT))
        limit = 1 << 24  # far outside any crop, and still safe for OpenCV's integer arithmetic
        points = np.clip(points, -limit, limit).astype(np.int32)
        cv2.polylines(drawn, [points.reshape(-1, 1, 2)], False, 1, max(1, round(2 * radius)), cv2.LINE_8, _SHIFT)
        for x, y in (points[0], points[-1]):
            cv2.circle(drawn, (int(x), int(y)), round(radius * (1 << _SHIFT)), 1, -1, cv2.LINE_8, _SHIFT)
        for label, drawn_map in maps.items():
            drawn_map[drawn > 0] = label is stroke.label
    if not any(m.any() for m in maps.values()):
        raise StrokeError("All strokes lie outside the picture.", "Draw on the picture itself.")
    return maps[Label.KEEP].astype(np.float32), maps[Label.REMOVE].astype(np.float32)
