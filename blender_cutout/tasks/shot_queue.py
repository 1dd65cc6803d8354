"""Connects Blender to its queue: a folder of job files, the process that does them, and cutouts that take the masks.

The folder belongs to the artist, not to a .blend: cutouts of several files wait in it, also after a restart of Blender.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import bpy

from ..client.queue_list import RUNNING, Entry, QueueList, title_of
from ..core.errors import CutoutError, InputError, StoreError
from ..core.jobs.queue_record import DONE, FAILED, write_order
from ..host import storage
from ..scene import doubt, preference_values, properties, queue_outputs
from . import jobs

if TYPE_CHECKING:
    from ..client.job_queue import Job
    from ..client.queue_process import QueueProcess
    from ..core.types import Direction

INTERVAL = 0.25
"""Seconds between looks at the queue while it runs."""
_LONGEST = 60


class ShotQueue:
    """The queue's list, and the process that does its jobs: empty before the first look and after `close`."""

    def __init__(self) -> None:
        self._list: QueueList | None = None
        self._process: QueueProcess | None = None
        self._fresh: tuple[str, ...] = ()
        """Names of jobs that this Blender has just finished, whose cutouts take their masks by themselves."""

    @property
    def entries(self) -> tuple[Entry, ...]:
        """Returns the rows, in order."""
        return self._list.entries if self._list is not None else ()

    @property
    def progress(self) -> tuple[float, str]:
        """Returns how far the whole is while it runs: share and text."""
        return (self._list.share, self._list.text) if self._list is not None else (0.0, "")

    @property
    def running(self) -> bool:
        """Returns True while jobs run; cheap."""
        return self._process is not None and self._process.running

    @property
    def open(self) -> bool:
        """Returns True while jobs run, or masks are about to be taken."""
        return self.running or bool(self._fresh)

    @property
    def folder(self) -> Path:
        """Returns the folder of job files."""
        return self._listed().folder

    def look(self) -> bool:
        """Updates the list from disk; returns True if it changed."""
        ran = self.running
        is_running = self._process is not None and ran and self._process.poll()
        cancelling = self._process is not None and self._process.cancelling
        heads = {track.head for _, track in properties.tracks() if track.head}
        before = {entry.name for entry in self.entries if entry.state == DONE}
        try:
            changed = self._listed().look(heads, is_running, cancelling)
        except StoreError:  # without the user folder there is no queue; whatever is done next reports it
            return False
        if ran:
            done = [entry.name for entry in self.entries if entry.state == DONE and entry.name not in before]
            self._fresh += tuple(done)
        if changed or len(properties.status().queue) != len(self.entries):
            _fill(properties.status().queue, self.entries)
        if ran and not is_running:
            self._say_end()
        if self._fresh and not jobs.queue.jobs:
            self._take_fresh()
        return changed

    def next_path(self, scene: Any, track: Any, number: int = 0) -> Path:
        """Returns the path of a new job file with that number; 0 = after all others."""
        from ..core.jobs.job_file import SUFFIX

        numbers = [int(name[:4]) for name in os.listdir(self.folder) if name[:4].isdecimal()]
        title = "".join(sign if sign.isalnum() or sign in " -_" else "_" for sign in f"{scene.name} - {track.name}")
        number = number or max(numbers, default=0) + 1
        return self.folder / f"{number:04d} {title[:_LONGEST].strip()}{SUFFIX}"

    def start(self) -> None:
        """Starts doing the jobs. Raises EnvironmentMissing if the engine is not installed."""
        from ..client.queue_process import QueueProcess

        if self._process is None:
            self._process = QueueProcess()
        words = command(self.folder, preference_values.current().device)
        self._process.start(words, storage.user_folder("logs") / "queue.log")
        if not bpy.app.background and not bpy.app.timers.is_registered(_tick):
            bpy.app.timers.register(_tick, first_interval=INTERVAL, persistent=True)
        self.look()

    def cancel(self) -> None:
        """Asks the process to stop; the next looks notice when it has."""
        if self._process is not None:
            self._process.cancel()
        self.look()

    def move(self, name: str, by: int) -> int:
        """Moves a job up (-1) or down (+1) in the order; returns its place. Raises StoreError."""
        names = [entry.name for entry in self.entries]
        if name not in names:
            return 0
        place = names.index(name)
        there = min(max(place + by, 0), len(names) - 1)
        names.insert(there, names.pop(place))
        write_order(self.folder, names)
        self.look()
        return there

    def remove(self, name: str) -> None:
        """Deletes a job with its masks, which a cutout may have taken. Raises InputError while it runs."""
        from ..core.jobs.job_file import SUFFIX, files_folder

        entry = next((entry for entry in self.entries if entry.name == name), None)
        path = self.folder / name
        if entry is None or path.parent != self.folder:
            return
        if entry.state == RUNNING:
            raise InputError("This job is running.", "Cancel the queue first.")
        path.unlink(missing_ok=True)
        for folder in (files_folder(path), path.with_name(f"{name.removesuffix(SUFFIX)}-masks")):
            shutil.rmtree(folder, ignore_errors=True)
        self.look()

    def take(self, entry: Entry) -> Job | None:
        """Has the cutout of a finished job take its masks; returns the engine's job, None if the cutout is not here."""
        from ..core.messages import Done, TakeJob

        path = self.folder / entry.name
        found = next(((scene, track) for scene, track in properties.tracks() if track.head == entry.head), None)
        if found is None:
            return None
        uuid = found[1].uuid

        def taken(done: Done) -> str:
            return f"{entry.title}: {done.result.get('frames', entry.frames)} masks from the queue."

        return jobs.submit(
            *found, "Taking masks", lambda job: TakeJob(job, uuid, str(path)), then=taken, undo="Masks from Queue"
        )

    def close(self, seconds: float = 2.0) -> None:
        """Ends the process, at most after that time; the queue goes on where it was when it is run again."""
        if self._process is not None and self.running:
            self._process.close(seconds)
        self._list, self._process, self._fresh = None, None, ()

    def _listed(self) -> QueueList:
        if self._list is None:
            self._list = QueueList(storage.user_folder("queue"))
        return self._list

    def _take_fresh(self) -> None:
        name, *left = self._fresh
        self._fresh = tuple(left)
        entry = next((entry for entry in self.entries if entry.name == name and entry.ready), None)
        if entry is not None:
            try:
                self.take(entry)
            except CutoutError as error:
                jobs.say("WARNING", f"{entry.title}: {error.text}", error.hint)

    def _say_end(self) -> None:
        assert self._process is not None
        failed = sum(entry.state == FAILED for entry in self.entries)
        if self._process.code == 0:
            jobs.say("INFO", "The queue is done.")
        elif self._process.code is None:
            jobs.say("INFO", "The queue was cancelled.", "Finished masks stay, and Run Queue goes on.")
        else:
            text, hint = _last_error(self._process.log)
            if not text and self._process.code == 2:
                jobs.say("WARNING", f"The queue is done, but {failed} of {len(self.entries)} jobs failed.")
            else:
                jobs.say("ERROR", text or "The queue ended unexpectedly.", hint or f"See {self._process.log}")


