"""Masks of one frame: the first guess of the foreground, and one round of strokes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import InputError
from ..images.crop import Crop, around_box, choose_crop, closer_crops, intersection, overview, whole_picture
from ..images.matte import check_image, check_matte, check_size, is_inside
from ..types import Box, Stroke
from .stitch import merge_changes, stitch
from .stroke_maps import rasterise, strokes_inside

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..images.matte import Grey
    from ..ports import ScribbleNet
    from ..types import Image, Matte

FEATHER_SHARE = 0.04
"""Width of the fade at a crop's rim, relative to its shorter side."""


def refine(
    net: ScribbleNet,
    image: Image,
    strokes: Sequence[Stroke],
    previous: Matte | None = None,
    zoom: float = 1.0,
    working_px: int = 320,
) -> Matte:
    """Returns the matte after one round of strokes.

    The network sees the adaptive crop around this round's strokes; its result is blended over `previous` with a faded
    rim. A first round sees the whole picture, and then the result once more in close-up. A later round changes only
    areas connected to its strokes, and removing strokes alone add nothing: next to a stroke on bare background the
    network would leave a rim. Outside the crop `previous` stays as it is, bit for bit. Pixels under a stroke always
    obey it.

    Args:
        net: stroke network.
        image: (H, W, 3) uint8 RGB.
        strokes: of this round only.
        previous: (H, W) float32 after the rounds before; None = empty.
        zoom: magnification when drawn.
        working_px: side, in pixels, of the square the network works on, roughly.

    Returns:
        (H, W) float32 in [0, 1]; a new array.

    Raises:
        StrokeError: no strokes, or all outside the picture.
        InputError: wrong picture or matte; SizeMismatch when their sizes differ.
    """
    check_image(image)
    size = image.shape[0], image.shape[1]
    before = None
    if previous is not None:
        before = check_matte(previous, size, "The previous matte")
        if before.ndim != 2:
            raise InputError("The previous matte has more than one object.", "Refine one object at a time.")
    return _refined(net, image, strokes, before, np.zeros(size, np.float32), zoom, working_px)


def refine_grey(
    net: ScribbleNet,
    image: Image,
    strokes: Sequence[Stroke],
    previous: Grey | None = None,
    zoom: float = 1.0,
    working_px: int = 320,
) -> Grey:
    """Like `refine`, but from and to a matte (H, W) uint8 in 255ths; equals `to_grey` of its result, bit for bit.

    Only the crop is converted, so a round takes hardly longer in a large picture.
    """
    check_image(image)
    size = image.shape[0], image.shape[1]
    if previous is not None:
        check_size(previous, size, "The previous matte")
    return _refined(net, image, strokes, previous, np.zeros(size, np.uint8), zoom, working_px)


def _refined(
    net: ScribbleNet,
    image: Image,
    strokes: Sequence[Stroke],
    previous: Matte | Grey | None,
    empty: Matte | Grey,
    zoom: float,
    working_px: int,
) -> NDArray[Any]:
    """Returns the matte after the round, of the kind of `empty`, which replaces a missing `previous`."""
    size = image.shape[0], image.shape[1]
    if not zoom > 0:
        raise InputError(f"The zoom is {zoom}, but must be greater than 0.", "Use 1 for the whole picture in view.")
    before = empty if previous is None else previous
    inside = strokes_inside(strokes, size)
    crop = choose_crop(inside, size, before, zoom, working_px)
    keep, remove = rasterise(inside, crop)
    seen = np.zeros(crop.size, np.float32) if previous is None else crop.to_crop(before, fill=0.0, grey=True)
    refined = net.predict(crop.to_crop(image), seen, keep, remove)
    if is_inside(before.max()):
        refined = merge_changes(seen, refined, np.maximum(keep, remove))
        if not keep.any():
            refined = np.minimum(refined, seen)
    elif crop.box.area == size[0] * size[1]:
        found = _overview(refined, size)
        closer = closer_crops(found, size, working_px, inside)
        if closer is not None:
            crop, of_found = closer
            keep, remove = rasterise(inside, crop)
            refined = net.predict(crop.to_crop(image), of_found.to_crop(found, fill=0.0), keep, remove)
    refined = np.where(keep > 0, np.float32(1), np.where(remove > 0, np.float32(0), refined))
    return stitch(before, refined, crop, FEATHER_SHARE * min(crop.box.width, crop.box.height), previous is None)


def foreground(net: ScribbleNet, image: Image, working_px: int = 320, box: Box | None = None) -> Matte:
    """Returns the first guess (H, W) float32 of the foreground object(s), without any stroke.

    The first look averages the predictions for the picture and its mirror image: which object a wide view is about is a
    close decision, and two looks settle it better. See docs/experiments.md, "Strokes and foreground".

    Args:
        net: stroke network.
        image: (H, W, 3) uint8 RGB.
        working_px: side, in pixels, of the square the network works on, roughly.
        box: drawn around the object, outside of which the guess is 0; None = anywhere.

    Raises:
        InputError: not such a picture, or the box lies outside it.
    """
    check_image(image)
    size = image.shape[0], image.shape[1]
    if box is not None:
        return _in_box(net, image, size, working_px, box)
    crop = whole_picture(size, working_px)
    guess = _guess(net, crop.to_crop(image))
    found = _overview(guess, size)
    closer = closer_crops(found, size, working_px)
    if closer is None:
        return np.asarray(crop.from_crop(guess, size))
    crop, of_found = closer
    nothing = np.zeros(crop.size, np.float32)
    refined = net.predict(crop.to_crop(image), of_found.to_crop(found, fill=0.0), nothing, nothing)
    return np.asarray(crop.from_crop(refined, size))


def _guess(net: ScribbleNet, seen: Image) -> Matte:
    mirrored = net.foreground(np.ascontiguousarray(seen[:, ::-1]))[:, ::-1]
    return np.asarray((net.foreground(seen) + mirrored) * np.float32(0.5))


def _in_box(net: ScribbleNet, image: Image, size: tuple[int, int], working_px: int, box: Box) -> Matte:
    """Returns the first guess (H, W) of what a box is drawn around."""
    inner = intersection(box, *size)
    if inner is None:
        raise InputError("The box lies outside the picture.", "Draw it around the object.")
    crop = around_box(inner, size, working_px)
    found = crop.inside(_guess(net, crop.to_crop(image)), inner)
    out = np.zeros(size, np.float32)
    out[inner.y0 : inner.y1, inner.x0 : inner.x1] = found
    return out


def _overview(matte: Matte, size: tuple[int, int]) -> Matte:
    """Returns what was found in the whole picture (h, w), at the size of its `overview`."""
    small = overview(size)[1]
    return np.asarray(Crop(Box(0, 0, small[1], small[0]), (matte.shape[0], matte.shape[1])).from_crop(matte, small))
