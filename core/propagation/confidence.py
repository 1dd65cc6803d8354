"""How sure the network is of a matte: what tells the artist which frames to look at. numpy and OpenCV only."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from ..types import Mattes

_SIDE = 512


def confidence(mattes: Mattes) -> float:
    """How sure a propagated matte (H, W), or the least sure of (N, H, W), is: 0 to 1; 0 when there is no object.

    The mean certainty, 2 m - 1, of the pixels that belong to the object, times the square root of the share that its
    largest part has of it. It is the network's own doubt and knows nothing of the truth: a whole that is taken for
    the object with certainty is not noticed.

    Measured on 859 frames of twenty runs (tier standard, five development clips from four frames each): of a frame with
    an IoU below 0.7 and one above, the first has the lower confidence with a probability (AUC) of 0.975; rank
    correlation with the IoU 0.95, within one run 0.70 on average. Below 0.844: 97 of 100 bad frames, 13 of 100 good
    ones. The certainty alone: 0.976, 0.94, 0.63. Overlap with the last mask moved by optical flow: 0.89, 0.79, 0.15;
    change of area: 0.67, 0.41; certainty near the outline only: 0.78, 0.65.
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
