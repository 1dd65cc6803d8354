"""Removes stray parts of a mask: a moving object stays near where it was in the frame before."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import cv2
import numpy as np

from ..images.crop import mask_box

if TYPE_CHECKING:
    from ..types import Matte, Mattes

PART_REACH = 0.25
"""A separate part is kept when it begins within this many object sizes of where the object was.

Keeping everything scored clearly worse, a tighter limit slightly worse.
"""

PIXEL_REACH = 1.0
"""Pixels farther than this many object sizes from where the object was are removed."""

RIM = 4
"""Pixels below the threshold that are kept around what stays, in network pixels."""

NEARLY = 0.35
"""From here up to the threshold a pixel of the rim has more and more of a rim of its own."""


def without_strays(mattes: Mattes, last: Mattes) -> Mattes:
    """Returns the mattes (N, h, w) without parts that lie too far from where each object was in the frame before.

    Appearance alone cannot tell the object from others of its kind: parked scooters behind a scooter would be added one
    by one. An object nowhere near its last place has jumped, or come back, and is kept as it is; so is one that was not
    there in the last frame. The size of an object is the square root of its area.

    Args:
        mattes: float32 in [0, 1] of the frame.
        last: of the frame before, in the same crop.
    """
    near = [_near(matte, before) for matte, before in zip(mattes, last, strict=True)]
    return np.stack([matte if found is None else found for matte, found in zip(mattes, near, strict=True)])


def _near(matte: Matte, last: Matte) -> Matte | None:
    """Returns the matte without strays; None = there are none to remove."""
    there = last > 0.5
    hits = matte > 0.5
    area = int(np.count_nonzero(there))
    if not area or not hits.any():
        return None
    size = math.sqrt(area)
    # Nothing farther out than both is kept, except the rim, and what fades out around it.
    box, out = mask_box(np.maximum(matte, last)), 2 * RIM
    assert box is not None
    place = np.s_[max(0, box.y0 - out) : box.y1 + out, max(0, box.x0 - out) : box.x1 + out]
    there, hits, whole, matte = there[place], hits[place], np.zeros_like(matte), matte[place]
    distance = cv2.distanceTransform((~there).view(np.uint8), cv2.DIST_L2, 3)
    number, parts = cv2.connectedComponents(hits.view(np.uint8))
    nearest = np.full(number, np.inf, np.float32)
    np.minimum.at(nearest, parts.astype(np.intp).ravel(), distance.ravel())
    believed = nearest <= PART_REACH * size
    believed[0] = False
    if not believed.any():
        return None
    keep = believed[parts] & (distance <= PIXEL_REACH * size)
    # With its soft rim: pixels below the threshold that touch what is kept, or fade out around what nearly is. Else one
    # pixel that passes the threshold by a rounding error would show or hide all those around it.
    square = np.ones((2 * RIM + 1, 2 * RIM + 1), np.uint8)
    rim = cv2.dilate(keep.view(np.uint8), square) > 0
    share = ((cv2.dilate(np.where(rim & ~hits, matte, np.float32(0)), square) - NEARLY) / (0.5 - NEARLY)).clip(0.0, 1.0)
    share[rim] = 1.0
    whole[place] = np.where(keep, matte, np.where(hits, np.float32(0), share * matte))
    return whole
