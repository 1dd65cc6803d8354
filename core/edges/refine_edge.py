"""Refines a matte into alpha and clean colours, tile by tile, so that memory does not grow with the picture."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

import cv2
import numpy as np

from ..errors import InputError
from ..images.matte import check_image, check_matte
from . import adjust
from .band import find_band, margin, most_width
from .foreground import estimate_foreground
from .settings import EdgeSettings

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..ports import EdgeNet
    from ..types import Image, Map, Matte

BAND_TILE_PX = 384
"""Side of the parts in which the band is found; a multiple of `TILE_PX`."""

TILE_PX = 128
"""Side of the part of a tile whose alpha is kept; what the network sees is larger by `SEEN_PX` on each side."""

SEEN_PX = 16
LEAST_SEEN = 96 * 96
"""Pixels that the network is shown at least, where there are as many: PyTorch takes longer for smaller maps."""
STEP_PX = 16
"""What the network is shown begins and ends on multiples of this, so that a band that trembles does not move it."""

COLOUR_TILE_PX, COLOUR_MARGIN_PX = 128, 32
COLOUR_REACH_PX = 4
"""Clean colours reach this far beyond half-transparent pixels: scaling mixes in neighbours of alpha 0."""


class Tile(NamedTuple):
    """A part of a picture: what is kept, what is seen for it, and what is kept within what is seen."""

    kept: tuple[slice, slice]
    seen: tuple[slice, slice]
    inner: tuple[slice, slice]


def refine_edge(
    net: EdgeNet | None,
    image: Image,
    matte: Matte,
    settings: EdgeSettings | None = None,
    detail: Map | None = None,
) -> tuple[Matte, Image]:
    """Returns alpha (H, W) float32 in [0, 1], and the object's straight colours (H, W, 3) uint8.

    With all settings at 0 both equal what was given, bit for bit.

    Args:
        net: finds alpha in the band along the edge; None = the matte's own values stay there.
        image: (H, W, 3) uint8 RGB.
        matte: (H, W) float in [0, 1].
        settings: see there; None = the defaults.
        detail: (H, W) float32 in [0, 1], where alpha is also to be found, such as in hair; see `detail_map`.
            Without effect when `settings.detail` is 0.

    Raises:
        InputError: wrong picture or matte, or several objects; SizeMismatch when their sizes differ.
    """
    check_image(image)
    alpha = check_matte(matte, (image.shape[0], image.shape[1]))
    if alpha.ndim != 2:
        raise InputError("The matte has more than one object.", "Refine the edge of one object at a time.")
    chosen = settings or EdgeSettings()
    if chosen.changes_alpha:
        alpha = cleaned(alpha, chosen)
        found = find_detail(net, image, alpha, chosen.width, detail) if chosen.detail else alpha
        alpha = adjusted(alpha, found, chosen)
    colours = _clean(image, alpha, chosen.decontaminate) if chosen.decontaminate else image
    return alpha, colours


def cleaned(matte: Matte, settings: EdgeSettings) -> Matte:
    """Returns the matte with holes filled and dots removed, the first step."""
    return adjust.remove_dots(adjust.fill_holes(matte, settings.fill_holes), settings.remove_dots)


def adjusted(matte: Matte, found: Matte, settings: EdgeSettings) -> Matte:
    """Returns alpha, the last step.

    Args:
        matte: from `cleaned`.
        found: from `find_detail`; without effect where `settings.detail` is 0.
        settings: how much of what was found counts, and the adjustments.
    """
    share = settings.detail
    alpha = found if share == 1 else matte + np.float32(share) * (found - matte) if share else matte
    if settings.grow:
        alpha = adjust.grow(alpha, settings.grow)
    alpha = adjust.smooth(alpha, settings.smooth)
    alpha = adjust.feather(alpha, settings.feather)
    return np.asarray(adjust.clip(alpha, settings.clip_black, settings.clip_white), np.float32)


def find_detail(net: EdgeNet | None, image: Image, matte: Matte, width_px: float, detail: Map | None = None) -> Matte:
    """Returns the matte decided everywhere but in the band, where it is the network's alpha: the slow step."""
    out = np.empty_like(matte)
    most = most_width(matte.shape)
    for large in tiles(matte.shape, BAND_TILE_PX, margin(width_px, most)):
        wanted = None if detail is None else detail[large.seen]
        band = find_band(matte[large.seen], width_px, most, net is not None, wanted)  # someone must decide faint things
        solid = band.solid[large.inner].astype(np.float32)
        weight = band.weight[large.inner]
        for small in tiles(solid.shape, TILE_PX, 0):
            share = weight[small.kept]
            if share.any():
                inner, part = _box(share, small.kept)
                found = _predicted(net, image, matte, _moved(part, large.kept))
                solid[part] += share[inner] * (found - solid[part])
        out[large.kept] = solid
    return out