shots = ShotQueue()


def command(folder: Path, device: str) -> list[str]:
    """Returns the command that does the jobs. Raises EnvironmentMissing if the engine is not installed."""
    from ..client.queue_process import queue_command
    from ..environment.engine_place import find_engine

    found = find_engine(preference_values.current().engine_python or None)
    return queue_command(found.python, folder, device, found.libraries)


def make_job(scene: Any, track: Any, direction: Direction, path: Path) -> Job:
    """Has the engine write a job file of what Propagate would do, and of the outputs chosen in the panel.

    Raises:
        InputError: an output cannot be made.
        Further as `jobs.submit`.
    """
    from ..core.messages import MakeJob

    frames, uuid = doubt.frames(scene, track), track.uuid
    more: dict[str, Any] = {
        **asdict(doubt.options(scene)),
        **queue_outputs.edges(scene, track, range(frames.start, frames.stop)),
        "outputs": queue_outputs.outputs(scene, title_of(path.name)),
        "fps": scene.render.fps / scene.render.fps_base,
    }
    return jobs.submit(
        scene,
        track,
        "Writing the job",
        lambda job: MakeJob(job, uuid, str(path), frames.start, frames.stop, direction.value, **more),
        then=lambda done: f"{path.name} is written.",
    )


def close() -> None:
    """Ends the process and the timer."""
    if bpy.app.timers.is_registered(_tick):
        bpy.app.timers.unregister(_tick)
    shots.close()


def end_process() -> None:
    """Ends the process at Blender's exit, without touching Blender's data."""
    shots.close(0.5)


def _fill(rows: Any, entries: Sequence[Entry]) -> None:
    """Makes the panel's rows those of the list."""
    while len(rows) > len(entries):
        rows.remove(len(rows) - 1)
    while len(rows) < len(entries):
        rows.add()
    for row, entry in zip(rows, entries, strict=True):
        row.name, row.title, row.state = entry.name, entry.title, entry.state
        row.frames, row.text = entry.frames, entry.text


def _last_error(log: Path) -> tuple[str, str]:
    """Returns text and hint of the last error that `cutout queue` printed; empty ones if there is none."""
    with suppress(OSError):
        for line in reversed(log.read_text("utf-8", errors="replace")[-20_000:].splitlines()):
            with suppress(ValueError):
                record = json.loads(line)
                if isinstance(record, dict) and record.get("event") == "error":
                    return str(record.get("text", "")), str(record.get("hint", ""))
    return "", ""


def _tick() -> float | None:
    """Timer callback: runs again while the process runs, or masks wait to be taken."""
    if shots.look():
        jobs.redraw("UI")
    return INTERVAL if shots.open else None
