"""Which matte a frame has at a head: that of the newest operation on the way back to the root that gave it one.

A round whose matte is not on disk (deleted, or the process was killed before it was computed) is computed again from
the matte before it, an imported one is taken from the imported files again. A propagated matte that is not there counts
as not done.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from .errors import InputError, StoreError
from .journal import ROOT, Import, Journal, Lock, Operation, drawn_frames
from .store import MatteStore
from .told import Told
from .types import Round

if TYPE_CHECKING:
    from .matte import Grey
    from .types import Matte


class History:
    """The mattes of a track seen through its operations.

    Args:
        journal: the operations.
        store: their mattes.
        compute: the matte of a round, given the frame's matte before it in 255ths (None = none yet).
        imported: name in an import -> file of that matte.
        count: frames of the clip; what is said of others does not count.
    """

    def __init__(
        self,
        journal: Journal,
        store: MatteStore,
        compute: Callable[[Round, Grey | None], Matte | Grey],
        imported: Callable[[str], Path],
        count: int,
    ) -> None:
        self._journal = journal
        self._store = store
        self._compute = compute
        self._imported = imported
        self._count = count
        self._owners_head = ROOT
        self._owners: dict[int, str] = {}
        self._locked_head = ROOT
        self._locked: frozenset[int] = frozenset()

    def keyframes(self) -> tuple[int, ...]:
        """Frames with at least one round or imported matte on the way to the journal's head, sorted."""
        drawn = {frame for op in self._journal.chain() for frame in drawn_frames(op.action)}
        return tuple(sorted(frame for frame in drawn if frame < self._count))

    def beyond(self) -> tuple[int, ...]:
        """Frames that were drawn on, in whichever branch, but that the clip has not, sorted."""
        drawn = {frame for op in self._journal.operations.values() for frame in drawn_frames(op.action)}
        return tuple(sorted(frame for frame in drawn if frame >= self._count))

    def locked(self) -> frozenset[int]:
        """Frames whose mattes the artist approved, at the journal's head; kept between calls."""
        if self._locked_head != self._journal.head:
            self._locked = locked_on(self._journal.chain())
            self._locked_head = self._journal.head
        return self._locked

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
            drawn = [frame for frame in drawn_frames(operation.action) if frame < self._count]
            found.update(dict.fromkeys(drawn or self._store.frames(operation.id), operation.id))
        return found

    def added(self, operation: str, frame: int) -> None:
        """Tells that a propagation got one more matte."""
        if self._owners_head == operation:
            self._owners[frame] = operation

    def path(
        self, frame: int, chain: Sequence[Operation], early: Callable[[Path], object] = lambda _: None
    ) -> Path | None:
        """Path of the frame's matte at the newest end of `chain` (newest first), computed if it is a lost round's.

        `early` is called as by `MatteStore.write`, for the newest round only.
        """
        lost: list[Operation] = []
        matte: Grey | None = None
        for operation in chain:
            drawn = drawn_frames(operation.action)
            if drawn and frame not in drawn:
                continue
            if self._store.has(operation.id, frame):
                if not lost:
                    return self._store.path(operation.id, frame)
                matte = self._store.read_grey(operation.id, frame)
                if matte is not None:
                    break
            if drawn:
                lost.append(operation)
            if isinstance(operation.action, Import):
                break  # it does not build on what was there
        path: Path | None = None
        for operation in reversed(lost):
            if path is not None:
                # As the next round would have found it, so that the same mattes come out as the first time.
                matte = self._store.read_grey(path.parent.name, frame)
            path = self._made(operation, frame, matte, early if operation is lost[0] else lambda _: None)
        return path

    def _made(self, operation: Operation, frame: int, before: Grey | None, early: Callable[[Path], object]) -> Path:
        """Path of the matte of a round or an import, made again."""
        action = operation.action
        if isinstance(action, Import):
            file = self._imported(action.contents[frame])
            try:
                return self._store.adopt(operation.id, frame, file)
            except InputError as error:
                raise StoreError(
                    Told("The imported mask of ", frame, f" is missing or damaged ({file.name})."),
                    f"Import it again from {action.source}, or undo the import.",
                ) from error
        assert isinstance(action, Round)
        return self._store.write(operation.id, frame, self._compute(action, before), early)

    def sound_path(self, frame: int, chain: Sequence[Operation]) -> Path | None:
        """As `path`, but a damaged file is passed by, and removed: what is read or copied there is whole."""
        while (path := self.path(frame, chain)) is not None:
            if self._store.is_sound(path.parent.name, frame):
                return path
        return None

    def matte(self, frame: int, chain: Sequence[Operation]) -> Matte | None:
        """The frame's matte (H, W) float32 at the newest end of `chain`; None when it has none."""
        while (path := self.path(frame, chain)) is not None:
            # A damaged file is removed by reading it; then it is the turn of the one before, or it is computed anew.
            matte = self._store.read(path.parent.name, frame)
            if matte is not None:
                return matte
        return None


def locked_on(chain: Sequence[Operation]) -> frozenset[int]:
    """The frames that are locked at the newest end of a chain of operations (newest first)."""
    locked: set[int] = set()
    for operation in reversed(chain):
        if isinstance(operation.action, Lock):
            change = locked.update if operation.action.locked else locked.difference_update
            change(operation.action.frames)
    return frozenset(locked)
