"""Simulates an artist for measurements: a first stroke on the object, then strokes where the mask is worst.

As in the DAVIS interactive track (Caelles et al. 2018), a stroke follows the middle of the worst error region. There it
is the longest path of a skeleton; here it is the longest path through the region's deeper half, which needs no
skeletonisation. The same masks always give the same strokes. numpy and OpenCV only; uses no network.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any, Protocol

import cv2
import numpy as np

from ..core.types import Label, Stroke

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Mask = NDArray[np.bool_]

BRUSH_SHARE = 0.008
"""Radius of the brush as a share of the picture's diagonal; smaller in thin regions."""

SLIP_SHARE = 0.2
"""Greatest length of a slip, as a share of the picture's diagonal: one short move of the hand."""

_GRID = 96
_NEIGHBOURS = tuple((dy, dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1) if dy or dx)


class Robot(Protocol):
    """A simulated artist."""

    @property
    def name(self) -> str:
        """Its display name."""

    def stroke(self, mask: Mask | None, truth: Mask, counted: Mask | None, key: tuple[str, int]) -> Stroke | None:
        """Returns the next stroke; None if nothing is wrong.

        Args:
            mask: (H, W) after the previous round; None = the first round.
            truth: (H, W).
            counted: (H, W) pixels where errors count; None = all.
            key: picture and number of the stroke: the only source of randomness.
        """


class Careful:
    """Draws along the middle of the worst error."""

    name = "careful"

    def stroke(self, mask: Mask | None, truth: Mask, counted: Mask | None, key: tuple[str, int]) -> Stroke | None:
        """See `Robot`."""
        return first_stroke(truth) if mask is None else next_stroke(mask, truth, counted)


CAREFUL = Careful()


def first_stroke(truth: Mask) -> Stroke | None:
    """Returns a keep stroke along the middle of the object (H, W); None if there is no object."""
    return _stroke_in(truth, Label.KEEP)


def next_stroke(mask: Mask, truth: Mask, counted: Mask | None = None) -> Stroke | None:
    """Returns the stroke against the worst error of `mask`; None if everything is right.

    Args:
        mask: (H, W) after the previous round.
        truth: (H, W).
        counted: (H, W) pixels where errors count; None = all.
    """
    wrong = mask != truth
    if counted is not None:
        wrong &= counted
    missing, extra = _worst(wrong & truth), _worst(wrong & ~truth)
    if missing is None and extra is None:
        return None
    if extra is None or (missing is not None and missing[1] >= extra[1]):
        assert missing is not None
        return _stroke_in(missing[0], Label.KEEP)
    return _stroke_in(extra[0], Label.REMOVE)


def wrong_stroke(mask: Mask, truth: Mask, counted: Mask, label: Label) -> Stroke | None:
    """Returns a slip: a stroke with the wrong label in the middle of a correct part; None if there is no such part.

    Args:
        mask: (H, W) after the previous round.
        truth: (H, W).
        counted: (H, W) pixels where truth is known.
        label: the slip's label: keep is drawn on the background, remove on the object.
    """
    right = (~truth & ~mask if label is Label.KEEP else truth & mask) & counted
    stroke = _stroke_in(right, label)
    if stroke is None:
        return None
    points = _middle_of(np.asarray(stroke.points), SLIP_SHARE * float(np.hypot(*truth.shape)))
    return Stroke(points, stroke.radius, label)


def _middle_of(xy: NDArray[np.float64], length: float) -> NDArray[np.float64]:
    """Returns the middle part of a line (N, 2), at most `length` pixels long; at least one point."""
    along = np.concatenate(([0.0], np.cumsum(np.hypot(*np.diff(xy, axis=0).T)))) if len(xy) > 1 else np.zeros(1)
    distance = np.abs(along - along[-1] / 2)
    near = distance <= length / 2
    near[distance.argmin()] = True
    return xy[near]


def _worst(region: Mask) -> tuple[Mask, float] | None:
    """Returns the worst connected part and its weight, the sum of its pixels' depths: thick parts outweigh rims."""
    if not region.any():
        return None
    _, parts = cv2.connectedComponents(region.astype(np.uint8), connectivity=4)
    weights = np.bincount(parts.ravel(), weights=depth_of(region).ravel())
    weights[0] = 0.0
    worst = int(weights.argmax())
    return parts == worst, float(weights[worst])


def _stroke_in(region: Mask, label: Label) -> Stroke | None:
    part = _worst(region)
    if part is None:
        return None
    points, depth = middle_path(part[0])
    brush = BRUSH_SHARE * float(np.hypot(*region.shape))
    return Stroke(points, max(0.5, min(brush, 0.8 * depth)), label)


def middle_path(region: Mask) -> tuple[NDArray[np.float64], float]:
    """Returns points (N, 2) x, y along the middle of a connected region, and its depth there, in pixels."""
    rows, columns = np.flatnonzero(region.any(axis=1)), np.flatnonzero(region.any(axis=0))
    top, left = int(rows[0]), int(columns[0])
    cut = region[top : rows[-1] + 1, left : columns[-1] + 1]
    scale = min(1.0, _GRID / max(cut.shape))
    size = (max(1, round(cut.shape[1] * scale)), max(1, round(cut.shape[0] * scale)))
    small = cv2.resize(cut.astype(np.float32), size, interpolation=cv2.INTER_AREA) >= 0.5
    if not small.any():  # too thin for the coarse grid
        small, size = cut, (cut.shape[1], cut.shape[0])
    depth = depth_of(small)
    deep = (depth >= 0.5 * depth.max()).astype(np.uint8)
    start = _cell(int(depth.argmax()), small.shape)
    one_end, _ = _farthest(deep, start)
    other_end, back = _farthest(deep, one_end)
    path = [other_end]
    while path[-1] != one_end:
        path.append(back[path[-1]])
    step = np.array([cut.shape[1] / size[0], cut.shape[0] / size[1]])
    xy = (np.array(path, np.float64)[:, ::-1] + 0.5) * step + (left, top)
    return _thinned(xy), float(depth.max() * step.min())


def _farthest(
    cells: NDArray[Any], start: tuple[int, int]
) -> tuple[tuple[int, int], dict[tuple[int, int], tuple[int, int]]]:
    """Returns the cell farthest from `start` on a path through `cells`, and each cell's predecessor."""
    back = {start: start}
    queue = deque([start])
    cell = start
    while queue:
        cell = queue.popleft()
        for dy, dx in _NEIGHBOURS:
            near = (cell[0] + dy, cell[1] + dx)
            inside = 0 <= near[0] < cells.shape[0] and 0 <= near[1] < cells.shape[1]
            if inside and near not in back and cells[near]:
                back[near] = cell
                queue.append(near)
    return cell, back


def _thinned(xy: NDArray[np.float64], every: int = 4) -> NDArray[np.float64]:
    """Returns every fourth point and the last one: a hand does not trace every pixel."""
    return xy if len(xy) <= every else np.concatenate((xy[:-1:every], xy[-1:]))


def depth_of(region: Mask) -> NDArray[np.float32]:
    """Returns each pixel's distance (H, W) to the region's outside; the picture's edge counts as outside."""
    padded = np.pad(region.astype(np.uint8), 1)
    depth = cv2.distanceTransform(padded, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)[1:-1, 1:-1].astype(np.float64)
    # The last bit of OpenCV's square roots depends on where the arrays are in memory; the squares are integers.
    return np.asarray(np.sqrt(np.rint(depth * depth)), np.float32)


def _cell(flat: int, shape: tuple[int, ...]) -> tuple[int, int]:
    return divmod(flat, shape[1])
