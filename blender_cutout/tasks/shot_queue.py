"""Keeps the panel's queue: a folder of job files, the process that does them, and the masks that cutouts take back.

The folder belongs to the artist, not to a .blend: cutouts of several files wait in it, also after a restart of Blender.
"""

from __future__ import annotations

import json
import os
import shutil
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import bpy

from ..core.errors import CutoutError
from ..core.jobs.queue_record import DONE, FAILED, QueueRecord, read_queue
from ..host import storage
from ..scene import doubt, preference_values, properties
from . import jobs

if TYPE_CHECKING:
    from ..client.job_queue import Job
    from ..client.queue_process import QueueProcess
    from ..core.types import Direction

INTERVAL = 0.25
"""Seconds between looks at the queue while it runs."""
WAITING, RUNNING = "waiting", "running"
_AT_ONCE = 4
"""Most job files read in one look, so that a long list never holds up Blender's window."""
_TAKEN = "taken"
"""File in a job's folder: a cutout has its masks."""
_LONGEST = 60


class Facts(NamedTuple):
    """What a job file says.

    Attributes:
        mark: change time and size of the file it was read from.
        digest: `finished.digest_of` it.
        frames: how many it has.
        head: of the cutout that it was made from.
        problem: why it cannot be read.
    """

    mark: tuple[int, int]
    digest: str = ""
    frames: int = 0
    head: str = ""
    problem: str = ""


class Entry(NamedTuple):
    """A row of the list.

    Attributes:
        name: of the job file.
        title: of the shot.
        state: `WAITING`, `RUNNING`, `DONE` or `FAILED`.
        text: why it failed.
        frames: how many it has.
        ready: its masks wait for their cutout, which is in this file.
    """

    name: str
    title: str
    state: str
    text: str
    frames: int
    ready: bool


class ShotQueue:
    """The list of jobs and the process that does them.

    Attributes:
        entries: the rows, in order.
        share, text: progress of the whole while it runs.
    """

    def __init__(self) -> None:
        self.entries: tuple[Entry, ...] = ()
        self.share, self.text = 0.0, ""
        self._process: QueueProcess | None = None
        self._folder: Path | None = None
        self._facts: dict[str, Facts] = {}
        self._seen: tuple[Any, ...] = ()
        """What the last look saw; nothing is read while it stays the same."""
        self._unread = 0
        self._fresh: list[str] = []
        """Names of jobs that this Blender has just finished, whose cutouts take their masks by themselves."""

    @property
    def process(self) -> QueueProcess:
        """Returns the process, made on first use."""
        if self._process is None:
            from ..client.queue_process import QueueProcess

            self._process = QueueProcess()
        return self._process

    @property
    def running(self) -> bool:
        """Returns True while jobs run; cheap."""
        return self._process is not None and self._process.running

    @property
    def folder(self) -> Path:
        """Returns the folder of job files."""
        if self._folder is None:
            self._folder = storage.user_folder("queue")
        return self._folder

    def look(self) -> bool:
        """Updates the list from disk; returns True if it changed."""
        ran = self.running
        heads = frozenset(track.head for _, track in properties.tracks() if track.head)
        seen = (_change_time(self.folder), heads)
        if seen != self._seen or self._unread or ran:
            self._seen = seen
            before = (self.entries, self.share, self.text)
            is_running, record = ran and self.process.poll(), read_queue(self.folder)
            self._read_new()
            self.entries = tuple(self._entry(name, facts, record, heads) for name, facts in sorted(self._facts.items()))
            self.share, self.text = self._progress(record)
            if ran:
                done = {entry.name for entry in before[0] if entry.state == DONE}
                self._fresh += [e.name for e in self.entries if e.state == DONE and e.name not in done]
            if ran and not is_running:
                self._tell_end()
            changed = before != (self.entries, self.share, self.text)
        else:
            changed = False
        if self._fresh and not jobs.queue.jobs:
            self._take_fresh()
        return changed

    @property
    def open(self) -> bool:
        """Returns True while jobs run, or masks are about to be taken."""
        return self.running or bool(self._fresh)

    def next_path(self, scene: Any, track: Any, number: int = 0) -> Path:
        """Returns the path of a new job file with that number; 0 = after all others."""
        from ..core.jobs.job_file import SUFFIX

        numbers = [int(name[:4]) for name in os.listdir(self.folder) if name[:4].isdecimal()]
        title = "".join(sign if sign.isalnum() or sign in " -_" else "_" for sign in f"{scene.name} - {track.name}")
        number = number or max(numbers, default=0) + 1
        return self.folder / f"{number:04d} {title[:_LONGEST].strip()}{SUFFIX}"

    def start(self) -> None:
        """Starts doing the jobs. Raises EnvironmentMissing if the engine is not installed."""
        chosen = preference_values.current()
        self.process.start(command(self.folder, chosen.device), storage.user_folder("logs") / "queue.log")
        if not bpy.app.background and not bpy.app.timers.is_registered(_tick):
            bpy.app.timers.register(_tick, first_interval=INTERVAL, persistent=True)
        self.look()

    def remove(self, name: str) -> None:
        """Deletes a job with its masks, which a cutout may have taken."""
        from ..core.jobs.job_file import SUFFIX, files_folder

        path = self.folder / name
        if name not in self._facts or path.parent != self.folder:
            return
        path.unlink(missing_ok=True)
        for folder in (files_folder(path), path.with_name(f"{name.removesuffix(SUFFIX)}-masks")):
            shutil.rmtree(folder, ignore_errors=True)
        self.look()

    def take(self, entry: Entry) -> Job | None:
        """Has the cutout of a finished job take its masks; returns the engine's job, None if the cutout is not here."""
        from ..core.messages import Done, TakeJob

        head, path = self._facts[entry.name].head, self.folder / entry.name
        found = next(((scene, track) for scene, track in properties.tracks() if track.head == head), None)
        if found is None:
            return None
        uuid = found[1].uuid

        def taken(done: Done) -> str:
            _mark_taken(path)
            self._seen = ()
            return f"{entry.title}: {done.result.get('frames', entry.frames)} masks from the queue."

        return jobs.submit(
            *found, "Taking masks", lambda job: TakeJob(job, uuid, str(path)), then=taken, undo="Masks from Queue"
        )

    def _take_fresh(self) -> None:
        name = self._fresh.pop(0)
        entry = next((entry for entry in self.entries if entry.name == name and entry.ready), None)
        if entry is not None:
            try:
                self.take(entry)
            except CutoutError as error:
                jobs.say("WARNING", f"{entry.title}: {error.text}", error.hint)

    def _tell_end(self) -> None:
        failed = sum(entry.state == FAILED for entry in self.entries)
        if self.process.code == 0:
            jobs.say("INFO", "The queue is done.")
        elif self.process.code is None:
            jobs.say("INFO", "The queue was cancelled.", "Finished masks stay, and Run Queue goes on.")
        else:
            text, hint = _last_error(self.process.log)
            if not text and self.process.code == 2:
                jobs.say("WARNING", f"The queue is done, but {failed} of {len(self.entries)} jobs failed.")
            else:
                jobs.say("ERROR", text or "The queue ended unexpectedly.", hint or f"See {self.process.log}")

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

    def _entry(self, name: str, facts: Facts, record: QueueRecord, here: frozenset[str]) -> Entry:
        from ..core.jobs.job_file import SUFFIX

        result, state, text = record.results.get(name), WAITING, facts.problem
        if self.running and record.running is not None and record.running.job == name:
            state = RUNNING
        elif facts.problem:
            state = FAILED
        elif result is not None and result.job == facts.digest:
            state, text = result.state, result.text
        title = name.removesuffix(SUFFIX)
        title = title[5:] if title[:4].isdecimal() else title
        ready = state == DONE and facts.head in here and not _taken(self.folder / name).exists()
        return Entry(name, title, state, text, facts.frames, ready)

    def _progress(self, record: QueueRecord) -> tuple[float, str]:
        now = record.running
        if not self.running:
            return 0.0, ""
        if self.process.cancelling:
            return 0.0, "Cancelling"
        if now is None or now.total <= 0:
            return 0.0, "Starting"
        text = f"{now.frames} of {now.total} frames"
        if now.seconds_left >= 90:
            text = f"{now.frames} of {now.total} frames, {now.seconds_left / 60:.0f} min left"
        elif now.seconds_left >= 0:
            text = f"{now.frames} of {now.total} frames, {now.seconds_left:.0f} s left"
        return min(1.0, now.frames / now.total), text


