"""Fits closed Bézier splines to outlines for artists to edit: few points, the same number on each frame, no jumps.

The points start on the frame with the most complex outline, at the corners of its simplified form (Douglas and Peucker,
as in OpenCV), and are carried to the frames before and after it. On each new outline every point has several candidate
places near its last one; dynamic programming selects, among all choices in the right order, the one whose polygon fits
the outline best while its points move least (the polygon's error in constant time from running sums, after Perez and
Vidal, 1994).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .outlines import PixelRun, Points

TOLERANCE = 1.0
"""Most pixels by which the simplified outline may miss the outline."""
FEWEST, MOST = 8, 80
"""Number of points of a spline."""
CORNER_DEGREES = 50.0
"""Turn of the outline, averaged over the frames, above which a point is a corner."""
_MOTION = 0.05
"""Cost of a point's motion, per square pixel; the polygon's misses cost as much for each pixel of the outline."""
_SPACING = 0.01
"""Cost of a changed distance along the outline between two points, per square pixel."""
_CHOICES = 17
"""Number of places that a point chooses from."""
_ALIGN = 128


@dataclass(frozen=True, slots=True)
class Spline:
    """A closed Bézier spline over a stretch of frames.

    Attributes:
        first: its first frame.
        hole: it cuts a hole into what lies under it.
        points: (frames, N, 6) float64: for each frame and point x, y and its handles before and after it as x, y, in
            source pixels, y down.
    """

    first: int
    hole: bool
    points: NDArray[np.float64]


def fit(run: PixelRun) -> Spline:
    """Returns the spline of a run of outlines, with the same N on each frame."""
    outlines = run.outlines
    simple = [_corners(outline) for outline in outlines]
    start = int(np.argmax([len(places) for places in simple]))
    places: list[NDArray[np.int64]] = [simple[start]] * len(outlines)
    places[start] = _spread(simple[start], outlines[start])
    for order in (range(start + 1, len(outlines)), range(start - 1, -1, -1)):
        for now in order:
            before = now - order.step
            places[now] = _carry(outlines[before], places[before], outlines[now])
    turns = np.stack([_turn(outline, at) for outline, at in zip(outlines, places, strict=True)])
    corner = np.degrees(turns.mean(axis=0)) > CORNER_DEGREES
    points = [_bezier(outline, at, corner) for outline, at in zip(outlines, places, strict=True)]
    return Spline(run.first, run.hole, np.stack(points))


def _corners(outline: Points) -> NDArray[np.int64]:
    """Returns the ascending indices of the points that the simplified outline keeps."""
    tolerance = TOLERANCE
    while True:
        kept = cv2.approxPolyDP(outline.astype(np.float32)[:, None], tolerance, True)[:, 0]
        if len(kept) <= MOST:
            break
        tolerance *= 1.3
    gaps = np.linalg.norm(outline[None] - kept[:, None], axis=-1)
    return np.unique(gaps.argmin(axis=1))


def _spread(places: NDArray[np.int64], outline: Points) -> NDArray[np.int64]:
    """Returns the places with more added between distant ones: what is straight now may bend later."""
    chosen = [int(i) for i in places] or [0]
    longest = len(outline) / 10
    while len(chosen) < MOST:
        gaps = np.diff([*chosen, chosen[0] + len(outline)])
        widest = int(gaps.argmax())
        if len(chosen) >= FEWEST and gaps[widest] <= longest:
            break
        if gaps[widest] < 2:
            break
        chosen = sorted({*chosen, (chosen[widest] + int(gaps[widest]) // 2) % len(outline)})
    return np.array(chosen, np.int64)


def _carry(before: Points, places: NDArray[np.int64], now: Points) -> NDArray[np.int64]:
    """Returns the places on outline `now` for points at `places` of outline `before`; same order, rising mod len."""
    a = before[(np.arange(_ALIGN) * len(before)) // _ALIGN] - before.mean(axis=0)
    b = now[(np.arange(_ALIGN) * len(now)) // _ALIGN] - now.mean(axis=0)
    apart = ((a[:, None] - b[None]) ** 2).sum(axis=-1)
    steps = np.arange(_ALIGN)
    turn = int(np.argmin([apart[steps, (steps + k) % _ALIGN].sum() for k in range(_ALIGN)]))
    wanted = _turned(before[places % len(before)] - before.mean(axis=0), a, np.roll(b, -turn, axis=0)) + now.mean(
        axis=0
    )
    centres = np.round((places / len(before) + turn / _ALIGN) * len(now)).astype(np.int64)
    gaps = np.diff([*places, places[0] + len(before)]) * len(now) / len(before)
    half = _CHOICES // 2
    coarse = max(1, round(len(now) * 0.08 / half))
    while True:
        centres = _choose(now, centres, wanted, gaps, np.arange(-half, half + 1) * coarse)
        if coarse == 1:
            break
        coarse = max(1, coarse // half)
    return centres - len(now) * (int(centres[0]) // len(now))


def _turned(points: Points, a: Points, b: Points) -> Points:
    """Returns the points moved by the rotation and scaling that bring `a` onto `b` best (least squares)."""
    p, q = a[:, 0] + 1j * a[:, 1], b[:, 0] + 1j * b[:, 1]
    factor = complex(np.vdot(p, q) / max(float(np.vdot(p, p).real), 1e-9))
    moved = (points[:, 0] + 1j * points[:, 1]) * factor
    return np.stack([moved.real, moved.imag], axis=1)


def _choose(
    outline: Points, centres: NDArray[np.int64], wanted: Points, gaps: NDArray[np.float64], offsets: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Returns the best places among `centres + offsets`: rising, less than one turn, by dynamic programming."""
    count, size = len(centres), len(outline)
    centres = centres - size * (int(centres.min()) // size - 1)
    choices = centres[:, None] + offsets[None]
    unary = _MOTION * ((outline[choices % size] - wanted[:, None]) ** 2).sum(axis=-1)
    following = np.vstack([choices[1:], choices[:1] + size])
    misses = _misses(outline, choices[:, :, None], following[:, None, :])
    length = following[:, None, :] - choices[:, :, None]
    misses = misses + _SPACING * (length - gaps[:, None, None]) ** 2
    misses[length < 1] = np.inf
    # cost[f, k]: of the best way from choice f of the first point to choice k of the current one.
    cost = np.where(np.eye(len(offsets), dtype=bool), unary[0][:, None], np.inf)
    back = np.zeros((count, len(offsets), len(offsets)), np.int64)
    for i in range(count - 1):
        ways = cost[:, :, None] + misses[i][None]
        back[i + 1] = ways.argmin(axis=1)
        cost = ways.min(axis=1) + unary[i + 1][None]
    ends = cost + misses[-1].T
    first, last = np.unravel_index(int(ends.argmin()), ends.shape)
    if not np.isfinite(ends[first, last]):
        return _in_order(centres, size)
    chosen = np.zeros(count, np.int64)
    at = int(last)
    for i in range(count - 1, 0, -1):
        chosen[i] = choices[i, at]
        at = int(back[i, first, at])
    chosen[0] = choices[0, at]
    return chosen


def _in_order(places: NDArray[np.int64], size: int) -> NDArray[np.int64]:
    """Returns the places in a valid order, for an outline so short or so different that no choice keeps one."""
    if len(places) <= size:
        return np.asarray(places[0] + np.sort((places - places[0]) % size), np.int64)
    return np.asarray(places[0] + (np.arange(len(places)) * size) // len(places), np.int64)


def _misses(outline: Points, start: NDArray[np.int64], stop: NDArray[np.int64]) -> NDArray[np.float64]:
    """Returns the summed squared distances of the outline's points from `start` to `stop` to the line between these.

    `start` and `stop` have any shapes that broadcast, from 0 to 4 M; `outline` is (M, 2).
    """
    middle = outline.mean(axis=0)
    x, y = np.tile(outline - middle, (4, 1)).T
    sums = [np.concatenate([[0.0], np.cumsum(v)]) for v in (x, y, x * x, x * y, y * y)]
    low = np.minimum(start, stop)
    total_x, total_y, xx, xy, yy = (s[stop] - s[low] for s in sums)
    count = stop - low
    px, py = x[start], y[start]
    dx, dy = x[stop] - px, y[stop] - py
    norm = np.maximum(np.hypot(dx, dy), 1e-9)
    nx, ny = -dy / norm, dx / norm
    cxx = xx - 2 * px * total_x + count * px * px
    cyy = yy - 2 * py * total_y + count * py * py
    cxy = xy - px * total_y - py * total_x + count * px * py
    return np.asarray(np.maximum(nx * nx * cxx + 2 * nx * ny * cxy + ny * ny * cyy, 0.0), np.float64)


def _arms(outline: Points, places: NDArray[np.int64]) -> tuple[Points, Points]:
    """Returns unit directions of the outline before and after the places (N, 2), over part of the way to the next."""
    size = len(outline)
    after = np.diff([*places, places[0] + size])
    before = np.roll(after, 1)
    here = outline[places % size]

    def unit(v: Points) -> Points:
        return np.asarray(v / np.maximum(np.linalg.norm(v, axis=1, keepdims=True), 1e-9), np.float64)

    ahead = np.clip(after // 3, 1, 6)
    behind = np.clip(before // 3, 1, 6)
    return unit(here - outline[(places - behind) % size]), unit(outline[(places + ahead) % size] - here)


def _turn(outline: Points, places: NDArray[np.int64]) -> NDArray[np.float64]:
    """Returns by how much the outline turns at the places, (N,) radians in [0, π]."""
    before, after = _arms(outline, places)
    return np.asarray(np.arccos(np.clip((before * after).sum(axis=1), -1.0, 1.0)), np.float64)


def _bezier(outline: Points, places: NDArray[np.int64], corner: NDArray[np.bool_]) -> Points:
    """Returns (N, 6): the points and their handles on the outline's tangents; at a corner, on two of them."""
    size = len(outline)
    after = np.diff([*places, places[0] + size]).astype(np.float64)
    unit = float(np.linalg.norm(np.diff(outline, axis=0, append=outline[:1]), axis=1).mean())
    incoming, outgoing = _arms(outline, places)
    along = incoming + outgoing
    along /= np.maximum(np.linalg.norm(along, axis=1, keepdims=True), 1e-9)
    incoming = np.where(corner[:, None], incoming, along)
    outgoing = np.where(corner[:, None], outgoing, along)
    here = outline[places % size]
    left = here - incoming * (np.roll(after, 1) * unit / 3)[:, None]
    right = here + outgoing * (after * unit / 3)[:, None]
    return np.hstack([here, left, right])
