"""Logs how likely each propagated matte is right, one line per frame; losing lines does no harm."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING

from ..atomic import open_regular, read_regular
from ..propagation.confidence import calibrated

if TYPE_CHECKING:
    from pathlib import Path
    from typing import TypeAlias

    from .store import MatteStore

    _State: TypeAlias = "tuple[tuple[int, int] | None, tuple[int, int] | None]"

FILE = "confidences.txt"
OLD_FILE = "confidence.txt"
"""Older versions wrote the network's certainty, in percent, under this name."""
UNKNOWN = "--"
"""Stands for a frame's percentage when it was drawn or locked, has no matte, or nothing is known."""
_MOST_BYTES = 16 * 2**20
"""Larger files are not ours and are ignored: a line takes some ten bytes."""


def note(store: MatteStore, operation: str, frame: int, value: float) -> None:
    """Records the confidence, 0 to 1, of an operation's existing matte; failures are ignored."""
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT
    with suppress(OSError):
        handle = open_regular(store.folder / operation / FILE, flags, follow=False)
        with open(handle, "a", encoding="ascii") as file:
            file.write(f"{frame} {_percent(value)}\n")


class ConfidenceLogs:
    """The logs of a track's propagations, each read again only when its file has changed."""

    def __init__(self, store: MatteStore) -> None:
        self._store = store
        self._read: dict[str, tuple[_State, Mapping[int, int]]] = {}

    def of(self, operation: str) -> Mapping[int, int]:
        """Returns frame -> percent for an operation's mattes; damaged lines are left out."""
        folder = self._store.folder / operation
        state = _state(folder / FILE), _state(folder / OLD_FILE)
        if state == (None, None):
            return {}
        known = self._read.get(operation)
        if known is None or known[0] != state:
            old = {frame: _percent(calibrated(value / 100)) for frame, value in _noted(folder / OLD_FILE).items()}
            known = self._read[operation] = state, {**old, **_noted(folder / FILE)}
        return known[1]


def _percent(value: float) -> int:
    return min(99, round(100 * value))


def _state(path: Path) -> tuple[int, int] | None:
    """Returns a file's size and time, which tell whether it has changed; None = it is missing."""
    try:
        found = os.lstat(path)
    except OSError:
        return None
    return found.st_size, found.st_mtime_ns


def _noted(path: Path) -> dict[int, int]:
    found: dict[int, int] = {}
    with suppress(OSError):
        for line in read_regular(path, _MOST_BYTES, follow=False).splitlines():
            frame, _, percent = line.partition(b" ")
            if frame.isdigit() and percent.isdigit() and len(frame) <= 10 and len(percent) <= 2:
                found[int(frame)] = int(percent)
    return found
