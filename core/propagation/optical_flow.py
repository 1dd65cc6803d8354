"""Motion between neighbouring frames, and how far to trust it. numpy and OpenCV only.

Flow is computed on small pictures, once for each pair; trust is computed only where it is needed.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import cv2
import numpy as np

from ..clips.cuts import CutFinder
from ..clips.prefetch import Prefetcher, can_be_shared
from ..images.crop import mask_box
from ..images.dense_flow import dense_flow
from ..types import Box

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..ports import FrameSource
    from ..types import Image, Matte

    Floats = NDArray[np.float32]
    Window = tuple[slice, slice]

SIDE = 427
"""Longer side of the pictures on which flow is computed, in pixels."""
STRAY = 4.0 / 427
"""Error of the way to the neighbour and back at which motion is not trusted at all; share of the longer side."""
STRAY_COLOUR = 50.0
"""Difference (of 255) in red, green or blue at which the moved neighbour is not trusted at all.

Larger values flicker less but cost accuracy; so does comparing grey instead of colours, which also cuts into
an object as bright as what lies behind it. See docs/experiments.md, "Stability".
"""
_BLUR = 5


class Step(NamedTuple):
    """Motion from a frame to its neighbour: small pictures of both, and flow (h, w, 2) there and back, in pixels."""

    here: Image
    there: Image
    onward: Floats
    back: Floats
    farthest: float = math.inf
    """Largest motion of any pixel in `onward`, in rows or columns."""

    def moved(self, matte: Matte, window: Window) -> tuple[Matte, Floats]:
        """Returns the neighbour's matte (H, W) moved onto the frame, and its trust, 0 to 1; both inside the window."""
        rows, columns = window
        height, width = matte.shape
        scale_y, scale_x = self.onward.shape[0] / height, self.onward.shape[1] / width
        left, top = (columns.start + 0.5) * scale_x - 0.5, (rows.start + 0.5) * scale_y - 0.5
        size = (columns.stop - columns.start, rows.stop - rows.start)
        part = (
            _around(top, top + size[1] * scale_y, self.onward.shape[0]),
            _around(left, left + size[0] * scale_x, self.onward.shape[1]),
        )
        both = cv2.merge((self.onward[part], self.trust(part)))
        place = np.array([[scale_x, 0, left - part[1].start], [0, scale_y, top - part[0].start]])
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        x, y, trusted = cv2.split(cv2.warpAffine(both, place, size, flags=flags, borderMode=cv2.BORDER_REPLICATE))
        x /= scale_x
        y /= scale_y
        x += np.arange(columns.start, columns.stop, dtype=np.float32)[None, :]
        y += np.arange(rows.start, rows.stop, dtype=np.float32)[:, None]
        moved = cv2.remap(matte, x, y, cv2.INTER_LINEAR)
        return np.asarray(moved, np.float32), np.asarray(trusted, np.float32)

    def reached(self, box: Box, size: tuple[int, int]) -> Box | None:
        """Returns the smallest box of the frame whose pixels move into a box of the neighbour; None = none do.

        Args:
            box: of the neighbour's matte.
            size: (H, W) of the mattes.
        """
        height, width = self.onward.shape[:2]
        scale_y, scale_x = height / size[0], width / size[1]
        left, right = box.x0 * scale_x, box.x1 * scale_x
        top, bottom = box.y0 * scale_y, box.y1 * scale_y
        rows, columns = (
            _within_reach(top, bottom, self.farthest, height),
            _within_reach(left, right, self.farthest, width),
        )
        x = np.arange(columns.start, columns.stop, dtype=np.float32)[None, :] + self.onward[rows, columns, 0]
        y = np.arange(rows.start, rows.stop, dtype=np.float32)[:, None] + self.onward[rows, columns, 1]
        found = mask_box((x >= left - 1) & (x <= right) & (y >= top - 1) & (y <= bottom))
        if found is None:
            return None
        return Box(
            int(max(0, columns.start + found.x0 - 1) / scale_x),
            int(max(0, rows.start + found.y0 - 1) / scale_y),
            min(size[1], int((columns.start + found.x1 + 1) / scale_x) + 1),
            min(size[0], int((rows.start + found.y1 + 1) / scale_y) + 1),
        )

    def trust(self, window: Window) -> Floats:
        """Returns how far to trust the flow in a window of the small pictures: it must come back, to the same colour.

        Returns:
            Float32 of the window's size, 0 to 1.
        """
        height, width = self.here.shape[:2]
        rows, columns = (_grown(part, _BLUR // 2, end) for part, end in zip(window, (height, width), strict=True))
        onward = self.onward[rows, columns]
        x = np.arange(columns.start, columns.stop, dtype=np.float32)[None, :] + onward[..., 0]
        y = np.arange(rows.start, rows.stop, dtype=np.float32)[:, None] + onward[..., 1]
        off_x, off_y = cv2.split(onward + cv2.remap(self.back, x, y, cv2.INTER_LINEAR))
        colours = cv2.split(cv2.absdiff(cv2.remap(self.there, x, y, cv2.INTER_LINEAR), self.here[rows, columns]))
        largest = cv2.max(cv2.max(colours[0], colours[1]), colours[2])
        colour = cv2.blur(largest.astype(np.float32), (_BLUR, _BLUR))
        returns = np.clip(1 - cv2.magnitude(off_x, off_y) / (STRAY * max(height, width)), 0, 1)
        trust = returns * np.clip(1 - colour / STRAY_COLOUR, 0, 1)
        return np.asarray(trust[_within(window[0], rows), _within(window[1], columns)], np.float32)


class Motion:
    """Motion between neighbouring frames, each pair computed once; holds a few small pictures. Must be closed.

    Args:
        frames: the clip.
        fine: flow with a quarter of the error, for ten times the time.
    """

    def __init__(self, frames: FrameSource, fine: bool = False) -> None:
        self._frames = frames
        self._cuts = CutFinder(frames)
        preset = cv2.DISOPTICAL_FLOW_PRESET_MEDIUM if fine else cv2.DISOPTICAL_FLOW_PRESET_ULTRAFAST
        self._flow = cv2.DISOpticalFlow.create(preset)
        self._small: dict[int, tuple[Image, NDArray[np.uint8]]] = {}
        self._steps: dict[tuple[int, int], Step] = {}
        self._ahead = Prefetcher() if can_be_shared(frames) else None

    def begin(self, here: int, there: int) -> None:
        """Starts computing a pair in another thread, if the clip can be read there."""
        if self._ahead is not None and 0 <= there < len(self._frames):
            self._ahead.begin(lambda: self._cuts.between(here, there) or self._look(here, there))

    def close(self) -> None:
        """Ends the other thread."""
        if self._ahead is not None:
            self._ahead.close()

    def is_cut(self, one: int, other: int) -> bool:
        """Returns whether there is a cut between two neighbouring frames."""
        self._wait()
        return self._cuts.between(one, other)

    def between(self, here: int, there: int) -> Step:
        """Returns the motion from a frame to its neighbour.

        Raises:
            FrameReadError: from the clip.
        """
        self._wait()
        return self._look(here, there)

    def _wait(self) -> None:
        """Waits for the other thread: nothing else may touch its data while it works."""
        if self._ahead is not None:
            self._ahead.wait()

    def _look(self, here: int, there: int) -> Step:
        if (here, there) not in self._steps:
            (first, one), (second, other) = self._pictures(here), self._pictures(there)
            onward, back = dense_flow(self._flow, one, other), dense_flow(self._flow, other, one)
            self._steps = {pair: step for pair, step in self._steps.items() if here in pair or there in pair}
            self._steps[here, there] = Step(first, second, onward, back, _farthest(onward))
            self._steps[there, here] = Step(second, first, back, onward, _farthest(back))
        return self._steps[here, there]

    def _pictures(self, frame: int) -> tuple[Image, NDArray[np.uint8]]:
        """Returns the small picture of a frame, in colour and in grey."""
        if frame not in self._small:
            image = self._frames[frame]
            scale = min(1.0, SIDE / max(image.shape[:2]))
            size = (max(16, round(image.shape[1] * scale)), max(16, round(image.shape[0] * scale)))
            small = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
            self._small = {f: found for f, found in self._small.items() if abs(f - frame) <= 2}
            self._small[frame] = small, np.asarray(cv2.cvtColor(small, cv2.COLOR_RGB2GRAY), np.uint8)
        return self._small[frame]


def _around(low: float, high: float, limit: int) -> slice:
    """Returns the pixels between which values from `low` to `high` are interpolated."""
    start = min(max(0, int(np.floor(low)) - 1), limit - 1)
    return slice(start, max(start + 1, min(limit, int(np.ceil(high)) + 2)))


def _farthest(flow: Floats) -> float:
    """Returns the largest magnitude in a flow."""
    return float(max(flow.max(), -flow.min()))


def _within_reach(low: float, high: float, farthest: float, limit: int) -> slice:
    """Returns the pixels from which a motion of at most `farthest` leads to places from `low` - 1 to `high`."""
    if math.isinf(farthest):
        return slice(0, limit)
    return slice(min(max(0, int(low - farthest) - 2), limit - 1), max(1, min(limit, int(high + farthest) + 2)))


def _grown(part: slice, by: int, limit: int) -> slice:
    return slice(max(0, part.start - by), min(limit, part.stop + by))


def _within(part: slice, outer: slice) -> slice:
    return slice(part.start - outer.start, part.stop - outer.start)
