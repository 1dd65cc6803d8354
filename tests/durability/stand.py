"""Shared parts of the durability tests: a small film, an engine process to kill, checks of what is left.

Not a test itself. The engine is the real one, in its real process, but its networks segment by colour.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import cv2
import numpy as np

ROOT = Path(__file__).resolve().parents[2]
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

from blender_cutout.client.process import WorkerClient, worker_command  # noqa: E402
from blender_cutout.core import messages as m  # noqa: E402
from blender_cutout.core.engine import Engine, EngineSettings  # noqa: E402
from blender_cutout.core.fakes import FakePropagationNet, FakeScribbleNet, SyntheticClip  # noqa: E402
from blender_cutout.core.images.matte import is_whole_png  # noqa: E402
from blender_cutout.core.propagation.settings import PropagationSettings  # noqa: E402
from blender_cutout.core.session.actions import Lost  # noqa: E402
from blender_cutout.core.session.journal import Journal  # noqa: E402

FILM = SyntheticClip(length=16, height=60, width=100, radius=10)
FAKE_ENTRY = ROOT / "tests" / "blender_cutout" / "worker" / "fake_entry.py"
PATIENCE = 60.0
Kind: TypeAlias = Callable[..., m.Request]
"""Makes a message from a job id, a track and other fields."""


class Torn(AssertionError):
    """Something on disk is not as it must be."""


def make_engine() -> Engine:
    """Returns the engine that `fake_entry.py` makes, in this process."""
    settings = EngineSettings(96, PropagationSettings(working_px=96))
    return Engine(FakeScribbleNet(), FakePropagationNet(), settings, tier="draft", weights_id="fake")


def write_media(folder: Path) -> Path:
    """Writes the film as pictures; returns the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for frame in range(len(FILM)):
        cv2.imwrite(str(folder / f"{frame:04d}.png"), cv2.cvtColor(FILM[frame], cv2.COLOR_RGB2BGR))
    return folder


def write_masks(folder: Path) -> Path:
    """Writes soft masks of the film for import; returns their folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for frame in range(len(FILM)):
        soft = cv2.GaussianBlur(FILM.matte(frame) * 255, (0, 0), 1.5)
        cv2.imwrite(str(folder / f"{frame:04d}.png"), soft.astype(np.uint8))
    return folder


def kill(pid: int) -> None:
    """`kill -9`."""
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def lives(pid: int) -> bool:
    """Returns whether the process exists and is not a zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


@dataclass
class Acknowledged:
    """Records what the engine reported as done: it must exist afterwards, whatever happens.

    Attributes:
        head: of the track.
        mattes: file -> its bytes when it was announced.
        parents: heads that the running job may leave instead of `head`.
    """

    head: str = ""
    mattes: dict[Path, bytes] = field(default_factory=dict)


