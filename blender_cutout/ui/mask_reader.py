"""Reads masks in a thread, so that Blender's window does not block. The thread never touches Blender data."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, TypeVar

Key = TypeVar("Key")
Read = TypeVar("Read")
_KEPT = 3


class Reader(Generic[Key, Read]):
    """Reads one thing at a time; a new request replaces one that has not started.

    Args:
        read: returns what a key stands for; called in the thread. Raises OSError, ValueError when it cannot be read.
    """

    def __init__(self, read: Callable[[Key], Read]) -> None:
        self._do_read = read
        self._news = threading.Condition()
        self._read: OrderedDict[Key, Read | None] = OrderedDict()
        self._wanted: list[Key] = []
        self._thread: threading.Thread | None = None

    @property
    def busy(self) -> bool:
        """Returns True while the thread runs."""
        return self._thread is not None and self._thread.is_alive()

    def knows(self, key: Key) -> bool:
        """Returns True once a key was read, or could not be."""
        return key in self._read

    def get(self, key: Key, patience: float = 0.0) -> Read | None:
        """Returns what was read; None while it is being read or if it cannot be read. Waits `patience` seconds."""
        until = time.monotonic() + patience
        with self._news:
            if key not in self._read:
                self._wanted = [key]
                if not self.busy:
                    self._thread = threading.Thread(target=self._work, name="cutout masks", daemon=True)
                    self._thread.start()
                while key not in self._read and (left := until - time.monotonic()) > 0:
                    self._news.wait(left)
            if key in self._read:
                self._read.move_to_end(key)
                return self._read[key]
        return None

    def close(self) -> None:
        """Drops everything and waits for the thread, at most until it has read one."""
        with self._news:
            self._wanted, thread = [], self._thread
        if thread is not None:
            thread.join()
        self._thread = None
        self._read.clear()

    def _work(self) -> None:
        while True:
            with self._news:
                if not self._wanted:
                    self._thread = None  # under the lock: the next request starts a new thread
                    return
                key = self._wanted.pop()
            found: Read | None
            try:
                found = self._do_read(key)
            except (OSError, ValueError):
                found = None
            with self._news:
                self._read[key] = found
                while len(self._read) > _KEPT:
                    self._read.popitem(last=False)
                self._news.notify_all()
