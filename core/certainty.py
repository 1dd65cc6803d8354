"""How sure the network was of each propagated matte: a line a frame, beside the mattes; lost lines cost nothing."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from .journal import Propagation

if TYPE_CHECKING:
    from .history import History
    from .journal import Journal
    from .store import MatteStore

FILE = "confidence.txt"
UNKNOWN = "--"
"""In the place of a frame's number: it was drawn or locked, has no matte, or nothing is known."""


def note(store: MatteStore, operation: str, frame: int, value: float) -> None:
    """Keeps how sure (0 to 1) the network is of an operation's matte, which is there; it is no loss if that fails."""
    with suppress(OSError), open(store.folder / operation / FILE, "a", encoding="ascii") as file:
        file.write(f"{frame} {min(99, round(100 * value))}\n")


def noted(store: MatteStore, operation: str) -> dict[int, int]:
    """Frame -> percent, of an operation's mattes; damaged lines are left out."""
    found: dict[int, int] = {}
    with suppress(OSError, UnicodeDecodeError):
        for line in (store.folder / operation / FILE).read_text(encoding="ascii").splitlines():
            frame, _, percent = line.partition(" ")
            if frame.isdecimal() and percent.isdecimal() and int(percent) < 100:
                found[int(frame)] = int(percent)
    return found


def confidences(journal: Journal, store: MatteStore, history: History, count: int) -> str:
    """Two characters for each of the clip's frames at the head: percent, or UNKNOWN."""
    locked, cells = history.locked(), [UNKNOWN] * count
    logs: dict[str, Callable[[int], int | None]] = {}
    for frame, operation in history.owners().items():
        if frame in locked or frame >= count or not isinstance(journal.operations[operation].action, Propagation):
            continue
        if operation not in logs:
            logs[operation] = noted(store, operation).get
        percent = logs[operation](frame)
        if percent is not None:
            cells[frame] = f"{percent:02d}"
    return "".join(cells)
