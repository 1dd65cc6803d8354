"""Blends a refined crop back over the matte that it was cut from."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from ..images.crop import Crop, intersection
from ..images.matte import from_grey, to_grey

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..images.matte import Grey
    from ..types import Matte
from typing import TYPE_CHECKING

import cv2

if TYPE_CHECKING:
    from ..types import Map, Matte


def stitch(
    matte_full: Matte | Grey, refined_crop: Matte, crop: Crop, feather_px: float, in_place: bool = False
) -> NDArray[Any]:
    """Returns the matte with the refined crop over it, faded at its rim over `feather_px` source pixels.

    Rims on the picture's own edge are not faded. Outside the box the result equals `matte_full` bit for bit.

    Args:
        matte_full: (H, W) float32, or uint8 in 255ths; the result has the same type.
        refined_crop: (h, w) float32 in crop space.
        crop: where it lies.
        feather_px: width of the fade, in source pixels; 0 = none.
        in_place: modify `matte_full` itself and return it.
    """
    height, width = matte_full.shape
    inner = intersection(crop.box, height, width)
    out: NDArray[Any] = matte_full if in_place else np.array(matte_full)
    if inner is None:
        return out
    place = np.s_[inner.y0 : inner.y1, inner.x0 : inner.x1]
    # Only the box, and only its rims are blended: a whole 4K picture takes many times as long.
    new = crop.inside(np.clip(refined_crop, 0.0, 1.0), inner)
    rows = _ramp(inner.y0, inner.y1, height, feather_px)
    columns = _ramp(inner.x0, inner.x1, width, feather_px)
    box, grey = out[place], out.dtype == np.uint8
    for part in _rims(rows, columns):
        weight = np.minimum(rows[part[0], None], columns[None, part[1]])
        old = from_grey(box[part]) if grey else box[part]
        new[part] = np.clip(old + weight * (new[part] - old), 0.0, 1.0)
    box[:] = to_grey(new) if grey else new
    return out


def _rims(rows: NDArray[np.float32], columns: NDArray[np.float32]) -> Iterator[tuple[slice, slice]]:
    """Yields the strips of the box outside which all weights are 1."""
    (top, bottom), (left, right) = _full(rows), _full(columns)
    yield slice(0, top), slice(None)
    yield slice(bottom, None), slice(None)
    yield slice(top, bottom), slice(0, left)
    yield slice(top, bottom), slice(right, None)


def _full(weights: NDArray[np.float32]) -> tuple[int, int]:
    """Returns the first and one past the last weight of 1; they are contiguous."""
    found = np.flatnonzero(weights == 1)
    return (int(found[0]), int(found[-1]) + 1) if found.size else (len(weights), len(weights))


def _ramp(start: int, stop: int, limit: int, feather: float) -> NDArray[np.float32]:
    """Returns weights of pixels start ... stop - 1: rising from the rim inwards, but 1 at the picture's own edge."""
    place = np.arange(start, stop, dtype=np.float32) + 0.5
    width = max(feather, 1e-3)
    low = np.clip((place - start) / width, 0, 1) if start > 0 else np.ones_like(place)
    high = np.clip((stop - place) / width, 0, 1) if stop < limit else np.ones_like(place)
    return np.asarray(np.minimum(low, high), np.float32)


RIM_PX = 2
"""Distance in pixels within which soft pixels belong to a change."""


def merge_changes(before: Matte, refined: Matte, strokes: Map) -> Matte:
    """Returns the refined matte where a changed area touches a stroke, and the earlier one elsewhere.

    A network that sees a crop again also changes its mind far from the strokes, which undoes the artist's corrections
    (FocalClick, 2204.02574, "progressive merge"; there with one click, here with strokes). Changed areas are those that
    cross 0.5; soft changes that do not cross it are accepted.

    Args:
        before: (h, w) float32 of the round before.
        refined: (h, w) float32 of this round.
        strokes: (h, w), above 0 under this round's strokes.

    Returns:
        (h, w) float32; a new array.
    """
    changed = (refined > 0.5) != (before > 0.5)
    _, areas = cv2.connectedComponents(changed.astype(np.uint8), connectivity=8)
    touched = np.unique(areas[_grown(strokes > 0, 1)])
    wanted = changed & np.isin(areas, touched[touched > 0])
    dropped = changed & ~wanted
    back = (_grown(dropped, RIM_PX) & ~_grown(wanted, RIM_PX)) | dropped
    return np.where(back, before, refined).astype(np.float32)


def _grown(pixels: np.ndarray, reach: int) -> np.ndarray:
    """Returns all pixels within a square of `reach` around `pixels`."""
    side = 2 * reach + 1
    return np.asarray(cv2.dilate(pixels.astype(np.uint8), np.ones((side, side), np.uint8)) > 0)
