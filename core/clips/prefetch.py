"""Runs work ahead of time in a thread of its own. Used by the engine only, never in Blender's process."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor, wait
from threading import Lock
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future

    from ..ports import FrameSource


class Prefetcher:
    """A thread that runs one task at a time; starts with the first one and ends with `close`.

    Errors are swallowed; the caller retries synchronously and sees them then.
    """

    def __init__(self) -> None:
        self._pool: ThreadPoolExecutor | None = None
        self._last: Future[object] | None = None
        self._lock = Lock()

    def begin(self, work: Callable[[], object]) -> None:
        """Starts `work`, unless something else is still running."""
        with self._lock:
            if self._last is not None and not self._last.done():
                return
            if self._pool is None:
                self._pool = ThreadPoolExecutor(1, "ahead")
            self._last = self._pool.submit(work)

    def wait(self) -> None:
        """Waits until nothing is running."""
        if self._last is not None:
            wait((self._last,))

    def close(self) -> None:
        """Waits for the running task and ends the thread. May be called twice; `begin` starts a new one."""
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)
        self._pool = self._last = None


def read_ahead(frames: FrameSource, frame: int) -> None:
    """Starts reading a frame ahead if the clip supports it (see `VideoSource.prefetch`)."""
    prefetch = getattr(frames, "prefetch", None)
    if prefetch is not None:
        prefetch(frame)


def can_be_shared(frames: FrameSource) -> bool:
    """Returns whether a clip may be read from several threads: our own sources, and pictures in memory."""
    return isinstance(frames, (list, tuple)) or hasattr(frames, "prefetch")