class Driver:
    """Works on one track through an engine's process, and records what was reported as done."""

    def __init__(self, media: Path, folder: Path, log: Path, *arguments: str) -> None:
        self.media = media
        self.folder = folder
        self.seen = Acknowledged()
        self.warnings: list[str] = []
        # -B: Python itself writes torn .pyc files when it may not write, and fails over them ever after.
        python, *flags = worker_command(sys.executable, FAKE_ENTRY)
        self._command = [python, "-B", *flags, *arguments]
        self._log = log
        self._client: WorkerClient | None = None
        self._number = 0

    @property
    def client(self) -> WorkerClient:
        """The process, started if there is none."""
        if self._client is None:
            self._client = WorkerClient(self._command, self._log)
            self._client.start(m.Hello(m.PROTOCOL, "auto", "cpu"))
        return self._client

    def send(self, kind: Kind, *fields: Any) -> str:
        """Sends a job for the track."""
        self._number += 1
        job = f"job {self._number}"
        self.client.send(kind(job, "track", *fields))
        return job

    def events(self, job: str, until: float | None = None) -> Iterator[m.Event]:
        """Yields a job's events up to its last one, or until that time."""
        deadline = time.monotonic() + PATIENCE
        while True:
            for event in self.client.poll():
                self._note(event)
                yield event
                if isinstance(event, m.TERMINAL) and event.job == job:
                    return
            if until is not None and time.monotonic() >= until:
                return
            if time.monotonic() > deadline:
                raise Torn(f"the engine says nothing any more\n{self.client.log_tail()}")
            time.sleep(0.001)

    def ask(self, kind: Kind, *fields: Any) -> m.Event:
        """Sends a job and waits for its last event."""
        return list(self.events(self.send(kind, *fields)))[-1]

    def open(self) -> m.TrackState:
        """Opens the track: this must succeed at once and show everything that was reported."""
        job = self.send(m.OpenTrack, str(self.media), (), str(self.folder))
        events = list(self.events(job))
        if not isinstance(events[-1], m.Done):
            raise Torn(f"the track cannot be opened: {events[-1]}")
        return [e for e in events if isinstance(e, m.TrackState)][-1]

    def kill_after(self, seconds: float, kind: Kind, *fields: Any) -> bool:
        """Sends a job and kills the engine after this many seconds; returns whether the job finished before that."""
        job = self.send(kind, *fields)
        ended = [
            isinstance(e, m.Done) for e in self.events(job, time.monotonic() + seconds) if isinstance(e, m.TERMINAL)
        ]
        pid = self.client.pid
        assert pid is not None
        kill(pid)
        last = self.client
        with suppress(Exception):
            for event in last.poll():  # what it said before it died
                self._note(event)
                if isinstance(event, m.Done) and event.job == job:
                    ended.append(True)
        last.close()
        self._client = None
        return any(ended)

    def close(self) -> None:
        """Ends the process regularly."""
        if self._client is not None:
            self._client.close()
        self._client = None

    def _note(self, event: m.Event) -> None:
        if isinstance(event, m.MatteReady):
            path = Path(event.path)
            self.seen.mattes[path] = path.read_bytes()
            if not is_whole_png(self.seen.mattes[path], FILM.size):
                raise Torn(f"{path} was announced and is not whole")
        elif isinstance(event, m.TrackState):
            self.seen.head = event.head
        elif isinstance(event, m.Warn):
            self.warnings.append(event.text)


def check_left(folder: Path, seen: Acknowledged) -> None:
    """Checks a track's folder as a kill left it, before anything repairs it. Raises Torn."""
    for path, data in seen.mattes.items():
        if not path.is_file() or path.read_bytes() != data:
            raise Torn(f"{path} was announced and is gone or another")
    for file in folder.rglob("*.png"):
        if not file.name.startswith(".") and not is_whole_png(file.read_bytes(), FILM.size):
            raise Torn(f"{file} is torn")
    journal = Journal(folder / "rounds.jsonl")
    if seen.head and seen.head not in journal.operations:
        raise Torn(f"the step {seen.head} was announced and is not in the journal")
    if any(isinstance(operation.action, Lost) for operation in journal.operations.values()):
        raise Torn("a line of the journal is damaged")


def remove(*paths: Path) -> None:
    """Removes files and folders."""
    for path in paths:
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def check_sequence(folder: Path, count: int) -> None:
    """Raises Torn unless a sequence is absent or whole."""
    if not folder.exists():
        return
    names = sorted(p.name for p in folder.iterdir())
    if names != [f"{n:06d}.png" for n in range(1, count + 1)]:
        raise Torn(f"{folder} holds {len(names)} of {count} pictures")
    for name in names:
        picture = cv2.imdecode(np.fromfile(folder / name, np.uint8), cv2.IMREAD_UNCHANGED)
        if picture is None:
            raise Torn(f"{folder / name} is torn")


def moments(seed: int) -> random.Random:
    """Returns the source of the random moments."""
    return random.Random(seed)
