"""Decides which objects of a rendered clip are visible enough to train on, and which clips are worth keeping."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

SMALLEST, LARGEST = 0.004, 0.45
"""Share of the picture: an object stays smaller than this throughout, or is larger than this in a frame."""

LEAST_FRAMES = 3
"""Frames in which an object is at least half as large as `SMALLEST`."""

MOST_RIM = 0.65
"""Share of an object's pixels on its outline, in the frame where it is largest."""

VARIED = 40.0
"""Standard deviation around an object that halves its contrast."""

LEAST_CONTRAST = 15.0
"""See `contrast`: of an object, in the frame where it is largest."""


def worthwhile(masks: Sequence[NDArray[np.uint8]], objects: int) -> list[int]:
    """Returns the ids of the objects that are not too small, too large, or visible too briefly."""
    good = []
    least = min(LEAST_FRAMES, len(masks))
    for identity in range(1, objects + 1):
        areas = np.array([(mask == identity).mean() for mask in masks])
        if areas.max() >= SMALLEST and areas.max() <= LARGEST and (areas >= SMALLEST / 2).sum() >= least:
            good.append(identity)
    return good


def contrast(picture: NDArray[np.uint8], mask: NDArray[np.bool_]) -> float:
    """Returns how much the colours inside an outline differ from those outside, 0 to 255, in the mean along it.

    Colours are means over windows of seven pixels, so a texture does not count as an outline; where the outside varies
    much by itself, a difference counts for less.
    """
    edge = rim(mask)
    if not edge.any():
        return 0.0
    means = []
    spread = np.zeros(mask.shape)
    for part in (mask, ~mask):
        share = part[..., None].astype(np.float64)
        count = np.maximum(_window_sums(share), 1.0)
        mean = _window_sums(np.multiply(picture, share)) / count
        squares = _window_sums(np.multiply(picture.astype(np.float64) ** 2, share)) / count
        spread = np.sqrt(np.maximum(squares - mean**2, 0.0)).mean(axis=2)
        means.append(mean)
    difference = np.abs(means[0] - means[1]).max(axis=2) / (1.0 + spread / VARIED)
    return float(difference[edge].mean())


def rim(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Returns the pixels (H, W) of a mask that have a neighbour outside of it."""
    padded = np.pad(mask, 1, mode="edge")
    ringed = padded[:-2, 1:-1] & padded[2:, 1:-1] & padded[1:-1, :-2] & padded[1:-1, 2:]
    return np.asarray(mask & ~ringed)


def _window_sums(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Returns the sums (H, W, C) over the window around each pixel."""
    total = np.pad(values, ((4, 3), (4, 3), (0, 0))).cumsum(axis=0).cumsum(axis=1)
    return np.asarray(total[7:, 7:] - total[:-7, 7:] - total[7:, :-7] + total[:-7, :-7])


def visible(
    pictures: Sequence[NDArray[np.uint8]], masks: Sequence[NDArray[np.uint8]], objects: Sequence[int]
) -> list[int]:
    """Returns the ids of those objects that stand out where they are largest, and are neither dust nor hair there."""
    good = []
    for identity in objects:
        frame = int(np.argmax([(mask == identity).sum() for mask in masks]))
        mask = masks[frame] == identity
        if rim(mask).sum() <= MOST_RIM * mask.sum() and contrast(pictures[frame], mask) >= LEAST_CONTRAST:
            good.append(identity)
    return good


def is_exposed(pictures: Sequence[NDArray[np.uint8]]) -> bool:
    """Returns whether every picture is neither black nor white nor flat."""
    return all(20 < picture.mean() < 235 and picture.std() > 12 for picture in pictures)
