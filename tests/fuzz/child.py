"""Reads the inputs in a process watched by `watch`: `python -m tests.fuzz.child NAME SEED FIRST COUNT BOARD`.

Its position is on a board that both processes see; findings are written one per line.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import mmap
import os
import struct
import sys
import time
import traceback
import warnings
from pathlib import Path
from typing import Any

from .target import MOST_TEXT, Target, Wrong, generator

TARGETS = {
    "journal": ("places", "Journals"),
    "messages": ("texts", "Messages"),
    "changes": ("changes", "Changes"),
    "grey-png": ("pictures", "GreyPng"),
    "strokes": ("texts", "Strokes"),
    "host-png": ("pictures", "HostPng"),
    "mp4": ("pictures", "Movie"),
    "splines": ("texts", "Splines"),
    "checkpoints": ("checkpoints", "Checkpoints"),
    "folder": ("places", "Folder"),
}
"""Name of each fuzzer -> module and class."""

ROOM = 1 << 30
"""Bytes of address space above the idle process's: more is refused, and counts as used."""
_QUICK = 0.001
"""Seconds too short for an input to take much memory."""
_FORMAT = "<qqqd"


class Board:
    """Numbers shared by the two processes.

    Attributes:
        at: index of the input being read, -1 = none yet.
        done: inputs read.
        most: most bytes above the idle process.
        slowest: seconds of the slowest input.
    """

    def __init__(self, path: Path) -> None:
        if not path.exists():
            path.write_bytes(bytes(struct.calcsize(_FORMAT)))
        with path.open("r+b") as file:
            self._map = mmap.mmap(file.fileno(), struct.calcsize(_FORMAT))

    def write(self, at: int, done: int, most: int, slowest: float) -> None:
        struct.pack_into(_FORMAT, self._map, 0, at, done, most, slowest)

    def read(self) -> tuple[int, int, int, float]:
        return struct.unpack_from(_FORMAT, self._map, 0)  # type: ignore[return-value]


def load(name: str, place: Path) -> Target:
    """Returns the fuzzer of that name, with its valid inputs made in `place`."""
    module, kind = TARGETS[name] if name in TARGETS else name.split(":")
    target: Target = getattr(importlib.import_module(f".{module}", __package__), kind)(place)
    return target


def problem(target: Target, data: bytes) -> dict[str, Any] | None:
    """Returns what went wrong when an input was read; None = nothing."""
    try:
        target.run(data)
    except target.own as error:
        if len(str(error)) <= MOST_TEXT:
            return None
        return _found("wrong", error, f"a message of {len(str(error))} characters")
    except Wrong as error:
        return _found("wrong", error, str(error))
    except Exception as error:
        return _found("foreign", error, str(error)[:200])
    return None


def _found(kind: str, error: Exception, text: str) -> dict[str, Any]:
    frames = traceback.extract_tb(error.__traceback__)
    inner = [f for f in frames if "site-packages" not in f.filename and "/lib/python" not in f.filename] or list(frames)
    own = [f for f in inner if "/tests/" not in f.filename] or inner
    where = f"{Path(own[-1].filename).name}:{own[-1].lineno}"
    trace = "".join(traceback.format_tb(error.__traceback__, limit=-8)) + f"{type(error).__name__}: {str(error)[:200]}"
    name = text.partition(":")[0] if isinstance(error, Wrong) else f"{type(error).__name__} {where}"
    return {"kind": kind, "key": name, "text": text, "trace": trace}


def main(name: str, seed: int, first: int, count: int, board: Board, report: Path) -> None:
    """Reads inputs `first` to `first + count - 1`."""
    place = report.parent
    target = load(name, place)
    os.fsync = lambda _: None  # what a power cut leaves is not tried here
    idle = _peak()
    limit_memory()
    most, slowest, bound = 0, 0.0, target.megabytes << 20
    with report.open("a", encoding="utf-8", errors="backslashreplace") as out:
        for index in range(first, first + count):
            data = target.make(generator(seed, name, index))
            begun = time.monotonic()
            board.write(index, index - first, most, slowest)
            found = problem(target, data)
            seconds = time.monotonic() - begun
            slowest = max(slowest, seconds)
            # Much memory takes time: so the quick ones need no look.
            taken = _peak() - idle if seconds > _QUICK or index % 64 == 0 else 0
            most = max(most, taken)
            if found is None and taken > bound:
                found = {"kind": "memory", "key": "memory", "text": f"{taken >> 20} MB", "trace": ""}
            if taken > bound:
                _forget_peak()
            if found is not None:
                out.write(json.dumps({**found, "index": index}) + "\n")
                out.flush()
    board.write(first + count, count, most, slowest)


def _peak() -> int:
    """Returns the process's peak memory in bytes; 0 if unknown.

    `getrusage` would include the peak of the process that started this one.
    """
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) << 10 for line in lines if line.startswith("VmHWM")), 0)


def _forget_peak() -> None:
    """Resets the peak to the current memory (Linux)."""
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def limit_memory() -> None:
    """Keeps a bad input from exhausting the machine's memory: allocations beyond ROOM fail (Linux)."""
    with contextlib.suppress(ImportError, OSError, ValueError):
        import resource

        size = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (size + ROOM, resource.RLIM_INFINITY))


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    _name, _seed, _first, _count, _board = sys.argv[1:6]
    main(_name, int(_seed), int(_first), int(_count), Board(Path(_board)), Path(_board).with_name("findings.jsonl"))
    os._exit(0)
