"""Finds a frame's matte at a head: that of the newest operation on the way back to the root that made one.

A round whose matte is not on disk (deleted, or the process was killed before computing it) is computed again from the
matte before it; an imported matte is taken from the imported files again. A missing propagated matte counts as undone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain as joined
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..errors import InputError, StoreError
from ..frame_text import FrameText
from ..types import FrameRange, Paint
from .absences import absent_frames
from .actions import Absence, Import, Lock, Operation, PaintRound, Propagation, Round, drawn_frames
from .head_state import HeadState
from .journal import ROOT, Chain, Journal
from .store import MatteStore

if TYPE_CHECKING:
    from ..images.matte import Grey
    from ..types import Matte

_RECENT = 1000


class History:
    """The mattes of a track, seen through its operations.

    Args:
        journal: the operations.
        store: their mattes.
        compute: returns the matte of a round, given the frame's matte before it in 255ths (None = none yet), and the
            shapes painted on the frame before.
        imported: name in an import -> file of that matte.
        count: frames of the clip; frames beyond it are ignored.
        size: (height, width) of its pictures.
    """

    def __init__(
        self,
        journal: Journal,
        store: MatteStore,
        compute: Callable[[Round | PaintRound, Grey | None, Sequence[Paint]], Matte | Grey],
        imported: Callable[[str], Path],
        count: int,
        size: tuple[int, int],
    ) -> None:
        self._size = size
        self._journal = journal
        self._store = store
        self._compute = compute
        self._imported = imported
        self._count = count
        self._state = HeadState(journal, store.frames, count)

    def keyframes(self) -> tuple[int, ...]:
        """Returns the frames with at least one round or imported matte on the way to the journal's head, sorted."""
        state = self._here()
        absent = state.absent()
        return tuple(frame for frame in state.keyframes if frame not in absent)

    def beyond(self) -> tuple[int, ...]:
        """Returns the frames drawn on, in any branch, that the clip does not have, sorted."""
        drawn = {frame for op in self._journal.operations.values() for frame in drawn_frames(op.action)}
        return tuple(sorted(frame for frame in drawn if frame >= self._count))

    def locked(self) -> frozenset[int]:
        """Returns the frames whose mattes the artist approved at the journal's head; cached between calls."""
        return self._here().locked()

    def absent(self) -> dict[int, str]:
        """Returns frame -> the operation that marked it Not Here; cached, do not modify."""
        return self._here().absent()

    def corrected(self) -> tuple[int, ...]:
        """Returns the frames drawn on, or marked Not Here, since a propagation went through them, sorted.

        () before the first propagation. Only the last thousand steps count: a state is sent after every round.
        """
        changed: set[int] = set()
        done: list[FrameRange] = []
        head = self._journal.head
        for _ in range(_RECENT):
            if head == ROOT:
                break
            operation = self._journal.operations[head]
            action, head = operation.action, operation.parent
            if isinstance(action, Propagation):
                done.append(action.frames)
            else:
                touched = self._marked(action) if isinstance(action, Absence) else drawn_frames(action)
                changed.update(f for f in touched if not any(f in frames for frames in done))
        return tuple(sorted(changed)) if done else ()

    def _marked(self, action: Absence) -> range:
        return range(action.frames.start, min(action.frames.stop, self._count))

    def owners(self) -> dict[int, str]:
        """Returns frame -> operation whose matte counts at the journal's head; cached between calls, do not modify."""
        return self._here().owners

    def is_drawn(self, frame: int) -> bool:
        """Returns whether a frame is one of `keyframes`."""
        return self._here().is_drawn(frame)

    def stamps(self) -> dict[int, int]:
        """Returns number of a piece of `PIECE` frames -> a value that grows with any change at the head, ascending."""
        return self._here().stamps

    def at_head(self, frame: int) -> Iterator[Operation]:
        """Yields what `path` and its kin need of the way back from the journal's head."""
        return self._here().about(frame)

    def owners_at(self, head: str) -> dict[int, str]:
        """Returns frame -> operation whose matte counts there, at `head`. Rounds count even without a matte."""
        found: dict[int, str] = {}
        for operation in reversed(self._journal.chain(head)):
            frames = drawn_frames(operation.action)
            if not frames and not isinstance(operation.action, Lock | Absence):
                frames = self._store.frames(operation.id)
            found.update(dict.fromkeys((frame for frame in frames if frame < self._count), operation.id))
        return found | absent_frames(self._journal.chain(head), self._count)

    def added(self, operation: str, frame: int) -> None:
        """Records that a propagation has one more matte."""
        if self._journal.head == operation:
            self._here().added(frame)

    def _here(self) -> HeadState:
        for operation, frame in self._store.vanished():
            if self._state.owners.get(frame) == operation:
                self._state.settle(frame)
        self._state.follow()
        return self._state

    def path(
        self, frame: int, chain: Iterable[Operation], early: Callable[[Path], object] = lambda _: None
    ) -> Path | None:
        """Returns the path of the frame's matte at the newest end of `chain` (newest first); computes a lost round's.

        Only the part of the chain that concerns the frame is needed: a `Chain`, or `at_head`.
        `early` is called as by `MatteStore.write`, for the newest round only.
        """
        mark = chain.absence_at(frame) if isinstance(chain, Chain) else self._here().absent().get(frame)
        if mark is not None:
            return self._emptied(mark, frame)
        lost: list[Operation] = []
        matte: Grey | None = None
        painted: list[Operation] = []
        about = iter(chain.about(frame) if isinstance(chain, Chain) else chain)
        for operation in about:
            drawn = drawn_frames(operation.action)
            if drawn and frame not in drawn:
                continue
            if self._store.has(operation.id, frame):
                if not lost:
                    return self._store.path(operation.id, frame)
                matte = self._store.read_grey(operation.id, frame)
                if matte is not None:
                    painted = _painted(joined((operation,), about), frame)
                    break
            if drawn:
                lost.append(operation)
            if isinstance(operation.action, Import):
                break  # it does not build on what was there before
        path: Path | None = None
        for operation in reversed(lost):
            if path is not None:
                # As the next round would have found it, so that the same mattes come out as the first time.
                matte = self._store.read_grey(path.parent.name, frame)
            path = self._made(operation, frame, matte, painted, early if operation is lost[0] else lambda _: None)
            painted += [operation] if isinstance(operation.action, PaintRound) else []
        return path

    def _emptied(self, operation: str, frame: int) -> Path:
        """Returns the path of an empty matte."""
        if self._store.has(operation, frame):
            return self._store.path(operation, frame)
        return self._store.write(operation, frame, np.zeros(self._size, np.uint8))

    def _made(
        self,
        operation: Operation,
        frame: int,
        before: Grey | None,
        painted: Iterable[Operation],
        early: Callable[[Path], object],
    ) -> Path:
        """Makes the matte of a round or an import again and returns its path."""
        action = operation.action
        if isinstance(action, Import):
            file = self._imported(action.contents[frame])
            try:
                return self._store.adopt(operation.id, frame, file)
            except InputError as error:
                raise StoreError(
                    FrameText("The imported mask of ", frame, f" is missing or damaged ({file.name})."),
                    f"Import it again from {action.source}, or undo the import.",
                ) from error
        assert isinstance(action, Round | PaintRound)
        shapes = [shape for op in painted if isinstance(op.action, PaintRound) for shape in op.action.shapes]
        return self._store.write(operation.id, frame, self._compute(action, before, shapes), early)

    def sound_path(self, frame: int, chain: Chain | None = None) -> Path | None:
        """Like `path`, but skips and removes damaged files: the result is whole when read or copied.

        Without a chain, at the journal's head.
        """
        while (path := self.path(frame, self.at_head(frame) if chain is None else chain)) is not None:
            if self._store.is_sound(path.parent.name, frame):
                return path
        return None

    def matte(self, frame: int, chain: Chain | None = None) -> Matte | None:
        """Returns the frame's matte (H, W) float32 at the newest end of `chain`, or at the head; None = it has none."""
        while (path := self.path(frame, self.at_head(frame) if chain is None else chain)) is not None:
            # Reading removes a damaged file; then the one before it is next, or the matte is computed again.
            matte = self._store.read(path.parent.name, frame)
            if matte is not None:
                return matte
        return None


def _painted(operations: Iterable[Operation], frame: int) -> list[Operation]:
    """Returns the paint rounds on a frame among operations, oldest first, since what last replaced its mask.

    Args:
        operations: newest first.
        frame: of the clip.
    """
    found: list[Operation] = []
    for operation in operations:
        if frame in drawn_frames(operation.action):
            if isinstance(operation.action, Import):
                break
            if isinstance(operation.action, PaintRound):
                found.append(operation)
    return found[::-1]
