"""Jobs of a real engine process that tells only what changed: the listener hears whole states, whatever gets lost."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import bpy_kit as kit
import pytest
from session_kit import make_engine, write_film

from blender_cutout.client.job_queue import Job, JobQueue, Opening
from blender_cutout.client.process import WorkerClient
from blender_cutout.core.fakes import SyntheticClip
from blender_cutout.core.messages import (
    PROTOCOL,
    ApplyRound,
    Done,
    Event,
    Failed,
    Hello,
    MatteReady,
    Progress,
    Ready,
    TrackChange,
    TrackState,
)
from blender_cutout.core.session.track_session import TrackSession
from blender_cutout.core.types import Clip

FILM = SyntheticClip(length=260, height=30, width=50, radius=6)


class Notebook:
    """Records what it receives, in order."""

    def __init__(self) -> None:
        self.heard: list[TrackState | str] = []

    @property
    def states(self) -> list[TrackState]:
        return [entry for entry in self.heard if isinstance(entry, TrackState)]

    def on_ready(self, event: Ready) -> None: ...

    def on_progress(self, job: Job, event: Progress) -> None: ...

    def on_warning(self, job: Job | None, text: str) -> None: ...

    def on_matte(self, job: Job, event: MatteReady) -> None: ...

    def on_state(self, event: TrackState) -> None:
        self.heard.append(event)

    def on_end(self, job: Job, outcome: object) -> None:
        self.heard.append(job.title)

    def on_lost(self, event: Failed) -> None:
        self.heard.append(event.text)


class Line(WorkerClient):
    """A connection to the engine that may lose, repeat or change messages."""

    meddle: Callable[[list[Event]], list[Event]] = staticmethod(lambda events: events)

    def poll(self) -> list[Event]:
        return self.meddle(super().poll())


@pytest.fixture
def notebook() -> Notebook:
    return Notebook()


@pytest.fixture
def queue(notebook: Notebook, tmp_path: Path) -> Iterator[JobQueue]:
    def start() -> WorkerClient:
        client = Line(kit.fake_engine(), tmp_path / "engine.log")
        client.start(Hello(PROTOCOL, "auto", "auto", changes=True))
        return client

    queue = JobQueue(start, notebook)
    yield queue
    queue.close()


@pytest.fixture
def opening(tmp_path: Path) -> Opening:
    (tmp_path / "clip").mkdir()
    return Opening(Clip(str(write_film(tmp_path / "clip", FILM))), tmp_path / "track", "")


def auto(queue: JobQueue, opening: Opening, frame: int, title: str = "Auto") -> None:
    job = queue.submit("t", opening, title, lambda wire: ApplyRound(wire, "t", frame, (), auto=True))
    deadline = time.monotonic() + 120
    while queue.step():
        assert time.monotonic() < deadline
        time.sleep(0.003)
    assert isinstance(job.outcome, Done)


def in_the_folder(queue: JobQueue, opening: Opening) -> tuple[object, ...]:
    """Returns the state stored in the folder, read once the engine has released it."""
    queue.close()
    with TrackSession.open(opening.clip, opening.folder, make_engine()) as session:
        return session.head, session.keyframes(), tuple(session.overview.mattes())


def reported(state: TrackState) -> tuple[object, ...]:
    return state.head, state.keyframes, state.mattes


def test_the_listener_hears_whole_states_though_changes_are_sent(
    queue: JobQueue, opening: Opening, notebook: Notebook
) -> None:
    sent: list[str] = []

    def note(events: list[Event]) -> list[Event]:
        sent.extend(type(event).__name__ for event in events)
        return events

    for frame in (3, 130, 131, 255):
        auto(queue, opening, frame)
        assert isinstance(queue.client, Line)
        queue.client.meddle = note
    assert sent.count("TrackChange") == 3
    assert "TrackState" not in sent
    assert [state.keyframes for state in notebook.states][1:] == [(3,), (3, 130), (3, 130, 131), (3, 130, 131, 255)]
    assert reported(notebook.states[-1]) == in_the_folder(queue, opening)


def lose(events: list[Event]) -> list[Event]:
    return [event for event in events if not isinstance(event, TrackChange)]


def spoil(events: list[Event]) -> list[Event]:
    return [replace(e, keyframes=(9**9,)) if isinstance(e, TrackChange) else e for e in events]


@pytest.mark.parametrize("meddle", [lose, spoil])
def test_after_a_lost_or_spoilt_message_the_next_state_is_right(
    queue: JobQueue, opening: Opening, notebook: Notebook, meddle: Callable[[list[Event]], list[Event]]
) -> None:
    auto(queue, opening, 3)
    assert isinstance(queue.client, Line)
    queue.client.meddle = meddle
    auto(queue, opening, 130)
    queue.client.meddle = Line.meddle
    auto(queue, opening, 200, "Last")
    last, end = notebook.heard[-2:]
    assert end == "Last", "the job ends when its result is known"
    assert isinstance(last, TrackState)
    assert last.keyframes == (3, 130, 200)
    assert queue.heads["t"] == last.head
    assert reported(last) == in_the_folder(queue, opening)


def test_an_engine_that_was_started_again_begins_with_a_whole_state(
    queue: JobQueue, opening: Opening, notebook: Notebook
) -> None:
    auto(queue, opening, 3)
    auto(queue, opening, 130)
    queue.close()
    auto(queue, opening, 200)
    assert notebook.states[-1].keyframes == (3, 130, 200)
    assert reported(notebook.states[-1]) == in_the_folder(queue, opening)
