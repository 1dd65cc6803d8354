"""Sends the engine's events to the host: whole lines, from any thread; progress at most ten times a second."""

from __future__ import annotations

import os
import threading
import time
from collections import deque

from ..core.messages import Event, Progress, encode

INTERVAL = 0.1
"""Least seconds between two progress messages of a job."""
WINDOW = 30
"""Number of steps from which the remaining time is estimated."""


class Outbox:
    """The connection to the host.

    Attributes:
        broken: True once the host no longer reads.
    """

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._lock = threading.Lock()
        self.broken = False

    def send(self, event: Event) -> None:
        """Sends an event; does nothing if the host is gone."""
        data = memoryview(encode(event))
        with self._lock:
            try:
                while data:
                    data = data[os.write(self._fd, data) :]
            except OSError:
                self.broken = True


class ProgressMeter:
    """Reports the progress of one job, thinned out, with the remaining time estimated from the last steps."""

    def __init__(self, outbox: Outbox, job: str, stage: str) -> None:
        self._outbox = outbox
        self._job = job
        self._stage = stage
        self._sent = float("-inf")
        self._times: deque[float] = deque([time.monotonic()], maxlen=WINDOW)

    def step(self, done: int, total: int) -> None:
        """Reports that `done` of `total` steps are finished; the last one is always sent."""
        now = time.monotonic()
        self._times.append(now)
        if done < total and now - self._sent < INTERVAL:
            return
        self._sent = now
        left = (now - self._times[0]) / (len(self._times) - 1) * (total - done)
        self._outbox.send(Progress(self._job, done, total, self._stage, left))
