"""One track: the cut-out of one object from one clip, kept in one folder and surviving any crash.

    session.json     which clip, and of which content
    rounds.jsonl     what the artist did (see journal.py): the truth
    mattes/<id>/     mattes by operation and frame (see store.py): derived, may be deleted
    lock             the process that has the folder (see lock.py)

An operation's id is made of everything that its mattes depend on: the operation before it, what it does, the clip's
content, the weights, the tier, the algorithm. So the matte of a frame is that of the newest operation on the way back
from the head that has one, undo is a move of the head, and doing the same again finds what is there.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Generator, Iterator, Sequence
from contextlib import suppress
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING

from .errors import InputError, StoreError, StrokeError
from .export import ExportStep, write_sequence
from .folder import check_clip, move_folder
from .group_plan import Part
from .history import History
from .journal import ROOT, Journal, Operation, Propagation, action_to_json
from .lock import FolderLock
from .rerun import Rerun
from .store import LazyMattes, MatteStore, store_errors
from .types import Clip, Direction, FrameRange, MatteKind, Round
from .video import VideoSource, open_clip

if TYPE_CHECKING:
    from .engine import Engine
    from .types import Matte

ALGORITHM = 2
"""To be raised when the engine gives other mattes for the same input and weights."""


class TrackSession:
    """A track that is open: made by `open`, ended by `close` (or as a context manager).

    Attributes:
        folder: where it lies.
        source: its clip's frames.
        warnings: what was found and mended on opening, in sentences for the user.
    """

    def __init__(self, folder: Path, source: VideoSource, engine: Engine, lock: FolderLock) -> None:
        """Takes over an open clip and a lock that is held; callers use `open`."""
        self.folder = folder
        self.source = source
        self.warnings = list(lock.warnings)
        self._engine = engine
        self._lock = lock
        self._journal = Journal(folder / "rounds.jsonl")
        self._store = MatteStore(folder / "mattes")
        self.warnings += self._journal.warnings
        self._history = History(self._journal, self._store, self._compute)

    @classmethod
    def open(cls, clip: Clip, folder: str | os.PathLike[str], engine: Engine) -> TrackSession:
        """Opens the track in `folder`, or makes it.

        Raises:
            FrameReadError: the clip cannot be read.
            StoreError: the folder belongs to another clip, is in use, damaged, too new, or cannot be written.
        """
        place = Path(folder).absolute()
        source = open_clip(clip)
        try:
            with store_errors(place):
                place.mkdir(parents=True, exist_ok=True)
            lock = FolderLock(place)
            try:
                warnings = check_clip(place / "session.json", clip, source.fingerprint, len(source), source.size)
                session = cls(place, source, engine, lock)
            except BaseException:
                lock.release()
                raise
        except BaseException:
            source.close()
            raise
        session.warnings += warnings
        return session

    def __enter__(self) -> TrackSession:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def head(self) -> str:
        """Id of the operation that is shown, "" = none."""
        return self._journal.head

    @property
    def group(self) -> str:
        """Name of the joint run with other objects that the head is part of, "" = none; see `core.group`."""
        action = self._journal.operations[self.head].action if self.head != ROOT else None
        return action.group if isinstance(action, Propagation) else ""

    def part(self) -> Part:
        """What a joint run with other objects needs of this track."""
        return Part(self.source, self._journal, self._store, self._history, self._id, self._record)

    @property
    def parent(self) -> str:
        """Id of the operation before the head, "" = none: where an undo goes."""
        return self._journal.operations[self.head].parent if self.head != ROOT else ROOT

    def keyframes(self) -> tuple[int, ...]:
        """Frames with at least one round on the way to the head, sorted."""
        return self._history.keyframes()

    def done_ranges(self) -> tuple[tuple[int, int], ...]:
        """Frames that have a matte at the head, as [start, stop) pairs, sorted."""
        merged: list[tuple[int, int]] = []
        for start, stop, _ in self.matte_ranges():
            if merged and merged[-1][1] == start:
                merged[-1] = (merged[-1][0], stop)
            else:
                merged.append((start, stop))
        return tuple(merged)

    def apply_round(self, round_: Round) -> tuple[str, Path]:
        """Records a round, computes its matte and makes it the head; returns its id and the matte's path.

        When it fails the head is where it was. When the process is killed meanwhile, the round is kept and its matte
        is computed when it is asked for.

        Raises:
            InputError: the frame is not in the clip, or there are no strokes.
            StoreError: it cannot be written.
        """
        if not 0 <= round_.frame < len(self.source):
            raise InputError(f"The clip has no frame {round_.frame}.", f"Choose one from 0 to {len(self.source) - 1}.")
        if not round_.auto and not round_.strokes:
            raise StrokeError("This round has no strokes.", "Draw a stroke on the picture first.")
        before = self.head
        operation = self._record(before, round_)
        try:
            path = self._history.path(round_.frame, self._journal.chain(operation.id))
        except Exception:
            with suppress(StoreError):
                self._journal.move_head(before)
            raise
        assert path is not None
        return operation.id, path

    def propagate(self, frames: FrameRange, direction: Direction) -> Iterator[tuple[int, Path, MatteKind]]:
        """Carries the keyframes' mattes through `frames`; yields (frame, path of its matte, where it comes from).

        Each matte is on disk when it is yielded. Stopped or killed at any point and asked for again, it goes on where
        it was. Keyframes are yielded but never written. After new rounds the mattes before them are fused with.

        Raises:
            InputError: there is no keyframe yet, or the range is not in the clip.
            StoreError: a matte cannot be written; those before it are kept.
        """
        keyframes = self.keyframes()
        if not keyframes:
            raise InputError("There is nothing to propagate yet.", "Draw on a frame, or use Auto, first.")
        if frames.stop > len(self.source):
            raise InputError(
                f"The range {frames.start}:{frames.stop} goes past the clip's {len(self.source)} frames.",
                "Choose a range inside the clip.",
            )
        action = Propagation(frames, direction)
        chain = self._journal.chain()
        valid = list(takewhile(lambda op: self._is_current(op, direction), chain))
        # The same again at the head: an earlier run that did not end is continued.
        parent = valid[0].parent if valid and valid[0].action == action else self.head
        operation = self._id(parent, action)
        run = Rerun(self._store, self._history, self._journal.chain(parent), [*(op.id for op in valid), operation])
        mattes = self._engine.propagate_detailed(
            self.source,
            LazyMattes(keyframes, lambda frame: self._history.matte(frame, chain)),
            frame_range=frames,
            direction=direction,
            previous=run.previous if run.has_previous else None,
            known=run.known,
        )
        try:
            for frame, matte, kind in mattes:
                path = self._history.path(frame, chain) if frame in keyframes else run.path_of(frame, matte)
                # Recorded with its first matte, not before: one that fails at once leaves nothing to undo.
                if self.head == parent != operation and (path is None or path.parent.name == operation):
                    self._record(parent, action)
                if path is None:
                    path = self._store.write(operation, frame, matte)
                    self._history.added(operation, frame)
                yield frame, path, MatteKind.DRAWN if frame in keyframes else kind
        finally:
            if isinstance(mattes, Generator):
                mattes.close()

    def undo(self) -> str:
        """Moves the head one operation back; returns the new head. Raises InputError when there is none."""
        if self.head == ROOT:
            raise InputError("There is nothing to undo.", "")
        return self.checkout(self.parent)

    def checkout(self, head: str) -> str:
        """Moves the head to an operation ("" = before the first) and returns it: undo and redo in any order.

        Raises:
            InputError: there is no such operation.
        """
        if head != ROOT and head not in self._journal.operations:
            raise InputError(
                f"The step {head} is not known in {self.folder}.",
                "The project file and the cut-out's folder do not belong together: open the track again.",
            )
        self._journal.move_head(head)
        return head

    def matte(self, frame: int) -> Matte | None:
        """The frame's matte (H, W) float32 in [0, 1] at the head; None when it has none. May compute a lost round."""
        return self._history.matte(frame, self._journal.chain())

    def matte_path(self, frame: int) -> Path | None:
        """Path of the frame's matte at the head; None when it has none. May compute a lost round's."""
        return self._history.path(frame, self._journal.chain())

    def matte_ranges(self) -> tuple[tuple[int, int, str], ...]:
        """Where the mattes at the head lie: (start, stop, operation id), sorted; see `MatteStore.path`."""
        ranges: list[tuple[int, int, str]] = []
        for frame, operation in sorted(self._history.owners().items()):
            if ranges and ranges[-1][1:] == (frame, operation):
                ranges[-1] = (ranges[-1][0], frame + 1, operation)
            else:
                ranges.append((frame, frame + 1, operation))
        return tuple(ranges)

    def export(self, frames: Sequence[int], folder: str | os.PathLike[str]) -> Iterator[ExportStep]:
        """Writes the mattes at the head as 000001.png … into `folder`; yields after each (see `write_sequence`).

        Args:
            frames: clip frame of each picture, in order; -1, and one without a matte, gives a black picture.
            folder: replaced as a whole when all pictures are ready.
        """
        chain = self._journal.chain()
        paths = (self._history.path(frame, chain) if frame >= 0 else None for frame in frames)
        return write_sequence(paths, frames, self.source.size, Path(folder).absolute())

    def move(self, folder: str | os.PathLike[str]) -> None:
        """Moves the track's folder with all that is in it. Raises StoreError; it is in its old place then."""
        target = Path(folder).absolute()
        if target == self.folder:
            return
        with store_errors(target):
            if target.exists() and (not target.is_dir() or any(target.iterdir())):
                raise StoreError(
                    f"The track cannot be moved: {target} exists and is not empty.",
                    "Save the project under another name, or move that folder away.",
                )
            target.parent.mkdir(parents=True, exist_ok=True)
            if target.exists():
                target.rmdir()
            move_folder(self.folder, target)
        self.folder = target
        self._lock.moved(target)
        self._store.moved(target / "mattes")
        self._journal.path = target / "rounds.jsonl"

    def close(self) -> None:
        """Closes the clip and gives the folder free. May be called twice."""
        self.source.close()
        self._lock.release()

    def _id(self, parent: str, action: Round | Propagation) -> str:
        """The operation's id: a hash of everything its mattes depend on."""
        content = [
            parent,
            action_to_json(action),
            self.source.fingerprint,
            self._engine.weights_id,
            self._engine.tier,
            ALGORITHM,
        ]
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]

    def _record(self, parent: str, action: Round | Propagation) -> Operation:
        """Makes the operation the head, on disk too, before any of its work is done."""
        operation = Operation(self._id(parent, action), parent, action)
        if operation.id in self._journal.operations:
            self._journal.move_head(operation.id)
        else:
            self._journal.append(operation)
        return operation

    def _is_current(self, operation: Operation, direction: Direction) -> bool:
        """True for a propagation by itself in that direction with this clip, these weights and this tier."""
        action = operation.action
        return (
            isinstance(action, Propagation)
            and not action.group
            and action.direction == direction
            and operation.id == self._id(operation.parent, action)
        )

    def _compute(self, round_: Round, previous: Matte | None) -> Matte:
        """The matte of a round."""
        image = self.source[round_.frame]
        if round_.auto:
            return self._engine.foreground(image)
        return self._engine.refine(image, round_.strokes, previous=previous, zoom=round_.zoom)
