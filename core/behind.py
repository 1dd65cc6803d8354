"""Files written in order by a thread, while the network works on what comes next. Only in the engine's process.

Nobody is told of a file before `Future.result` has been asked: that gives the error where there was one.
"""

from __future__ import annotations

from collections import deque
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

_T = TypeVar("_T")


class WriteBehind:
    """A thread that does one thing after another; it begins with the first one and ends with `close`.

    Args:
        room: so many things may wait or be done at a time; whoever brings one more waits.
    """

    def __init__(self, room: int) -> None:
        self._room = room
        self._pool: ThreadPoolExecutor | None = None
        self._given: deque[Future[object]] = deque()

    def put(self, work: Callable[[], _T]) -> Future[_T]:
        """Has it done after all that was put before."""
        while self._given and (self._given[0].done() or len(self._given) >= self._room):
            wait((self._given[0],), return_when=FIRST_COMPLETED)
            self._given.popleft()
        if self._pool is None:
            self._pool = ThreadPoolExecutor(1, "masks")
        future = self._pool.submit(work)
        self._given.append(future)  # type: ignore[arg-type]
        return future

    def close(self) -> None:
        """Waits until everything is done and ends the thread. `put` makes a new one."""
        if self._pool is not None:
            self._pool.shutdown()
        self._pool = None
        self._given.clear()
