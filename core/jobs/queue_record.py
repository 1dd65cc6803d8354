"""Reads and writes what became of the jobs of a folder (`queue.json`) and their order. Standard library only."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from .. import atomic
from ..errors import store_errors

FILE = "queue.json"
ORDER = "order.json"
"""Only who sorts the jobs writes it, and only who does them writes `FILE`: so both can happen at the same time."""
DONE, FAILED = "done", "failed"
_MOST_BYTES = 16 * 2**20


class Result(NamedTuple):
    """What became of a job.

    Attributes:
        state: `DONE` or `FAILED`.
        text: why it failed.
        job: `finished.digest_of` the job file; one that was edited since is waiting again.
    """

    state: str
    text: str = ""
    job: str = ""


class Running(NamedTuple):
    """The job under way, and how far all of them are.

    Attributes:
        job: name of its file.
        frames, total: frames done in this run, and those to do.
        seconds_left: for the whole queue; -1 = not known yet.
    """

    job: str
    frames: int
    total: int
    seconds_left: float = -1.0


class QueueRecord(NamedTuple):
    """The state of a queue; `results` by the name of the job file, `running` None between runs."""

    results: Mapping[str, Result]
    running: Running | None = None


def read_queue(folder: Path) -> QueueRecord:
    """Returns the state of a folder's queue; an empty one if there is none, or it cannot be read."""
    try:
        record = json.loads(atomic.read_regular(folder / FILE, _MOST_BYTES))
        results = {name: _result(found) for name, found in record["jobs"].items()}
        return QueueRecord(results, _running(record["running"]) if record.get("running") else None)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return QueueRecord({})


def write_queue(folder: Path, record: QueueRecord) -> None:
    """Writes the state of a folder's queue. Raises StoreError."""
    jobs = {name: result._asdict() for name, result in record.results.items()}
    running = record.running._asdict() if record.running else None
    text = json.dumps({"version": 1, "jobs": jobs, "running": running}, indent=1)
    with store_errors(folder / FILE):
        atomic.write(folder / FILE, f"{text}\n".encode())


def read_order(folder: Path) -> tuple[str, ...]:
    """Returns the names of job files in the order that was chosen; empty if none was, or it cannot be read."""
    try:
        names = json.loads(atomic.read_regular(folder / ORDER, _MOST_BYTES))["order"]
        return tuple(name for name in names if isinstance(name, str))
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return ()


def write_order(folder: Path, names: Iterable[str]) -> None:
    """Writes the order of a folder's job files. Raises StoreError."""
    with store_errors(folder / ORDER):
        atomic.write(folder / ORDER, f"{json.dumps({'version': 1, 'order': list(names)}, indent=1)}\n".encode())


def in_order(names: Sequence[str], order: Sequence[str]) -> list[str]:
    """Returns the names in the chosen order, and after them those that it lacks."""
    place = {name: number for number, name in enumerate(order)}
    return sorted(names, key=lambda name: place.get(name, len(place)))


def _result(found: Mapping[str, Any]) -> Result:
    return Result(str(found["state"]), str(found["text"]), str(found.get("job", "")))


def _running(found: Mapping[str, Any]) -> Running:
    return Running(str(found["job"]), int(found["frames"]), int(found["total"]), float(found["seconds_left"]))
