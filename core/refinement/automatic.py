"""Masks without strokes: a person, a head, the sky, or everything behind the people."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from ..errors import InputError
from ..images.crop import Crop, closer_crops, overview, whole_picture
from ..images.matte import check_image
from ..types import AUTO_MODES, Box

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..ports import AutomaticNet
    from ..types import Image, Matte, Mattes

FOREGROUND, PERSON, HEAD, SKY, BACKGROUND = AUTO_MODES
_CHANNELS = {PERSON: 0, HEAD: 1, SKY: 2}
SMALLEST = {PERSON: 0.001, HEAD: 0.0002, SKY: 0.003}
"""Share of the picture: what is found and smaller counts as nothing."""
GAP = 0.02
"""Share of the picture's shorter side: parts nearer to each other are the same person."""


def check_mode(mode: str) -> None:
    """Raises InputError unless there is such a mode."""
    if mode not in AUTO_MODES:
        raise InputError(f"There is no mode {mode!r}.", f"Choose one of: {', '.join(AUTO_MODES)}.")


def people(net: AutomaticNet, image: Image, working_px: int = 320) -> Matte:
    """Returns the matte (H, W) float32 of all people in (H, W, 3) uint8 RGB, zeros if there are none."""
    return _looked(net, image, PERSON, working_px, None, alone=False)


def automatic(
    net: AutomaticNet, image: Image, mode: str, working_px: int = 320, at: tuple[float, float] | None = None
) -> Matte:
    """Returns the matte (H, W) float32 in [0, 1] of one person, of one head, or of the sky; zeros where there is none.

    A person or a head is looked at once more in a close-up.

    Args:
        net: finds all three.
        image: (H, W, 3) uint8 RGB.
        mode: person, head or sky.
        working_px: side, in pixels, of the square the network works on, roughly.
        at: (x, y) in pixels, on or next to the one that is meant; None = the largest.

    Raises:
        InputError: not such a picture.
    """
    return _looked(net, image, mode, working_px, at, alone=mode != SKY)


def _looked(
    net: AutomaticNet, image: Image, mode: str, working_px: int, at: tuple[float, float] | None, alone: bool
) -> Matte:
    check_image(image)
    size = image.shape[0], image.shape[1]
    channel, crop = _CHANNELS[mode], whole_picture(size, working_px)
    found = np.asarray(net.find(crop.to_crop(image))[channel])
    small = _overview(found, size)
    if alone:
        n = overview(size)[0]
        part = _part(small, None if at is None else (at[0] / n, at[1] / n))
        small = np.where(part, small, np.float32(0))
    if (small > 0.5).mean() < SMALLEST[mode]:
        return np.zeros(size, np.float32)
    closer = closer_crops(small, size, working_px) if mode != SKY else None
    if closer is None:
        matte = np.asarray(crop.from_crop(found, size))
    else:
        matte = np.asarray(closer[0].from_crop(_again(net, image, closer[0], channel), size))
    if not alone:
        return matte
    return np.where(_near(matte, small, size), matte, np.float32(0))


def _again(net: AutomaticNet, image: Image, crop: Crop, channel: int) -> Matte:
    found: Mattes = net.find(crop.to_crop(image))
    return np.asarray(found[channel])


def _overview(matte: Matte, size: tuple[int, int]) -> Matte:
    """Returns what was found in the whole picture at the size of its `overview`."""
    small = overview(size)[1]
    return np.asarray(Crop(Box(0, 0, small[1], small[0]), (matte.shape[0], matte.shape[1])).from_crop(matte, small))


def _part(matte: Matte, at: tuple[float, float] | None) -> NDArray[np.bool_]:
    """Returns where one of the separate things in a matte (h, w) is: the largest, or the one nearest to a point."""
    there = matte > 0.5
    gap = max(round(GAP * min(matte.shape)), 1)
    grown = cv2.dilate(there.astype(np.uint8), np.ones((2 * gap + 1, 2 * gap + 1), np.uint8))
    _, parts = cv2.connectedComponents(grown)
    parts = np.where(there, parts, 0)
    if not there.any():
        return np.zeros(matte.shape, np.bool_)
    if at is None:
        number = int(np.bincount(parts.ravel())[1:].argmax()) + 1
    else:
        ys, xs = np.nonzero(there)
        nearest = int(np.hypot(xs + 0.5 - at[0], ys + 0.5 - at[1]).argmin())
        number = int(parts[ys[nearest], xs[nearest]])
    return np.asarray(cv2.dilate((parts == number).astype(np.uint8), np.ones((3, 3), np.uint8)) > 0)


def _near(matte: Matte, chosen: Matte, size: tuple[int, int]) -> NDArray[np.bool_]:
    """Returns where (H, W) the thing of `chosen` (h, w) is in the closer look: its parts that touch it, with a rim."""
    n, small = overview(size)
    seen = cv2.resize(matte, (small[1], small[0]), interpolation=cv2.INTER_AREA)
    _, parts = cv2.connectedComponents((seen > 0.5).astype(np.uint8))
    touched = np.unique(parts[(parts > 0) & (chosen > 0.5)])
    gap = max(round(GAP * min(small)), 1)
    kept = cv2.dilate(
        np.isin(parts, touched[touched > 0]).astype(np.uint8), np.ones((2 * gap + 1, 2 * gap + 1), np.uint8)
    )
    whole = cv2.resize(kept, (small[1] * n, small[0] * n), interpolation=cv2.INTER_NEAREST)
    return np.asarray(whole[: size[0], : size[1]] > 0)
