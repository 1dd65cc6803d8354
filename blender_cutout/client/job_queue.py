"""Jobs of the engine: which are open, what is to happen at their end. No Blender; `jobs.py` ties it to Blender.

A track must be opened in the engine before anything else is asked of it, and put at the head that the .blend remembers:
`submit` does both when needed, so that callers need not care whether the engine was started a second or a day ago.

The messages and the client are imported inside functions: Blender's start is not to pay for what only an engine needs.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeAlias

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
    from .process import WorkerClient

    Outcome: TypeAlias = Done | Cancelled | Failed

AtEnd: TypeAlias = Callable[["Done"], "str | Generator[float, None, str | None] | None"]
"""What is done with the last Done. Where it takes long, a generator: it yields how far it is, from 0 to 1."""
BUDGET = 0.015
"""Seconds of one `step` for what is done at a job's end: so long Blender's window does not answer."""


@dataclass(frozen=True, slots=True)
class Opening:
    """What is needed to open a track: its clip, its folder, the head that the .blend remembers, its masks' bytes."""

    clip: Clip
    folder: Path
    head: str
    limit: int = 0


@dataclass
class Job:
    """Something asked of the engine; it may take several messages, sent one after the other.

    Attributes:
        id: names it here.
        track: uuid of the cutout.
        title: what the panel shows, as "Propagating".
        opening: how to open its track.
        steps: makers of the messages still to be sent; each gets the message's own job id; None = nothing to send.
        then: called with the last Done, when it comes; may return another summary, or raise CutoutError, which makes
            the job fail. A generator is taken on a bit by each `step`, and closed where the job is cancelled.
        undo: name of the step that Blender's undo gets at its end, "" = none.
        wire: job id of the message under way.
        strokes: keys of the strokes that it applies: not to be sent a second time meanwhile.
        others: uuids of the other cutouts that it changes.
        outcome: its terminal event, None while it is open.
    """

    id: str
    track: str
    title: str
    opening: Opening
    steps: list[Callable[[str], Request | None]] = field(default_factory=list)
    then: AtEnd | None = None
    undo: str = ""
    wire: str = ""
    strokes: tuple[str, ...] = ()
    others: tuple[str, ...] = ()
    outcome: Outcome | None = None


class Listener(Protocol):
    """Who wants to know what the engine says."""

    def on_ready(self, event: Ready) -> None:
        """The engine is up."""

    def on_state(self, event: TrackState) -> None:
        """A track changed."""

    def on_matte(self, job: Job, event: MatteReady) -> None:
        """A frame's matte is on disk."""

    def on_progress(self, job: Job, event: Progress) -> None:
        """A job moves on."""

    def on_warning(self, job: Job | None, text: str) -> None:
        """Something the artist should know; `text` may be a `core.told.Told`."""

    def on_end(self, job: Job, outcome: Outcome) -> None:
        """A job ended; `then` has been called."""

    def on_lost(self, event: Failed) -> None:
        """The engine ended, or is not understood, without a job being to blame."""


class JobQueue:
    """The open jobs of one engine. Nothing happens but inside `submit` and `step`."""

    def __init__(self, start: Callable[[], WorkerClient], listener: Listener) -> None:
        self._start = start
        self._listener = listener
        self._client: WorkerClient | None = None
        self._jobs: dict[str, Job] = {}
        self._ending: dict[str, tuple[Done, Generator[float, None, str | None] | None]] = {}
        """Jobs with which the engine is done but we are not, in the order in which they are to end."""
        self._ids = count(1)
        self.taken = 0
        """How much the engine has said so far; when it has grown there is something new to show."""
        self.heads: dict[str, str] = {}  # of each track that is open in the engine

    @property
    def running(self) -> bool:
        """True while the engine lives."""
        return self._client is not None and self._client.alive

    @property
    def jobs(self) -> list[Job]:
        """The jobs that have not ended, oldest first."""
        return list(self._jobs.values())

    @property
    def client(self) -> WorkerClient | None:
        """The engine's process, None before its first start."""
        return self._client

    def ensure_engine(self) -> None:
        """Starts the engine when it does not live. Raises EnvironmentMissing when it cannot be."""
        if not self.running:
            self.heads.clear()
            self._client = self._start()

    def greet(self, hello: Hello) -> None:
        """Tells the engine what is wanted of it from now on; tracks are opened anew when they are next used."""
        if self._client is not None:
            self._client.send(hello)
        self.heads.clear()

    def expect(self, track: str, frame: int = -1) -> None:
        """Lets the engine start, and read a clip frame (-1 = not known yet): a round on it comes soon."""
        with suppress(CutoutError):  # the round will tell
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
        """Asks something about a track of the engine, after opening the track there if need be.

        Args:
            track: uuid of the cutout.
            opening: how to open it.
            title: what the panel shows meanwhile.
            message: makes the message for a job id; None = only open the track.
            then: called with Done.
            undo: name of the step that Blender's undo gets.
            others: cutouts that have to be open as well, and how to open them.

        Raises:
            EnvironmentMissing: the engine cannot be started.
        """
        from ..core.messages import Done

        self.ensure_engine()
        job = Job(f"{track[:8]}-{next(self._ids)}", track, title, opening, [message] if message else [], then, undo)
        openings = {track: opening, **(others or {})}
        job.others = tuple(others or ())
        for name in reversed([name for name in openings if name not in self.heads]):
            how = openings[name]
            job.steps[:0] = [partial(_open, track=name, opening=how), partial(self._resume, track=name, opening=how)]
        self._jobs[job.id] = job
        self._advance(job, Done(job.id))
        return job

    def cancel(self, track: str | None = None) -> None:
        """Asks the engine to stop the open jobs, of one track or all. What is finished stays."""
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
        """Takes what the engine has said; True while jobs are open."""
        if self._client is not None:
            for event in self._client.poll():
                self.taken += 1
                self._take(event)
        if self._ending:
            self._go_on(time.monotonic() + BUDGET)
        return bool(self._jobs)

    def close(self) -> None:
        """Ends the engine; open jobs are forgotten, what they finished is on disk."""
        if self._client is not None:
            self._client.close()
        self._client = None
        if self._jobs:
            from ..core.messages import Cancelled

            for job in self._jobs.values():
                self._stop_ending(job)
                job.outcome = Cancelled(job.wire, 0)
            self._jobs.clear()
        self.heads.clear()

    def _take(self, event: Event) -> None:
        from ..core.messages import Cancelled, Done, Failed, MatteReady, Progress, Ready, TrackState, Warn

        job = next((j for j in self._jobs.values() if j.wire == getattr(event, "job", "")), None)
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
        """Sends a job's next message, or ends the job when there is none."""
        if not job.steps:
            if self._ending:  # one after the other: the steps of Blender's undo are made at their ends
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
        """A .blend that was saved, or undone, before the journal's last rounds is right; one that knows none is not."""
        from ..core.messages import Checkout

        head = opening.head
        return Checkout(wire, track, head) if head and head != self.heads.get(track) else None

    def _finish(self, job: Job, done: Done) -> None:
        """Does what is to be done with the last Done, or begins with it."""
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
        """Takes the ends of jobs on until that time, by one bit at least."""
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
                    del self._ending[name], self._jobs[name]  # a fault of ours: it is not to be met at every step
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
