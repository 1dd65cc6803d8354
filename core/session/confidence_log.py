"""Logs how sure the network was of each propagated matte, one line per frame; losing lines does no harm."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING

from ..atomic import open_regular, read_regular

if TYPE_CHECKING:
    from pathlib import Path

    from .store import MatteStore

FILE = "confidence.txt"
UNKNOWN = "--"
"""Stands for a frame's percentage when it was drawn or locked, has no matte, or nothing is known."""
_MOST_BYTES = 16 * 2**20
"""Larger files are not ours and are ignored: a line takes some ten bytes."""


def note(store: MatteStore, operation: str, frame: int, value: float) -> None:
    """Records how sure (0 to 1) the network is of an operation's existing matte; failures are ignored."""
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT
    with suppress(OSError):
        handle = open_regular(store.folder / operation / FILE, flags, follow=False)
        with open(handle, "a", encoding="ascii") as file:
            file.write(f"{frame} {min(99, round(100 * value))}\n")


class ConfidenceLogs:
    """The logs of a track's propagations, each read again only when its file has changed."""

    def __init__(self, store: MatteStore) -> None:
        self._store = store
        self._read: dict[str, tuple[tuple[int, int], Mapping[int, int]]] = {}

    def of(self, operation: str) -> Mapping[int, int]:
        """Returns frame -> percent for an operation's mattes; damaged lines are left out."""
        path = self._store.folder / operation / FILE
        try:
            found = os.lstat(path)
        except OSError:
            return {}
        state = found.st_size, found.st_mtime_ns
        known = self._read.get(operation)
        if known is None or known[0] != state:
            known = self._read[operation] = state, _noted(path)
        return known[1]


def _noted(path: Path) -> dict[int, int]:
    found: dict[int, int] = {}
    with suppress(OSError):
        for line in read_regular(path, _MOST_BYTES, follow=False).splitlines():
            frame, _, percent = line.partition(b" ")
            if frame.isdigit() and percent.isdigit() and len(frame) <= 10 and len(percent) <= 2:
                found[int(frame)] = int(percent)
    return found
