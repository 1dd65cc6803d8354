"""Makes clips in which something hides the whole object for a while, to measure what remains of the mask.

No clip of the data hides its object entirely, so a synthetic board is moved through real clips: an upright board with a
rough painted texture, as tall as the picture, that enters on the left and leaves on the right. It is just wide enough
to hide the object for `HIDDEN` frames. Nothing is random: the same clip always gets the same board.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

import cv2
import numpy as np

from ..core.errors import FrameReadError, InputError
from .data import Sequence, Truth, read_objects

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..core.ports import SizedSource
    from ..core.types import Image

BEFORE, HIDDEN, AFTER = 8, 8, 8
"""Frames with the object visible, hidden by the board, and visible again; the board itself is on its way for longer."""
TRAVEL = 6
"""Frames in which the board moves over the object, and as many in which it leaves it."""
LENGTH = BEFORE + TRAVEL + HIDDEN + TRAVEL + AFTER
BOARD = "board 1, 36 frames"
"""Name of this way of hiding; results with another name cannot be compared."""

_MARGIN = 6


class Hidden:
    """A real clip's first frames behind a moving board; a `FrameSource` (H, W, 3) uint8 RGB.

    Args:
        sequence: has one object, with a mask on each of the first `LENGTH` frames.
        clip: its frames.

    Raises:
        InputError: too short, several objects, or masks missing.
    """

    def __init__(self, sequence: Sequence, clip: SizedSource) -> None:
        if not can_hide(sequence):
            raise InputError(
                f"In the clip {sequence.name} nothing can be hidden.",
                f"It needs one object with masks on the first {LENGTH} frames.",
            )
        self.size = clip.size
        self._clip, self._sequence = clip, sequence
        boxes = [_columns(read_objects(sequence, frame).objects[0]) for frame in range(LENGTH)]
        self._way = _way(boxes, clip.size[1])
        self._board = _board(clip.size[0], self._way[1], zlib.crc32(sequence.name.encode()))

    def __len__(self) -> int:
        return LENGTH

    def __getitem__(self, frame: int) -> Image:
        """Returns frame (H, W, 3) uint8 RGB. Raises FrameReadError outside the clip."""
        if not 0 <= frame < LENGTH:
            raise FrameReadError(f"Frame {frame} lies outside the clip.", f"It has {LENGTH} frames.")
        image = np.array(self._clip[frame])
        left, right = self._span(frame)
        if right > left:
            begin = left - self._left(frame)
            image[:, left:right] = self._board[:, begin : begin + right - left]
        return image

    def truth(self, frame: int) -> Truth:
        """Returns the true mask without what the board hides."""
        known = read_objects(self._sequence, frame)
        left, right = self._span(frame)
        objects = known.objects.copy()
        objects[:, :, left:right] = False
        counted = known.counted.copy()
        counted[:, left:right] = True
        return Truth(objects, counted)

    def _left(self, frame: int) -> int:
        start, _, speed = self._way
        return round(start + speed * frame)

    def _span(self, frame: int) -> tuple[int, int]:
        """Returns the columns of the picture that the board covers, half-open."""
        left, width = self._left(frame), self.size[1]
        return min(max(left, 0), width), min(max(left + self._way[1], 0), width)


def can_hide(sequence: Sequence) -> bool:
    """Returns whether a clip has one object, shown by its mask on each of the first `LENGTH` frames."""
    return not sequence.ids and set(range(LENGTH)) <= set(sequence.known)


def _way(boxes: list[tuple[int, int]], width: int) -> tuple[float, int, float]:
    """Returns (left edge at frame 0, width, pixels per frame) of a board that hides the object in the middle frames."""
    first, last = BEFORE + TRAVEL, BEFORE + TRAVEL + HIDDEN - 1
    low = min(box[0] for box in boxes[first : last + 1]) - _MARGIN
    high = max(box[1] for box in boxes[first : last + 1]) + _MARGIN
    # The board is clear of the object at frame BEFORE and hides [low, high) from `first` to `last`: its front edge
    # crosses the object's width in TRAVEL frames, and its back edge follows after the hidden ones.
    speed = max((high - min(low, boxes[BEFORE][0] - _MARGIN)) / TRAVEL, width / LENGTH)
    board = round(high - low + speed * (last - first))
    return high - board - speed * first, board, speed


def _columns(mask: NDArray[np.bool_]) -> tuple[int, int]:
    found = np.flatnonzero(mask.any(axis=0))
    return int(found[0]), int(found[-1]) + 1


def _board(height: int, width: int, seed: int) -> Image:
    """Returns planks (height, width, 3) uint8 with weathered, uneven paint."""
    rng = np.random.default_rng(seed)
    colour = rng.uniform((70, 60, 50), (170, 150, 140))
    shade = np.zeros((height, width), np.float32)
    for cell, strength in ((160, 22.0), (40, 12.0), (10, 7.0)):
        coarse = rng.normal(0, strength, (height // (4 * cell) + 2, width // cell + 2)).astype(np.float32)
        shade += cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    shade += rng.normal(0, 4, (height, width)).astype(np.float32)
    shade[:, ::48] -= 45
    shade[:, 1::48] -= 20
    return np.clip(colour + shade[..., None], 0, 255).astype(np.uint8)
