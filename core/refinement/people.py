"""Separates people who touch or overlap, by their heads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..types import Matte

    Heads = NDArray[np.float32]
    """(N, 3): x and y of each head's centre, and the root of its area, in pixels."""

SMALLEST_HEAD = 0.0002
"""Share of the picture: what is found and smaller is no head."""
_ALIKE = 6.0
"""A head whose area is smaller than the largest one's by more than this factor is a hand, or someone far behind."""
_DOWN = 0.1
"""How far a pixel one head's size below a head is from it, when one beside it is 1: people stand or sit upright."""


def find_heads(matte: Matte, there: NDArray[np.bool_]) -> Heads:
    """Returns the heads in a matte (h, w) of heads that lie on a group of people (h, w)."""
    _, _, stats, centres = cv2.connectedComponentsWithStats(((matte > 0.5) & there).astype(np.uint8))
    areas = stats[1:, cv2.CC_STAT_AREA].astype(np.float32)
    kept = areas >= max(SMALLEST_HEAD * matte.size, areas.max(initial=0) / _ALIKE)
    return np.concatenate((centres[1:][kept], np.sqrt(areas[kept])[:, None]), axis=1, dtype=np.float32)


def whose(heads: Heads, x: NDArray[Any], y: NDArray[Any]) -> NDArray[np.int64]:
    """Returns for each point the number of the head, from 0, to whose body it belongs most likely."""
    distances = []
    for head_x, head_y, side in heads:
        across, down = (x - head_x) / side, (y - head_y) / side
        distances.append(across**2 + np.where(down < 0, down, _DOWN * np.maximum(down - 1, 0)) ** 2)
    return np.asarray(np.argmin(distances, axis=0))
