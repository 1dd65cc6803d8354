"""Turns strokes of the Detail Brush into a map of where alpha may be found far from the edge, such as in hair."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from ..errors import InputError
from ..types import Label, Stroke

if TYPE_CHECKING:
    from ..types import Map, Matte

_SHIFT = 4  # OpenCV draws at 1/16 of a pixel
_FAR = 1 << 24
_SOFT_PX = 1.5
_MOST_SCALE = 2.0
"""Most by which strokes grow or shrink with the mask."""

Painted = Mapping[int, Sequence[Stroke]]
"""Clip frame -> its strokes, in the order in which they were painted."""


def painted_from_json(records: Any) -> dict[int, tuple[Stroke, ...]]:
    """Returns the strokes of a list of {"frame", "strokes"}, strokes as `Stroke.to_json`.

    Raises:
        InputError, StrokeError: it is something else.
    """
    try:
        frames = [(record["frame"], tuple(map(Stroke.from_json, record["strokes"]))) for record in records]
    except (KeyError, TypeError) as error:
        raise InputError("The detail strokes are not understood.", "Erase them, and paint them again.") from error
    if any(type(frame) is not int or frame < 0 for frame, _ in frames):
        raise InputError("A detail stroke is on no frame.", "Erase it, and paint it again.")
    return dict(frames)


def nearest(painted: Painted, frame: int) -> int | None:
    """Returns the painted frame nearest to that one, the earlier of two; None if nothing is painted."""
    return min(painted, key=lambda other: (abs(other - frame), other), default=None)


def detail_map(strokes: Sequence[Stroke], size_hw: tuple[int, int]) -> Map:
    """Returns where strokes ask for detail, (H, W) float32 in [0, 1].

    Strokes that keep add to it, those that remove take away; where they cross, the later one counts.
    """
    painted = np.zeros(size_hw, np.uint8)
    for stroke in strokes:
        # Our pixel centres lie at .5, OpenCV's at whole numbers.
        points = np.round((np.asarray(stroke.points, np.float64) - 0.5) * (1 << _SHIFT))
        places = np.clip(points, -_FAR, _FAR).astype(np.int32)
        value, radius = int(stroke.label is Label.KEEP), min(stroke.radius, float(max(size_hw)))
        thickness = max(1, min(round(2 * radius), 32767))
        cv2.polylines(painted, [places.reshape(-1, 1, 2)], False, value, thickness, cv2.LINE_8, _SHIFT)
        for x, y in (places[0], places[-1]):
            cv2.circle(painted, (int(x), int(y)), round(radius * (1 << _SHIFT)), value, -1, cv2.LINE_8, _SHIFT)
    return np.asarray(cv2.GaussianBlur(painted.astype(np.float32), (0, 0), _SOFT_PX), np.float32)


def carried(strokes: Sequence[Stroke], was: Matte, now: Matte) -> tuple[Stroke, ...]:
    """Returns strokes moved and scaled as the mask was, from one frame to another; none where there is no mask.

    Args:
        strokes: on the first frame.
        was: the mask on that frame, (H, W) in [0, 1].
        now: the mask on the other one.
    """
    (before, area_before), (after, area_after) = middle(was), middle(now)
    if not area_before or not area_after:
        return ()
    scale = min(max(math.sqrt(area_after / area_before), 1 / _MOST_SCALE), _MOST_SCALE)
    return tuple(
        Stroke(
            [(after[0] + scale * (x - before[0]), after[1] + scale * (y - before[1])) for x, y in stroke.points],
            scale * stroke.radius,
            stroke.label,
        )
        for stroke in strokes
    )


def middle(matte: Matte) -> tuple[tuple[float, float], float]:
    """Returns the centre (x, y) of a mask's object, and its area in pixels."""
    found = cv2.moments((matte >= 0.5).astype(np.uint8), binaryImage=True)
    area = found["m00"]
    return ((found["m10"] / area + 0.5, found["m01"] / area + 0.5) if area else (0.0, 0.0)), area
