"""Finds where a matte may be half-transparent: a band along its edge, as wide as the matte is unsure there.

Elsewhere the matte is decided: solid inside, clean outside, whatever the network's doubts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..types import Map, Matte

DOUBT = 0.04
"""Mattes between this and 1 minus this are undecided."""

LEAST_PX, MOST_PX = 5.0, 12.0
"""Bounds of the automatic half-width, in pictures up to `USUAL_SIDE_PX` on their shorter side; larger ones get more."""

USUAL_SIDE_PX = 720

REACH = 0.75
"""Half-width relative to the local width of the undecided ramp."""

UNTRUE, TRUE = 0.5, 0.9
"""Differences of the matte near an edge up to which it is only the border of a doubt, and from which it is an edge."""

THIN = 0.1
"""How much a thin thing, or a thin gap, stands out from the matte around it."""

_NEAR, _THIN, _WINDOW = 25, 13, 33
"""Sides of squares: in which the matte must differ that much, within which a thing is thin, and over which the ramp's
width is averaged. For usual sides; larger in larger pictures, as the matte is of low resolution there."""


@dataclass(frozen=True, slots=True)
class Band:
    """A decided matte, and where it stays undecided.

    Attributes:
        solid: (H, W) bool, the object where no doubt is left.
        open: (H, W) bool, where alpha is to be found.
        weight: (H, W) float32 in [0, 1], how far alpha counts there: falls to 0 at the band's rim.
    """

    solid: NDArray[np.bool_]
    open: NDArray[np.bool_]
    weight: NDArray[np.float32]


def most_width(size_hw: tuple[int, ...]) -> float:
    """Returns the largest automatic half-width in pixels, for a picture of that size."""
    return MOST_PX * max(1.0, min(size_hw) / USUAL_SIDE_PX)


def margin(width_px: float, most_px: float) -> int:
    """Returns how many pixels around a tile the band inside may depend on; arguments as of `find_band`."""
    return int(max(width_px, most_px)) + _scaled(_WINDOW, most_px) // 2 + 4


def find_band(
    matte: Matte, width_px: float = 0.0, most_px: float = MOST_PX, faint: bool = True, detail: Map | None = None
) -> Band:
    """Returns the band of a matte (H, W).

    Args:
        matte: float32 in [0, 1].
        width_px: half-width of the band; 0 = by the matte's own doubt.
        most_px: the largest half-width by doubt, from `most_width`.
        faint: leave thin things open that are too faint for an edge of their own.
        detail: (H, W) float32 in [0, 1], where the artist wants more than the band; see `detail_map`.
    """
    solid = matte >= 0.5
    weight = np.zeros(matte.shape, np.float32)
    unsure = bool((matte > DOUBT).any() and (matte < 1 - DOUBT).any())
    if not unsure and detail is None:
        return Band(solid, weight > 0, weight)
    edge = _edge_of(solid)
    if edge.any():
        distance = cv2.distanceTransform((~edge).astype(np.uint8), cv2.DIST_L2, 5)
        reach: NDArray[np.float32] | float = width_px or half_width(matte, edge, most_px)
        # Fades over the outer two pixels, so that the band's rim does not show.
        weight = np.clip((reach - distance) / 2.0 + 1.0, 0.0, 1.0).astype(np.float32)
    if faint and not width_px and unsure:
        weight = np.maximum(weight, _thin(matte, most_px))
    if detail is not None:
        weight = np.maximum(weight, detail)
    return Band(solid, weight > 0, weight)


def half_width(matte: Matte, edge: NDArray[np.bool_], most_px: float = MOST_PX) -> NDArray[np.float32]:
    """Returns the automatic half-width (H, W) in pixels near an edge: area of the local ramp over the edge's length."""
    ramp = ((matte > DOUBT) & (matte < 1 - DOUBT)).astype(np.float32)
    side = _scaled(_WINDOW, most_px)
    area, length = (
        cv2.boxFilter(part, -1, (side, side), borderType=cv2.BORDER_REPLICATE)
        for part in (ramp, edge.astype(np.float32) * 0.5)  # the edge is drawn two pixels wide
    )
    wide = area / np.maximum(length, 0.5 / side**2)
    return np.asarray(np.clip(REACH * wide, LEAST_PX, most_px) * _trust(matte, most_px), np.float32)


def _trust(matte: Matte, most_px: float) -> NDArray[np.float32]:
    """Returns how certain an edge is, (H, W) in [0, 1]: between sure object and sure background, not within doubt."""
    box = np.ones((_scaled(_NEAR, most_px),) * 2, np.uint8)
    spread = cv2.dilate(matte, box) - cv2.erode(matte, box)
    return np.asarray(np.clip((spread - UNTRUE) / (TRUE - UNTRUE), 0.0, 1.0), np.float32)


def _thin(matte: Matte, most_px: float) -> NDArray[np.float32]:
    """Returns where a thin thing or a thin gap is too faint for an edge of its own, (H, W) in [0, 1]."""
    side = _scaled(_THIN, most_px)
    square = np.ones((side, side), np.uint8)
    stands_out = np.maximum(
        cv2.morphologyEx(matte, cv2.MORPH_TOPHAT, square), cv2.morphologyEx(matte, cv2.MORPH_BLACKHAT, square)
    )
    stands_out = cv2.GaussianBlur(stands_out, (0, 0), 1.5)  # the corners of larger doubtful areas are not thin
    core = np.clip(stands_out / THIN - 1.0, 0.0, 1.0)
    return np.asarray(cv2.dilate(core, np.ones((side // 2, side // 2), np.uint8)), np.float32)


def _scaled(side: int, most_px: float) -> int:
    """Returns the side of a square for a picture whose largest half-width is that; odd."""
    return int(side * most_px / MOST_PX) // 2 * 2 + 1


def _edge_of(solid: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Returns the pixels on either side of the outline; the picture's border is no outline."""
    edge = np.zeros(solid.shape, bool)
    across, down = solid[:, 1:] != solid[:, :-1], solid[1:] != solid[:-1]
    edge[:, 1:] |= across
    edge[:, :-1] |= across
    edge[1:] |= down
    edge[:-1] |= down
    return edge
