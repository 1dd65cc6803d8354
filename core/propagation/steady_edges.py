"""Keeps refined edges from boiling: mixes each alpha with its neighbours', moved onto it where motion can be trusted.

Only half-transparent pixels and those next to them change, so that what is solid or clean stays so. The mattes
themselves are stabilised elsewhere, see `stabilise`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import cv2
import numpy as np

from .optical_flow import Motion
from .stabilise import mixed

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..edges.settings import EdgeSettings
    from ..ports import FrameSource
    from ..types import Matte

STRENGTH = 0.75
"""Share of `stabilise.WEIGHT` that a fully trusted neighbour has."""

_UNDECIDED = 0.02
"""Alpha between this and 1 minus this is half-transparent."""

_REACH_PX = 2


class SteadyEdges:
    """Steady alphas of a clip's frames, quickest when asked for in order.

    Args:
        frames: the clip.
        alpha_of: returns the alpha (H, W) of a frame, refined with these settings; None = it has no matte.
        is_final: whether a frame's alpha must not depend on its neighbours.
    """

    def __init__(
        self,
        frames: FrameSource,
        alpha_of: Callable[[int, EdgeSettings], Matte | None],
        is_final: Callable[[int], bool] = lambda frame: False,
    ) -> None:
        self._frames = frames
        self._alpha_of, self._is_final = alpha_of, is_final
        self._motion = Motion(frames, fine=True)  # never reads ahead, so it need not be closed
        self._alphas: dict[tuple[int, EdgeSettings], Matte | None] = {}

    def at(self, frame: int, edge: EdgeSettings) -> Matte | None:
        """Returns the alpha (H, W) float32 in [0, 1] of a frame; None = it has no matte.

        Without `detail` it is what `alpha_of` returns.

        Raises:
            FrameReadError: from the clip.
        """
        if not edge.detail:
            return self._alpha_of(frame, edge)
        own = self._alpha(frame, edge)
        if own is None or self._is_final(frame):
            return own
        neighbours = []
        for other in (frame - 1, frame + 1):
            alpha = self._alpha(other, edge) if 0 <= other < len(self._frames) else None
            if alpha is not None and not self._motion.is_cut(frame, other):
                neighbours.append((alpha, self._motion.between(frame, other)))
        if not neighbours:
            return own
        steady = mixed(own, neighbours, STRENGTH)
        return np.asarray(own + _near_edge(own) * (steady - own), np.float32)

    def _alpha(self, frame: int, edge: EdgeSettings) -> Matte | None:
        if (frame, edge) not in self._alphas:
            self._alphas = {known: alpha for known, alpha in self._alphas.items() if abs(known[0] - frame) <= 2}
            self._alphas[frame, edge] = self._alpha_of(frame, edge)
        return self._alphas[frame, edge]


def _near_edge(alpha: Matte) -> NDArray[np.float32]:
    """Returns 1 where alpha is half-transparent or next to it, 0 elsewhere, with a soft border."""
    undecided = ((alpha > _UNDECIDED) & (alpha < 1 - _UNDECIDED)).astype(np.uint8)
    near = cv2.dilate(undecided, np.ones((2 * _REACH_PX + 1,) * 2, np.uint8))
    return np.asarray(cv2.blur(near.astype(np.float32), (3, 3)), np.float32)