def _moved(part: tuple[slice, slice], within: tuple[slice, slice]) -> tuple[slice, slice]:
    """Returns a part of a part of the picture within the picture."""
    rows, columns = (
        slice(outer.start + own.start, outer.start + own.stop) for own, outer in zip(part, within, strict=True)
    )
    return rows, columns


def _box(weight: NDArray[np.float32], kept: tuple[slice, slice]) -> tuple[tuple[slice, ...], tuple[slice, slice]]:
    """Returns the box around what is not 0, on multiples of `STEP_PX`: within that part, and within the picture."""
    inner, part = [], []
    for axis, own in enumerate(kept):
        places = np.flatnonzero(weight.any(axis=1 - axis))
        start = places[0] // STEP_PX * STEP_PX
        stop = min((places[-1] // STEP_PX + 1) * STEP_PX, own.stop - own.start)
        inner.append(slice(start, stop))
        part.append(slice(own.start + start, own.start + stop))
    return tuple(inner), (part[0], part[1])


def _predicted(net: EdgeNet | None, image: Image, matte: Matte, part: tuple[slice, slice]) -> Matte:
    """Returns alpha of a part of the picture."""
    if net is None:
        return matte[part]
    height, width = (side.stop - side.start for side in part)
    by = SEEN_PX
    while (height + 2 * by) * (width + 2 * by) < LEAST_SEEN:
        by += STEP_PX // 2
    closer = around(matte.shape, part, by)
    found = net.predict(np.ascontiguousarray(image[closer.seen]), np.ascontiguousarray(matte[closer.seen]))
    return np.asarray(found[closer.inner], np.float32)


def _clean(image: Image, alpha: Matte, share: float) -> Image:
    """Returns the picture with the background's share of colour taken out along the edge."""
    out: Image = image.copy()
    reach = np.ones((2 * COLOUR_REACH_PX + 1,) * 2, np.uint8)
    for tile in tiles(alpha.shape, COLOUR_TILE_PX, COLOUR_MARGIN_PX):
        seen = alpha[tile.seen]
        mixed = ((seen > 0) & (seen < 1)).astype(np.uint8)
        near: NDArray[np.bool_] = cv2.dilate(mixed, reach)[tile.inner] > 0
        if not near.any():
            continue
        own = image[tile.kept]
        rows, columns = np.flatnonzero(near.any(axis=1)), np.flatnonzero(near.any(axis=0))
        top, left = tile.kept[0].start, tile.kept[1].start
        part = np.s_[top + rows[0] : top + rows[-1] + 1, left + columns[0] : left + columns[-1] + 1]
        closer = around(alpha.shape, part, COLOUR_MARGIN_PX)
        colours = own.copy()
        colours[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1] = estimate_foreground(
            image[closer.seen], alpha[closer.seen]
        )[closer.inner]
        if share < 1:
            colours = np.rint(own + np.float32(share) * (colours.astype(np.float32) - own)).astype(np.uint8)
        out[tile.kept] = np.where(near[..., None], colours, own)
    return out


def tiles(size_hw: tuple[int, ...], side: int, margin: int) -> Iterator[Tile]:
    """Yields tiles that cover a picture once."""
    for top in range(0, size_hw[0], side):
        for left in range(0, size_hw[1], side):
            kept = np.s_[top : min(top + side, size_hw[0]), left : min(left + side, size_hw[1])]
            yield around(size_hw, kept, margin)


def around(size_hw: tuple[int, ...], kept: tuple[slice, slice], margin: int) -> Tile:
    """Returns the tile that sees `margin` pixels around what is kept, as far as the picture goes."""
    seen, inner = [], []
    for part, size in zip(kept, size_hw, strict=False):
        start, stop = max(part.start - margin, 0), min(part.stop + margin, size)
        seen.append(slice(start, stop))
        inner.append(slice(part.start - start, part.stop - start))
    return Tile(kept, (seen[0], seen[1]), (inner[0], inner[1]))