shots = ShotQueue()


def command(folder: Path, device: str) -> list[str]:
    """Returns the command that does the jobs. Raises EnvironmentMissing if the engine is not installed."""
    from ..client.queue_process import queue_command
    from ..environment.engine_place import find_engine

    found = find_engine(preference_values.current().engine_python or None)
    return queue_command(found.python, folder, device, found.libraries)


def make_job(scene: Any, track: Any, direction: Direction, path: Path) -> Job:
    """Has the engine write a job file of what Propagate would do. Raises as `jobs.submit`."""
    from ..core.messages import MakeJob

    frames, options, uuid = doubt.frames(scene, track), doubt.options(scene), track.uuid
    return jobs.submit(
        scene,
        track,
        "Writing the job",
        lambda job: MakeJob(job, uuid, str(path), frames.start, frames.stop, direction.value, **asdict(options)),
        then=lambda done: f"{path.name} is written.",
    )


def _facts(path: Path, mark: tuple[int, int]) -> Facts:
    from ..core.jobs.finished import digest_of
    from ..core.jobs.job_file import read_job

    try:
        job = read_job(path)
    except CutoutError as error:
        return Facts(mark, problem=f"{error.text} {error.hint}")
    return Facts(mark, digest_of(path), len(job.range), job.head)


def _change_time(folder: Path) -> int:
    try:
        return folder.stat().st_mtime_ns
    except OSError:
        return 0


def _last_error(log: Path) -> tuple[str, str]:
    """Returns text and hint of the last error that `cutout queue` printed; empty ones if there is none."""
    with suppress(OSError):
        for line in reversed(log.read_text("utf-8", errors="replace")[-20_000:].splitlines()):
            with suppress(ValueError):
                record = json.loads(line)
                if isinstance(record, dict) and record.get("event") == "error":
                    return str(record.get("text", "")), str(record.get("hint", ""))
    return "", ""


def _taken(path: Path) -> Path:
    from ..core.jobs.job_file import files_folder

    return files_folder(path) / _TAKEN


def _mark_taken(path: Path) -> None:
    with suppress(OSError):
        _taken(path).touch()


def close() -> None:
    """Ends the process and the timer; the queue goes on where it was when it is run again."""
    if bpy.app.timers.is_registered(_tick):
        bpy.app.timers.unregister(_tick)
    if shots.running:
        shots.process.close()
    shots.__init__()  # type: ignore[misc]


def end_process() -> None:
    """Ends the process at Blender's exit, without touching Blender's data."""
    if shots.running:
        shots.process.close(0.5)


def _tick() -> float | None:
    """Timer callback: runs again while the process runs, or masks wait to be taken."""
    if shots.look():
        jobs.redraw("UI")
    return INTERVAL if shots.open else None
