"""Adjusts a matte's edge: holes, dots, growing, smoothing, feathering, clipping. Pure; numpy and OpenCV only."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from ..types import Matte


def fill_holes(matte: Matte, across_px: float) -> Matte:
    """Returns the matte with holes up to `across_px` pixels across filled; the picture's border closes none."""
    if across_px <= 0:
        return matte
    small = _small_parts(matte < 0.5, across_px, inside=True)
    return np.where(small, np.float32(1), matte) if small.any() else matte


def remove_dots(matte: Matte, across_px: float) -> Matte:
    """Returns the matte without parts up to `across_px` pixels across, with the soft rim around them."""
    if across_px <= 0:
        return matte
    solid = matte >= 0.5
    small = _small_parts(solid, across_px, inside=False)
    if not small.any():
        return matte
    kept = solid & ~small
    # A dot's soft rim is nearer to the dot than to anything that stays.
    near_dot, near_kept = (_distance(part) for part in (small, kept))
    return np.where((near_dot < near_kept) & (matte > 0), np.float32(0), matte)


def _distance(part: np.ndarray) -> np.ndarray:
    if not part.any():
        return np.full(part.shape, np.inf, np.float32)
    return np.asarray(cv2.distanceTransform((~part).astype(np.uint8), cv2.DIST_L2, 5))


def _small_parts(region: np.ndarray, across_px: float, inside: bool) -> np.ndarray:
    """Returns the connected parts of a region (H, W) whose area is at most a disc's of that diameter.

    With `inside` those that touch the picture's border are left out.
    """
    count, labels, stats, _ = cv2.connectedComponentsWithStats(region.astype(np.uint8), connectivity=8 - 4 * inside)
    height, width = region.shape
    chosen = stats[:, cv2.CC_STAT_AREA] <= math.pi / 4 * across_px**2
    chosen[0] = False
    if inside:
        left, top = stats[:, cv2.CC_STAT_LEFT], stats[:, cv2.CC_STAT_TOP]
        right, bottom = left + stats[:, cv2.CC_STAT_WIDTH], top + stats[:, cv2.CC_STAT_HEIGHT]
        chosen &= (left > 0) & (top > 0) & (right < width) & (bottom < height)
    return np.asarray(chosen[labels]) if count > 1 else np.zeros(region.shape, bool)


def grow(matte: Matte, px: float) -> Matte:
    """Returns the matte with its edge moved outwards, or inwards if negative; fractions blend two steps."""
    amount = abs(px)
    whole, part = int(amount), amount - int(amount)
    step = cv2.dilate if px > 0 else cv2.erode

    def by(pixels: int) -> Matte:
        if not pixels:
            return matte
        disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * pixels + 1, 2 * pixels + 1))
        # The picture's own edge is not an edge of the object.
        return np.asarray(step(matte, disc, borderType=cv2.BORDER_REPLICATE), np.float32)

    return by(whole) if not part else np.asarray(np.minimum((1 - part) * by(whole) + part * by(whole + 1), 1))


def smooth(matte: Matte, radius_px: float) -> Matte:
    """Returns the matte with bumps and dents of its outline up to that radius evened out; its edge stays as steep.

    The outline of a blurred matte is smooth; stretching that blur brings the steepness back.
    """
    if radius_px <= 0:
        return matte
    blurred = cv2.GaussianBlur(matte, (0, 0), radius_px, borderType=cv2.BORDER_REPLICATE)
    steep = np.clip((blurred - 0.5) * max(radius_px * math.sqrt(2 * math.pi) / 2.0, 1.0) + 0.5, 0.0, 1.0)
    return np.asarray(steep, np.float32)


def feather(matte: Matte, px: float) -> Matte:
    """Returns the matte softened over about `px` pixels on either side of its edge."""
    if px <= 0:
        return matte
    # A Gaussian whose visible reach (two standard deviations) is the feather.
    soft = cv2.GaussianBlur(matte, (0, 0), px / 2, borderType=cv2.BORDER_REPLICATE)
    return np.asarray(np.minimum(soft, 1, out=soft), np.float32)  # it rounds to a little more than 1


def clip(matte: Matte, black: float, white: float) -> Matte:
    """Returns the matte with alpha up to `black` at 0, from 1 - `white` on at 1, and the rest stretched between."""
    if black <= 0 and white <= 0:
        return matte
    return np.asarray(np.clip((matte - black) / (1.0 - white - black), 0.0, 1.0), np.float32)
