"""Exact paint: shapes that set a mask's own pixels. A pixel belongs to a hard shape when its centre does.

Imports numpy and OpenCV only.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

import cv2
import numpy as np

from ..errors import StrokeError
from ..types import Box, Label

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..types import Map, Paint

    _Point = tuple[float, float]

_TIE = 1e-3
"""Shapes are moved left and up by this, so that a line along pixel edges is as wide as any other."""
_SMOOTH = 0.02
"""A line is drawn with as few points as keep it within this many pixels, or this share of its radius if that is more.
"""
_FAR = 1e7
"""Coordinates beyond this are moved there."""
_PIECE = 32.0
"""Length in pixels, beyond four radii, of the pieces in which a line is drawn."""
_LEAST_WORK = 1000
_MOST_WORK = 2 * 10**8
"""Most pixels looked at for one line, and the least that a piece counts as: some seconds."""
_MOST_AT_ONCE = 5 * 10**8
"""The same for all shapes painted at once."""


class Coverage(NamedTuple):
    """Where a shape is: `alpha` (h, w) float32 in [0, 1] in the pixels of `box`, which lies in the picture.

    `work`: pixels that were looked at to find out.
    """

    box: Box
    alpha: Map
    work: int


def paint(matte: NDArray[Any], shapes: Iterable[Paint]) -> NDArray[Any]:
    """Returns a matte (H, W), float32 in [0, 1] or uint8 in 255ths, with the shapes painted over it in their order.

    A hard shape sets its pixels to exactly 1 or 0 and leaves all others as they are; a soft rim blends.

    Raises:
        StrokeError: a line is too long, or it is too much.
    """
    out = matte.copy()
    full = 255.0 if out.dtype == np.uint8 else 1.0
    for shape, (box, alpha, _) in _coverages(shapes, (out.shape[0], out.shape[1])):
        part = out[box.y0 : box.y1, box.x0 : box.x1]
        target = np.float32(full if shape.label is Label.KEEP else 0.0)
        blended = part + (target - part) * alpha
        blended = np.rint(blended) if full > 1 else blended
        part[:] = np.where(alpha >= 1, target, np.where(alpha > 0, blended, part)).astype(out.dtype)
    return np.asarray(out)


def painted_area(shapes: Iterable[Paint], size_hw: tuple[int, int]) -> NDArray[np.bool_]:
    """Returns where a picture of that size is painted, soft rims included: (H, W) bool."""
    area = np.zeros(size_hw, np.bool_)
    for _, (box, alpha, _) in _coverages(shapes, size_hw):
        area[box.y0 : box.y1, box.x0 : box.x1] |= alpha > 0
    return area


def _coverages(shapes: Iterable[Paint], size_hw: tuple[int, int]) -> Iterator[tuple[Paint, Coverage]]:
    """Yields the shapes in the picture. Raises StrokeError when together they take too long."""
    work = 0
    for shape in shapes:
        found = coverage(shape, size_hw)
        if found is not None:
            yield shape, found
            work += found.work
            if work > _MOST_AT_ONCE:
                raise StrokeError("Too much is painted at once.", "Paint it in several rounds.")


def coverage(shape: Paint, size_hw: tuple[int, int]) -> Coverage | None:
    """Returns how much a shape covers each pixel of a picture of that size; None when it lies outside.

    Raises:
        StrokeError: the line is too long.
    """
    points = np.clip(np.asarray(shape.points, np.float64), -_FAR, _FAR) - _TIE
    box = _box(points, shape.radius + shape.feather / 2, size_hw)
    if box is None:
        return None
    if shape.radius:
        inside, work = _from_line(points, shape, box)
    else:
        inside, work = _from_outline(points, shape.feather, box), box.area + _LEAST_WORK * len(points)
    if shape.feather:
        return Coverage(box, np.clip(inside / shape.feather + 0.5, 0, 1).astype(np.float32), work)
    return Coverage(box, (inside > 0).astype(np.float32), work)


def _box(points: NDArray[np.float64], reach: float, size_hw: tuple[int, int]) -> Box | None:
    height, width = size_hw
    x0, y0 = (max(0, math.floor(v - reach)) for v in points.min(axis=0))
    x1, y1 = (min(n, math.ceil(v + reach) + 1) for v, n in zip(points.max(axis=0), (width, height), strict=True))
    return Box(x0, y0, x1, y1) if x0 < x1 and y0 < y1 else None


def _from_line(points: NDArray[np.float64], shape: Paint, box: Box) -> tuple[NDArray[np.float32], int]:
    """Returns how far inside the line each pixel centre of the box is, in pixels, below 0 outside; and the work."""
    reach = shape.radius + shape.feather / 2
    local = points - (box.x0 + 0.5, box.y0 + 0.5)
    near = np.full((box.height, box.width), np.inf, np.float32)
    places, work = _places(_simplified(local, shape.radius), reach, box)
    for a, b, part in places:
        there = near[part.y0 : part.y1, part.x0 : part.x1]
        np.minimum(there, _squared_distances(a, b, part), out=there)
    return np.asarray(np.float32(shape.radius) - np.sqrt(near), np.float32), work + box.area


def _places(points: NDArray[np.float64], reach: float, box: Box) -> tuple[list[tuple[_Point, _Point, Box]], int]:
    """Returns the pieces of a line in the box with the pixels that each may cover, and how many these are together.

    Raises:
        StrokeError: it would take too long to draw them.
    """
    found, work = [], 0
    for a, b in _pieces(points, reach, box):
        x0, y0 = (max(0, math.floor(min(v) - reach)) for v in zip(a, b, strict=True))
        x1 = min(box.width, math.ceil(max(a[0], b[0]) + reach) + 1)
        y1 = min(box.height, math.ceil(max(a[1], b[1]) + reach) + 1)
        if x0 >= x1 or y0 >= y1:
            continue
        part = Box(x0, y0, x1, y1)
        found.append((a, b, part))
        work += part.area + _LEAST_WORK
        if work > _MOST_WORK:
            raise StrokeError("The painted line is too long.", "Paint it in several shorter lines.")
    return found, work


def _squared_distances(a: _Point, b: _Point, part: Box) -> NDArray[np.float32]:
    """Returns the squared distance of each pixel (h, w) of `part` from the segment a to b."""
    x = (np.arange(part.x0, part.x1) - a[0]).astype(np.float32)[None]
    y = (np.arange(part.y0, part.y1) - a[1]).astype(np.float32)[:, None]
    dx, dy = np.float32(b[0] - a[0]), np.float32(b[1] - a[1])
    length = dx * dx + dy * dy
    if length <= 0:
        return np.asarray(x * x + y * y)
    along = np.clip((x * dx + y * dy) / length, 0, 1)
    return np.asarray((x - along * dx) ** 2 + (y - along * dy) ** 2)


def _simplified(points: NDArray[np.float64], radius: float) -> NDArray[np.float64]:
    """Returns the line with fewer points, nowhere farther away than what can be seen."""
    if len(points) < 3:
        return points
    as_line = points.astype(np.float32).reshape(-1, 1, 2)
    fewer = cv2.approxPolyDP(as_line, _SMOOTH * max(1.0, radius), False)
    return np.asarray(fewer.reshape(-1, 2), np.float64)


def _pieces(points: NDArray[np.float64], reach: float, box: Box) -> Iterator[tuple[_Point, _Point]]:
    """Yields the line's segments in short pieces, without what lies too far from the box to be seen."""
    low, high = np.full(2, -reach), np.array([box.width, box.height]) + reach
    for a, b in pairwise(points) if len(points) > 1 else [(points[0], points[0])]:
        first, last = 0.0, 1.0
        for start, way, least, most in zip(a, b - a, low, high, strict=True):
            if way:
                ends = sorted(((least - start) / way, (most - start) / way))
                first, last = max(first, ends[0]), min(last, ends[1])
            elif not least <= start <= most:
                first = 2.0
        if first > last:
            continue
        count = max(1, math.ceil((last - first) * math.dist(a, b) / (4 * reach + _PIECE)))
        places = [a + (b - a) * (first + (last - first) * n / count) for n in range(count + 1)]
        for one, two in pairwise(places):
            yield (float(one[0]), float(one[1])), (float(two[0]), float(two[1]))


