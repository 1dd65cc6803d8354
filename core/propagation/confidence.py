"""Estimates how likely a matte is right, to point the artist at doubtful frames. numpy and OpenCV only."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from ..types import Mattes

_SIDE = 512
_STEEP, _EVEN = 19.4, 0.822
"""Logistic curve: its slope, and the certainty at which a mask is as likely right as wrong."""


def confidence(mattes: Mattes) -> float:
    """Returns how likely a propagated matte (H, W), or the least likely of (N, H, W), is right: 0 to 1.

    Right is an IoU of 0.75 with the truth; of masks with a confidence of 0.8, four out of five should have it. That
    held on clips that the curve was not fitted to: see docs/experiments.md, "Doubt".
    """
    return calibrated(certainty(mattes))


def calibrated(certain: float) -> float:
    """Returns the confidence, 0 to 1, that belongs to a certainty."""
    return 1 / (1 + math.exp(-_STEEP * (certain - _EVEN))) if certain > 0 else 0.0


def certainty(mattes: Mattes) -> float:
    """Returns how certain the network is of a matte (H, W), or of the least certain of (N, H, W): 0 to 1; 0 = empty.

    It is the mean certainty, 2 m - 1, of the object's pixels, times the square root of the share of them that lie in
    the largest connected part. It measures only the network's own doubt: a wrong object followed with certainty goes
    unnoticed. It ranks the frames of a run better than the certainty alone, and finds bad frames better than the
    overlap with the last mask moved by optical flow, the change of area, or the certainty near the outline: see
    docs/experiments.md, "Doubt".
    """
    return min(_certainty(matte) for matte in (mattes if mattes.ndim == 3 else mattes[None]))


def _certainty(matte: Mattes) -> float:
    step = max(1, max(matte.shape) // _SIDE)
    seen = matte[::step, ::step]
    owned = seen > 0.5
    if not owned.any():
        return 0.0
    _, _, parts, _ = cv2.connectedComponentsWithStats(owned.astype(np.uint8))
    areas = parts[1:, cv2.CC_STAT_AREA]
    certain = 2 * float(seen[owned].mean()) - 1
    return certain * float(np.sqrt(areas.max() / areas.sum()))
