"""Propagates the objects of one or more tracks of a clip: reuses what is there, reports a matte once it is on disk.

Several tracks share one memory, and every pixel belongs to one of them; a single track is a group of one. Each track
keeps its own journal and mattes, and the run is recorded in each of them: see `core.session.run_plan`.

Keyframes may lie on different frames: the run starts from all of them. On a frame drawn for one object only, the others
take part with the mask they have there, first propagated there alone if they have none. Drawn or locked masks stay.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Generator, Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from itertools import chain as joined
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ..errors import InputError, StoreError
from ..frame_text import FrameText
from ..images.matte import contested, share, stacked
from ..propagation.confidence import confidence
from ..propagation.outcome import MatteKind, Stop
from ..propagation.stabilise import stabilised
from ..types import Direction, FrameRange, PropagationOptions
from .confidence_log import note
from .run_plan import TrackPart, drawn_on, plan_run
from .store import LazyMattes, raw_matte, raw_of
from .unreached import begin, finish

if TYPE_CHECKING:
    from ..engine import Engine
    from ..types import Matte, Mattes

OVERLAP = 0.02
"""Share of one mask that another drawn on the same frame may overlap before there is a warning."""
_BEHIND = 2
"""Most frames that may be waiting to be written at once."""
_EARLIER = 3
"""Frames whose mattes of the earlier run are kept: stabilising yields each frame one frame late."""


@dataclass(frozen=True, slots=True)
class RunStep:
    """A step of a run.

    Attributes:
        frame: the clip frame.
        mattes: (path, kind) for each object, on disk; empty while the run prepares its starting masks.
        pending: the frame was reached from one side, and its mattes come later; not counted in `PropagationRun.total`.
    """

    frame: int
    mattes: tuple[tuple[Path, MatteKind], ...] = ()
    pending: bool = False


class _Begun(NamedTuple):
    """A frame whose new mattes are being written: for each object its kind, and its path, None = new."""

    frame: int
    kinds: tuple[MatteKind, ...] = ()
    paths: tuple[Path | None, ...] = ()
    certain: tuple[float, ...] = ()


class PropagationRun:
    """A run over open tracks of one clip, checked and ready to go; iterate `steps`.

    Attributes:
        total: number of steps; there are fewer when the direction leaves frames out.
        warnings: what the artist should know, in sentences.
    """

    def __init__(
        self,
        parts: Sequence[TrackPart],
        names: Sequence[str],
        engine: Engine,
        frames: FrameRange,
        direction: Direction,
        options: PropagationOptions | None = None,
        notice: Callable[[Stop], None] | None = None,
        redo: Collection[int] = (),
    ) -> None:
        """Checks everything and changes nothing.

        Args:
            parts: of open tracks, each once.
            names: their display names.
            engine: makes the mattes.
            frames: the frames to yield.
            direction: see `Engine.propagate_detailed`; a mask missing on another object's keyframe is made either way.
            options: see `Engine.propagate_detailed`; None = the defaults of `PropagationOptions`, which stop at cuts.
            notice: see `Engine.propagate_detailed`.
            redo: frames whose earlier propagated mattes are not used: they are made again.

        Raises:
            InputError: an object has no mask, the tracks are not of the same clip, or the range is not in it.
        """
        self._engine, self._frames, self._direction = engine, frames, direction
        self._options, self._notice = options or PropagationOptions(), notice
        self._parts, self._names, self._redo = list(parts), list(names), frozenset(redo)
        self._check()
        plan = plan_run(self._parts, frames, direction, self._options.stability, not self._redo)
        self._plan, self._operations, self._chains = plan, plan.operations, plan.chains
        self._drawn = [frozenset(part.history.keyframes()) for part in self._parts]
        self._locked = [part.history.locked() for part in self._parts]
        self._absent = frozenset.intersection(*(frozenset(p.history.absent()) for p in self._parts))
        self._all_locked = frozenset.intersection(*self._locked) - self._absent
        self._firm = [drawn | locked for drawn, locked in zip(self._drawn, self._locked, strict=True)]
        self._keys = sorted(set().union(*self._drawn))
        self._before_drawn = [drawn_on(chain) for chain in plan.before or ()]
        self._earlier: dict[int, list[Matte | None]] = {}
        self._ways = [list(self._ways_of(n)) for n in range(len(self._parts))]
        self.total = sum(len(way) for way, _ in joined(*self._ways)) + len(frames)
        self.warnings = list(self._clashes())

    def steps(self) -> Generator[RunStep, None, None]:
        """Yields a step for every frame of the range, each once, preceded by the steps of the preparation.

        When stopped or killed at any point and called again, it resumes.

        Raises:
            StoreError: a matte cannot be written; those before it are kept.
            FrameReadError: the clip cannot be read.
        """
        for n, ways in enumerate(self._ways):
            for way, direction in ways:
                yield from self._go(n, way, direction)
        for key in self._keys:
            self._settle(key)
        yield from self._ended(self._begun())
        finish((part.store for part in self._parts), self._operations)

    def _begun(self) -> Generator[_Begun, None, None]:
        """Yields the frames as they are made, each once its new mattes are queued for writing."""
        source = self._parts[0].source
        stream = self._engine.propagate_detailed(
            source,
            LazyMattes(self._keys, self._keyframe),
            frame_range=self._frames,
            direction=self._direction,
            previous=self._previous if self._plan.before else None,
            locked=self._all_locked,
            absent=self._absent,
            known=self._known,
            options=replace(self._options, stability=0.0),
            notice=self._notice,
        )
        with closing(stabilised(stream, source, self._options.stability, self._anchor, self._is_done)) as results:
            for frame, raw, mattes, kind in results:
                yield _Begun(frame) if kind is MatteKind.PENDING else self._begin(frame, raw, mattes, kind)

    def _ended(self, frames: Generator[_Begun, None, None]) -> Iterator[RunStep]:
        """Yields the frames in order, each once it is on disk, mostly while the network computes the next one."""
        waiting: deque[_Begun] = deque()
        try:
            with closing(frames):
                for begun in frames:
                    waiting.append(begun)
                    while waiting and (len(waiting) > _BEHIND or not self._is_being_written(waiting[0])):
                        yield self._end(waiting.popleft())
            while waiting:
                yield self._end(waiting.popleft())
        finally:
            # Stopped, or a file could not be written: other finished files count, but are no longer reported.
            for begun in waiting:
                with suppress(StoreError):
                    self._end(begun)
            for part in self._parts:
                part.store.end_all()

    def _check(self) -> None:
        source = self._parts[0].source
        for part, name in zip(self._parts, self._names, strict=True):
            if part.source.fingerprint != source.fingerprint or len(part.source) != len(source):
                raise InputError(
                    f"{self._names[0]} and {name} do not come from the same clip.",
                    "Propagate objects of one clip together.",
                )
            if part.history.keyframes():
                continue
            if len(self._parts) == 1:
                raise InputError("There is nothing to propagate yet.", "Draw on a frame, or use Auto, first.")
            raise InputError(
                f"{name} has no mask yet.",
                "Select it and draw on it, or press Auto; or lock it to propagate the others without it.",
            )
        if self._frames.stop > len(source):
            raise InputError(
                f"The range {self._frames.start}:{self._frames.stop} goes past the clip's {len(source)} frames.",
                "Choose a range inside the clip.",
            )

    def _ways_of(self, n: int) -> Iterator[tuple[FrameRange, Direction]]:
        """Yields the stretches through which an object is propagated alone to others' keyframes it has no mask on."""
        lost: dict[tuple[int, int], list[int]] = {}
        drawn = self._drawn[n]
        for key in self._keys:
            if key not in drawn and self._path_there(n, key) is None:
                left = max((d for d in drawn if d < key), default=-1)
                lost.setdefault((left, min((d for d in drawn if d > key), default=-1)), []).append(key)
        for (left, right), keys in lost.items():
            if left >= 0:
                yield FrameRange(left + 1, max(keys) + 1), Direction.FORWARD
            else:
                yield FrameRange(min(keys), right), Direction.BACKWARD

    def _go(self, n: int, way: FrameRange, direction: Direction) -> Iterator[RunStep]:
        """Propagates one object alone through a stretch; keeps its masks on the others' keyframes."""
        part, chain = self._parts[n], self._chains[n]
        stream = self._engine.propagate_detailed(
            part.source,
            LazyMattes(sorted(self._drawn[n]), lambda frame: part.history.matte(frame, chain)),
            frame_range=way,
            direction=direction,
            known=lambda frame: None if frame in self._drawn[n] else self._there(n, frame),
        )
        with closing(stream):
            for frame, matte, _ in stream:
                if frame in self._keys and self._path_there(n, frame) is None:
                    part.store.write(self._alone(n), frame, matte)
                yield RunStep(frame)

    def _alone(self, n: int) -> str:
        """Returns the folder name for masks that an object got when propagated alone; not an operation's name."""
        return f"{self._operations[n]}-alone"

    def _path_there(self, n: int, frame: int) -> Path | None:
        """Returns the path of an object's mask on a frame without this run; None = it has none."""
        path = self._parts[n].history.path(frame, self._chains[n])
        if path is None and self._parts[n].store.has(self._alone(n), frame):
            return self._parts[n].store.path(self._alone(n), frame)
        return path

    def _there(self, n: int, frame: int) -> Matte | None:
        """Returns the mask (H, W) at `_path_there`."""
        matte = self._parts[n].history.matte(frame, self._chains[n])
        return self._parts[n].store.read(self._alone(n), frame) if matte is None else matte

    def _keyframe(self, frame: int) -> Mattes | None:
        """Returns what the run starts from on a frame drawn for at least one object: (N, H, W), pixels shared."""
        found = stacked([self._there(n, frame) for n in range(len(self._parts))])
        return None if found is None else share(found, [frame in firm for firm in self._firm])

    def _settle(self, frame: int) -> None:
        """Gives the objects that are not fixed on a keyframe the mask with which they take part there."""
        loose = [n for n, firm in enumerate(self._firm) if frame not in firm and not self._has(n, frame)]
        mattes = self._keyframe(frame) if loose else None
        if mattes is None:
            return
        for n in loose:
            part, matte = self._parts[n], mattes[n]
            visible = part.history.matte(frame, self._chains[n])
            if visible is None or not np.array_equal(visible, matte):
                self._record()
                part.store.write(self._operations[n], frame, matte)
                part.history.added(self._operations[n], frame)

    def _previous(self, frame: int) -> Mattes | None:
        """Returns the mattes (N, H, W) of the run before the newest rounds; a keyframe that differs from it is new."""
        if frame in self._redo:
            return None
        earlier = [
            self._there(n, frame) if frame in self._locked[n] - self._absent else part.history.matte(frame, chain)
            for n, (part, chain) in enumerate(zip(self._parts, self._plan.before or (), strict=True))
        ]
        self._earlier = dict([*self._earlier.items(), (frame, earlier)][-_EARLIER:])
        found = stacked(earlier)
        firm = [frame in drawn | locked for drawn, locked in zip(self._before_drawn, self._locked, strict=True)]
        return None if found is None else share(found, firm)

    def _known(self, frame: int) -> Mattes | None:
        """Returns this run's own mattes (N, H, W) of a frame, before stabilising; None = not all are made yet."""
        return stacked(
            [
                self._there(n, frame)
                if frame in self._locked[n]
                else raw_matte(part.store, self._usable(own, frame), frame)
                for n, (part, own) in enumerate(zip(self._parts, self._plan.own, strict=True))
            ]
        )

    def _anchor(self, frame: int) -> Mattes | None:
        """Returns the mattes (N, H, W) of a frame at which passes start or end."""
        if frame in self._keys:
            return self._keyframe(frame)
        return self._known(frame) if frame in self._all_locked else None

    def _has(self, n: int, frame: int) -> bool:
        """Returns True when the object's result on a frame is on disk."""
        return any(self._parts[n].store.has(operation, frame) for operation in self._usable(self._plan.same[n], frame))

    def _usable(self, operations: Sequence[str], frame: int) -> Sequence[str]:
        """Returns the operations whose mattes of a frame count: only the run itself where it makes them again."""
        return operations[:1] if frame in self._redo else operations

    def _is_done(self, frame: int) -> bool:
        return all(self._has(n, frame) or frame in locked for n, locked in enumerate(self._locked))

    def _begin(self, frame: int, raw: Mattes, mattes: Mattes, kind: MatteKind) -> _Begun:
        """Starts writing what is new of a frame's mattes (N, H, W), as made and as stabilised."""
        shown = mattes if frame in self._keys else share(*self._with_locked(frame, mattes))
        new = [self._is_new(n, frame, matte) for n, matte in enumerate(shown)]
        if any(new) or any(self._is_own(n, frame) for n in range(len(new))):
            # Recorded with its first matte, not before: a run that fails at once leaves nothing to undo.
            self._record()
        if any(new) and raw is not mattes:
            for n, matte in enumerate(share(*self._with_locked(frame, raw))):
                if frame not in self._locked[n] and not self._has_raw(n, frame):
                    self._parts[n].store.begin(raw_of(self._operations[n]), frame, matte)
        paths: list[Path | None] = []
        for part, operation, matte, is_new in zip(self._parts, self._operations, shown, new, strict=True):
            if is_new:
                part.store.begin(operation, frame, matte)
            paths.append(None if is_new else part.history.path(frame, part.history.at_head(frame)))
        kinds = tuple(self._kind(n, frame, kind) for n in range(len(new)))
        certain = tuple(confidence(matte) if is_new else 0.0 for matte, is_new in zip(raw, new, strict=True))
        return _Begun(frame, kinds, tuple(paths), certain)

    def _is_being_written(self, begun: _Begun) -> bool:
        places = zip(self._parts, self._operations, begun.paths, strict=False)
        return any(path is None and part.store.is_being_written(name, begun.frame) for part, name, path in places)

    def _end(self, begun: _Begun) -> RunStep:
        """Waits until the frame's mattes are on disk and returns the step to report."""
        failed: StoreError | None = None
        paths = list(begun.paths)
        for n, path in enumerate(paths):
            part, operation = self._parts[n], self._operations[n]
            try:
                part.store.end(raw_of(operation), begun.frame)
                part.store.end(operation, begun.frame)
            except StoreError as error:
                failed = failed or error
                continue
            if path is None:
                note(part.store, operation, begun.frame, begun.certain[n])
                part.history.added(operation, begun.frame)
                paths[n] = part.store.path(operation, begun.frame)
        if failed is not None:
            raise failed
        found = [path for path in paths if path is not None]
        return RunStep(begun.frame, tuple(zip(found, begun.kinds, strict=True)), pending=not begun.kinds)

    def _kind(self, n: int, frame: int, kind: MatteKind) -> MatteKind:
        """Returns the kind of an object's matte on a frame that is of `kind` for the run."""
        if frame in self._drawn[n]:
            return kind
        propagated = MatteKind.PROPAGATED if kind is MatteKind.DRAWN else kind
        return MatteKind.LOCKED if frame in self._locked[n] else propagated

    def _with_locked(self, frame: int, mattes: Mattes) -> tuple[Mattes, list[bool]]:
        """Returns the mattes (N, H, W) with locked objects' own, and which objects are locked."""
        locked = [frame in frames for frames in self._locked]
        if not any(locked) or all(locked):
            return mattes, locked
        own = [self._there(n, frame) if fixed else None for n, fixed in enumerate(locked)]
        return np.stack([m if o is None else o for m, o in zip(mattes, own, strict=True)]), locked

    def _is_own(self, n: int, frame: int) -> bool:
        return self._parts[n].store.has(self._operations[n], frame)

    def _has_raw(self, n: int, frame: int) -> bool:
        """Returns True when the object's matte before stabilising is on disk."""
        usable = self._usable(self._plan.own[n], frame)
        return any(self._parts[n].store.has(raw_of(operation), frame) for operation in usable)

    def _is_new(self, n: int, frame: int, matte: Matte) -> bool:
        """Returns True when a frame's matte of an object must be written."""
        if frame in self._keys or frame in self._locked[n] or self._has(n, frame):
            return False
        return not self._is_there_already(n, frame, matte)

    def _is_there_already(self, n: int, frame: int, matte: Matte) -> bool:
        """Returns True when the matte equals the earlier run's, and that, or what corrected it since, is shown."""
        plan, history = self._plan, self._parts[n].history
        earlier = self._earlier[frame][n] if frame in self._earlier else None
        if plan.before is None or earlier is None or not np.array_equal(earlier, matte):
            return False
        path = history.path(frame, self._chains[n])
        return path is not None and (path.parent.name in plan.since[n] or path == history.path(frame, plan.before[n]))

    def _record(self) -> None:
        for part, base in zip(self._parts, self._plan.bases, strict=True):
            if part.journal.head == base:
                begin(part.store, part.record(base, self._plan.action).id)

    def _clashes(self) -> Iterator[str]:
        """Yields a warning for frames on which masks drawn for several objects overlap."""
        for frame in self._keys:
            both = [n for n, drawn in enumerate(self._drawn) if frame in drawn]
            found = stacked([self._there(n, frame) for n in both]) if len(both) > 1 else None
            if found is not None and contested(found) > OVERLAP:
                names = " and ".join(self._names[n] for n in both)
                yield FrameText(f"The masks drawn for {names} overlap on ", frame, ". Remove there what is not theirs.")
