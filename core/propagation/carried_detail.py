"""Carries strokes of the Detail Brush from the frame they were painted on to others, along the optical flow.

Hair turns and sways; the box around the mask does not show that. Where motion cannot be trusted strokes still move with
the mask, and so they do across a cut and farther than `MOST_STEPS` frames away.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import cv2
import numpy as np

from ..edges.detail_map import carried, middle, nearest
from ..types import Stroke
from .optical_flow import Motion

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..edges.detail_map import Painted
    from ..ports import SizedSource
    from ..types import Matte
    from .optical_flow import Step

    Points = NDArray[np.float64]

MOST_STEPS = 24
"""Frames over which strokes follow the flow: each takes time, and its errors add up."""
TRUSTED = 0.3
"""Mean trust from which the object's motion near a stroke counts, see `optical_flow.Step.trust`."""
_EVERY = 3
"""Only every third pixel says how the object moves."""
_REACH = 2.0
"""How far from a stroke, relative to half its length and its radius, the object's motion counts."""
_LEAST = 8.0
"""Least sum of trust for that motion."""
_SAME_AREA = 1.15
"""Change of a mask's area up to which the mean flow inside must move its middle as the masks do: flow alone drifts."""
_FAR = 10.0
"""Strokes so many times a picture's longer side away are in no picture."""
_CORE = 0.3
"""Least share of the mask that must be left inside its rim for only that to count."""
_OWN = 0.05
"""Weight of the object's motion against that of the hair itself."""


class CarriedDetail:
    """The strokes that count on a clip's frames, quickest when asked for in order.

    Args:
        frames: the clip.
        matte_of: returns a frame's mask (H, W) in [0, 1]; None = it has none.
    """

    def __init__(self, frames: SizedSource, matte_of: Callable[[int], Matte | None]) -> None:
        self._frames, self._matte_of = frames, matte_of
        self._motion = Motion(frames, fine=True)  # never reads ahead, so it need not be closed
        self._from: object = None
        self._known: dict[int, tuple[Stroke, ...]] = {}

    def at(
        self, painted: Painted, frame: int, version: object = None, between: Callable[[], object] = lambda: None
    ) -> tuple[Stroke, ...]:
        """Returns the strokes that count on a frame: its own, or those of the nearest frame, carried along.

        There are none where the frame or the painted one has no mask.

        Args:
            painted: strokes by frame.
            frame: the frame.
            version: changes with the masks.
            between: called before each step; may raise.

        Raises:
            FrameReadError: from the clip.
        """
        origin = nearest(painted, frame)
        if origin is None or origin == frame:
            return tuple(painted[origin]) if origin is not None else ()
        was, now = self._matte_of(origin), self._matte_of(frame)
        if was is None or now is None or not painted[origin]:
            return ()
        if self._from != (version, origin, tuple(painted[origin])):
            self._from = version, origin, tuple(painted[origin])
            self._known = {origin: tuple(painted[origin])}
        toward = 1 if frame > origin else -1
        last = origin + toward * min(abs(frame - origin), MOST_STEPS)
        here = next(known for known in range(last, origin - toward, -toward) if known in self._known)
        for one in range(here, last, toward):
            between()
            self._known[one + toward] = self._moved(self._known[one], one, one + toward)
        if last == frame:
            return self._known[last]
        halfway = self._matte_of(last)
        return carried(painted[origin], was, now) if halfway is None else carried(self._known[last], halfway, now)

    def _moved(self, strokes: tuple[Stroke, ...], here: int, there: int) -> tuple[Stroke, ...]:
        """Returns strokes on one frame, moved to the next one or the one before."""
        was, now = self._matte_of(here), self._matte_of(there)
        boxed = carried(strokes, was, now) if was is not None and now is not None else strokes
        boxed = boxed or strokes  # the object is hidden for a while
        if self._motion.is_cut(here, there):
            return boxed
        around = _Around(self._motion.between(here, there), was, now, self._frames.size)
        return tuple(map(around.moved, strokes, boxed))


