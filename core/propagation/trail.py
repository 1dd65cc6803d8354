"""Tracks where objects were last seen during a pass, to find them again after they were out of view."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..images.crop import mask_box

if TYPE_CHECKING:
    from ..types import Mattes

SETTLED = 5
"""Frames in a row after which an object that came back is trusted; until then it may be something similar.

Until then the network also gets no hint of where it was, and the crop keeps its size: often only a part shows first.
"""

SHRINKS = 0.97
"""Least assumed size of an object relative to the frame before, as a part of it may be hidden."""


class Trail:
    """Where objects were last seen, how large they were, and for how many frames they have been back.

    Attributes:
        seen: the last mattes (N, H, W) with any object.
    """

    def __init__(self, mattes: Mattes) -> None:
        self.seen = mattes
        self._side = _side(mattes)
        self._back = SETTLED

    def add(self, mattes: Mattes) -> None:
        """Adds the mattes (N, H, W) of the next frame."""
        if not mattes.any():
            self._back = 0
            return
        self.seen = mattes
        self._side = max(_side(mattes), SHRINKS * self._side)
        self._back += 1

    @property
    def settled(self) -> bool:
        """Returns whether the objects have been in view for long enough to be trusted."""
        return self._back >= SETTLED

    @property
    def least(self) -> float:
        """Returns the least side of the objects in pixels; 0 when they are in view, as it then shows."""
        return 0.0 if self.settled else self._side


def _side(mattes: Mattes) -> float:
    box = mask_box(mattes)
    return 0.0 if box is None else float(max(box.width, box.height))
