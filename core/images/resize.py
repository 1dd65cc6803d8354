"""Resizes pictures and mattes, fast even for large ones. Imports numpy and OpenCV only."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

WIDE = 1024
"""Side in pixels (of both sides) from which a picture is halved even when less than half the way is left."""


def resize(array: NDArray[Any], size: tuple[int, int]) -> NDArray[Any]:
    """Resizes `array` (H, W) or (H, W, 3), uint8 or float32, to (height, width); returns a new array of that type."""
    if array.shape[:2] == size:
        return np.array(array)
    height, width = array.shape[:2]
    # Halving is much faster than any other ratio. The rest is so small that the result is the same to one level.
    while not (height % 2 or width % 2):
        least = 2 if min(height, width) >= WIDE else 4
        if height < least * size[0] or width < least * size[1]:
            break
        height, width = height // 2, width // 2
        array = cv2.resize(array, (width, height), interpolation=cv2.INTER_AREA)
    how = cv2.INTER_AREA if height * width > size[0] * size[1] else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(array, (size[1], size[0]), interpolation=how))