class _Around:
    """Motion from a frame to its neighbour around strokes.

    Hair is drawn over the background, whose motion is another one. So the object's own motion near a stroke, extended
    to it, says which pixels there are hair.

    Args:
        step: the motion.
        matte, then: masks (H, W) in [0, 1] of the frame and its neighbour; None = it has none.
        size: (H, W) of the picture in whose pixels strokes are.
    """

    def __init__(self, step: Step, matte: Matte | None, then: Matte | None, size: tuple[int, int]) -> None:
        height, width = step.onward.shape[:2]
        self._scale = np.array((width / size[1], height / size[0]))
        self._flow = step.onward
        self._trust = step.trust(np.s_[0:height, 0:width])
        share = np.zeros((height, width), np.float32)
        if matte is not None:
            share[:] = cv2.resize(np.asarray(matte, np.float32), (width, height), interpolation=cv2.INTER_AREA)
        self._share = share
        core = cv2.erode(share, np.ones((5, 5), np.uint8))  # at the outline the flow is partly the background's
        core = core if core.sum() > _CORE * share.sum() else share
        self._drift = np.zeros(2)
        if matte is not None and then is not None and share.any():
            (before, area_before), (after, area_after) = middle(matte), middle(then)
            if area_before and 1 / _SAME_AREA < area_after / area_before < _SAME_AREA:
                mean = np.average(self._flow.reshape(-1, 2), axis=0, weights=core.ravel())
                self._drift = np.subtract(after, before) * self._scale - mean
        y, x = np.mgrid[0:height:_EVERY, 0:width:_EVERY]
        inside = core[::_EVERY, ::_EVERY] * self._trust[::_EVERY, ::_EVERY]
        self._sample = np.stack((x, y), axis=-1)[inside > 0].astype(np.float64)
        self._weight, self._sampled = inside[inside > 0], self._flow[::_EVERY, ::_EVERY][inside > 0]

    def moved(self, stroke: Stroke, boxed: Stroke) -> Stroke:
        """Returns a stroke moved by the flow; where that cannot be trusted as it moved with the mask."""
        points = np.asarray(stroke.points, np.float64) * self._scale
        radius = max(stroke.radius * float(self._scale[0]), 1.0)
        inside = float(np.abs(points).max()) < _FAR * max(self._share.shape)
        motion = self._object_motion(points, radius) if inside else None
        if motion is None:
            return boxed
        places = (points + self._hair_motion(points, radius, motion) + self._drift) / self._scale
        return Stroke(places.tolist(), boxed.radius, stroke.label)

    def _object_motion(self, points: Points, radius: float) -> Points | None:
        """Returns how the object moves near a stroke; None = that is not known.

        Returns:
            (3, 2): motion at x, y is (x, y, 1) @ it. Rotation, scale and shift only.
        """
        if not len(self._sample):
            return None
        centre = points.mean(axis=0)
        reach = _REACH * (radius + float(np.ptp(points, axis=0).max()) / 2)
        away = np.hypot(*(self._sample - centre).T)
        near = np.exp(-0.5 * (np.maximum(away - away.min(), 0) / reach) ** 2)
        weight = near * self._weight
        inside = near * self._share[tuple(self._sample[:, ::-1].astype(int).T)]
        if weight.sum() < max(_LEAST, TRUSTED * inside.sum()):
            return None
        (x, y), (u, v) = (self._sample - centre).T, self._sampled.T
        one, none = np.ones_like(x), np.zeros_like(x)
        rows = np.concatenate((np.stack((x, -y, one, none), axis=1), np.stack((y, x, none, one), axis=1)))
        root = np.sqrt(np.concatenate((weight, weight)))
        (grow, turn, right, down), *_ = np.linalg.lstsq(rows * root[:, None], np.concatenate((u, v)) * root, rcond=None)
        linear = np.array(((grow, turn), (-turn, grow)))
        return np.concatenate((linear, (np.array((right, down)) - centre @ linear)[None]))

    def _hair_motion(self, points: Points, radius: float, motion: Points) -> Points:
        """Returns the motion (N, 2) at a stroke's points: the mean of what moves there much as the object does."""
        height, width = self._share.shape
        (left, top), (right, bottom) = points.min(axis=0) - radius, points.max(axis=0) + radius
        rows = slice(int(min(max(top, 0), height - 1)), int(min(max(bottom, 0), height - 1)) + 1)
        columns = slice(int(min(max(left, 0), width - 1)), int(min(max(right, 0), width - 1)) + 1)
        y, x = np.mgrid[rows, columns]
        wanted = np.stack((x, y, np.ones_like(x)), axis=-1) @ motion
        flow = self._flow[rows, columns]
        ground = self._ground(rows, columns, int(2 * radius))
        as_object, as_ground = (np.hypot(*np.moveaxis(flow - one, -1, 0)) ** 4 for one in (wanted, ground))
        weight = (self._trust[rows, columns] * as_ground / (as_ground + as_object + 1e-6)).astype(np.float32)
        side = 2 * int(min(radius, max(height, width))) + 1
        more = weight[..., None] * (flow - wanted).astype(np.float32)
        sums = cv2.blur(np.dstack((more, weight)), (side, side))
        at_x = np.clip(points[:, 0].astype(int) - columns.start, 0, x.shape[1] - 1)
        at_y = np.clip(points[:, 1].astype(int) - rows.start, 0, x.shape[0] - 1)
        found = sums[at_y, at_x].astype(np.float64)
        along = np.column_stack((points, np.ones(len(points)))) @ motion
        return np.asarray(along + found[:, :2] / (found[:, 2:] + _OWN))

    def _ground(self, rows: slice, columns: slice, more: int) -> NDArray[np.float32]:
        """Returns the usual motion (2) outside the mask around a part of the picture."""
        part = tuple(slice(max(0, one.start - more), one.stop + more) for one in (rows, columns))
        outside = self._flow[part][self._share[part] < 0.5]
        return np.asarray(np.median(outside, axis=0) if len(outside) else np.zeros(2), np.float32)
