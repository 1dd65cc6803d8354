"""Measures flicker: how much masks change from frame to frame beyond what the picture's motion explains.

This is our own measure, as there is no common one (defined in docs/measures.md). The mask of a frame is moved to the
next one by dense optical flow (DIS, Kroeger et al., ECCV 2016) and compared with the mask there. numpy and OpenCV only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from ..core.images.dense_flow import dense_flow
from .metrics import iou

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..core.types import Image

    Mask = NDArray[np.bool_]

FLOW_SIDE = 640
"""Longest side, in pixels, of the pictures that flow is computed on."""

FORGIVEN_PX = 1
"""Distance in pixels from a change of the true mask within which a change is not flicker."""


class FlickerMeter:
    """Measures the flicker of a clip's masks, given frame by frame in order."""

    def __init__(self) -> None:
        self.pairs: list[float] = []
        self._flow: Any = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_FAST)
        self._last: tuple[int, NDArray[np.uint8], Mask, Mask | None] | None = None

    def add(self, frame: int, image: Image, mask: Mask, truth: Mask | None = None) -> None:
        """Compares a frame with the previous one, if that was added too.

        Args:
            frame: its number.
            image: (H, W, 3) uint8 RGB.
            mask: (H, W), the result.
            truth: (H, W), if known.
        """
        grey = np.asarray(cv2.cvtColor(_shrunk(image), cv2.COLOR_RGB2GRAY), np.uint8)
        if self._last is not None and self._last[0] == frame - 1:
            _, before, last_mask, last_truth = self._last
            flow = dense_flow(self._flow, grey, before)
            known = (last_truth, truth) if last_truth is not None and truth is not None else None
            self.pairs.append(pair_flicker(last_mask, mask, flow, known))
        self._last = frame, grey, mask, truth

    @property
    def mean(self) -> float | None:
        """Mean over the pairs of neighbouring frames; None if there are none."""
        return float(np.mean(self.pairs)) if self.pairs else None


def pair_flicker(before: Mask, after: Mask, flow: NDArray[np.float32], truth: tuple[Mask, Mask] | None = None) -> float:
    """Returns the flicker of two neighbouring masks (H, W), 0 (none) to 1: 1 - IoU of the second and the moved first.

    Args:
        before: mask of the earlier frame.
        after: mask of the later frame.
        flow: (h, w, 2) x, y from the later frame to the same point in the earlier one, in pixels of its own size.
        truth: the true masks of both; pixels where these do not follow the flow either, or next to those, do not count.
    """
    moved = _moved(before, flow)
    counted = None
    if truth is not None:
        change = (_moved(truth[0], flow) != truth[1]).astype(np.uint8)
        side = 2 * FORGIVEN_PX + 1
        counted = cv2.dilate(change, np.ones((side, side), np.uint8)) == 0
    return 1.0 - iou(moved, after, counted)


def _moved(mask: Mask, flow: NDArray[np.float32]) -> Mask:
    """Returns the earlier frame's mask (H, W) moved by the flow; empty where it comes from outside the picture."""
    height, width = mask.shape
    scale = np.array([width / flow.shape[1], height / flow.shape[0]], np.float32)
    full = cv2.resize(flow, (width, height), interpolation=cv2.INTER_LINEAR) * scale
    x = np.arange(width, dtype=np.float32)[None, :] + full[..., 0]
    y = np.arange(height, dtype=np.float32)[:, None] + full[..., 1]
    return np.asarray(cv2.remap(mask.astype(np.uint8), x, y, cv2.INTER_NEAREST) > 0)


def _shrunk(image: Image) -> Image:
    scale = FLOW_SIDE / max(image.shape[:2])
    if scale >= 1:
        return image
    return np.asarray(cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8)
