"""Reads large masks in a thread, so that Blender's window does not wait for them. The thread never touches Blender."""

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
"""A mask: path and time of its file."""
_KEPT = 3


class Reader:
    """One mask at a time; asked for another before it has begun, it forgets the first."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._read: OrderedDict[Key, NDArray[np.uint8] | None] = OrderedDict()
        self._wanted: tuple[Key, tuple[int, int] | None] | None = None
        self._thread: threading.Thread | None = None

    @property
    def busy(self) -> bool:
        """True while the thread lives."""
        return self._thread is not None and self._thread.is_alive()

    def get(self, key: Key, size: tuple[int, int] | None = None) -> NDArray[np.uint8] | None:
        """The pixels (H, W) uint8, the top row first; None while they are being read, and when they cannot be.

        A mask of another `size` (height, width) than that cannot be.
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
        """Forgets everything and waits for the thread, which takes no longer than one mask."""
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
                    self._thread = None  # under the lock: who asks from now on starts another
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
