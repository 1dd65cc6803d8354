"""Keeps the engine's open jobs and runs what follows each. No Blender here; `tasks/jobs.py` connects it to Blender.

A track must be open in the engine, at the head that the .blend stores, before it can be used. `submit` does both if
needed, so callers need not care how long the engine has been running.

The messages and the client are imported inside functions, to keep Blender's start fast.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Mapping
from contextlib import suppress
from dataclasses import replace
from functools import partial
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol, TypeAlias

from ..core.errors import CutoutError, WorkerDied
from ..core.types import Clip

if TYPE_CHECKING:
    from ..core.messages import (
        Cancelled,
        Checkout,
        Done,
        Event,
        Failed,
        Hello,
        MatteReady,
        OpenTrack,
        Progress,
        Ready,
        Request,
        TrackState,
    )
    from .held_states import HeldStates
    from .process import WorkerClient

    Outcome: TypeAlias = Done | Cancelled | Failed
    _Steps: TypeAlias = list[Callable[[str], Request | None]]

AtEnd: TypeAlias = Callable[["Done"], "str | Generator[float, None, str | None] | None"]
"""Called with the last Done. If it takes long, it is a generator that yields the progress, 0 to 1."""
BUDGET = 0.015
"""Most seconds per `step` for what follows a job; Blender's window does not respond meanwhile."""


class Opening(NamedTuple):
    """A track's clip, folder, head in the .blend, and its masks' limit in bytes; `exact`: no head = before any step."""

    clip: Clip
    folder: Path
    head: str
    limit: int = 0
    exact: bool = False


class Job:
    """A request to the engine; it may take several messages, sent one after another.

    Attributes:
        id: its name in this queue.
        track: uuid of the cutout.
        title: shown by the panel, for example "Propagating".
        steps: makers of the messages still to be sent; each gets the message's own job id; None = nothing to send.
        then: called with the last Done; may return another summary, or raise CutoutError, which fails the job. A
            generator is advanced a little by each `step`, and closed if the job is cancelled.
        undo: name of the step in Blender's undo history when it ends, "" = none.
        wire: job id of the message under way.
        strokes: keys of the strokes that it applies: they must not be sent again meanwhile.
        round_on: clip frame of the round that it applies, -1 = it applies none.
        others: uuids of the other cutouts that it changes.
        outcome: its terminal event, None while it is open.
    """

    def __init__(
        self, id: str, track: str, title: str, steps: _Steps, then: AtEnd | None = None, undo: str = ""
    ) -> None:
        self.id, self.track, self.title, self.steps, self.then, self.undo = id, track, title, steps, then, undo
        self.wire, self.round_on = "", -1
        self.strokes: tuple[str, ...] = ()
        self.others: tuple[str, ...] = ()
        self.outcome: Outcome | None = None


class Listener(Protocol):
    """Receives what the engine reports."""

    def on_ready(self, event: Ready) -> None:
        """The engine is running."""

    def on_state(self, event: TrackState) -> None:
        """A track changed."""

    def on_matte(self, job: Job, event: MatteReady) -> None:
        """A frame's matte is on disk."""

    def on_progress(self, job: Job, event: Progress) -> None:
        """A job made progress."""

    def on_warning(self, job: Job | None, text: str) -> None:
        """There is something the artist should know; `text` may be a `core.frame_text.FrameText`."""

    def on_end(self, job: Job, outcome: Outcome) -> None:
        """A job ended; its `then` has been called."""

    def on_lost(self, event: Failed) -> None:
        """The engine died or sent something unreadable, with no job to blame."""


