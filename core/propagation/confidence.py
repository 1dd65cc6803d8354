"""Estimates how sure the network is of a matte, to point the artist at doubtful frames. numpy and OpenCV only."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from ..types import Mattes

_SIDE = 512


def confidence(mattes: Mattes) -> float:
    """Returns how sure a propagated matte (H, W), or the least sure of (N, H, W), is: 0 to 1; 0 without an object.

    It is the mean certainty, 2 m - 1, of the object's pixels, times the square root of the share of them that lie in
    the largest connected part. It measures only the network's own doubt: a wrong object followed with certainty goes
    unnoticed. It ranks the frames of a run better than the certainty alone, and finds bad frames better than the
    overlap with the last mask moved by optical flow, the change of area, or the certainty near the outline: see
    docs/experiments.md, "Doubt".
    """
    return min(_confidence(matte) for matte in (mattes if mattes.ndim == 3 else mattes[None]))


def _confidence(matte: Mattes) -> float:
    step = max(1, max(matte.shape) // _SIDE)
    seen = matte[::step, ::step]
    owned = seen > 0.5
    if not owned.any():
        return 0.0
    _, _, parts, _ = cv2.connectedComponentsWithStats(owned.astype(np.uint8))
    areas = parts[1:, cv2.CC_STAT_AREA]
    certain = 2 * float(seen[owned].mean()) - 1
    return certain * float(np.sqrt(areas.max() / areas.sum()))
