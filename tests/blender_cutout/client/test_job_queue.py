"""Tests jobs with a real engine process and fake networks, without Blender: opening, resuming at a head, ends."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import bpy_kit as kit
import pytest

from blender_cutout.client.job_queue import BUDGET, Job, JobQueue, Opening
from blender_cutout.client.process import WorkerClient
from blender_cutout.core.errors import EnvironmentMissing, InputError
from blender_cutout.core.messages import (
    PROTOCOL,
    ApplyRound,
    Cancelled,
    Done,
    Failed,
    Hello,
    MatteReady,
    Progress,
    Propagate,
    PropagateGroup,
    Ready,
    TrackState,
    Undo,
)
from blender_cutout.core.types import Clip

if TYPE_CHECKING:
    from blender_cutout.client.job_queue import Outcome


class Notebook:
    """Records what it receives."""

    def __init__(self) -> None:
        self.states: list[TrackState] = []
        self.mattes: list[int] = []
        self.ends: list[tuple[str, Outcome]] = []
        self.lost: list[Failed] = []
        self.shares: list[float] = []

    def on_ready(self, event: Ready) -> None: ...

    def on_progress(self, job: Job, event: Progress) -> None:
        self.shares.append(event.done / event.total)

    def on_warning(self, job: Job | None, text: str) -> None: ...

    def on_state(self, event: TrackState) -> None:
        self.states.append(event)

    def on_matte(self, job: Job, event: MatteReady) -> None:
        self.mattes.append(event.frame)

    def on_end(self, job: Job, outcome: Outcome) -> None:
        self.ends.append((job.title, outcome))

    def on_lost(self, event: Failed) -> None:
        self.lost.append(event)


@pytest.fixture
def notebook() -> Notebook:
    return Notebook()


@pytest.fixture
def pump(notebook: Notebook, tmp_path: Path) -> Iterator[JobQueue]:
    def start() -> WorkerClient:
        client = WorkerClient(kit.fake_engine("--delay", "0.2"), tmp_path / "engine.log")
        client.start(Hello(PROTOCOL, "auto", "auto"))
        return client

    pump = JobQueue(start, notebook)
    yield pump
    pump.close()


@pytest.fixture
def opening(tmp_path: Path) -> Opening:
    kit.write_clip(tmp_path / "clip")
    return Opening(Clip(str(tmp_path / "clip")), tmp_path / "track", "")


def run(pump: JobQueue, job: Job) -> Outcome:
    deadline = time.monotonic() + 200
    while job.outcome is None:
        assert time.monotonic() < deadline
        pump.step()
        time.sleep(0.003)
    return job.outcome


def auto(pump: JobQueue, opening: Opening, frame: int) -> Outcome:
    return run(pump, pump.submit("t", opening, "Auto", lambda wire: ApplyRound(wire, "t", frame, (), auto=True)))


def test_a_track_is_opened_once_before_the_first_job(pump: JobQueue, opening: Opening, notebook: Notebook) -> None:
    assert isinstance(auto(pump, opening, 3), Done)
    assert isinstance(auto(pump, opening, 5), Done)
    assert [s.keyframes for s in notebook.states] == [(), (3,), (3, 5)]
    assert [title for title, _ in notebook.ends] == ["Auto", "Auto"], "opening is no job of its own"
    assert not pump.jobs


def test_a_job_without_a_message_only_opens(pump: JobQueue, opening: Opening, notebook: Notebook) -> None:
    assert isinstance(run(pump, pump.submit("t", opening, "Opening")), Done)
    assert notebook.states[-1].frame_count == kit.LENGTH


def test_a_round_may_be_announced_and_nothing_comes_of_it_where_none_can_come(
    pump: JobQueue, opening: Opening, notebook: Notebook
) -> None:
    pump.expect("t", 3)
    assert pump.running, "it loads while the pen is down"
    assert isinstance(auto(pump, opening, 3), Done)
    for track, frame in (("t", 5), ("t", 10_000), ("t", -1), ("u", 5)):
        pump.expect(track, frame)
    assert isinstance(auto(pump, opening, 5), Done)
    assert (len(notebook.ends), notebook.lost) == (2, [])


def test_an_engine_that_cannot_start_is_reported_by_the_round_and_not_before(
    notebook: Notebook, opening: Opening
) -> None:
    def start() -> WorkerClient:
        raise EnvironmentMissing("There is no engine.", "Set it up.")

    pump = JobQueue(start, notebook)
    pump.expect("t", 3)
    assert (pump.running, notebook.lost) == (False, [])
    with pytest.raises(EnvironmentMissing):
        pump.submit("t", opening, "Auto", lambda wire: ApplyRound(wire, "t", 3, (), auto=True))


def test_after_a_restart_the_track_is_put_at_the_head_that_the_file_remembers(
    pump: JobQueue, opening: Opening, notebook: Notebook
) -> None:
    auto(pump, opening, 3)
    saved = pump.heads["t"]
    auto(pump, opening, 5)
    latest = pump.heads["t"]
    for head, expected in ((saved, saved), ("", saved), (latest, latest)):
        pump.close()
        run(pump, pump.submit("t", Opening(opening.clip, opening.folder, head), "Opening"))
        assert pump.heads["t"] == expected


def test_a_cancelled_job_ends_as_such_and_keeps_its_frames(
    pump: JobQueue, opening: Opening, notebook: Notebook
) -> None:
    auto(pump, opening, 0)
    job = pump.submit("t", opening, "Propagating", lambda wire: Propagate(wire, "t", 0, kit.LENGTH, "forward"))
    while len(notebook.mattes) < 4:
        pump.step()
        time.sleep(0.003)
    pump.cancel()
    assert isinstance(run(pump, job), Cancelled)
    (start, stop), *_ = notebook.states[-1].done
    assert start == 0
    assert 3 <= stop < kit.LENGTH


@pytest.mark.skipif(os.name == "nt", reason="SIGKILL is not known there")
def test_a_killed_engine_fails_its_jobs_and_the_next_job_starts_another(
    pump: JobQueue, opening: Opening, notebook: Notebook
) -> None:
    auto(pump, opening, 0)
    job = pump.submit("t", opening, "Propagating", lambda wire: Propagate(wire, "t", 0, kit.LENGTH, "forward"))
    assert pump.client is not None
    assert pump.client.pid is not None
    os.kill(pump.client.pid, signal.SIGKILL)
    outcome = run(pump, job)
    assert isinstance(outcome, Failed)
    assert outcome.code == "WorkerDied"
    assert not pump.running
    assert isinstance(run(pump, pump.submit("t", opening, "Undo", lambda wire: Undo(wire, "t"))), Done)
    assert notebook.states[-1].keyframes == ()


def test_what_follows_a_job_may_word_its_end_or_make_it_fail(
    pump: JobQueue, opening: Opening, notebook: Notebook
) -> None:
    def refuse(_: Done) -> str:
        raise InputError("The strip is gone.", "Undo.")

    done = run(pump, pump.submit("t", opening, "Opening", then=lambda _: "All well."))
    assert isinstance(done, Done)
    assert done.summary == "All well."
    failed = run(pump, pump.submit("t", opening, "Opening", then=refuse))
    assert isinstance(failed, Failed)
    assert (failed.code, failed.text, failed.hint) == ("InputError", "The strip is gone.", "Undo.")


def slow_end(seconds: float, ran: list[float], closed: list[bool] | None = None) -> Generator[float, None, str]:
    """Stands for slow work after a job, in forty steps; yields its progress."""
    try:
        for number in range(40):
            time.sleep(seconds)
            ran.append(number / 40)
            yield number / 40
    finally:
        if closed is not None:
            closed.append(True)
    return "All written."


def test_what_takes_long_after_a_job_is_done_bit_by_bit_and_in_order(
    pump: JobQueue, opening: Opening, notebook: Notebook
) -> None:
    ran: list[float] = []
    first = pump.submit("t", opening, "First", then=lambda _: slow_end(0.004, ran))
    second = pump.submit("t", opening, "Second", then=lambda _: "Second is done.")
    longest = 0.0
    while first.outcome is None or second.outcome is None:
        before = len(ran)
        pump.step()
        longest = max(longest, len(ran) - before)
        time.sleep(0.001)
    assert len(ran) == 40
    assert longest <= BUDGET / 0.004 + 2, "the rest has to wait for the next step"
    assert isinstance(first.outcome, Done)
    assert first.outcome.summary == "All written."
    assert [title for title, _ in notebook.ends] == ["First", "Second"]
    assert max(notebook.shares) > 0.5


def test_what_follows_a_job_can_be_cancelled(pump: JobQueue, opening: Opening, notebook: Notebook) -> None:
    ran: list[float] = []
    closed: list[bool] = []
    job = pump.submit("t", opening, "Writing", then=lambda _: slow_end(0.004, ran, closed))
    while not ran:
        pump.step()
        time.sleep(0.001)
    pump.cancel("somebody else")
    assert job.outcome is None
    pump.cancel("t")
    assert isinstance(job.outcome, Cancelled)
    assert closed == [True]
    assert not pump.step()
    assert len(ran) < 40


def test_closing_ends_the_open_jobs(pump: JobQueue, opening: Opening) -> None:
    job = pump.submit("t", opening, "Opening")
    pump.close()
    assert isinstance(job.outcome, Cancelled)
    assert not pump.step()


def test_a_job_on_several_tracks_opens_them_all_and_is_stopped_by_any(
    pump: JobQueue, opening: Opening, notebook: Notebook, tmp_path: Path
) -> None:
    auto(pump, opening, 3)
    other = Opening(opening.clip, tmp_path / "other", "")
    run(pump, pump.submit("u", other, "Auto", lambda wire: ApplyRound(wire, "u", 5, (), auto=True)))
    heads = dict(pump.heads)
    pump.close()
    openings = [Opening(o.clip, o.folder, heads[t]) for t, o in (("t", opening), ("u", other))]
    job = pump.submit(
        "t",
        openings[0],
        "Propagating",
        lambda wire: PropagateGroup(wire, ("t", "u"), ("T", "U"), 0, kit.LENGTH, "both"),
        others={"u": openings[1]},
    )
    while len(notebook.mattes) < 8:
        pump.step()
        time.sleep(0.003)
    pump.cancel("somebody else")
    pump.cancel("u")
    assert isinstance(run(pump, job), Cancelled)
    states = {s.track: s for s in notebook.states}
    assert all(s.parent == heads[t] for t, s in states.items()), "both have the run as their last step"
