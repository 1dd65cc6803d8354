"""Propagates several objects of one clip together: one memory, and every pixel belongs to one of them.

Each track keeps its own journal and mattes. A joint run is recorded in each of them, as a propagation whose `group` is
derived from the heads of all objects, so each one's mattes depend, by name, on the state of the others.

Objects may have their keyframes on different frames. The run starts from all of them. On a frame that was drawn for one
object only, the others take part with the mask that they have there; an object without one is first propagated there
alone, from its own keyframes. Drawn or locked masks stay as they are, and the others yield to them.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain as joined
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..errors import InputError
from ..frame_text import FrameText
from ..images.matte import contested, share
from ..propagation.confidence import confidence
from ..propagation.stabilise import stabilised
from ..types import Direction, FrameRange, MatteKind, PropagationOptions, Stop
from .actions import Propagation
from .confidence_log import note
from .group_plan import TrackPart, bases_of, before_of, drawn_on, equals_of, is_made_otherwise, joint_action
from .rerun import raw_matte, raw_of
from .store import LazyMattes

if TYPE_CHECKING:
    from ..engine import Engine
    from ..types import Matte, Mattes
    from .track_session import TrackSession

OVERLAP = 0.02
"""Share of one mask that another drawn on the same frame may overlap before there is a warning."""


@dataclass(frozen=True, slots=True)
class GroupStep:
    """A step of a joint run.

    Attributes:
        frame: the clip frame.
        mattes: (path, kind) for each object, on disk; empty while the run prepares its starting masks.
        pending: the frame was reached from one side, and its mattes come later; not counted in
            `GroupPropagation.total`.
    """

    frame: int
    mattes: tuple[tuple[Path, MatteKind], ...] = ()
    pending: bool = False


class GroupPropagation:
    """A joint run over open tracks of one clip, checked and ready to go; iterate `steps`.

    Attributes:
        total: number of steps; there are fewer when the direction leaves frames out.
        warnings: what the artist should know, in sentences.
    """

    def __init__(
        self,
        sessions: Sequence[TrackSession],
        names: Sequence[str],
        engine: Engine,
        frames: FrameRange,
        direction: Direction,
        options: PropagationOptions | None = None,
        notice: Callable[[Stop], None] | None = None,
    ) -> None:
        """Checks everything and changes nothing.

        Args:
            sessions: open tracks, each once.
            names: their display names.
            engine: makes the mattes.
            frames: the frames to yield.
            direction: see `Engine.propagate_detailed`. An object without a mask on another one's keyframe is propagated
                there in whichever direction reaches it.
            options: see `Engine.propagate_detailed`; None = the defaults of `PropagationOptions`, which stop at cuts.
            notice: see `Engine.propagate_detailed`.

        Raises:
            InputError: an object has no mask, the tracks are not of the same clip, or the range is not in it.
        """
        self._engine = engine
        self._frames, self._direction = frames, direction
        self._options, self._notice = options or PropagationOptions(), notice
        self._raw: tuple[int, Mattes] = (-1, np.zeros((0, 0, 0), np.float32))
        self._parts = [session.part() for session in sessions]
        self._names = list(names)
        self._check()
        stability = self._options.stability
        bases = bases_of(self._parts, frames, direction, stability)
        self._bases = bases
        self._action = joint_action(bases, frames, direction, stability)
        self._operations = [p.operation_id(base, self._action) for p, base in zip(self._parts, bases, strict=True)]
        self._chains = [p.journal.chain(base) for p, base in zip(self._parts, bases, strict=True)]
        self._drawn = [drawn_on(chain) for chain in self._chains]
        self._locked = [part.history.locked() for part in self._parts]
        self._firm = [drawn | locked for drawn, locked in zip(self._drawn, self._locked, strict=True)]
        self._keys = sorted(set().union(*self._drawn))
        self._own = equals_of(self._parts, self._chains, self._operations, direction)
        self._same = [
            [new, *takewhile(partial(_is_stabilised, part, stability), ids[1:])]
            for part, ids, new in zip(self._parts, self._own, self._operations, strict=True)
        ]
        self._before = None if any(map(is_made_otherwise, self._parts, self._chains)) else before_of(self._chains)
        self._before_drawn = [drawn_on(chain) for chain in self._before or ()]
        self._ways = [list(self._ways_of(n)) for n in range(len(self._parts))]
        self.total = sum(len(way) for way, _ in joined(*self._ways)) + len(frames)
        self.warnings = list(self._clashes())

    def steps(self) -> Generator[GroupStep, None, None]:
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
        stream = self._engine.propagate_detailed(
            self._parts[0].source,
            LazyMattes(self._keys, self._keyframe),
            frame_range=self._frames,
            direction=self._direction,
            previous=self._previous if self._before else None,
            locked=frozenset.intersection(*self._locked),
            known=self._known,
            options=replace(self._options, stability=0.0),
            notice=self._notice,
        )
        source, strength = self._parts[0].source, self._options.stability
        with closing(stabilised(stream, source, strength, self._anchor, self._is_done)) as results:
            for frame, raw, mattes, kind in results:
                self._raw = frame, raw
                if raw is not mattes:
                    self._keep_raw(frame, raw)
                pending = kind is MatteKind.PENDING
                yield GroupStep(frame, () if pending else self._kept(frame, mattes, kind), pending)

    def _check(self) -> None:
        source = self._parts[0].source
        for part, name in zip(self._parts, self._names, strict=True):
            if part.source.fingerprint != source.fingerprint or len(part.source) != len(source):
                raise InputError(
                    f"{self._names[0]} and {name} do not come from the same clip.",
                    "Propagate objects of one clip together.",
                )
            if not part.history.keyframes():
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

    def _go(self, n: int, way: FrameRange, direction: Direction) -> Iterator[GroupStep]:
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
                yield GroupStep(frame)

    def _alone(self, n: int) -> str:
        """Returns the folder name for masks that an object got on its way alone; not an operation's name."""
        return f"{self._operations[n]}-alone"

    def _path_there(self, n: int, frame: int) -> Path | None:
        """Returns the path of the mask that an object has on a frame without this run; None = it has none."""
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
        found = _stacked([self._there(n, frame) for n in range(len(self._parts))])
        return None if found is None else share(found, [frame in firm for firm in self._firm])

    def _settle(self, frame: int) -> None:
        """Gives the objects that are not fixed on a keyframe the mask with which they take part there."""
        mattes = self._keyframe(frame)
        if mattes is None:
            return
        for n, matte in enumerate(mattes):
            if frame not in self._firm[n] and not self._has(n, frame):
                visible = self._parts[n].history.matte(frame, self._chains[n])
                if visible is None or not np.array_equal(visible, matte):
                    self._write(n, frame, matte)

    def _previous(self, frame: int) -> Mattes | None:
        """Returns the mattes (N, H, W) of the joint run before the newest rounds."""
        chains = self._before or ()
        found = _stacked(
            [
                self._there(n, frame) if frame in self._locked[n] else part.history.matte(frame, chain)
                for n, (part, chain) in enumerate(zip(self._parts, chains, strict=True))
            ]
        )
        firm = [frame in drawn | locked for drawn, locked in zip(self._before_drawn, self._locked, strict=True)]
        return None if found is None else share(found, firm)

    def _known(self, frame: int) -> Mattes | None:
        """Returns this run's own mattes (N, H, W) of a frame; None = not all are made yet."""
        parts = enumerate(zip(self._parts, self._own, strict=True))
        locked = self._locked
        return _stacked(
            [self._there(n, frame) if frame in locked[n] else raw_matte(p.store, ids, frame) for n, (p, ids) in parts]
        )

    def _has(self, n: int, frame: int) -> bool:
        return any(self._parts[n].store.has(operation, frame) for operation in self._same[n])

    def _is_done(self, frame: int) -> bool:
        return all(self._has(n, frame) or frame in self._locked[n] for n in range(len(self._parts)))

    def _anchor(self, frame: int) -> Mattes | None:
        """Returns the mattes (N, H, W) of a frame from which passes start."""
        return self._keyframe(frame) if frame in self._keys else None

    def _keep_raw(self, frame: int, mattes: Mattes) -> None:
        """Writes mattes (N, H, W) as they are before stabilising, unless already stored."""
        for n, (part, matte) in enumerate(zip(self._parts, share(*self._with_locked(frame, mattes)), strict=True)):
            known = any(part.store.has(raw_of(operation), frame) for operation in self._own[n])
            if not known and frame not in self._locked[n]:
                self._record()
                part.store.write(raw_of(self._operations[n]), frame, matte)

    def _kept(self, frame: int, mattes: Mattes, kind: MatteKind) -> tuple[tuple[Path, MatteKind], ...]:
        """Writes a frame's new mattes; returns each object's path and kind."""
        result = []
        shared = mattes if frame in self._keys else share(*self._with_locked(frame, mattes))
        for n, (part, matte) in enumerate(zip(self._parts, shared, strict=True)):
            drawn = frame in self._drawn[n]
            if part.store.has(self._operations[n], frame):
                self._record()
            elif self._is_new(n, frame, matte):
                self._write(n, frame, matte)
                if self._raw[0] == frame:
                    note(part.store, self._operations[n], frame, confidence(self._raw[1][n]))
            path = part.history.path(frame, part.journal.chain())
            assert path is not None
            if frame in self._locked[n] and not drawn:
                result.append((path, MatteKind.LOCKED))
            else:
                result.append((path, MatteKind.PROPAGATED if kind is MatteKind.DRAWN and not drawn else kind))
        return tuple(result)

    def _with_locked(self, frame: int, mattes: Mattes) -> tuple[Mattes, list[bool]]:
        """Returns the mattes (N, H, W) with locked objects' own, and which objects are locked."""
        locked = [frame in frames for frames in self._locked]
        if not any(locked) or all(locked):
            return mattes, locked
        own = [self._there(n, frame) if fixed else None for n, fixed in enumerate(locked)]
        return np.stack([m if o is None else o for m, o in zip(mattes, own, strict=True)]), locked

    def _is_new(self, n: int, frame: int, matte: Matte) -> bool:
        """Returns True when a frame's matte of an object must be written."""
        if frame in self._keys or frame in self._locked[n] or self._has(n, frame):
            return False
        return not self._is_there_already(n, frame, matte)

    def _is_there_already(self, n: int, frame: int, matte: Matte) -> bool:
        """Returns True when the matte equals the earlier run's, which is still the one shown."""
        if not self._before:
            return False
        history, chain, before = self._parts[n].history, self._chains[n], self._before[n]
        path = history.path(frame, chain)
        if path is None or path != history.path(frame, before):
            return False
        earlier = history.matte(frame, before)
        return earlier is not None and np.array_equal(earlier, matte)

    def _write(self, n: int, frame: int, matte: Matte) -> None:
        """Writes an object's matte; records the run for all objects before the first one."""
        self._record()
        self._parts[n].store.write(self._operations[n], frame, matte)
        self._parts[n].history.added(self._operations[n], frame)

    def _record(self) -> None:
        for part, base in zip(self._parts, self._bases, strict=True):
            if part.journal.head == base:
                part.record(base, self._action)

    def _clashes(self) -> Iterator[str]:
        """Yields a warning for frames on which masks drawn for several objects overlap."""
        for frame in self._keys:
            both = [n for n, drawn in enumerate(self._drawn) if frame in drawn]
            found = _stacked([self._there(n, frame) for n in both]) if len(both) > 1 else None
            if found is not None and contested(found) > OVERLAP:
                names = " and ".join(self._names[n] for n in both)
                yield FrameText(f"The masks drawn for {names} overlap on ", frame, ". Remove there what is not theirs.")


def _is_stabilised(part: TrackPart, stability: float, operation: str) -> bool:
    """Returns whether an operation stabilised its mattes up to here."""
    action = part.journal.operations[operation].action
    return isinstance(action, Propagation) and action.stability == stability


def _stacked(mattes: Sequence[Matte | None]) -> Mattes | None:
    """Returns the mattes stacked to (N, H, W); None when one is missing."""
    found = [matte for matte in mattes if matte is not None]
    return np.stack(found) if len(found) == len(mattes) and found else None