def _from_outline(points: NDArray[np.float64], feather: float, box: Box) -> NDArray[np.float32]:
    """Returns how far inside the outline each pixel centre of the box is, in pixels; below 0 outside.

    Without a feather only the sign counts.
    """
    filled = _filled(points - (box.x0 + 0.5, box.y0 + 0.5), box)
    if not feather:
        return np.asarray(np.where(filled, np.float32(1), np.float32(-1)), np.float32)
    edged = cv2.copyMakeBorder(filled.astype(np.uint8), 1, 1, 1, 1, cv2.BORDER_REPLICATE)
    within = cv2.distanceTransform(edged, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    beyond = cv2.distanceTransform(1 - edged, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    signed = np.where(edged > 0, within - 0.5, 0.5 - beyond)[1:-1, 1:-1]
    return np.asarray(signed, np.float32)


def _filled(points: NDArray[np.float64], box: Box) -> NDArray[np.bool_]:
    """Returns which pixel centres of the box an outline winds around."""
    turns = np.zeros((box.height, box.width + 1), np.int32)
    for (ax, ay), (bx, by) in zip(points, np.roll(points, -1, axis=0), strict=True):
        low, high = min(ay, by), max(ay, by)
        first, last = max(0, math.ceil(low)), min(box.height, math.ceil(high))
        if first >= last:
            continue
        rows = np.arange(first, last)
        across = ax + (rows - ay) * ((bx - ax) / (by - ay))
        columns = np.clip(np.ceil(across), 0, box.width).astype(np.intp)
        turns[rows, columns] += 1 if by > ay else -1
    return np.asarray(np.cumsum(turns[:, :-1], axis=1) != 0)
