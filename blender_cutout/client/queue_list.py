"""Lists the jobs of a queue's folder with their states and the progress of the whole, from disk; reads only changes."""

from __future__ import annotations

import os
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from ..core.errors import CutoutError
from ..core.jobs.queue_record import DONE, FAILED, QueueRecord, in_order, read_order, read_queue

WAITING, RUNNING = "waiting", "running"
_AT_ONCE = 4
"""Most job files read in one look, so that a long list never holds up Blender's window."""


class Entry(NamedTuple):
    """A row of the list.

    Attributes:
        name: of the job file.
        title: of the shot.
        state: `WAITING`, `RUNNING`, `DONE` or `FAILED`.
        text: why it failed.
        frames: how many it has.
        head: of the cutout that it was made from.
        ready: its masks wait for their cutout, which is in this file and has not changed since.
    """

    name: str
    title: str
    state: str
    text: str
    frames: int
    head: str
    ready: bool


class _Facts(NamedTuple):
    """What a job file says.

    Attributes:
        mark: change time and size of the file it was read from.
        digest: `finished.digest_of` it.
        frames, head: see `Entry`.
        problem: why it cannot be read.
    """

    mark: tuple[int, int]
    digest: str = ""
    frames: int = 0
    head: str = ""
    problem: str = ""


class QueueList:
    """The rows of a folder of job files.

    Attributes:
        folder: the folder.
        entries: the rows, in order.
        share, text: progress of the whole while it runs.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.entries: tuple[Entry, ...] = ()
        self.share, self.text = 0.0, ""
        self._facts: dict[str, _Facts] = {}
        self._seen: tuple[Any, ...] = ()
        """What the last look saw; nothing is read while it stays the same."""
        self._unread = 0

    def look(self, heads: Collection[str], runs: bool, cancelling: bool = False) -> bool:
        """Updates the rows; returns True if they or the progress changed.

        Args:
            heads: of the cutouts that are here.
            runs: the process that does the jobs is running.
            cancelling: it was asked to stop.
        """
        seen = (_change_time(self.folder), frozenset(heads), runs, cancelling)
        if seen == self._seen and not self._unread and not runs:
            return False
        self._seen = seen
        before = (self.entries, self.share, self.text)
        record = read_queue(self.folder)
        self._read_new()
        names = in_order(sorted(self._facts), read_order(self.folder))
        self.entries = tuple(self._entry(name, record, heads, runs) for name in names)
        self.share, self.text = _progress(record, cancelling) if runs else (0.0, "")
        return before != (self.entries, self.share, self.text)

    def _read_new(self) -> None:
        """Reads a few of the job files that were added or changed, and forgets removed ones."""
        from ..core.jobs.job_file import SUFFIX

        marks = {}
        with suppress(OSError), os.scandir(self.folder) as found:
            for file in found:
                if file.name.endswith(SUFFIX) and not file.name.startswith("."):
                    state = file.stat()
                    marks[file.name] = (state.st_mtime_ns, state.st_size)
        for name in self._facts.keys() - marks.keys():
            del self._facts[name]
        new = [name for name in sorted(marks) if name not in self._facts or self._facts[name].mark != marks[name]]
        self._unread = len(new[_AT_ONCE:])
        for name in new[:_AT_ONCE]:
            self._facts[name] = _facts(self.folder / name, marks[name])

    def _entry(self, name: str, record: QueueRecord, heads: Collection[str], runs: bool) -> Entry:
        facts = self._facts[name]
        result, state, text = record.results.get(name), WAITING, facts.problem
        if runs and record.running is not None and record.running.job == name:
            state = RUNNING
        elif facts.problem:
            state = FAILED
        elif result is not None and result.job == facts.digest:
            state, text = result.state, result.text
        ready = state == DONE and facts.head in heads
        return Entry(name, title_of(name), state, text, facts.frames, facts.head, ready)


def title_of(name: str) -> str:
    """Returns the title of a shot from the name of its job file, which may begin with its number in the queue."""
    from ..core.jobs.job_file import SUFFIX

    title = name.removesuffix(SUFFIX)
    return title[5:] if title[:4].isdecimal() and title[4:5] == " " else title


def _progress(record: QueueRecord, cancelling: bool) -> tuple[float, str]:
    now = record.running
    if cancelling:
        return 0.0, "Cancelling"
    if now is None or now.total <= 0:
        return 0.0, "Starting"
    text = f"{now.frames} of {now.total} frames"
    if now.seconds_left >= 5400:
        text = f"{now.frames} of {now.total} frames, {now.seconds_left / 3600:.1f} h left"
    elif now.seconds_left >= 90:
        text = f"{now.frames} of {now.total} frames, {now.seconds_left / 60:.0f} min left"
    elif now.seconds_left >= 0:
        text = f"{now.frames} of {now.total} frames, {now.seconds_left:.0f} s left"
    return min(1.0, now.frames / now.total), text


def _facts(path: Path, mark: tuple[int, int]) -> _Facts:
    from ..core.jobs.finished import digest_of
    from ..core.jobs.job_file import read_job

    try:
        job = read_job(path)
    except CutoutError as error:
        return _Facts(mark, problem=f"{error.text} {error.hint}")
    return _Facts(mark, digest_of(path), len(job.range), job.head)


def _change_time(folder: Path) -> int:
    try:
        return folder.stat().st_mtime_ns
    except OSError:
        return 0
