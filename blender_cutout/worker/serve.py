"""Serves the host: each message becomes work on a track, and every job gets exactly one terminal event.

Between two frames of a long job, cancels are noticed and urgent short jobs are done, so that the artist can draw on one
track while another one is propagated. Nothing here imports torch; the engine is made when it is needed.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Generator, Iterator
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from ..core.errors import CutoutError, InputError, ProtocolError
from ..core.frame_text import FrameText
from ..core.messages import (
    ApplyRound,
    Cancelled,
    Checkout,
    Done,
    EditVersion,
    Expect,
    Export,
    FindPeople,
    GetState,
    Hello,
    ImportMattes,
    LockFrames,
    MakeJob,
    MarkAbsent,
    MatteReady,
    Message,
    MoveTrack,
    OpenTrack,
    PreviewEdge,
    Propagate,
    PropagateGroup,
    TakeJob,
    Undo,
    Warn,
)
from ..core.propagation.outcome import Stop
from ..core.types import Clip, Direction, FrameRange, PropagationOptions
from . import track_jobs
from .failures import failed
from .inbox import Inbox, LongJob, ends, tracks_of, waits
from .keeper import EngineKeeper
from .outbox import Outbox, ProgressMeter
from .track_states import StateSender

if TYPE_CHECKING:
    from ..core.engine import Engine
    from ..core.session.track_session import TrackSession

_Step = TypeVar("_Step")
_log = logging.getLogger(__name__)


class _Stopped(Exception):
    """Raised when a long job was stopped after `at` steps."""

    def __init__(self, at: int) -> None:
        super().__init__(at)
        self.at = at


class Server:
    """Serves one host over two descriptors.

    Args:
        incoming, outgoing: where the host's messages arrive, and where ours go.
        make_engine: (tier, device) -> Engine; may take long.
    """

    def __init__(self, incoming: int, outgoing: int, make_engine: Callable[[str, str], Engine]) -> None:
        self._outbox = Outbox(outgoing)
        self._send = self._outbox.send
        self._keeper = EngineKeeper(make_engine, self._send)
        self._states = StateSender(self._send)
        self._sessions: dict[str, TrackSession] = {}
        self._inbox = Inbox(incoming, self._send, self._abandon)

    def run(self) -> int:
        """Works until the host says goodbye or is gone; returns the exit code."""
        try:
            while (message := self._inbox.take()) is not None:
                self._handle(message)
        finally:
            self._close_all()
            self._inbox.all_done()
        return 0

    def _handle(self, message: Message) -> None:
        """Handles a message; its job gets a terminal event whatever happens."""
        job = getattr(message, "job", "")
        try:
            if isinstance(message, Hello):
                self._greet(message)
            elif isinstance(message, Expect):
                if message.track in self._sessions:
                    self._sessions[message.track].source.prefetch(message.frame)
            else:
                self._require_hello()
                if isinstance(message, Export | ImportMattes):  # needs no networks: a faster tier would not help
                    done = self._work(message)
                else:
                    rewind = self._rewinder(message)
                    done = self._keeper.within_memory(job, lambda: self._work(message), rewind)
                self._send(done)
        except _Stopped as stopped:
            self._send(Cancelled(job, stopped.at))
        except Exception as error:
            _log.error("job %s failed", job, exc_info=error)
            self._send(failed(job, error))
        finally:
            self._inbox.finish(message)

    def _greet(self, hello: Hello) -> None:
        self._states.forget()
        self._states.changes = hello.changes
        if self._keeper.greet(hello):
            self._close_all()
        if self._inbox.idle:
            self._load_ahead()

    def _load_ahead(self) -> None:
        """Loads the engine while the artist gets ready; if that fails, every job reports it again."""
        try:
            self._keeper.within_memory("", self._keeper.get)
        except CutoutError as error:
            self._send(Warn("", str(error)))

    def _require_hello(self) -> None:
        if not self._keeper.greeted:
            raise ProtocolError("The engine received a job before its settings.", "Restart the engine.")

    def _work(self, message: Message) -> Done:
        """Does one job."""
        match message:
            case OpenTrack():
                return self._open(message)
            case ApplyRound():
                return self._apply(message)
            case FindPeople():
                return track_jobs.find_people(message, self._session(message.track), self._keeper.get())
            case Propagate():
                return self._propagate(message)
            case PropagateGroup():
                return self._propagate_group(message)
            case Export():
                return self._export(message)
            case PreviewEdge():
                return track_jobs.preview_edge(message, self._session(message.track), self._give_way)
            case ImportMattes():
                return self._import(message)
            case MakeJob():
                return track_jobs.make_job(message, self._session(message.track), self._keeper.get(message.job))
            case TakeJob():
                return self._take(message)
            case LockFrames():
                self._session(message.track).lock(FrameRange(message.start, message.stop), message.locked)
                self._tell_state(message.job, message.track)
                return Done(message.job, "Locked" if message.locked else "Unlocked")
            case MarkAbsent():
                self._session(message.track).mark_absent(FrameRange(message.start, message.stop), message.absent)
                self._tell_state(message.job, message.track)
                return Done(message.job, "Marked" if message.absent else "Unmarked")
            case GetState():
                self._states.send(message.job, message.track, self._session(message.track), whole=True)
                return Done(message.job)
            case Undo():
                return self._undo(message)
            case Checkout():
                session = self._session(message.track)
                session.checkout(message.head)
                return self._moved(message.job, message.track, session)
            case EditVersion():
                session = self._session(message.track)
                result = track_jobs.edit_version(message, session)
                return replace(self._moved(message.job, message.track, session), result=result)
            case MoveTrack():
                session = self._session(message.track)
                session.move(message.folder)
                self._tell_state(message.job, message.track)
                return Done(message.job, "Moved")
        raise ProtocolError(f"The engine cannot work on {type(message).__name__}.", "Restart the engine.")

    def _open(self, message: OpenTrack) -> Done:
        from ..core.session.track_session import TrackSession

        engine = self._keeper.get(message.job)
        earlier = self._sessions.pop(message.track, None)
        if earlier is not None:
            earlier.close()
        clip = Clip(message.clip_path, tuple(message.clip_files))
        session = TrackSession.open(clip, message.folder, engine, message.limit)
        self._sessions[message.track] = session
        for text in (*session.warnings, *session.source.take_notes()):
            self._send(Warn(message.job, text))
        return self._moved(message.job, message.track, session)

    def _moved(self, job: str, track: str, session: TrackSession) -> Done:
        """Sends a track's state and returns Done; recomputes rounds whose mattes were lost."""
        for frame in session.keyframes():
            try:
                session.matte_path(frame)
            except CutoutError as error:
                why = FrameText(" cannot be recomputed. ", error.text, " ", error.hint)
                self._send(Warn(job, FrameText("The mask of ", frame, why)))
        self._tell_state(job, track)
        return Done(job)

    def _apply(self, message: ApplyRound) -> Done:
        session, engine = self._session(message.track), self._keeper.get()
        return track_jobs.apply(message, session, engine, self._send, self._states)

    def _propagate(self, message: Propagate) -> Done:
        session = self._session(message.track)
        frames, direction = FrameRange(message.start, message.stop), _direction(message.direction)
        meter = ProgressMeter(self._outbox, message.job, "propagating")
        done = pending = 0
        if text := session.disk.use().warning(len(frames)):
            self._send(Warn(message.job, text))
        try:
            stream = session.propagate(frames, direction, _options(message), self._notice(message.job), _redo(message))
            for frame, path, _ in self._steps(message, stream, len(frames), lambda step: step[1] is None):
                pending += path is None
                if path is not None:
                    done += 1
                    self._send(MatteReady(message.job, message.track, frame, str(path)))
                meter.step(done + pending, len(frames) + pending)
        finally:
            for text in session.source.take_notes():
                self._send(Warn(message.job, text))
            if session is self._sessions.get(message.track):
                self._tell_state(message.job, message.track)
        return Done(message.job, f"{done} frames", {"frames": done})

    def _notice(self, job: str) -> Callable[[Stop], None]:
        """Reports where a propagation stops."""
        return lambda stop: self._send(Warn(job, stop.text))

    def _propagate_group(self, message: PropagateGroup) -> Done:
        from ..core.session.disk_limit import joint
        from ..core.session.propagation_run import PropagationRun

        sessions = [self._session(track) for track in message.tracks]
        frames, direction = FrameRange(message.start, message.stop), _direction(message.direction)
        meter = ProgressMeter(self._outbox, message.job, "propagating")
        done = 0
        try:
            engine, options, notice = self._keeper.get(message.job), _options(message), self._notice(message.job)
            parts = [session.part() for session in sessions]
            run = PropagationRun(parts, message.names, engine, frames, direction, options, notice, _redo(message))
            room = joint([session.disk.use() for session in sessions]).warning(len(frames) * len(sessions))
            for text in (*run.warnings, *([room] if room else ())):
                self._send(Warn(message.job, text))
            pending = 0
            stream = self._steps(message, run.steps(), run.total, lambda step: step.pending)
            for count, step in enumerate(stream, start=1):
                done += bool(step.mattes)
                pending += step.pending
                for track, (path, _) in zip(message.tracks, step.mattes, strict=False):
                    self._send(MatteReady(message.job, track, step.frame, str(path)))
                meter.step(count, run.total + pending)
        finally:
            for track, session in zip(message.tracks, sessions, strict=True):
                session.disk.keep()
                if session is self._sessions.get(track):
                    self._tell_state(message.job, track)
        return Done(message.job, f"{done} frames", {"frames": done})

    def _import(self, message: ImportMattes) -> Done:
        session, meter = self._session(message.track), ProgressMeter(self._outbox, message.job, "importing")
        summary = track_jobs.import_mattes(message, session, lambda s, n: self._steps(message, s, n), meter.step)
        return replace(self._moved(message.job, message.track, session), summary=summary)

    def _take(self, message: TakeJob) -> Done:
        session, meter, done = self._session(message.track), ProgressMeter(self._outbox, message.job, "taking"), 0
        stream, total = track_jobs.take_job(message, session)
        try:
            for frame, path, _ in self._steps(message, stream, total):
                done += 1
                if path is not None:
                    self._send(MatteReady(message.job, message.track, frame, str(path)))
                meter.step(done, total)
        finally:
            self._tell_state(message.job, message.track)
        return Done(message.job, f"{done} frames", {"frames": done})

    def _undo(self, message: Undo) -> Done:
        session = self._session(message.track)
        group = session.group
        session.undo()
        for track in message.others:
            other = self._sessions.get(track)
            if other is not None and other is not session and group and other.group == group:
                other.undo()
                self._moved(message.job, track, other)
        return self._moved(message.job, message.track, session)

    def _export(self, message: Export) -> Done:
        sessions = [self._session(track) for track in (message.track, *message.others)]
        meter = ProgressMeter(self._outbox, message.job, "writing")
        return track_jobs.export(message, sessions, lambda s, n: self._steps(message, s, n), meter.step)

    def _give_way(self) -> None:
        """Stops work for the preview once the artist has moved on."""
        if self._inbox.first_short() is not None or self._inbox.ending:
            raise _Stopped(0)

    def _steps(
        self, message: LongJob, steps: Iterator[_Step], total: int, pending: Callable[[_Step], bool] = lambda _: False
    ) -> Iterator[_Step]:
        """Yields the steps of a long job and does urgent jobs between them; raises _Stopped if it must end.

        Args:
            message: the job.
            steps: its steps.
            total: how many; after the last one there is nothing left to stop.
            pending: True for steps that do not count.
        """
        at = 0
        try:
            while True:
                if at < total:
                    self._do_between(message, at)
                step = next(steps, None)
                if step is None:
                    return
                yield step
                at += not pending(step)
        finally:
            if isinstance(steps, Generator):
                steps.close()

    def _do_between(self, job: LongJob, at: int) -> None:
        """Stops the job, or does the short jobs that have arrived."""
        if self._inbox.cancelled(job.job) or self._inbox.ending or self._outbox.broken:
            raise _Stopped(at)
        while (first := self._inbox.first_short()) is not None:
            if ends(first, job):
                raise _Stopped(at)
            message = self._inbox.take_short(lambda m: not ends(m, job) and not waits(m, job))
            if message is None:
                return
            self._handle(message)

    def _rewinder(self, message: Message) -> Callable[[], None]:
        """Returns a function that puts the message's tracks back to their current heads, to repeat a job cleanly."""
        heads = [(s, s.head) for track in tracks_of(message) if (s := self._sessions.get(track)) is not None]

        def rewind() -> None:
            for session, head in heads:
                if session.head != head:
                    session.checkout(head)

        return rewind

    def _tell_state(self, job: str, track: str) -> None:
        self._states.send(job, track, self._session(track))

    def _session(self, track: str) -> TrackSession:
        if track not in self._sessions:
            raise InputError("This cutout is not open in the engine.", "Select its strip again.")
        session = self._sessions[track]
        session.use(self._keeper.get())  # a faster tier may have taken over
        return session

    def _close_all(self) -> None:
        while self._sessions:
            self._sessions.popitem()[1].close()

    def _abandon(self) -> None:
        """Ends the process at once: the host is gone and a step takes too long. No file is ever left half-written."""
        with suppress(Exception):
            self._close_all()
        os._exit(0)


def _redo(message: Propagate | PropagateGroup) -> frozenset[int]:
    """Returns the frames of a propagation that are made again."""
    within = range(message.start, message.stop)
    return frozenset(n for a, b in message.redo for n in range(max(a, within.start), min(b, within.stop)))


def _options(message: Propagate | PropagateGroup) -> PropagationOptions:
    return PropagationOptions(
        stop_at_cuts=message.stop_at_cuts, stop_below=message.stop_below, stability=message.stability
    )


def _direction(name: str) -> Direction:
    try:
        return Direction(name)
    except ValueError as error:
        raise InputError(f"The direction {name!r} is not known.", "Use forward, backward or both.") from error
