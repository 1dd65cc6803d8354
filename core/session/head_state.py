"""The combined result of the operations up to the head, updated as the head moves.

A step forward or back costs only what it changed, however long the history: a track may have thousands of rounds.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Callable, Collection, Iterable, Iterator
from itertools import count as counter

from .absences import absent_frames, decided
from .actions import Absence, Lock, Operation, drawn_frames
from .journal import ROOT, Journal

PIECE = 64
"""Number of frames in a piece, whose changes are counted together."""


class HeadState:
    """Owners, keyframes and locks at the journal's head.

    Args:
        journal: the operations.
        frames_of: operation's id -> frames whose mattes it has on disk.
        count: frames of the clip; frames beyond it are ignored.

    Attributes:
        owners: frame -> id of the operation whose matte counts there.
        keyframes: frames with a round or an imported matte, sorted.
        stamps: number of a piece of `PIECE` frames -> a value that grows whenever one of its frames changes. The
            piece that changed last comes last.
    """

    def __init__(self, journal: Journal, frames_of: Callable[[str], Collection[int]], count: int) -> None:
        self._journal = journal
        self._frames_of = frames_of
        self._count = count
        self._changes = counter(1)
        self._line: list[Operation] = []
        self._places: dict[str, int] = {}
        self._drawn: dict[int, list[int]] = {}
        self._others: list[int] = []
        self._locks: list[Lock] = []
        self._locked: frozenset[int] | None = frozenset()
        self._absences: list[Operation] = []
        self._absent: dict[int, str] | None = {}
        self.owners: dict[int, str] = {}
        self.keyframes: list[int] = []
        self.stamps: dict[int, int] = {}
        self._stamp_all()

    def follow(self) -> None:
        """Follows the journal's head to its current place."""
        if self._line and self._line[-1].id == self._journal.head:
            return
        ahead, current = [], self._journal.head
        while current != ROOT and current not in self._places:
            ahead.append(self._journal.operations[current])
            current = ahead[-1].parent
        keep = self._places[current] + 1 if current != ROOT else 0
        while len(self._line) > keep:
            self._pop()
        for operation in reversed(ahead):
            self._push(operation)

    def added(self, frame: int) -> None:
        """Records that the operation at the head has a new matte of a frame."""
        self._own((frame,), self._line[-1].id)

    def settle(self, frame: int) -> None:
        """Finds a frame's owner again after a matte of it vanished from the disk."""
        self._stamp(frame)
        if frame in self.absent():
            self.owners[frame] = self.absent()[frame]
            return
        for operation in self.about(frame):
            if drawn_frames(operation.action) or frame in self._frames_of(operation.id):
                self.owners[frame] = operation.id
                break
        else:
            self.owners.pop(frame, None)

    def about(self, frame: int) -> Iterator[Operation]:
        """Yields the operations that drew on a frame, and those that may have a matte of any, newest first."""
        return (self._line[place] for place in _newest_first(self._drawn.get(frame, []), self._others))

    def is_drawn(self, frame: int) -> bool:
        """Returns whether a frame is one of `keyframes` and the object is there."""
        return frame in self._drawn and frame not in self.absent()

    def locked(self) -> frozenset[int]:
        """Returns the frames whose mattes the artist approved, or marked Not Here."""
        if self._locked is None:
            self._locked = locked_frames(reversed(self._locks), self._count).union(self.absent())
        return self._locked

    def absent(self) -> dict[int, str]:
        """Returns frame -> the operation that marked it Not Here."""
        if self._absent is None:
            self._absent = absent_frames(reversed(self._absences), self._count)
        return self._absent

    def _push(self, operation: Operation) -> None:
        action, place = operation.action, len(self._line)
        self._places[operation.id] = place
        self._line.append(operation)
        if isinstance(action, Lock):
            self._locks.append(action)
            self._lock_changed()
            return
        if isinstance(action, Absence):
            self._absences.append(operation)
            self._absence_changed(action)
            return
        drawn = drawn_frames(action)
        for frame in self._inside(drawn):
            there = self._drawn.setdefault(frame, [])
            if not there:
                insort(self.keyframes, frame)
            there.append(place)
        if not drawn:
            self._others.append(place)
        self._own(self._inside(drawn or self._frames_of(operation.id)), operation.id)

    def _pop(self) -> None:
        operation = self._line.pop()
        del self._places[operation.id]
        if isinstance(operation.action, Lock):
            self._locks.pop()
            self._lock_changed()
            return
        if isinstance(operation.action, Absence):
            self._absences.pop()
            self._absence_changed(operation.action)
            return
        drawn = drawn_frames(operation.action)
        for frame in self._inside(drawn):
            self._drawn[frame].pop()
            if not self._drawn[frame]:
                del self._drawn[frame]
                del self.keyframes[bisect_left(self.keyframes, frame)]
        if not drawn:
            self._others.pop()
        for frame in self._inside(drawn or self._frames_of(operation.id)):
            self.settle(frame)

    def _inside(self, frames: Iterable[int]) -> list[int]:
        return [frame for frame in frames if frame < self._count]

    def _own(self, frames: Iterable[int], operation: str) -> None:
        absent = self.absent()
        for frame in frames:
            if frame not in absent:
                self.owners[frame] = operation
                self._stamp(frame)

    def _absence_changed(self, action: Absence) -> None:
        self._locked = self._absent = None
        for frame in range(action.frames.start, min(action.frames.stop, self._count)):
            self.settle(frame)

    def _lock_changed(self) -> None:
        self._locked = None
        self._stamp_all()

    def _stamp(self, frame: int) -> None:
        self.stamps.pop(frame // PIECE, None)
        self.stamps[frame // PIECE] = next(self._changes)

    def _stamp_all(self) -> None:
        self.stamps = {piece: next(self._changes) for piece in range(-(-self._count // PIECE))}


def _newest_first(first: list[int], second: list[int]) -> Iterator[int]:
    """Merges two ascending lists in descending order; lazy, as callers rarely need more than the first few."""
    i, j = len(first) - 1, len(second) - 1
    while i >= 0 or j >= 0:
        if j < 0 or (i >= 0 and first[i] > second[j]):
            yield first[i]
            i -= 1
        else:
            yield second[j]
            j -= 1


def locked_frames(locks: Iterable[Lock], count: int) -> frozenset[int]:
    """Returns the frames below `count` that these locks and unlocks, newest first, leave locked."""
    found = decided(((lock.frames, lock.locked) for lock in locks), count)
    return frozenset(frame for frame, locked in found.items() if locked)
