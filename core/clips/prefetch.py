"""Work that is begun before it is asked for, in a thread of its own. Never in Blender's process: the engine's only."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor, wait
from threading import Lock
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future

    from ..ports import FrameSource


class Prefetcher:
    """A thread that does one thing after another; it begins with the first one and ends with `close`.

    What goes wrong there is kept quiet: who needs the result asks for it again, and gets the error himself.
    """

    def __init__(self) -> None:
        self._pool: ThreadPoolExecutor | None = None
        self._last: Future[object] | None = None
        self._lock = Lock()

    def begin(self, work: Callable[[], object]) -> None:
        """Begins `work`, unless something else is still being done."""
        with self._lock:
            if self._last is not None and not self._last.done():
                return
            if self._pool is None:
                self._pool = ThreadPoolExecutor(1, "ahead")
            self._last = self._pool.submit(work)

    def wait(self) -> None:
        """Waits until nothing is being done."""
        if self._last is not None:
            wait((self._last,))

    def close(self) -> None:
        """Waits for what is being done and ends the thread. May be called twice; `begin` makes a new one."""
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)
        self._pool = self._last = None


def read_ahead(frames: FrameSource, frame: int) -> None:
    """Lets a clip that can (see `VideoSource.prefetch`) begin to read a frame."""
    prefetch = getattr(frames, "prefetch", None)
    if prefetch is not None:
        prefetch(frame)


def can_be_shared(frames: FrameSource) -> bool:
    """Whether a clip may be read from several threads: our own, and pictures in memory; not any that is given to us."""
    return isinstance(frames, (list, tuple)) or hasattr(frames, "prefetch")
