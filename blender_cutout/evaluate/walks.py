"""From where a clip is propagated when it is measured: more starts on the same clips make chance count less."""

from __future__ import annotations

from dataclasses import dataclass

MOST = 4


@dataclass(frozen=True, slots=True)
class Walk:
    """One way through a clip: the frame whose true mask is given, and the frames start … stop - 1 that are walked."""

    given: int
    start: int
    stop: int

    @property
    def name(self) -> str:
        """What tells it from the others of a clip: "" for that of DAVIS, from the first frame to the last."""
        if self.given == 0:
            return ""
        return f"from {self.given} {'on' if self.given == self.start else 'back'}"


def walks(length: int, count: int = 1) -> list[Walk]:
    """Returns up to `count` walks through a clip of `length` frames, of three frames or more each.

    The first is that of DAVIS; then from the last frame back, from a third of the clip on, and from two thirds back.
    """
    last, third = length - 1, length // 3
    every = [Walk(0, 0, length), Walk(last, 0, length), Walk(third, third, length), Walk(2 * third, 0, 2 * third + 1)]
    return [walk for number, walk in enumerate(every[:count]) if number == 0 or walk.stop - walk.start >= 3]
