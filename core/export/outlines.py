"""Traces the outlines of mattes and follows them from frame to frame.

An outline is a closed line of points about a pixel apart, at the level 0.5 of the matte, to a fraction of a pixel. A
run is one outline (or one hole) over the consecutive frames on which it exists.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..types import Matte

    Points = NDArray[np.float64]

LEAST_AREA = 16.0
"""Least area in square pixels: smaller outlines are noise."""
LEAST_SHARE = 0.002
"""Least share of the frame's largest outline: smaller ones are noise as well."""
MOST_OUTLINES = 24
"""Most outlines on one frame; the largest are kept."""
MOST_POINTS = 2048
_PAD = 4
"""Pixels by which an object at the picture's border is extended beyond it, so that the border is covered too."""
_MAP_SIDE = 192
"""Longer side, in pixels, of the maps on which outlines are compared."""


@dataclass(slots=True)
class PixelRun:
    """One outline over a stretch of frames.

    Attributes:
        first: its first frame.
        depth: number of outlines around it: odd = a hole.
        outlines: for each frame the points (M, 2) float64: x and y in pixels from the top-left corner, clockwise.
    """

    first: int
    depth: int
    outlines: list[Points] = field(default_factory=list)

    @property
    def hole(self) -> bool:
        """Returns True when it bounds a hole."""
        return self.depth % 2 == 1


@dataclass(slots=True)
class _Shape:
    points: Points
    depth: int
    area: float
    middle: Points
    map: NDArray[np.bool_]


class OutlineTracker:
    """Finds the runs of a clip's outlines, given one matte after another."""

    def __init__(self) -> None:
        self._frame = 0
        self._runs: list[PixelRun] = []
        self._open: list[tuple[PixelRun, _Shape]] = []

    def add(self, matte: Matte | None) -> None:
        """Adds the next frame's matte (H, W) float32 in [0, 1]; None = nothing on it."""
        shapes = [] if matte is None else _shapes(matte)
        pairs = sorted(
            (
                (_likeness(before, shape), i, j)
                for i, (_, before) in enumerate(self._open)
                for j, shape in enumerate(shapes)
            ),
            reverse=True,
        )
        taken: dict[int, int] = {}
        used: set[int] = set()
        for likeness, i, j in pairs:
            if likeness > 0 and i not in used and j not in taken:
                taken[j] = i
                used.add(i)
        now = []
        for j, shape in enumerate(shapes):
            if j in taken:
                run = self._open[taken[j]][0]
            else:
                run = PixelRun(self._frame, shape.depth)
                self._runs.append(run)
            run.outlines.append(shape.points)
            now.append((run, shape))
        self._open = now
        self._frame += 1

    def runs(self) -> list[PixelRun]:
        """Returns the runs so far, in drawing order: holes after the outlines that contain them."""
        return sorted(self._runs, key=lambda run: (run.depth, run.first))


def _shapes(matte: Matte) -> list[_Shape]:
    height, width = matte.shape
    padded = cv2.copyMakeBorder(matte, _PAD, _PAD, _PAD, _PAD, cv2.BORDER_REPLICATE)
    padded = cv2.copyMakeBorder(padded, 2, 2, 2, 2, cv2.BORDER_CONSTANT, value=0.0)
    smooth = np.asarray(cv2.GaussianBlur(padded, (0, 0), 0.7), np.float32)
    found, tree = cv2.findContours((smooth >= 0.5).astype(np.uint8), cv2.RETR_TREE, cv2.CHAIN_APPROX_NONE)
    areas = [float(cv2.contourArea(contour)) for contour in found]
    least = max(LEAST_AREA, LEAST_SHARE * max(areas, default=0.0))
    chosen = sorted((i for i, area in enumerate(areas) if area >= least), key=lambda i: -areas[i])[:MOST_OUTLINES]
    shapes = []
    for i in chosen:
        depth, parent = 0, tree[0][i][3]
        while parent >= 0:
            depth, parent = depth + 1, tree[0][parent][3]
        points = _even(_on_level(found[i][:, 0].astype(np.float64), smooth)) - (_PAD + 2 - 0.5)
        shrink = _MAP_SIDE / max(height, width)
        drawn = np.zeros((int(height * shrink) + 2, int(width * shrink) + 2), np.uint8)
        cv2.fillPoly(drawn, [np.round(points * shrink).astype(np.int32)], 1)
        shapes.append(_Shape(points, depth, abs(signed_area(points)), points.mean(axis=0), drawn > 0))
    return shapes


