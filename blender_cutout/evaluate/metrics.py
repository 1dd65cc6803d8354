"""Measures masks by the papers' definitions. numpy and OpenCV only.

J and F: Perazzi et al., "A Benchmark Dataset and Evaluation Methodology for Video Object Segmentation", CVPR 2016,
section 5, with the boundary map and tolerance (0.008 of the diagonal) of the DAVIS evaluation code. Boundary pixels are
matched within OpenCV's digital disc; the DAVIS code uses scikit-image's, which is up to half a pixel smaller.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Mask = NDArray[np.bool_]

TOLERANCE = 0.008
"""Distance within which boundary pixels match, as a share of the picture's diagonal, rounded up to whole pixels."""


def as_mask(matte: NDArray[Any]) -> Mask:
    """Returns a matte (H, W) in [0, 1] as a mask, as DAVIS reads an 8-bit picture: above 127 is object."""
    return np.asarray(np.rint(matte * 255) > 127)


def iou(mask: Mask, truth: Mask, counted: Mask | None = None) -> float:
    """Returns the intersection over union (J) of two masks (H, W) over the counted pixels; 1 if both are empty."""
    if counted is not None:
        mask, truth = mask & counted, truth & counted
    union = np.count_nonzero(mask | truth)
    return np.count_nonzero(mask & truth) / union if union else 1.0


def contour_accuracy(mask: Mask, truth: Mask) -> float:
    """Returns F of two masks (H, W): harmonic mean of the boundary's precision and recall; 1 if neither has one."""
    found, wanted = boundary(mask), boundary(truth)
    found_count, wanted_count = np.count_nonzero(found), np.count_nonzero(wanted)
    if not found_count and not wanted_count:
        return 1.0
    if not found_count or not wanted_count:
        return 0.0
    reach = int(np.ceil(TOLERANCE * np.hypot(*truth.shape)))
    precision = np.count_nonzero(found & _grown(wanted, reach)) / found_count
    recall = np.count_nonzero(wanted & _grown(found, reach)) / wanted_count
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def boundary(mask: Mask) -> Mask:
    """Returns the pixels (H, W) whose right, lower or lower right neighbour differs."""
    edge = np.zeros_like(mask, dtype=bool)
    edge[:, :-1] |= mask[:, :-1] != mask[:, 1:]
    edge[:-1] |= mask[:-1] != mask[1:]
    edge[:-1, :-1] |= mask[:-1, :-1] != mask[1:, 1:]
    return edge


def decay(scores: Sequence[float]) -> float | None:
    """Returns the mean of the first quarter minus that of the last, in frame order; None for fewer than four frames."""
    quarter = len(scores) // 4
    return float(np.mean(scores[:quarter]) - np.mean(scores[-quarter:])) if quarter else None


def mean_error(matte: NDArray[Any], truth: Mask, counted: Mask | None = None) -> float:
    """Returns the mean absolute difference of a matte (H, W) in [0, 1] and a mask, over the counted pixels."""
    error = np.abs(matte.astype(np.float64) - truth)
    if counted is None:
        return float(error.mean())
    return float(error[counted].mean()) if counted.any() else 0.0


def _grown(pixels: Mask, reach: int) -> Mask:
    """Returns all pixels within `reach` of `pixels`."""
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1))
    return np.asarray(cv2.dilate(pixels.astype(np.uint8), disc) > 0)
