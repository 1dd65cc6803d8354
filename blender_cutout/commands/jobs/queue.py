"""Runs `cutout queue`: does the job files of a folder one after the other, each in a process of its own.

A job that fails, or whose process dies, does not stop the others. What is finished is recorded with each job (see
`core.jobs.finished`), so a queue that ended in any way continues where it was; `queue.json` records the result of each.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...core import atomic, file_lock
from ...core.errors import InputError, StoreError, store_errors
from ...core.jobs.finished import Finished, digest_of
from ...core.jobs.job_file import SUFFIX, JobError, files_folder, read_job
from ...core.jobs.queue_record import (
    DONE,
    FAILED,
    QueueRecord,
    Result,
    Running,
    in_order,
    read_order,
    read_queue,
    write_queue,
)
from ...core.jobs.tasks import tasks_of
from ...worker import entry
from .. import arguments
from .run import add_device, add_rules, end_with_input, rules_of
from .signals import sigterm_interrupts

if TYPE_CHECKING:
    from ..context import Context, Reporter

LOCK, LOG = ".queue.lock", "log.txt"
_TRIES = 2
"""How many times a job is started whose process dies, for example because memory runs out."""
_ANSWERED = (0, 1, 2, 130)
"""Exit codes of a process that ended by itself."""
_PATIENCE = 30.0
"""Seconds that a cancelled job may take to finish writing its file."""
_SAVED_EVERY = 0.5
"""Least seconds between records of progress."""


def add_parser(commands: Any) -> None:
    """Adds the sub-command."""
    parser = arguments.command(
        commands,
        "queue",
        run,
        f"Does the job files of a folder (NAME{SUFFIX}) one after the other, by name or as sorted in Blender, also "
        "those added meanwhile. A job that fails does not stop the others. Ctrl C cancels: finished masks stay, and "
        "the same command goes on later.",
        "cutout queue jobs",
    )
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="folder of job files")
    add_rules(parser)
    add_device(parser)
    parser.add_argument("--end-with-input", action="store_true", help=argparse.SUPPRESS)  # for Blender
    parser.add_argument("--libraries", type=Path, help=argparse.SUPPRESS)  # for Blender


def run(args: argparse.Namespace, context: Context) -> int:
    """Does the jobs; 2 if one of them failed."""
    if args.end_with_input:
        end_with_input()
    isolated = ["-I"] if sys.flags.isolated else []
    more = [] if args.libraries is None else ["--libraries", str(args.libraries)]
    command = [sys.executable, *isolated, "-X", "utf8", str(entry.__file__), *more, entry.COMMAND]
    rules = [f"--map={rule.old}={rule.new}" for rule in rules_of(args)]
    return run_folder(args.folder, context.report, command, [f"--device={args.device}", *rules])


def run_folder(folder: Path, report: Reporter, command: Sequence[str], more: Sequence[str] = ()) -> int:
    """Does the jobs of a folder; returns the exit code: 2 if one of them failed, else 0.

    Args:
        folder: the folder.
        report: output for the user.
        command: starts `cutout`.
        more: further words for `cutout job run`.

    Raises:
        InputError: there is no such folder, there are no jobs, or another queue does them.
        StoreError: the folder cannot be written.
    """
    if not folder.is_dir():
        raise InputError(f"The folder {folder} does not exist.", f"Give the folder with the {SUFFIX} files.")
    queue = _Queue(folder.absolute(), report, [*command, "job", "run"], ["--json", "--end-with-input", *more])
    if not queue.names():
        raise InputError(f"{folder} has no job files.", f"Make some with `cutout job make -o NAME{SUFFIX}`.")
    with _only_one(folder), sigterm_interrupts():
        queue.begin()
        try:
            for _ in report.progress(queue.frames(), queue.total(), "queue"):
                pass
        finally:
            queue.end()
    return queue.summary()


class _Queue:
    """The jobs of a folder, and the results of those that were tried."""

    def __init__(self, folder: Path, report: Reporter, command: Sequence[str], more: Sequence[str]) -> None:
        self._folder, self._report = folder, report
        self._command, self._more = list(command), list(more)
        self._results: dict[str, Result] = {}
        self._earlier: dict[str, Result] = {}
        """What an earlier run found, of jobs that this one has not come to."""
        self._pace = Pace()
        self._frames = 0
        self._saved_at = 0.0
        self._later: dict[str, int] = {}
        """Frames left in the jobs after the present one, by the kind of task."""
        self._starts = 0
        """How many processes those jobs need."""

    def names(self) -> list[str]:
        """Returns the names of the job files, in order; files may have been added or removed."""
        from ...core.clips.picture_sequence import natural_key

        with store_errors(self._folder):
            names = [name for name in os.listdir(self._folder) if name.endswith(SUFFIX) and name[0] != "."]
        return in_order(sorted(names, key=natural_key), read_order(self._folder))

    def waiting(self) -> list[Path]:
        """Returns the job files that were not tried yet, in order."""
        return [self._folder / name for name in self.names() if name not in self._results]

    def begin(self) -> None:
        """Notes the jobs that are finished already: no process is started for them."""
        self._earlier = dict(read_queue(self._folder).results)
        for path in self.waiting():
            if is_finished(path):
                self._results[path.name] = Result(DONE, "", digest_of(path))
        self._save()

    def end(self) -> None:
        """Notes that no job runs any more."""
        self._save()

    def total(self) -> int:
        """Returns how many frames are done in this run, and still to do."""
        return self._frames + sum(added(*map(frames_left, self.waiting())).values())

    def frames(self) -> Iterator[int]:
        """Does the jobs; yields the number of frames done after each frame."""
        self._report.event("queue", jobs=[path.name for path in self.waiting()], frames=self.total())
        while waiting := self.waiting():
            path, number = waiting[0], len(self._results) + 1
            if not path.exists():  # removed a moment ago
                continue
            later = list(map(frames_left, waiting[1:]))
            self._later, self._starts = added(*later), sum(map(bool, later))
            count = len(self._results) + len(waiting)
            self._report.event("job start", job=path.name, number=number, jobs=count)
            self._report.say(f"Job {number} of {count}: {path.name}{self._left_text(path)}")
            self._save(Running(path.name, self._frames, self.total()))
            state, text = yield from self._do(path, {"job": path.name, "number": number, "jobs": count})
            self._results[path.name] = Result(state, text, digest_of(path))
            self._report.event("job end", job=path.name, state=state, text=text)
            if state == FAILED:
                self._report.complain(f"{path.name} failed: {text}")
            self._save()

    def summary(self) -> int:
        """Reports the results of the jobs; returns the exit code."""
        failed = [name for name, result in self._results.items() if result.state == FAILED]
        self._report.event("done", jobs=len(self._results), failed=failed)
        self._report.say(f"{len(self._results) - len(failed)} of {len(self._results)} jobs are done.")
        return 2 if failed else 0

    def _do(self, path: Path, where: Mapping[str, Any]) -> Generator[int, None, tuple[str, str]]:
        """Does a job; yields as `frames` does, and returns its state and why it failed."""
        for attempt in range(1, _TRIES + 1):
            left, error, kind = frames_left(path), "", ""
            log = files_folder(path) / LOG
            self._pace.start()
            with _child([*self._command, str(path), *self._more], log) as process:
                assert process.stdout is not None
                for line in process.stdout:
                    record = _record(line)
                    event = record.get("event")
                    if event == "task":
                        kind = str(record.get("name", "")).partition("-")[0]
                        self._pace.begin(kind)
                    elif event == "error":
                        error = f"{record.get('text', '')} {record.get('hint', '')}".strip()
                    elif event == "frame":
                        self._frames += 1
                        left[kind] = max(0, left.get(kind, 0) - 1)
                        self._pace.add()
                        self._tell(where, left)
                        yield self._frames
            code = process.returncode
            if code == 0:
                return DONE, ""
            if code in _ANSWERED or attempt == _TRIES:
                break
            self._report.complain(f"Warning: the process of {path.name} died (code {code}); it is started again.")
        return FAILED, error or f"Its process ended unexpectedly (code {code}); see {log}."

    def _tell(self, where: Mapping[str, Any], left: Mapping[str, int]) -> None:
        """Reports progress with the seconds left for the whole queue."""
        rest = added(left, self._later)
        total, seconds = self._frames + sum(rest.values()), self._pace.seconds(rest, self._starts)
        self._report.event("progress", **where, frames=self._frames, total=total, seconds_left=seconds)
        if time.monotonic() > self._saved_at + _SAVED_EVERY:
            self._save(Running(where["job"], self._frames, total, -1.0 if seconds is None else seconds))

    def _left_text(self, path: Path) -> str:
        seconds = self._pace.seconds(added(frames_left(path), self._later), self._starts + 1)
        return "" if seconds is None else f", about {_duration(seconds)} left for all"

    def _save(self, running: Running | None = None) -> None:
        there = set(self.names())
        results = {name: found for name, found in (self._earlier | self._results).items() if name in there}
        write_queue(self._folder, QueueRecord(results, running))
        self._saved_at = time.monotonic()


class Pace:
    """Seconds that a process takes to its first frame, and per further frame of each kind of task, as seen so far.

    Args:
        clock: returns seconds.
    """

    def __init__(self, clock: Any = time.monotonic) -> None:
        self._clock = clock
        self._seen: dict[str, tuple[int, float]] = {}
        self._kind, self._last = "", clock()
        self._starts: list[float] = []
        self._starting = False

    def start(self) -> None:
        """Notes that a process is started."""
        self._starting, self._last = True, self._clock()

    def begin(self, kind: str) -> None:
        """Starts a task."""
        self._kind = kind
        if not self._starting:
            self._last = self._clock()

    def add(self) -> None:
        """Notes one more frame of the task."""
        now = self._clock()
        if self._starting:
            self._starts.append(now - self._last)
            self._starting, self._last = False, now
            return
        frames, seconds = self._seen.get(self._kind, (0, 0.0))
        self._seen[self._kind] = frames + 1, seconds + now - self._last
        self._last = now

    def seconds(self, left: Mapping[str, int], starts: int = 0) -> float | None:
        """Returns how long these frames of each kind and starts of processes will take; None = unknown.

        Kinds that were not seen yet are taken to be as the others.
        """
        frames = sum(count for count, _ in self._seen.values())
        if not frames:
            return None
        mean = sum(seconds for _, seconds in self._seen.values()) / frames
        total = starts * sum(self._starts) / len(self._starts) if self._starts else 0.0
        for kind, number in left.items():
            count, seconds = self._seen.get(kind, (0, 0.0))
            total += number * (seconds / count if count else mean)
        return round(total, 1)


def frames_left(path: Path) -> dict[str, int]:
    """Returns how many frames a job still has to do, by the kind of task; none for a file that is no job."""
    try:
        tasks = tasks_of(read_job(path))
    except JobError:
        return {}
    finished = Finished(path)
    return added(*({task.kind: len(task.frames)} for task in tasks if task not in finished))


def is_finished(path: Path) -> bool:
    """Returns True if nothing of a job is left to do; False for a file that is no job."""
    try:
        tasks = tasks_of(read_job(path))
    except JobError:
        return False
    finished = Finished(path)
    return all(task in finished for task in tasks)


def added(*parts: Mapping[str, int]) -> dict[str, int]:
    """Returns the sums of numbers by name."""
    total: dict[str, int] = {}
    for part in parts:
        for name, number in part.items():
            total[name] = total.get(name, 0) + number
    return total


@contextmanager
def _child(words: Sequence[str], log: Path) -> Iterator[subprocess.Popen[str]]:
    """Yields a process that ends with its standard input, and has ended after the block. Raises StoreError."""
    with store_errors(log):
        log.parent.mkdir(parents=True, exist_ok=True)
        errors = log.open("wb")
    with errors:
        process = subprocess.Popen(
            words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, encoding="utf-8", errors="replace"
        )
    try:
        yield process
    finally:
        assert process.stdin is not None
        assert process.stdout is not None
        with suppress(OSError):
            process.stdin.close()
        try:
            process.wait(_PATIENCE)
        except (subprocess.TimeoutExpired, KeyboardInterrupt):
            process.kill()
            process.wait()
        process.stdout.close()


@contextmanager
def _only_one(folder: Path) -> Iterator[None]:
    """Holds the folder's lock, which ends with the process. Raises InputError if another queue has it; StoreError."""
    path = folder / LOCK
    with store_errors(path):
        handle = atomic.open_regular(path, os.O_RDWR | os.O_CREAT, follow=False)
    try:
        try:
            free = file_lock.try_lock(handle)
        except OSError as error:
            raise StoreError(
                f"{folder} is on a drive that cannot be locked ({error.strerror}).", "Use a folder on a local disk."
            ) from error
        if not free:
            raise InputError(f"Another queue is doing the jobs in {folder}.", "Wait for it, or cancel it.")
        yield
    finally:
        os.close(handle)


def _record(line: str) -> dict[str, Any]:
    """Returns the JSON object in a line; an empty one for anything else."""
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _duration(seconds: float) -> str:
    """Formats seconds for people: "40 s", "12 min", "3.5 h"."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
