"""Draws crops of edges at 200 % over green, black and white, raw and refined next to each other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import cv2
import numpy as np

from ..core.export.composite import over
from .edge_errors import GREEN

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..core.types import Image
    from .edge_errors import EdgePicture, Refine

CROP_PX, SCALE, GAP_PX = 110, 2, 4
GROUNDS = (GREEN, (0, 0, 0), (255, 255, 255))


def edge_sheet(pictures: Sequence[EdgePicture], raw: Refine, refined: Refine) -> Image:
    """Returns a picture (H, W, 3) uint8 RGB with a row for each picture.

    In a row: the picture itself, then over each ground the cutout by its raw matte and by the refined one.
    """
    rows = []
    for picture in pictures:
        y, x = _busiest(picture.band)
        crop = np.s_[y : y + CROP_PX, x : x + CROP_PX]
        cells = [picture.image[crop]]
        ways = [way(picture.image, picture.mask) for way in (raw, refined)]
        for ground in GROUNDS:
            plain = np.full_like(picture.image, ground)
            cells += [over(colours, alpha, plain)[crop] for alpha, colours in ways]
        rows.append(_joined([_enlarged(cell) for cell in cells], axis=1))
    return _joined(rows, axis=0)


def _busiest(band: NDArray[np.bool_]) -> tuple[int, int]:
    """Returns the top left corner of the crop that holds most of the band."""
    height, width = (max(side - CROP_PX, 0) for side in band.shape)
    sums = cv2.boxFilter(band.astype(np.float32), -1, (CROP_PX, CROP_PX), anchor=(0, 0), normalize=False)
    y, x = np.unravel_index(int(sums[: height + 1, : width + 1].argmax()), (height + 1, width + 1))
    return int(y), int(x)


def _enlarged(cell: Image) -> Image:
    large = cv2.resize(cell, None, fx=SCALE, fy=SCALE, interpolation=cv2.INTER_NEAREST)
    side = CROP_PX * SCALE
    return np.asarray(
        cv2.copyMakeBorder(large, 0, side - large.shape[0], 0, side - large.shape[1], cv2.BORDER_CONSTANT), np.uint8
    )


def _joined(parts: Sequence[Image], axis: int) -> Image:
    """Returns the parts one after the other, with a grey gap between them."""
    shape = list(parts[0].shape)
    shape[axis] = GAP_PX
    gap = np.full(shape, 128, np.uint8)
    return np.concatenate([piece for part in parts for piece in (part, gap)][:-1], axis=axis)
