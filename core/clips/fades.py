"""Finds gradual transitions between shots: cross-dissolves, and fades to and from one colour.

Within a shot, motion explains most of the change from frame to frame, and the remainder points another way each time.
In a dissolve the remainder points the same way for many frames, towards the other shot, and the frames between are
mixtures of both. Pictures are compared with equal mean and contrast, because changing light is not another shot. A fade
to black, to white or to any colour ends in a picture without contrast. numpy and OpenCV only.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

import cv2
import numpy as np

from ..images.dense_flow import dense_flow
from .cuts import FLASH, SAME_COLOURS, alike, same_colours, same_shapes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from ..types import Image
    from .cuts import CutFinder

    Vector = NDArray[np.float32]

WINDOWS = (6, 8, 11, 15, 20, 26)
"""Most frames that a dissolve may already have lasted."""
LEAST = 30.0
"""Change unexplained by motion below which there is no other shot; a picture's contrast is `CONTRAST`."""
LIKE = 0.35
"""`likeness`, minus what can be warped, above which a stretch of frames is a dissolve; clips without dissolves stay
below it (docs/experiments.md, "Cuts")."""
SUDDEN = 0.45
"""Share of that change made by a single frame above which it is a cut, or a flash, and not a dissolve."""
CONTRAST = 48.0
"""Standard deviation of the brightness that all pictures are normalised to."""
BLANK, FULL = 4.0, 10.0
"""Standard deviation of the brightness below which a picture is blank, and above which it shows something."""
_TINY = (24, 14)
"""Width and height at which frames are compared: small motions vanish at this size."""


class FadeFinder:
    """Looks for gradual transitions on the way to a frame; holds some small pictures.

    Only frames that are walked over are examined, so none must be decoded ahead. A dissolve is noticed in its middle,
    on average, a fade to a colour at its end.

    Args:
        cuts: provides the small pictures.
    """

    def __init__(self, cuts: CutFinder) -> None:
        self._cuts = cuts
        self._way = (-1, 0)
        self._last = -1
        self._seen: deque[_Seen] = deque(maxlen=WINDOWS[-1] + 1)

    def behind(self, start: int, frame: int) -> bool:
        """Returns whether another shot has begun to show at `frame` on a walk from `start`.

        Raises:
            FrameReadError: from the clip.
        """
        step, longest = (1, WINDOWS[-1]) if frame > start else (-1, -WINDOWS[-1])
        first = self._last + step
        if (start, step) != self._way or not 0 <= (frame - first) * step <= WINDOWS[-1]:
            self._seen.clear()
            first = max(start, frame - longest) if step > 0 else min(start, frame - longest)
        for number in range(first, frame + step, step):
            self._seen.append(_Seen(self._cuts.picture(number), self._seen[-1] if self._seen else None))
        self._way, self._last = (start, step), frame
        return self._is_blank(frame, step) or any(self._is_dissolve(n) for n in WINDOWS if n < len(self._seen))

    def _is_dissolve(self, count: int) -> bool:
        seen = list(self._seen)[-count - 1 :]
        one, other = seen[0].picture, seen[-1].picture
        found = likeness(seen)
        if found <= LIKE or same_colours(one, other) >= SAME_COLOURS:
            return False
        # Last, because it takes longest: can the first picture be warped into the last one?
        return found - max(0.0, same_shapes(one, other)) / 2 > LIKE

    def _is_blank(self, frame: int, step: int) -> bool:
        """Returns whether the picture has gone blank for longer than a flash lasts."""
        if self._seen[-1].contrast >= BLANK:
            return False
        full = max(self._seen, key=lambda seen: seen.contrast)
        if full.contrast < FULL:
            return False
        later = (f for f in range(frame + step, frame + (FLASH + 1) * step, step) if 0 <= f < len(self._cuts))
        return not any(alike(full.picture, self._cuts.picture(f)) for f in later)


class _Seen:
    """A frame that was walked over.

    Attributes:
        picture: the small one.
        contrast: standard deviation of its brightness.
        tiny: its colours at a few places, with mean and contrast equalised.
        left: change in `tiny` since the frame before that motion does not explain; 0 for the first frame.
    """

    def __init__(self, picture: Image, before: _Seen | None) -> None:
        self.picture = picture
        self.contrast = float(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).std())
        self._even: NDArray[np.float32] = (picture - picture.mean(axis=(0, 1), dtype=np.float32)) * np.float32(
            CONTRAST / (self.contrast + 8)
        )
        self._grey = np.clip(cv2.cvtColor(self._even, cv2.COLOR_RGB2GRAY) + 128, 0, 255).astype(np.uint8)
        self.tiny = _tiny(self._even)
        self.left = np.zeros_like(self.tiny) if before is None else self._unexplained(before)

    def _unexplained(self, before: _Seen) -> Vector:
        """Returns the part of the change that is not motion (dense flow: DIS, Kroeger et al., ECCV 2016)."""
        finder = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_ULTRAFAST)
        flow = dense_flow(finder, self._grey, before._grey)
        height, width = self._grey.shape
        x = np.arange(width, dtype=np.float32)[None, :] + flow[..., 0]
        y = np.arange(height, dtype=np.float32)[:, None] + flow[..., 1]
        inside = (x >= 0) & (x <= width - 1) & (y >= 0) & (y <= height - 1)
        moved = cv2.remap(before._even, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        # Neither changing light nor what enters the picture counts as a difference in what both show.
        mask = inside.astype(np.uint8)
        if np.count_nonzero(mask) < mask.size / 4:
            return np.zeros_like(self.tiny)
        (one, spread), (other, wanted) = cv2.meanStdDev(moved, mask=mask), cv2.meanStdDev(self._even, mask=mask)
        gain = wanted / (spread + 1)
        moved = moved * gain.ravel().astype(np.float32) + (other - gain * one).ravel().astype(np.float32)
        return _tiny((self._even - moved) * mask[..., None])


def likeness(seen: Sequence[_Seen]) -> float:
    """Returns how much a stretch of at least 7 frames looks like a dissolve from its first frame to its last one.

    A hand-weighted sum of features that distinguish dissolves from motion.
    """
    change = seen[-1].tiny - seen[0].tiny
    left = np.stack([frame.left for frame in seen[1:]])
    total = left.sum(axis=0)
    size, whole = _square(total), _square(change)
    if size < LEAST**2 * len(total) or whole < 1:
        return -np.inf
    if float((left @ total).max()) > SUDDEN * size:
        return -np.inf
    count = len(left)
    # Does the unexplained change point the same way in all frames, towards the last one, and does it add up to it?
    steady = size / (count * _square(left))
    towards = float(total @ change) / (size * whole) ** 0.5
    length = abs(np.log(size / whole)) / 2
    # Are the frames between mixtures of the first and the last one? How far are they from the line between them?
    offsets = np.stack([frame.tiny for frame in seen[count // 3 : count - count // 3 + 1]]) - seen[0].tiny
    share = offsets @ change / whole
    beside = np.sqrt(((offsets - share[:, None] * change) ** 2).sum(axis=1) / whole)
    return float(towards + steady * count / WINDOWS[0] - length - np.median(beside))


def _tiny(picture: NDArray[np.float32]) -> Vector:
    return np.asarray(cv2.resize(picture, _TINY, interpolation=cv2.INTER_AREA), np.float32).ravel()


def _square(values: Vector) -> float:
    return float(np.vdot(values, values))