def signed_area(points: Points) -> float:
    """Returns the area inside a closed line (M, 2); positive when clockwise as seen, with y down."""
    x, y = points[:, 0], points[:, 1]
    return float(np.sum(x * np.roll(y, -1) - np.roll(x, -1) * y) / 2)


def _on_level(points: Points, matte: Matte) -> Points:
    """Moves points on pixel centres along the matte's slope to where it is 0.5."""
    at = points.astype(np.float32)

    def look(image: Matte, x: NDArray[np.float32], y: NDArray[np.float32]) -> NDArray[np.float32]:
        # OpenCV's maps must be less than 32767 long.
        parts = [
            cv2.remap(image, x[i : i + 16384], y[i : i + 16384], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
            for i in range(0, len(x), 16384)
        ]
        return np.asarray(np.concatenate(parts), np.float32)

    slope = np.stack(
        [
            look(np.asarray(cv2.Sobel(matte, cv2.CV_32F, *order), np.float32), at[:, :1], at[:, 1:])[:, 0]
            for order in ((1, 0), (0, 1))
        ],
        axis=1,
    )
    slope /= np.maximum(np.linalg.norm(slope, axis=1, keepdims=True), 1e-6)
    steps = np.linspace(-2.0, 2.0, 17, dtype=np.float32)
    values = look(matte, at[:, :1] + slope[:, :1] * steps, at[:, 1:] + slope[:, 1:] * steps)
    below, above = values[:, :-1] < 0.5, values[:, 1:] >= 0.5
    crossing = below & above
    share = (0.5 - values[:, :-1]) / np.where(crossing, values[:, 1:] - values[:, :-1], 1.0)
    where = np.where(crossing, steps[:-1] + share * (steps[1] - steps[0]), np.float32(np.inf))
    best = np.take_along_axis(where, np.abs(where).argmin(axis=1)[:, None], axis=1)
    moved: Points = points + slope * np.where(np.isfinite(best), best, 0.0)
    return (np.roll(moved, 1, axis=0) + 2 * moved + np.roll(moved, -1, axis=0)) / 4


def _even(points: Points) -> Points:
    """Resamples a closed line to points about a pixel apart, clockwise as seen."""
    if signed_area(points) < 0:
        points = points[::-1]
    closed = np.vstack([points, points[:1]])
    along = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(closed, axis=0), axis=1))])
    count = int(np.clip(round(along[-1]), 24, MOST_POINTS))
    at = np.arange(count) * along[-1] / count
    return np.stack([np.interp(at, along, closed[:, axis]) for axis in (0, 1)], axis=1)


def _likeness(before: _Shape, now: _Shape) -> float:
    """Returns a value in (0, 1] if the two can be the same outline on neighbouring frames, else 0."""
    if before.depth % 2 != now.depth % 2:
        return 0.0
    both = np.count_nonzero(before.map & now.map)
    if both:
        overlap = both / np.count_nonzero(before.map | now.map)
        if overlap > 0.1:
            return float(overlap)
    # Small and fast: no overlap, but near and of about the same size.
    reach = 1.5 * np.sqrt(max(before.area, now.area))
    distance = float(np.linalg.norm(before.middle - now.middle))
    if distance < reach and 0.4 < before.area / max(now.area, 1e-9) < 2.5:
        return float(0.1 * (1 - distance / reach) + 1e-6)
    return 0.0
