"""Which matte a frame has at a head: that of the newest operation on the way back to the root that gave it one.

A round whose matte is not on disk (deleted, or the process was killed before it was computed) is computed again from
the matte before it. A propagated matte that is not there counts as not done.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from .journal import ROOT, Journal, Operation
from .store import MatteStore
from .types import Round

if TYPE_CHECKING:
    from .types import Matte


class History:
    """The mattes of a track seen through its operations.

    Args:
        journal: the operations.
        store: their mattes.
        compute: the matte of a round, given the frame's matte before it (None = none yet).
    """

    def __init__(self, journal: Journal, store: MatteStore, compute: Callable[[Round, Matte | None], Matte]) -> None:
        self._journal = journal
        self._store = store
        self._compute = compute
        self._owners_head = ROOT
        self._owners: dict[int, str] = {}

    def keyframes(self) -> tuple[int, ...]:
        """Frames with at least one round on the way to the journal's head, sorted."""
        return tuple(sorted({op.action.frame for op in self._journal.chain() if isinstance(op.action, Round)}))

    def owners(self) -> dict[int, str]:
        """Frame -> operation whose matte counts there, at the journal's head; kept between calls, not to be changed."""
        if self._owners_head != self._journal.head:
            self._owners = self.owners_at(self._journal.head)
            self._owners_head = self._journal.head
        return self._owners

    def owners_at(self, head: str) -> dict[int, str]:
        """Frame -> operation whose matte counts there, at `head`. Rounds count also while their matte is missing."""
        found: dict[int, str] = {}
        for operation in reversed(self._journal.chain(head)):
            if isinstance(operation.action, Round):
                found[operation.action.frame] = operation.id
            else:
                found.update(dict.fromkeys(self._store.frames(operation.id), operation.id))
        return found

    def added(self, operation: str, frame: int) -> None:
        """Tells that a propagation got one more matte."""
        if self._owners_head == operation:
            self._owners[frame] = operation

    def path(self, frame: int, chain: Sequence[Operation]) -> Path | None:
        """Path of the frame's matte at the newest end of `chain` (newest first), computed if it is a lost round's."""
        lost: list[Operation] = []
        matte: Matte | None = None
        for operation in chain:
            is_round = isinstance(operation.action, Round)
            if is_round and operation.action.frame != frame:  # type: ignore[union-attr]
                continue
            if self._store.has(operation.id, frame):
                if not lost:
                    return self._store.path(operation.id, frame)
                matte = self._store.read(operation.id, frame)
                if matte is not None:
                    break
            if is_round:
                lost.append(operation)
        path: Path | None = None
        for operation in reversed(lost):
            assert isinstance(operation.action, Round)
            path = self._store.write(operation.id, frame, self._compute(operation.action, matte))
            # As the next round would have found it, so that the same mattes come out as the first time.
            matte = self._store.read(operation.id, frame)
        return path

    def matte(self, frame: int, chain: Sequence[Operation]) -> Matte | None:
        """The frame's matte (H, W) float32 at the newest end of `chain`; None when it has none."""
        while (path := self.path(frame, chain)) is not None:
            # A damaged file is removed by reading it; then it is the turn of the one before, or it is computed anew.
            matte = self._store.read(path.parent.name, frame)
            if matte is not None:
                return matte
        return None
