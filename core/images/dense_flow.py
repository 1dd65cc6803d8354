"""Dense optical flow by OpenCV (DIS, Kroeger et al., ECCV 2016), safe for pictures of any shape."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]

LEAST = 32
"""Least height and width in pixels: OpenCV 4.11 to 5.0 ends the process on long pictures lower than this."""


def dense_flow(finder: Any, one: NDArray[np.uint8], other: NDArray[np.uint8]) -> Floats:
    """Returns where each pixel of a picture goes in another one: (h, w, 2) float32, x and y in pixels.

    Args:
        finder: from `cv2.DISOpticalFlow.create`.
        one: (h, w) uint8 grey; stretched internally when too low or narrow.
        other: the other one, of the same size.
    """
    height, width = one.shape
    if min(height, width) >= LEAST:
        return np.asarray(finder.calc(one, other, None), np.float32)
    size = max(LEAST, width), max(LEAST, height)
    first, second = (cv2.resize(picture, size, interpolation=cv2.INTER_LINEAR) for picture in (one, other))
    found = np.asarray(finder.calc(first, second, None), np.float32)
    flow = cv2.resize(found, (width, height), interpolation=cv2.INTER_AREA)
    return np.asarray(flow * np.array([width / size[0], height / size[1]], np.float32), np.float32)
