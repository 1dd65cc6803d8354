"""Chooses the frames from which a clip is propagated: more starts on the same clips reduce the role of chance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

MOST = 4
"""Largest number of walks through a clip."""


@dataclass(frozen=True, slots=True)
class Walk:
    """One propagation through a clip: the frame whose true mask is given, and the frames start … stop - 1."""

    given: int
    start: int
    stop: int

    @property
    def name(self) -> str:
        """Its name among a clip's walks: "" for that of DAVIS, from the first frame to the last."""
        if self.given == 0:
            return ""
        return f"from {self.given} {'on' if self.given == self.start else 'back'}"

    @property
    def far_end(self) -> int:
        """The frame at the opposite end from the given one."""
        return self.start if self.given == self.stop - 1 else self.stop - 1


def walks(
    length: int, count: int = 1, known: Sequence[int] | None = None, span: tuple[int, int] | None = None
) -> list[Walk]:
    """Returns up to `count` walks through a clip of `length` frames, of at least three frames each.

    The first is that of DAVIS; then from the last frame backward, from a third of the clip forward, and from two thirds
    backward.

    Args:
        length: of the clip.
        count: 1 to `MOST`.
        known: the possible start frames, whose mask shows an object, in order; None = all.
        span: first and last frame with a mask, beyond which there is nothing to score; None = those of the clip.
    """
    frames = range(length) if known is None else known
    start, stop = (0, length) if span is None else (span[0], span[1] + 1)
    on, back = (min(frames, key=lambda f: abs(f - wanted)) for wanted in (length // 3, 2 * (length // 3)))
    every = [Walk(frames[0], frames[0], stop), Walk(frames[-1], start, frames[-1] + 1)]
    every += [Walk(on, on, stop), Walk(back, start, back + 1)]
    chosen = every[:1] + [walk for walk in every[1:count] if walk.stop - walk.start >= 3]
    return list(dict.fromkeys(chosen))
