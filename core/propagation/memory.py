"""The policy of the space-time memory: which frames to remember and which to forget. Pure Python, no arrays.

Keys and values are opaque; storing and reading them is up to the network.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import NamedTuple

from ..ports import Key, Value


class MemoryEntry(NamedTuple):
    """A remembered frame."""

    frame: int
    key: Key
    value: Value
    megabytes: float = 0.0


def farthest_first(frames: Iterable[int], start: int) -> list[int]:
    """Returns frames by their distance from `start`, the largest first; of two at the same distance the later one."""
    return sorted(frames, key=lambda frame: (-abs(frame - start), -frame))


class SpaceTimeMemory:
    """Remembered frames of one pass: at most `budget`, and within `megabytes` as long as three frames fit.

    * permanent: keyframes. At most half the budget (at least one); the ones farthest in time are dropped.
    * surroundings: a wider view of the keyframe that the pass starts from, which shows what the object is not.
    * temporary: every n-th frame of the pass; the oldest is dropped.
    * transient: the last frame or the one before it, replaced at every second step, see `wants`; can be left out.

    The kinds are those of the working memory of XMem and Cutie (except the surroundings), without consolidation. The
    budget counts entries, so memory stays constant for clips of any length. Many objects in a large crop make entries
    large, and fewer are kept. One keyframe, its surroundings and the last frame are always kept, whatever their size:
    without them there is no propagation.

    Args:
        budget: largest number of entries, at least 3.
        every: a frame of the pass is kept when its distance from the start is a multiple of this.
        megabytes: most that all entries may take together.
        size_of: (key, value) -> size of an entry, in MB.
        transient: whether to keep transient frames.
    """

    def __init__(
        self,
        budget: int,
        every: int,
        megabytes: float = math.inf,
        size_of: Callable[[Key, Value], float] = lambda key, value: 0.0,
        transient: bool = True,
    ) -> None:
        if budget < 3 or every < 1:
            raise ValueError(f"memory needs budget >= 3 and every >= 1, not {budget} and {every}")
        self._budget = budget
        self._every = every
        self._megabytes = megabytes
        self._size_of = size_of
        self._transients = int(transient)
        self._permanent: dict[int, MemoryEntry] = {}
        self._surroundings: MemoryEntry | None = None
        self._temporary: list[MemoryEntry] = []
        self._transient: MemoryEntry | None = None
        self._start = 0

    @property
    def permanent_limit(self) -> int:
        """Returns how many keyframes are kept at most."""
        return max(1, self._budget // 2)

    @property
    def temporary_limit(self) -> int:
        """Returns how many frames of the pass are kept at most, given the current keyframes."""
        return self._budget - self._transients - len(self._permanent) - (self._surroundings is not None)

    def begin(self, start: int) -> None:
        """Starts a pass at keyframe `start`: forgets the last pass, but no keyframes."""
        self._start = start
        self._surroundings = None
        self._temporary.clear()
        self._transient = None

    def add_surroundings(self, key: Key, value: Value) -> None:
        """Remembers a wider view of the keyframe where the pass starts, until the next pass begins."""
        self._surroundings = self._entry(self._start, key, value)
        self._forget(self._start)

    def add_permanent(self, frame: int, key: Key, value: Value, near: int | None = None) -> None:
        """Remembers a keyframe; over the limit, forgets the one farthest in time from `near` (or else `frame`)."""
        centre = frame if near is None else near
        self._permanent[frame] = self._entry(frame, key, value)
        while len(self._permanent) > self.permanent_limit:
            del self._permanent[farthest_first(self._permanent, centre)[0]]
        self._forget(centre)

    def has_permanent(self, frame: int) -> bool:
        """Returns whether this keyframe is remembered."""
        return frame in self._permanent

    def permanent_key(self, frame: int) -> Key | None:
        """Returns the key of a keyframe; None if it is not remembered."""
        entry = self._permanent.get(frame)
        return None if entry is None else entry.key

    def keeps(self, frame: int) -> bool:
        """Returns whether `frame` of the pass is one of the n-th frames that stay."""
        return abs(frame - self._start) % self._every == 0

    def wants(self, frame: int, start: int) -> bool:
        """Returns whether to remember `frame` of the pass from `start`: n-th frames, and every second of the others.

        Remembering every frame for the next step scores worse, as its errors are then repeated at once; so does
        remembering only n-th frames.
        """
        steps = abs(frame - start)
        return steps % self._every == 0 or (bool(self._transients) and steps % 2 == 0)

    def add(self, frame: int, key: Key, value: Value) -> None:
        """Remembers a frame that the pass `wants`: for the next steps, and for longer when it is an n-th one."""
        entry = self._entry(frame, key, value)
        self._transient = None
        if self.keeps(frame):
            self._temporary.append(entry)
        else:
            self._transient = entry
        self._forget(frame)

    def entries(self) -> list[tuple[Key, Value]]:
        """Returns all remembered (key, value), ordered permanent, temporary, transient; it mostly grows at its end.

        Keyframes come farthest first, whichever passes went before: a pass gives the same bits when computed alone.
        """
        return [(entry.key, entry.value) for entry in self._entries()]

    def _entries(self) -> list[MemoryEntry]:
        kept = [self._permanent[frame] for frame in farthest_first(self._permanent, self._start)]
        if self._surroundings is not None:
            kept.append(self._surroundings)
        kept += self._temporary
        if self._transient is not None:
            kept.append(self._transient)
        return kept

    @property
    def megabytes(self) -> float:
        """Returns the size of all entries together, in MB."""
        return sum(entry.megabytes for entry in self._entries())

    def _entry(self, frame: int, key: Key, value: Value) -> MemoryEntry:
        return MemoryEntry(frame, key, value, self._size_of(key, value))

    def _forget(self, centre: int) -> None:
        """Forgets entries over the budget: old frames of the pass first, then keyframes far from `centre`."""
        del self._temporary[: max(0, len(self._temporary) - self.temporary_limit)]
        while self.megabytes > self._megabytes:
            if len(self._temporary) > (self._transient is None):
                del self._temporary[0]
            elif others := self._permanent.keys() - {self._start}:  # the keyframe that the pass starts from must stay
                del self._permanent[farthest_first(others, centre)[0]]
            else:
                return

    def __len__(self) -> int:
        return len(self._entries())
