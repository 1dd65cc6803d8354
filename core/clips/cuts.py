"""Finds cuts between the shots of a clip. numpy and OpenCV only.

Two frames belong to one shot when their colours are mostly the same, or when one can be warped into the other; small
pictures suffice for that. A flash of light changes both for a moment, so a frame starts a new shot only when none of
the frames after it resembles those before.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING

import cv2
import numpy as np

from ..images.dense_flow import dense_flow

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..ports import FrameSource
    from ..types import Image

    Grey = NDArray[np.uint8]

SIDE = 96
"""Longer side of the small pictures, in pixels."""
SAME_COLOURS = 0.6
"""Share of the pixels with matching colours (of 8 x 8 x 8) above which two frames belong to one shot.

Neighbouring frames stay above it even with frames left out, joins of different clips below it: see
docs/experiments.md, "Cuts".
"""
SAME_SHAPES = 0.8
"""Correlation of the brightness, with motion undone and contrast equalised, above which two frames belong to one shot.

Joins of different clips stay below it; most frames that were darkened strongly stay above it.
"""
FLASH = 3
"""Longest flash, in frames."""


class CutFinder:
    """Finds cuts in a clip, one pair of frames after the other; holds a few small pictures.

    Args:
        frames: the clip.
    """

    def __init__(self, frames: FrameSource) -> None:
        self._frames = frames
        self._small: OrderedDict[int, Image] = OrderedDict()

    def __len__(self) -> int:
        """Returns the number of frames."""
        return len(self._frames)

    def between(self, one: int, other: int) -> bool:
        """Returns whether there is a cut between two neighbouring frames, in either order.

        Raises:
            FrameReadError: from the clip.
        """
        before, after = min(one, other), max(one, other)
        if self._alike(before, after):
            return False
        # What looks like a cut may be the start or the end of a flash.
        later = range(after + 1, min(after + FLASH + 1, len(self._frames)))
        earlier = range(before - 1, max(before - FLASH - 1, -1), -1)
        return not (any(self._alike(before, f) for f in later) or any(self._alike(f, after) for f in earlier))

    def _alike(self, one: int, other: int) -> bool:
        return alike(self.picture(one), self.picture(other))

    def picture(self, frame: int) -> Image:
        """Returns the small picture of a frame, see `small`. Raises FrameReadError, from the clip."""
        found = self._small.get(frame)
        if found is None:
            found = self._small[frame] = small(self._frames[frame])
        self._small.move_to_end(frame)
        while len(self._small) > 2 * FLASH + 4:
            self._small.popitem(last=False)
        return found


def small(image: Image) -> Image:
    """Returns the picture (H, W, 3) at the size that `alike` needs."""
    height, width = image.shape[:2]
    scale = SIDE / max(height, width)
    size = (max(16, round(width * scale)), max(16, round(height * scale)))
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)


def alike(one: Image, other: Image) -> bool:
    """Returns whether two small pictures (h, w, 3) uint8 RGB of the same size can belong to one shot."""
    return same_colours(one, other) >= SAME_COLOURS or same_shapes(one, other) >= SAME_SHAPES


def same_colours(one: Image, other: Image) -> float:
    """Returns the share of the pixels whose colours match, 0 to 1."""
    return float(np.minimum(_colours(one), _colours(other)).sum())


def same_shapes(one: Image, other: Image) -> float:
    """Returns the correlation of the brightness, -1 to 1, with motion undone and contrast equalised."""
    first, second = _levelled(one), _levelled(other)
    return max(_fit(first, second), _fit(second, first))


def _colours(image: Image) -> NDArray[np.float32]:
    """Returns the share of the pixels in each of 512 colours."""
    counts = cv2.calcHist([image], [0, 1, 2], None, [8, 8, 8], [0, 256] * 3)
    return np.asarray(counts.ravel() / (image.shape[0] * image.shape[1]), np.float32)


def _levelled(image: Image) -> Grey:
    """Returns the picture in grey, with the same mean and contrast for all pictures."""
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(np.float32)
    return np.asarray(np.clip((grey - grey.mean()) / (grey.std() + 8) * 48 + 128, 0, 255), np.uint8)


def _fit(source: Grey, target: Grey) -> float:
    """Returns the correlation of the target with the source warped onto it (DIS flow, Kroeger et al., ECCV 2016)."""
    flow = dense_flow(cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_FAST), target, source)
    height, width = target.shape
    x = np.arange(width, dtype=np.float32)[None, :] + flow[..., 0]
    y = np.arange(height, dtype=np.float32)[:, None] + flow[..., 1]
    inside = (x >= 0) & (x < width) & (y >= 0) & (y < height)
    if np.count_nonzero(inside) < inside.size / 4:
        return 0.0
    a = cv2.remap(source, x, y, cv2.INTER_LINEAR)[inside].astype(np.float32)
    b = target[inside].astype(np.float32)
    return float(((a - a.mean()) * (b - b.mean())).mean() / (a.std() * b.std() + 1e-3))
