"""Propagates one object through its clip: reuses what is there, and reports a matte only once it is on disk."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import replace
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from ..errors import InputError, StoreError
from ..propagation.confidence import confidence
from ..propagation.stabilise import stabilised
from ..types import Direction, FrameRange, MatteKind, PropagationOptions, Stop
from .actions import Lock, Operation, Propagation
from .confidence_log import note
from .group_plan import TrackPart, is_made_otherwise
from .rerun import Rerun, raw_of
from .store import LazyMattes

if TYPE_CHECKING:
    from ..engine import Engine
    from ..types import Matte
    from .store import MatteStore

_BEHIND = 2
"""Most frames that may be on their way to the disk at once."""


def propagate_track(
    part: TrackPart,
    engine: Engine,
    frames: FrameRange,
    direction: Direction,
    options: PropagationOptions,
    notice: Callable[[Stop], None] | None = None,
) -> Iterator[tuple[int, Path | None, MatteKind]]:
    """Yields (frame, path of its matte, kind) for the frames of the range; see `TrackSession.propagate`.

    The path of a pending frame is None: its matte comes later.

    Args:
        part: the track.
        engine: makes the mattes.
        frames: see `Engine.propagate_detailed`.
        direction: likewise.
        options: likewise.
        notice: likewise.

    Raises:
        InputError: there is no keyframe yet, or the range is not in the clip.
        StoreError: a matte cannot be written; those before it are kept.
    """
    history, store, journal = part.history, part.store, part.journal
    keyframes = history.keyframes()
    if not keyframes:
        raise InputError("There is nothing to propagate yet.", "Draw on a frame, or use Auto, first.")
    if frames.stop > len(part.source):
        raise InputError(
            f"The range {frames.start}:{frames.stop} goes past the clip's {len(part.source)} frames.",
            "Choose a range inside the clip.",
        )
    action = Propagation(frames, direction, stability=options.stability)
    chain, locked = journal.chain(), history.locked()
    valid = _still_valid(part, chain, direction)
    # The same run again at the head: one that did not finish is resumed.
    parent = valid[0].parent if valid and valid[0] == chain[0] and valid[0].action == action else journal.head
    operation = part.operation_id(parent, action)
    same = [op.id for op in takewhile(lambda op: getattr(op.action, "stability", None) == options.stability, valid)]
    own = [op.id for op in valid]
    run = Rerun(store, history, journal.chain(parent), [*own, operation], [*same, operation])
    fuses = run.has_previous and not is_made_otherwise(part, journal.chain(parent))

    def shown(frame: int) -> Matte | None:
        return history.matte(frame, chain)

    def previous(frame: int) -> Matte | None:
        return shown(frame) if frame in locked else run.previous(frame)

    def known(frame: int) -> Matte | None:
        return shown(frame) if frame in locked else run.known(frame)

    mattes = engine.propagate_detailed(
        part.source,
        LazyMattes(keyframes, shown),
        frame_range=frames,
        direction=direction,
        previous=previous if fuses else None,
        locked=locked,
        known=known,
        options=replace(options, stability=0.0),
        notice=notice,
    )

    def anchor(frame: int) -> Matte | None:
        return shown(frame) if frame in keyframes or frame in locked else None

    def write(frame: int, raw: Matte, matte: Matte) -> Callable[[], Path]:
        """Starts writing a frame's new files; the returned function waits for them."""
        if raw is not matte and not run.has_raw(frame):
            store.begin(raw_of(operation), frame, raw)
        store.begin(operation, frame, matte)
        sure = confidence(raw)

        def end() -> Path:
            store.end(raw_of(operation), frame)
            store.end(operation, frame)
            note(store, operation, frame, sure)
            history.added(operation, frame)
            return store.path(operation, frame)

        return end

    def steps() -> Iterator[_Step]:
        with closing(stabilised(mattes, part.source, options.stability, anchor, run.is_done)) as results:
            for frame, raw, matte, kind in results:
                if kind is MatteKind.PENDING:
                    yield _Step(frame, None, kind)
                    continue
                fixed = frame in keyframes or frame in locked
                path = history.path(frame, chain) if fixed else run.path_of(frame, matte)
                # Recorded with its first matte, not before: a run that fails at once leaves nothing to undo.
                if journal.head == parent != operation and (path is None or path.parent.name == operation):
                    part.record(parent, action)
                yield _Step(frame, path, kind, write(frame, raw, matte) if path is None else None)

    def is_being_written(step: _Step) -> bool:
        return step.end is not None and store.is_being_written(operation, step.frame)

    yield from _ended(steps(), is_being_written, store)


class _Step(NamedTuple):
    """A frame's result; `end` waits until it is on disk and returns its path, None = nothing to wait for."""

    frame: int
    path: Path | None
    kind: MatteKind
    end: Callable[[], Path] | None = None

    def ended(self) -> tuple[int, Path | None, MatteKind]:
        """Returns the result as reported to the caller."""
        return self.frame, self.path if self.end is None else self.end(), self.kind


def _ended(
    steps: Iterator[_Step], is_being_written: Callable[[_Step], bool], store: MatteStore
) -> Iterator[tuple[int, Path | None, MatteKind]]:
    """Yields the steps in order, each once it is on disk, mostly while the network computes the next one."""
    waiting: deque[_Step] = deque()
    try:
        with closing(steps):  # type: ignore[type-var]
            for step in steps:
                waiting.append(step)
                while waiting and (len(waiting) > _BEHIND or not is_being_written(waiting[0])):
                    yield waiting.popleft().ended()
        while waiting:
            yield waiting.popleft().ended()
    finally:
        # Stopped, or a file could not be written: other finished files count, but are no longer reported.
        for step in waiting:
            with suppress(StoreError):
                step.ended()
        store.end_all()


def _still_valid(part: TrackPart, chain: Sequence[Operation], direction: Direction) -> list[Operation]:
    """Returns the propagations since the last round that were made with this clip, these weights and this tier."""
    steps = (op for op in chain if not isinstance(op.action, Lock))

    def is_current(operation: Operation) -> bool:
        action = operation.action
        own = isinstance(action, Propagation) and not action.group and action.direction == direction
        return own and part.is_current(operation)

    return list(takewhile(is_current, steps))