class JobQueue:
    """The open jobs of one engine; works only inside `submit` and `step`."""

    def __init__(self, start: Callable[[], WorkerClient], listener: Listener) -> None:
        self._start = start
        self._listener = listener
        self._client: WorkerClient | None = None
        self._jobs: dict[str, Job] = {}
        self._ending: dict[str, tuple[Done, Generator[float, None, str | None] | None]] = {}
        """Jobs that the engine has finished but we have not, in the order in which they will end."""
        self._asked: dict[str, Callable[[Outcome], None]] = {}
        """What to do with the answer to each `ask`, by job id."""
        self._ids = count(1)
        self.taken = 0
        """How many events have been taken so far; when it has grown there is something new to show."""
        self.heads: dict[str, str] = {}  # by track, for those open in the engine
        self._states: HeldStates | None = None  # as long as the engine lives

    @property
    def running(self) -> bool:
        """True while the engine is alive."""
        return self._client is not None and self._client.alive

    @property
    def jobs(self) -> list[Job]:
        """The open jobs, oldest first."""
        return list(self._jobs.values())

    @property
    def asking(self) -> bool:
        """True while an answer to `ask` is outstanding."""
        return bool(self._asked)

    @property
    def client(self) -> WorkerClient | None:
        """The engine's process, None before its first start."""
        return self._client

    def ensure_engine(self) -> None:
        """Starts the engine if it is not running. Raises EnvironmentMissing if it cannot."""
        if not self.running:
            from .held_states import HeldStates

            self.heads.clear()
            self._client = self._start()
            self._states = HeldStates(self._ask_state, lambda track: self.heads.pop(track, None))

    def greet(self, hello: Hello) -> None:
        """Sends the engine new settings; tracks are reopened when they are next used."""
        if self._client is not None:
            self._client.send(hello)
        if self._states is not None:
            self._states.clear()
        self.heads.clear()

    def expect(self, track: str, frame: int = -1) -> None:
        """Starts the engine and has it read a clip frame (-1 = not known yet) on which a round is likely soon."""
        with suppress(CutoutError):  # the round itself will report it
            from ..core.messages import Expect

            self.ensure_engine()
            if self._client and track in self.heads:
                self._client.send(Expect(track, frame))

    def submit(
        self,
        track: str,
        opening: Opening,
        title: str,
        message: Callable[[str], Request] | None = None,
        then: AtEnd | None = None,
        undo: str = "",
        others: Mapping[str, Opening] | None = None,
    ) -> Job:
        """Sends the engine a request about a track, opening the track there first if needed.

        Args:
            track: uuid of the cutout.
            opening: how to open it.
            title: shown by the panel meanwhile.
            message: makes the message for a job id; None = only open the track.
            then: called with Done.
            undo: name of the step in Blender's undo history.
            others: other cutouts that must be open too, and how to open them.

        Raises:
            EnvironmentMissing: the engine cannot be started.
        """
        from ..core.messages import Done

        self.ensure_engine()
        job = Job(f"{track[:8]}-{next(self._ids)}", track, title, [message] if message else [], then, undo)
        openings = {track: opening, **(others or {})}
        job.others = tuple(others or ())
        for name in reversed([name for name in openings if name not in self.heads]):
            how = openings[name]
            job.steps[:0] = [partial(_open, track=name, opening=how), partial(self._resume, track=name, opening=how)]
        self._jobs[job.id] = job
        self._advance(job, Done(job.id))
        return job

    def ask(self, track: str, message: Callable[[str], Request], then: Callable[[Outcome], None]) -> bool:
        """Sends a background request that the panel does not show; `then` gets its outcome.

        Returns False when the cutout is not open or the engine is gone.
        """
        if not self.running or self._client is None or track not in self.heads:
            return False
        wire = f"{track[:8]}-ask.{next(self._ids)}"
        try:
            self._client.send(message(wire))
        except WorkerDied:
            return False
        self._asked[wire] = then
        return True

    def cancel(self, track: str | None = None) -> None:
        """Asks the engine to stop the open jobs, of one track or all; finished work stays."""
        from ..core.messages import Cancel, Cancelled

        for job in self.jobs:
            if track not in (None, job.track, *job.others):
                continue
            if job.id in self._ending:
                self._end(job, Cancelled(job.wire, 0))
            elif self.running and self._client:
                job.steps.clear()
                self._client.send(Cancel(job.wire))

    def step(self) -> bool:
        """Takes in the engine's events; returns whether jobs are still open, or a track's state was asked for."""
        if self._client is not None and self._states is not None:
            for received in self._client.poll():
                self.taken += 1
                for event in self._states.take(received):
                    self._take(event)
        if self._ending:
            self._go_on(time.monotonic() + BUDGET)
        return bool(self._jobs) or (self._states is not None and self._states.asking)

    def close(self) -> None:
        """Ends the engine and forgets open jobs; what they finished is on disk."""
        if self._client is not None:
            self._client.close()
        self._client = self._states = None
        if self._jobs or self._asked:
            from ..core.messages import Cancelled

            while self._asked:
                wire, then = self._asked.popitem()
                then(Cancelled(wire, 0))
            for job in self._jobs.values():
                self._stop_ending(job)
                job.outcome = Cancelled(job.wire, 0)
            self._jobs.clear()
        self.heads.clear()

    def _ask_state(self, track: str) -> str:
        """Asks the engine for the whole state of a track; returns the id of that job, "" = there is no engine."""
        from ..core.messages import GetState

        wire = f"{track[:8]}-state.{next(self._ids)}"
        try:
            if self._client is None:
                return ""
            self._client.send(GetState(wire, track))
        except WorkerDied:
            return ""
        return wire

    def _take(self, event: Event) -> None:
        from ..core.messages import Cancelled, Done, Failed, MatteReady, Progress, Ready, TrackState, Warn

        job = next((j for j in self._jobs.values() if j.wire == getattr(event, "job", "")), None)
        if isinstance(event, Done | Cancelled | Failed) and event.job in self._asked:
            self._asked.pop(event.job)(event)
            if job is None and not (isinstance(event, Failed) and event.code == WorkerDied.__name__):
                return
        if isinstance(event, Ready):
            self._listener.on_ready(event)
        elif isinstance(event, TrackState):
            self.heads[event.track] = event.head
            self._listener.on_state(event)
        elif isinstance(event, Warn):
            self._listener.on_warning(job, event.text)
        elif isinstance(event, MatteReady) and job:
            self._listener.on_matte(job, event)
        elif isinstance(event, Progress) and job:
            self._listener.on_progress(job, event)
        elif isinstance(event, Done) and job:
            self._advance(job, event)
        elif isinstance(event, Cancelled | Failed) and job:
            self._end(job, event)
        elif isinstance(event, Failed):
            self._listener.on_lost(event)

    def _advance(self, job: Job, done: Done) -> None:
        """Sends a job's next message, or ends the job if there is none."""
        if not job.steps:
            if self._ending:  # one after another: each end adds a step to Blender's undo history
                self._ending[job.id] = (done, None)
            else:
                self._finish(job, done)
            return
        step = job.steps.pop(0)
        wire = job.wire = f"{job.id}.{next(self._ids)}"
        try:
            request = step(wire)
            if request is None:
                self._advance(job, done)
                return
            if self._client is None:
                raise WorkerDied("The cutout engine is not running.", "Start it again.")
            self._client.send(request)
        except CutoutError as error:
            self._fail(job, error)

    def _resume(self, wire: str, track: str, opening: Opening) -> Checkout | None:
        """Returns the message that sets a track to the .blend's head, older or not; None if that is not needed."""
        from ..core.messages import Checkout

        head = opening.head
        return Checkout(wire, track, head) if (head or opening.exact) and head != self.heads.get(track) else None

    def _finish(self, job: Job, done: Done) -> None:
        """Runs or starts what follows the last Done."""
        found: str | Generator[float, None, str | None] | None = None
        try:
            if job.then:
                found = job.then(done)
        except CutoutError as error:
            self._fail(job, error)
            return
        if isinstance(found, Generator):
            self._ending = {job.id: (done, found), **self._ending}
        else:
            self._end(job, replace(done, summary=found or done.summary))

    def _go_on(self, until: float) -> None:
        """Advances the follow-ups of jobs until that time, by at least one step."""
        from ..core.messages import Progress

        while self._ending:
            name, (done, steps) = next(iter(self._ending.items()))
            job = self._jobs[name]
            if steps is None:
                del self._ending[name]
                self._finish(job, done)
            else:
                try:
                    share = next(steps)
                except StopIteration as stop:
                    self._end(job, replace(done, summary=stop.value or done.summary))
                except CutoutError as error:
                    self._fail(job, error)
                except BaseException:
                    del self._ending[name], self._jobs[name]  # a bug of ours: do not hit it again at every step
                    raise
                else:
                    self.taken += 1
                    self._listener.on_progress(job, Progress(job.wire, round(100 * share), 100, "", -1.0))
            if time.monotonic() > until:
                return

    def _stop_ending(self, job: Job) -> None:
        _, steps = self._ending.pop(job.id, (None, None))
        if steps is not None:
            steps.close()

    def _fail(self, job: Job, error: CutoutError) -> None:
        from ..core.messages import Failed

        self._end(job, Failed(job.wire, error.code, error.text, error.hint))

    def _end(self, job: Job, outcome: Outcome) -> None:
        self._stop_ending(job)
        self._jobs.pop(job.id, None)
        job.outcome = outcome
        self._listener.on_end(job, outcome)


def _open(wire: str, track: str, opening: Opening) -> OpenTrack:
    from ..core.messages import OpenTrack

    return OpenTrack(wire, track, opening.clip.path, opening.clip.files, str(opening.folder), opening.limit)
