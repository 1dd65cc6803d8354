"""One track: the cutout of one object from one clip, kept in one folder and able to survive any crash.

    session.json     the clip, and its content's fingerprint
    rounds.jsonl     what the artist did (see journal.py), the source of truth
    versions.json    named positions in the journal (see versions.py)
    imported/        mattes made elsewhere (see imported.py), just as authoritative
    mattes/<id>/     mattes by operation and frame (see store.py): derived, may be deleted (see disk_limit.py)
    lock             the process that holds the folder (see lock.py)

An operation's id is a hash of everything that its mattes depend on: the operation before it, what it does, the clip's
content, the weights, the tier, the algorithm. So the matte of a frame is that of the newest operation on the way back
from the head that has one, undo just moves the head, and doing the same again finds the existing mattes.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..clips.opening import open_clip
from ..clips.source import VideoSource
from ..edges.detail_map import detail_map
from ..errors import InputError, StoreError, store_errors
from ..frame_text import FrameText
from ..propagation.carried_detail import CarriedDetail
from ..propagation.outcome import MatteKind, Stop
from ..types import Clip, Direction, FrameRange, PropagationOptions
from .absences import check_absence, ranges_of
from .actions import Absence, Action, Import, Lock, Operation, PaintRound, Propagation, Round, action_to_json
from .disk_limit import DiskLimit
from .edge_finder import EdgeFinder
from .folder import check_clip, move_folder
from .folder_lock import FolderLock
from .history import History
from .imported import ImportedMattes, ImportStep, import_mattes
from .journal import ROOT, Journal
from .overview import Overview
from .propagation_run import PropagationRun
from .rounds import PaintedArea, check_round, round_matte, weights_of
from .run_plan import TrackPart
from .store import MatteStore
from .versions import Versions

if TYPE_CHECKING:
    from ..edges.detail_map import Painted
    from ..edges.settings import EdgeSettings
    from ..engine import Engine
    from ..images.matte import Grey
    from ..types import Matte, Paint

ALGORITHM = 11
"""Increase this when the engine gives different mattes for the same input and weights."""


class TrackSession:
    """An open track: made by `open`, ended by `close` (or as a context manager).

    Attributes:
        folder: where it lies.
        clip, source: the clip, and its frames.
        warnings: what was found and repaired on opening, in sentences for the user.
        overview: the state of its frames, ready for messages.
        disk, versions: the space its mattes take, and its limit; states that were kept under a name.
    """

    def __init__(self, folder: Path, source: VideoSource, engine: Engine, lock: FolderLock) -> None:
        """Takes over an open clip and a held lock; callers use `open`."""
        self.folder = folder
        self.clip = Clip("")
        self.source = source
        self.warnings = list(lock.warnings)
        self._engine = engine
        self._edges, self._area = EdgeFinder(), PaintedArea()
        self._details = CarriedDetail(source, self._known_matte)
        self._lock = lock
        self._journal = Journal(folder / "rounds.jsonl")
        self._store = MatteStore(folder / "mattes", source.size)
        self.warnings += self._journal.warnings
        self._imported = ImportedMattes(folder / "imported", source.size)
        self._history = History(
            self._journal, self._store, self._compute, self._imported.path, len(source), source.size
        )
        if beyond := self._history.beyond():
            text = f"The clip has {len(source)} frames: "
            self.warnings.append(FrameText(text, "what was drawn on ", beyond[0], " cannot be shown, but is kept."))
        self.overview = Overview(self._journal, self._store, self._history, len(source))
        pixels = source.size[0] * source.size[1]
        self.versions = Versions(folder, self._journal)
        own = (self._store, self._history, self._journal, self.overview, pixels)
        self.disk = DiskLimit(*own, kept=self.versions.heads)

    @classmethod
    def open(cls, clip: Clip, folder: str | os.PathLike[str], engine: Engine, limit: int = 0) -> TrackSession:
        """Opens the track in `folder`, or creates it.

        Args:
            clip: the clip to cut from.
            folder: the track's own.
            engine: makes the mattes.
            limit: most bytes that its mattes may take, 0 = no limit; see `core.session.disk_limit`.

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
        session.clip = clip
        session.warnings += warnings
        session.disk.limit = limit
        return session

    def __enter__(self) -> TrackSession:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def use(self, engine: Engine) -> None:
        """Uses another engine from now on; existing mattes stay as they are."""
        self._engine = engine

    @property
    def head(self) -> str:
        """Id of the operation shown, "" = none."""
        return self._journal.head

    @property
    def group(self) -> str:
        """Name of the joint run that the head is part of, "" = none; see `core.session.run_plan`."""
        action = self._journal.operations[self.head].action if self.head != ROOT else None
        return action.group if isinstance(action, Propagation) else ""

    def part(self) -> TrackPart:
        """Returns what a propagation needs from this track."""
        where = (self.source, self._journal, self._store, self._history)
        return TrackPart(*where, self._id, self._record, self.versions.heads)

    @property
    def parent(self) -> str:
        """Id of the operation where an undo leads, "" = none; see `Journal.step_back`."""
        return self._journal.step_back(self.head)

    def keyframes(self) -> tuple[int, ...]:
        """Returns the frames with at least one round on the way to the head, sorted."""
        return tuple(self.overview.keyframes())

    def corrected(self) -> tuple[int, ...]:
        """Returns the frames changed since a propagation went through them, sorted; see `History.corrected`."""
        return self._history.corrected()

    def is_final(self, frame: int) -> bool:
        """Returns whether the artist drew or approved the frame's matte at the head."""
        return self._history.is_drawn(frame) or frame in self._history.locked()

    def confidences(self) -> str:
        """Returns how sure the network is of each frame's matte at the head, see `Overview.confidences`."""
        return self.overview.confidences()

    def done_ranges(self) -> tuple[tuple[int, int], ...]:
        """Returns the frames that have a matte at the head, as [start, stop) pairs, sorted."""
        return tuple(self.overview.done())

    def apply_round(
        self, round_: Round | PaintRound, early: Callable[[Path], object] = lambda _: None
    ) -> tuple[str, Path]:
        """Records a round, computes its matte and makes it the head; returns its id and the matte's path.

        If it fails, the head stays where it was. If the process is killed meanwhile, the round is kept and its matte is
        computed when it is next needed. `early` is called with the path when the matte's small copy is on disk and the
        matte itself is not yet.

        Raises:
            InputError: the frame is not in the clip or locked, or there are no strokes.
            StoreError: it cannot be written.
        """
        check_round(round_, len(self.source), self._history.locked(), self._history.absent())
        before = self.head
        operation = self._record(before, round_)
        try:
            path = self._history.path(round_.frame, self._history.at_head(round_.frame), early)
        except Exception:
            self._journal.take_back(before)
            raise
        assert path is not None
        return operation.id, path

    def lock(self, frames: FrameRange, locked: bool = True) -> str:
        """Records that the mattes of these frames are approved (or no longer); returns the head.

        Until that is undone, or they are unlocked, neither a propagation nor a round changes them.

        Raises:
            InputError: one of them has no matte, or there is none to unlock.
            StoreError: it cannot be written.
        """
        there = self._history.locked()
        if locked:
            owners = self._history.owners()
            missing = next((frame for frame in frames if frame not in owners), None)
            if missing is not None:
                raise InputError(
                    FrameText(missing, " has no mask yet, so it cannot be locked."), "Draw on it or propagate first."
                )
            if there.issuperset(frames):
                return self.head
        elif there.difference(self._history.absent()).isdisjoint(frames):
            raise InputError("There is nothing locked to unlock.", "")
        return self._record(self.head, Lock(frames, locked)).id

    def mark_absent(self, frames: FrameRange, absent: bool = True) -> str:
        """Marks frames Not Here, so that their mattes are empty, or clears the mark; returns the head.

        Until that is undone or taken back, neither a propagation nor a round changes them.

        Raises:
            InputError: a frame is not in the clip, or there is no mark to take off.
            StoreError: it cannot be written.
        """
        check_absence(frames, absent, len(self.source), self._history.absent())
        operation = self._record(self.head, Absence(frames, absent))
        for frame in frames:
            self._history.path(frame, self._history.at_head(frame))
        return operation.id

    def absent_ranges(self) -> tuple[tuple[int, int], ...]:
        """Returns the frames marked Not Here, as [start, stop) pairs, sorted."""
        return ranges_of(sorted(self._history.absent()))

    def propagate(
        self,
        frames: FrameRange,
        direction: Direction,
        options: PropagationOptions | None = None,
        notice: Callable[[Stop], None] | None = None,
        redo: Collection[int] = (),
    ) -> Iterator[tuple[int, Path | None, MatteKind]]:
        """Propagates the keyframes' mattes through `frames`; yields (frame, path of its matte, kind).

        Each matte is on disk when it is yielded. When stopped or killed at any point and called again, it resumes.
        Keyframes and locked frames are yielded but never written. After new rounds, results are fused with the mattes
        before them; for that, frames may first come as PENDING, without a path.

        Args:
            frames: the frames.
            direction: see `Engine.propagate_detailed`.
            options: see `Engine.propagate_detailed`; None = the defaults of `PropagationOptions`, which stop at cuts.
            notice: see `Engine.propagate_detailed`.
            redo: see `PropagationRun`.

        Raises:
            InputError: there is no keyframe yet, or the range is not in the clip.
            StoreError: a matte cannot be written; those before it are kept.
        """
        return self.disk.kept(self._propagated(frames, direction, options, notice, redo))

    def _propagated(self, *how: Any) -> Iterator[tuple[int, Path | None, MatteKind]]:
        run = PropagationRun([self.part()], (self.folder.name,), self._engine, *how)
        with closing(run.steps()) as steps:
            for step in steps:
                path, kind = step.mattes[0] if step.mattes else (None, MatteKind.PENDING)
                yield step.frame, path, kind

    def import_mattes(
        self,
        path: str | os.PathLike[str],
        at: int | None = None,
        every: int = 1,
        only: Sequence[int] | None = None,
        object_id: int | None = None,
    ) -> Iterator[ImportStep]:
        """Makes mattes from elsewhere keyframes, as one operation; see `core.session.imported`. Yields after each."""
        return import_mattes(self.part(), self._imported, path, at, every, only, object_id)

    def undo(self) -> str:
        """Moves the head one operation back and returns it. Raises InputError when there is none."""
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
                "The project file and the cutout's folder do not belong together: open the track again.",
            )
        self._journal.move_head(head)
        return head

    def matte(self, frame: int) -> Matte | None:
        """Returns the frame's matte (H, W) float32 in [0, 1] at the head; None = none. May compute a lost round."""
        return self._history.matte(frame)

    def alpha(
        self,
        frame: int,
        edge: EdgeSettings,
        painted: Painted | None = None,
        longest: int = 0,
        between: Callable[[], object] = lambda: None,
    ) -> Matte | None:
        """Returns the frame's matte at the head with its edge refined, (H, W) float32 in [0, 1]; None = none.

        Args:
            frame: of the clip.
            edge: the settings.
            painted: strokes of the Detail Brush; those of the nearest frame count, see `CarriedDetail`.
            longest: see `EdgeFinder.alpha`.
            between: see there.
        """
        matte = self.matte(frame)
        if matte is None or not edge.changes_alpha:
            return matte
        strokes = self._details.at(painted or {}, frame, self.head, between) if edge.detail else ()
        detail = detail_map(strokes, self.source.size) if strokes else None
        name, net = (frame, self.matte_path(frame), strokes), self._engine.edge
        return self._edges.alpha(net, lambda: self.source[frame], matte, edge, name, detail, longest, between)

    def _known_matte(self, frame: int) -> Matte | None:
        return self.matte(frame) if frame < len(self.source) else None

    def matte_path(self, frame: int) -> Path | None:
        """Returns the path of the frame's matte at the head, a whole file; None = none. May compute a lost round's."""
        return self._history.sound_path(frame)

    def move(self, folder: str | os.PathLike[str]) -> None:
        """Moves the track's folder with its contents. Raises StoreError and then leaves it in its old place."""
        target = Path(folder).absolute()
        if target == self.folder:
            return
        self._store.end_all()
        with store_errors(target):
            if target.exists() and (not target.is_dir() or any(target.iterdir())):
                raise StoreError(
                    f"The track cannot be moved: {target} exists and is not empty.",
                    "Save the project under another name, or move that folder away.",
                )
            target.parent.mkdir(parents=True, exist_ok=True)
            if target.exists():
                target.rmdir()
            with self._lock.moving(target):
                move_folder(self.folder, target)
        self.folder = target
        self._store.moved(target / "mattes")
        self._imported.folder = target / "imported"
        self._journal.path = target / "rounds.jsonl"
        self.versions.folder = target

    def close(self) -> None:
        """Closes the clip and releases the folder. May be called twice."""
        self.source.close()
        self._lock.release()

    def _id(self, parent: str, action: Action) -> str:
        """Returns the operation's id: a hash of everything its mattes depend on."""
        engine = self._engine
        made_with = ("", "", 0) if isinstance(action, Import) else (weights_of(engine, action), engine.tier, ALGORITHM)
        content = [parent, action_to_json(action), self.source.fingerprint, *made_with]
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]

    def _record(self, parent: str, action: Action) -> Operation:
        """Makes the operation the head, on disk too, before its work begins."""
        operation = Operation(self._id(parent, action), parent, action)
        if operation.id in self._journal.operations:
            self._journal.move_head(operation.id)
        else:
            self._journal.append(operation)
        return operation

    def _compute(self, round_: Round | PaintRound, previous: Grey | None, painted: Sequence[Paint]) -> Matte | Grey:
        """Returns the matte of a round, as `MatteStore.write` takes it."""
        return round_matte(self._engine, self.source, round_, previous, painted, self._area)
