"""The kinds of mattes that a propagation yields, and why it stops early."""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple

from ..frame_text import FrameText


class MatteKind(str, Enum):
    """Origin of a frame's matte; kept: an earlier run's, unchanged; locked: approved; absent: marked as empty.

    Pending is no result: the frame was reached from one side only, and its matte comes later in the same run.
    """

    DRAWN = "drawn"
    PROPAGATED = "propagated"
    FUSED = "fused"
    KEPT = "kept"
    LOCKED = "locked"
    ABSENT = "absent"
    PENDING = "pending"


class Cause(str, Enum):
    """Why a propagation stopped."""

    CUT = "cut"
    DOUBT = "doubt"


class Stop(NamedTuple):
    """A propagation stopped, and no other keyframe reaches the frames beyond.

    Attributes:
        cause: why it stopped.
        at: the doubtful frame, or the first one beyond the cut (in walking order).
        first, last: frames that got no new matte because of it.
    """

    cause: Cause
    at: int
    first: int
    last: int

    @property
    def text(self) -> FrameText:
        """Returns the sentence shown to the user."""
        left = self.first, self.last
        if self.cause is Cause.CUT:
            return FrameText("Another shot begins at ", self.at, ", so ", left, " got no mask. Draw on one of them.")
        return FrameText(
            *("The mask looks wrong on ", self.at, ", so propagation stopped there (not reached: ", left),
            "). Correct it there and propagate again.",
        )
