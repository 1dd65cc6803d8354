"""Receives the host's messages in a thread of its own, so that a cancel is noticed while a job runs.

There are two queues: one for long jobs, and one for everything else, which is short and goes first.
"""

from __future__ import annotations

import json
import os
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import TypeAlias

from ..core.errors import ProtocolError
from ..core.messages import (
    ApplyRound,
    Cancel,
    Cancelled,
    Checkout,
    EditVersion,
    Event,
    Export,
    Failed,
    Hello,
    ImportMattes,
    LockFrames,
    MakeJob,
    MarkAbsent,
    Message,
    MoveTrack,
    OpenTrack,
    Ping,
    Pong,
    Propagate,
    PropagateGroup,
    Shutdown,
    TakeJob,
    Undo,
    decode,
)
from ..core.messages import Export as ExportRequest

LONG = (Propagate, PropagateGroup, ExportRequest, ImportMattes, MakeJob, TakeJob)
"""Jobs that may take minutes."""
GRACE = 1.5
"""Seconds that the current step may still take after the host has gone or said goodbye."""


class Inbox:
    """The waiting messages, and the jobs to stop.

    Args:
        fd: where the host's lines arrive.
        send: sends replies that need no job: Pong, Cancelled for a waiting job, Failed for anything unreadable.
        overdue: called if the process should have ended but hangs in a long step.
    """

    def __init__(self, fd: int, send: Callable[[Event], None], overdue: Callable[[], None]) -> None:
        self._fd = fd
        self._send = send
        self._overdue = overdue
        self._change = threading.Condition()
        self._short: deque[Message] = deque()
        self._long: deque[Message] = deque()
        self._running: list[str] = []
        self._cancelled: set[str] = set()
        self._ending = False
        self._finished = threading.Event()
        threading.Thread(target=self._read, name="inbox", daemon=True).start()

    @property
    def ending(self) -> bool:
        """True once the host has gone or said goodbye: long jobs must stop."""
        return self._ending

    @property
    def idle(self) -> bool:
        """True if nothing is waiting."""
        with self._change:
            return not (self._short or self._long)

    def take(self) -> Message | None:
        """Waits for the next message and returns it, running until `finish`; None = there will be no more.

        Short messages that arrived before the host's end are still returned: they may hold the artist's work.
        """
        with self._change:
            self._change.wait_for(lambda: self._short or self._long or self._ending)
            if self._short:
                return self._begin(self._short)
            return self._begin(self._long) if self._long and not self._ending else None

    def first_short(self) -> Message | None:
        """Returns the next short message without taking it; None if none is waiting."""
        with self._change:
            return self._short[0] if self._short else None

    def take_short(self, wanted: Callable[[Message], bool]) -> Message | None:
        """Takes the next short message if it is wanted, running until `finish`; otherwise returns None."""
        with self._change:
            return self._begin(self._short) if self._short and wanted(self._short[0]) else None

    def finish(self, message: Message) -> None:
        """Marks a message as handled."""
        with self._change:
            job = getattr(message, "job", "")
            if job in self._running:
                self._running.remove(job)
            self._cancelled.discard(job)

    def cancelled(self, job: str) -> bool:
        """Returns whether a running job must stop."""
        with self._change:
            return job in self._cancelled

    def all_done(self) -> None:
        """Marks the process as ended in order."""
        self._finished.set()

    def _begin(self, queue: deque[Message]) -> Message:
        message = queue.popleft()
        self._running.append(getattr(message, "job", ""))
        return message

    def _read(self) -> None:
        """Runs in the thread: reads lines until the host is gone."""
        rest = b""
        with suppress(OSError):
            while piece := os.read(self._fd, 1 << 16):
                *lines, rest = (rest + piece).split(b"\n")
                for line in lines:
                    if line.strip():
                        self._receive(line)
        self._end()

    def _receive(self, line: bytes) -> None:
        try:
            message = decode(line)
        except ProtocolError as error:
            self._send(Failed(_job_of(line), error.code, error.text, error.hint))
            return
        if isinstance(message, Ping):
            self._send(Pong())
        elif isinstance(message, Cancel):
            self._cancel(message.job)
        elif isinstance(message, Shutdown):
            threading.Thread(target=self._end, daemon=True).start()
        else:
            with self._change:
                (self._long if isinstance(message, LONG) else self._short).append(message)
                self._change.notify_all()

    def _cancel(self, job: str) -> None:
        """Marks a running job as cancelled, or drops a waiting one; an unknown one has already ended."""
        with self._change:
            if job in self._running:
                self._cancelled.add(job)
                return
            waiting = next((m for queue in (self._short, self._long) for m in queue if _is_job(m, job)), None)
            if waiting is None:
                return
            (self._long if isinstance(waiting, LONG) else self._short).remove(waiting)
        self._send(Cancelled(job, 0))

    def _end(self) -> None:
        """Ends the process, in order if it can, because the host is gone or said goodbye."""
        with self._change:
            self._ending = True
            self._change.notify_all()
        if not self._finished.wait(GRACE):
            self._overdue()


def _is_job(message: Message, job: str) -> bool:
    return bool(job) and getattr(message, "job", "") == job


def _job_of(line: bytes) -> str:
    """Returns the job that a malformed line belongs to, so that it still gets its end; "" if unknown."""
    try:
        job = json.loads(line)["job"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return ""
    return job if isinstance(job, str) else ""


LongJob: TypeAlias = Propagate | PropagateGroup | Export | ImportMattes | MakeJob | TakeJob


def tracks_of(message: Message) -> set[str]:
    """Returns the tracks that a message is about."""
    return {getattr(message, "track", ""), *getattr(message, "tracks", ()), *getattr(message, "others", ())} - {""}


def ends(message: Message, job: LongJob) -> bool:
    """Returns whether a short message makes the running long job pointless, because it changes one of its tracks."""
    if isinstance(message, Hello):
        return True
    if not tracks_of(message) & tracks_of(job):
        return False
    return isinstance(message, OpenTrack) or (
        not isinstance(job, Export)
        and isinstance(message, ApplyRound | LockFrames | MarkAbsent | Undo | Checkout | EditVersion)
    )


def waits(message: Message, job: LongJob) -> bool:
    """Returns whether a short message must wait for the running long job, whose folder it would move away."""
    return isinstance(job, Export) and isinstance(message, MoveTrack) and message.track in tracks_of(job)
