"""Composites the cutout over another background. Straight alpha on 8-bit values.

Blender's Mask modifier and Alpha Over do the same with 8-bit pictures: the mask's grey is the alpha unchanged, and
colours are mixed as stored, without conversion to linear light. Imports numpy and OpenCV only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from ..errors import SizeMismatch
from ..images.matte import check_image, check_matte

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..types import Image, Matte

_BAND = 2**18
"""Pixels that are mixed at a time: floats of a whole picture of 16K would take gigabytes."""


def over(image: Image, matte: Matte, background: Image) -> Image:
    """Returns the cutout over a background: (H, W, 3) uint8, image * matte + background * (1 - matte), rounded.

    Args:
        image: (H, W, 3) uint8 RGB.
        matte: (H, W) float32 in [0, 1].
        background: (H, W, 3) uint8 RGB.

    Raises:
        InputError: wrong type of array; SizeMismatch when sizes differ.
    """
    check_image(image)
    check_image(background, "The background")
    size = image.shape[0], image.shape[1]
    if background.shape != image.shape:
        raise SizeMismatch(
            f"The background is {background.shape[1]} x {background.shape[0]} pixels, "
            f"the picture {size[1]} x {size[0]}.",
            "Use `cover` to fit it.",
        )
    alpha = check_matte(matte, size)[..., None]
    mixed = np.empty(image.shape, np.uint8)
    rows = max(1, _BAND // size[1])
    for top in range(0, size[0], rows):
        band = slice(top, top + rows)
        under = background[band]
        mixed[band] = np.rint(under + alpha[band] * (image[band].astype(np.float32) - under))
    return mixed


def rgba(image: Image, matte: Matte) -> NDArray[np.uint8]:
    """Returns the picture with the matte as straight alpha: (H, W, 4) uint8; colours stay as they are everywhere."""
    check_image(image)
    alpha = check_matte(matte, (image.shape[0], image.shape[1]))
    return np.dstack((image, np.rint(alpha * 255).astype(np.uint8)))


def cover(picture: NDArray[Any], size_hw: tuple[int, int]) -> NDArray[Any]:
    """Returns the picture (H, W, 3), bytes or floats, scaled to cover (height, width) with its aspect kept.

    The excess is cut off equally.
    """
    height, width = picture.shape[:2]
    if (height, width) == tuple(size_hw):
        return picture
    scale = max(size_hw[0] / height, size_hw[1] / width)
    tall, wide = max(size_hw[0], round(height * scale)), max(size_hw[1], round(width * scale))
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    scaled = cv2.resize(np.ascontiguousarray(picture), (wide, tall), interpolation=how)
    top, left = (tall - size_hw[0]) // 2, (wide - size_hw[1]) // 2
    return np.ascontiguousarray(scaled[top : top + size_hw[0], left : left + size_hw[1]])
