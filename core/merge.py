"""What a round may change: only areas that hang together with this round's strokes. numpy and OpenCV only."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from .types import Map, Matte

RIM_PX = 2
"""Soft pixels this near to a change belong to it."""


def merge_changes(before: Matte, refined: Matte, strokes: Map) -> Matte:
    """The refined matte where a changed area touches a stroke, the earlier one where it does not.

    A network that sees a crop again also changes its mind far from the strokes, which spoils what the artist had put
    right (FocalClick, 2204.02574, "progressive merge"; there with one click, here with strokes). Changed areas are
    those that cross 0.5; soft changes that cross nothing are taken over.

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
    """All pixels within a square of `reach` around `pixels`."""
    side = 2 * reach + 1
    return np.asarray(cv2.dilate(pixels.astype(np.uint8), np.ones((side, side), np.uint8)) > 0)
