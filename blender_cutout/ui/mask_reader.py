"""Reads large masks in a thread, so that Blender's window does not block. The thread never touches Blender data."""

from __future__ import annotations

import threading
from collections import OrderedDict
from pathlib import Path
from typing import TYPE_CHECKING

from ..formats.png import read_grey

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Key = tuple[str, int]
"""A mask: path and modification time of its file."""
_KEPT = 3


class Reader:
    """Reads one mask at a time; a new request replaces one that has not started."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._read: OrderedDict[Key, NDArray[np.uint8] | None] = OrderedDict()
        self._wanted: tuple[Key, tuple[int, int] | None] | None = None
        self._thread: threading.Thread | None = None

    @property
    def busy(self) -> bool:
        """Returns True while the thread runs."""
        return self._thread is not None and self._thread.is_alive()

    def get(self, key: Key, size: tuple[int, int] | None = None) -> NDArray[np.uint8] | None:
        """Returns the pixels (H, W) uint8, top row first; None while they are being read or if they cannot be read.

        A mask whose size differs from `size` (height, width) cannot be read.
        """
        with self._lock:
            if key in self._read:
                self._read.move_to_end(key)
                return self._read[key]
            self._wanted = key, size
            if not self.busy:
                self._thread = threading.Thread(target=self._work, name="cutout masks", daemon=True)
                self._thread.start()
        return None

    def close(self) -> None:
        """Drops all masks and waits for the thread, at most until it has read one mask."""
        with self._lock:
            self._wanted, thread = None, self._thread
        if thread is not None:
            thread.join()
        self._thread = None
        self._read.clear()

    def _work(self) -> None:
        while True:
            with self._lock:
                wanted, self._wanted = self._wanted, None
                if wanted is None:
                    self._thread = None  # under the lock: the next request starts a new thread
                    return
            key, size = wanted
            try:
                pixels = read_grey(Path(key[0]), size)
            except (OSError, ValueError):
                pixels = None
            with self._lock:
                self._read[key] = pixels
                while len(self._read) > _KEPT:
                    self._read.popitem(last=False)
