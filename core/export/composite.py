"""Composites the cutout over another background, and adjusts its edge. Straight alpha on 8-bit values.

Blender's Mask modifier and Alpha Over do the same with 8-bit pictures: the mask's grey is the alpha unchanged, and
colours are mixed as stored, without conversion to linear light. Imports numpy and OpenCV only.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from ..errors import InputError, SizeMismatch
from ..images.matte import check_image, check_matte

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..types import Image, Matte

MOST_PX = 100
"""Most pixels by which an edge is moved or softened. The time for moving grows with the square of this."""


@dataclass(frozen=True, slots=True)
class Edge:
    """Adjustments of a matte's edge, in this order.

    Attributes:
        shrink_px: pixels by which the edge moves inwards, up to `MOST_PX`; outwards when negative; fractions count.
        feather_px: pixels on either side over which the edge is softened, about, 0 to `MOST_PX`.

    Raises:
        InputError: a value is out of bounds, or not a number.
    """

    shrink_px: float = 0.0
    feather_px: float = 0.0

    def __post_init__(self) -> None:
        if not -MOST_PX <= self.shrink_px <= MOST_PX:  # also true for NaN
            raise InputError(
                f"The edge cannot be moved by {self.shrink_px:g} pixels.", f"Use -{MOST_PX} to {MOST_PX}; 0 for none."
            )
        if not 0 <= self.feather_px <= MOST_PX:
            raise InputError(f"The edge's feather cannot be {self.feather_px:g} pixels.", f"Use 0 (none) to {MOST_PX}.")

    def apply(self, matte: Matte) -> Matte:
        """Returns the matte (H, W) float32 with its edge adjusted; the same array when there is nothing to do."""
        if self.shrink_px:
            matte = _moved(matte, self.shrink_px)
        if self.feather_px:
            # A Gaussian whose visible reach (two standard deviations) is the feather.
            blurred = cv2.GaussianBlur(matte, (0, 0), self.feather_px / 2, borderType=cv2.BORDER_REPLICATE)
            matte = np.asarray(blurred, np.float32)
        return matte


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
    mixed = background + alpha * (image.astype(np.float32) - background)
    return np.asarray(np.rint(mixed), np.uint8)


def rgba(image: Image, matte: Matte) -> NDArray[np.uint8]:
    """Returns the picture with the matte as straight alpha: (H, W, 4) uint8; colours stay as they are everywhere."""
    check_image(image)
    alpha = check_matte(matte, (image.shape[0], image.shape[1]))
    return np.dstack((image, np.rint(alpha * 255).astype(np.uint8)))


def cover(picture: Image, size_hw: tuple[int, int]) -> Image:
    """Returns the picture scaled to cover (height, width), keeping its aspect; the excess is cut off equally."""
    height, width = picture.shape[:2]
    if (height, width) == tuple(size_hw):
        return picture
    scale = max(size_hw[0] / height, size_hw[1] / width)
    tall, wide = max(size_hw[0], round(height * scale)), max(size_hw[1], round(width * scale))
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    scaled = cv2.resize(np.ascontiguousarray(picture), (wide, tall), interpolation=how)
    top, left = (tall - size_hw[0]) // 2, (wide - size_hw[1]) // 2
    return np.ascontiguousarray(scaled[top : top + size_hw[0], left : left + size_hw[1]])


def _moved(matte: Matte, shrink_px: float) -> Matte:
    """Returns the matte with its edge moved inwards: flat erosion for whole pixels, a mix of two for fractions."""
    amount = abs(shrink_px)
    whole, part = int(amount), amount - int(amount)
    step = cv2.erode if shrink_px > 0 else cv2.dilate

    def by(pixels: int) -> Matte:
        if not pixels:
            return matte
        disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * pixels + 1, 2 * pixels + 1))
        # The picture's own edge is not an edge of the object.
        return np.asarray(step(matte, disc, borderType=cv2.BORDER_REPLICATE), np.float32)

    return by(whole) if not part else np.asarray((1 - part) * by(whole) + part * by(whole + 1), np.float32)
