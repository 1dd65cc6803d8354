"""What is kept of an object's way through a pass, for finding it again after it was out of view."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..images.crop import mask_box

if TYPE_CHECKING:
    from ..types import Mattes

SETTLED = 5
"""An object that came back is believed after so many frames in a row; until then it may be something like it.

Until then, too, the network is not told where it was, and its crop keeps the size of before: often a part shows first.
"""

SHRINKS = 0.97
"""An object is taken to be at least this share as large as on the frame before, while a part of it may be hidden."""


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
        """Returns whether the objects have been in view for long enough to believe it."""
        return self._back >= SETTLED

    @property
    def least(self) -> float:
        """Returns the side, in pixels, that the objects have at least; 0 when they are in view, and show it."""
        return 0.0 if self.settled else self._side


def _side(mattes: Mattes) -> float:
    box = mask_box(mattes)
    return 0.0 if box is None else float(max(box.width, box.height))
