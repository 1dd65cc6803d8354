"""Fixtures: a real engine process with fake networks, and a host that talks to it."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import pytest

from blender_cutout.client.process import WorkerClient, worker_command
from blender_cutout.core import messages as m
from blender_cutout.core.fakes import SyntheticClip

FILM = SyntheticClip(length=16, height=60, width=100, radius=10)
FAKE_ENTRY = Path(__file__).with_name("fake_entry.py")
PATIENCE = 60.0


class Host:
    """Stands in for Blender: sends, polls, and keeps all events."""

    def __init__(self, client: WorkerClient, media: Path, folder: Path) -> None:
        self.client = client
        self.media = media
        self.folder = folder
        self.events: list[m.Event] = []
        self._number = 0

    def start(self, tier: str = "auto") -> m.Ready:
        self.client.start(m.Hello(m.PROTOCOL, tier, "cpu"))
        return self.wait(lambda e: isinstance(e, m.Ready))  # type: ignore[return-value]

    def wait(self, wanted: Callable[[m.Event], bool]) -> m.Event:
        """Waits for the first event that matches."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            found = None
            for event in self.client.poll():
                self.events.append(event)
                if found is None and wanted(event):
                    found = event
            if found is not None:
                return found
            time.sleep(0.002)
        raise AssertionError(f"not heard: {self.events[-5:]}\n{self.client.log_tail()}")

    def send(self, kind: type, *fields: object, **options: object) -> str:
        self._number += 1
        job = f"job {self._number}"
        self.client.send(kind(job, *fields, **options))
        return job

    def ask(self, kind: type, *fields: object, **options: object) -> m.Event:
        """Sends a job and waits for its end."""
        return self.end(self.send(kind, *fields, **options))

    def end(self, job: str) -> m.Event:
        for event in self.events:
            if isinstance(event, m.TERMINAL) and event.job == job:
                return event
        return self.wait(lambda e: isinstance(e, m.TERMINAL) and e.job == job)

    def of(self, job: str, kind: type) -> list:
        return [e for e in self.events if isinstance(e, kind) and e.job == job]

    def open(self, track: str = "track") -> m.TrackState:
        job = self.send(m.OpenTrack, track, str(self.media), (), str(self.folder / track))
        done = self.end(job)
        assert isinstance(done, m.Done), done
        return self.of(job, m.TrackState)[-1]

    def draw(self, frame: int, track: str = "track") -> str:
        x, y = FILM.centre(frame)
        return self.send(m.ApplyRound, track, frame, ({"label": "keep", "radius": 3, "points": [[x, y]]},))

    def state(self) -> m.TrackState:
        return next(e for e in reversed(self.events) if isinstance(e, m.TrackState))


@pytest.fixture(scope="session")
def media(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("Aufnahme ü 中")
    for frame in range(len(FILM)):
        data = cv2.imencode(".png", cv2.cvtColor(FILM[frame], cv2.COLOR_RGB2BGR))[1]
        (folder / f"bild {frame:03d}.png").write_bytes(data.tobytes())
    return folder


@pytest.fixture
def make_host(media: Path, tmp_path: Path) -> Iterator[Callable[..., Host]]:
    """Makes hosts whose engine process is started with the given arguments; terminates them all afterwards."""
    hosts: list[Host] = []

    def make(*arguments: str, started: bool = True) -> Host:
        command = [*worker_command(sys.executable, FAKE_ENTRY), *arguments]
        client = WorkerClient(command, tmp_path / "Protokoll der Maschine.log")
        hosts.append(Host(client, media, tmp_path / "Projekt ß_cutout"))
        if started:
            hosts[-1].start()
        return hosts[-1]

    yield make
    for host in hosts:
        host.client.close()


@pytest.fixture
def host(make_host: Callable[..., Host]) -> Host:
    return make_host()
