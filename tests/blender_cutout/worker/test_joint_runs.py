"""Tests several objects in the real engine process with fake networks."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable

import numpy as np
import pytest

from blender_cutout.core import messages as m
from blender_cutout.core.fakes import SyntheticClip, iou
from blender_cutout.core.images.matte import read_mask

FILM = SyntheticClip(length=16, height=60, width=100, radius=10)
BOTH = (("disc", "ground"), ("Disc", "Ground"))
GROUND = {"label": "keep", "radius": 3, "points": [[50.0, 8.0]]}
"""On one of the background's squares: the fake network takes all squares connected to it."""


def two(host) -> None:
    """Two objects: the disc, and a piece of the background, drawn on different frames."""
    for track in BOTH[0]:
        host.open(track)
    assert isinstance(host.end(host.draw(4, "disc")), m.Done)
    assert isinstance(host.ask(m.ApplyRound, "ground", 8, (GROUND,)), m.Done)


def matte(host, track: str, frame: int) -> np.ndarray:
    state = next(e for e in reversed(host.events) if isinstance(e, m.TrackState) and e.track == track)
    path = state.matte_file(frame)
    assert path is not None, (track, frame, state)
    return read_mask(host.folder / track / path)


def heads(host) -> list[str]:
    found = {e.track: e.head for e in host.events if isinstance(e, m.TrackState)}
    return [found[track] for track in BOTH[0]]


def test_both_are_propagated_and_reported_frame_by_frame(host) -> None:
    two(host)
    job = host.send(m.PropagateGroup, *BOTH, 0, 16, "both")
    done = host.end(job)
    assert (type(done), done.result) == (m.Done, {"frames": 16})
    ready = host.of(job, m.MatteReady)
    assert sorted((e.track, e.frame) for e in ready) == [(t, f) for t in sorted(BOTH[0]) for f in range(16)]
    for frame in range(16):
        disc, ground = (matte(host, track, frame) for track in BOTH[0])
        assert iou(disc, FILM.matte(frame)) > 0.9
        assert (ground > 0.5).any()
        assert not ((disc > 0.5) & (ground > 0.5)).any()
    progress = host.of(job, m.Progress)
    assert progress[-1].done == progress[-1].total > 16, "the way to the other's keyframe counts too"


def test_undo_takes_the_joint_run_back_for_those_that_are_named(host) -> None:
    two(host)
    drawn = heads(host)
    host.ask(m.PropagateGroup, *BOTH, 0, 16, "both")
    joint = heads(host)
    assert isinstance(host.ask(m.Undo, "disc", ("disc", "ground")), m.Done)
    assert heads(host) == drawn
    host.ask(m.PropagateGroup, *BOTH, 0, 16, "both")
    assert heads(host) == joint
    assert isinstance(host.ask(m.Undo, "disc"), m.Done)
    assert heads(host) == [drawn[0], joint[1]]
    assert isinstance(host.ask(m.Undo, "ground", ("disc",)), m.Done)
    assert heads(host) == drawn, "the disc's own round is not of that run"


@pytest.mark.parametrize("track", BOTH[0])
def test_a_round_on_any_of_them_ends_the_run_and_what_is_done_stays(make_host: Callable, track: str) -> None:
    host = make_host("--delay", "0.1")
    two(host)
    job = host.send(m.PropagateGroup, *BOTH, 0, 16, "both")
    host.wait(lambda e: isinstance(e, m.MatteReady) and e.job == job and e.frame != 4)
    assert isinstance(host.ask(m.ApplyRound, track, 4, (GROUND,)), m.Done)
    assert isinstance(host.end(job), m.Cancelled)
    assert isinstance(host.ask(m.PropagateGroup, *BOTH, 0, 16, "both"), m.Done)


def test_cancelled_and_asked_for_again_it_goes_on(make_host: Callable) -> None:
    host = make_host("--delay", "0.05")
    two(host)
    job = host.send(m.PropagateGroup, *BOTH, 0, 16, "both")
    ready = host.wait(lambda e: isinstance(e, m.MatteReady) and e.job == job and e.frame not in (4, 8))
    host.client.send(m.Cancel(job))
    assert isinstance(host.end(job), m.Cancelled)
    stamp = (host.folder / ready.path).stat().st_mtime_ns
    assert isinstance(host.ask(m.PropagateGroup, *BOTH, 0, 16, "both"), m.Done)
    assert (host.folder / ready.path).stat().st_mtime_ns == stamp


def test_after_a_kill_it_goes_on(make_host: Callable) -> None:
    host = make_host("--delay", "0.05")
    two(host)
    job = host.send(m.PropagateGroup, *BOTH, 0, 16, "both")
    host.wait(lambda e: isinstance(e, m.MatteReady) and e.job == job and e.frame not in (4, 8))
    os.kill(host.client.pid, signal.SIGKILL)
    host.end(job)
    again = make_host()
    states = [again.open(track) for track in BOTH[0]]
    assert all(state.done for state in states)
    assert isinstance(again.ask(m.PropagateGroup, *BOTH, 0, 16, "both"), m.Done)
    for frame in range(16):
        assert iou(matte(again, "disc", frame), FILM.matte(frame)) > 0.9


def test_an_object_without_a_mask_is_refused_by_name(host) -> None:
    for track in BOTH[0]:
        host.open(track)
    host.end(host.draw(4, "disc"))
    failed = host.ask(m.PropagateGroup, *BOTH, 0, 16, "both")
    assert (failed.code, failed.text) == ("InputError", "Ground has no mask yet.")
    assert isinstance(host.ask(m.PropagateGroup, ("disc", "fehlt"), ("a", "b"), 0, 16, "both"), m.Failed)


def test_the_union_is_written_as_one_sequence(host) -> None:
    two(host)
    host.ask(m.PropagateGroup, *BOTH, 0, 16, "both")
    target = host.folder / "union"
    done = host.ask(m.Export, "disc", tuple(range(16)), str(target), ("ground",))
    assert done.result["missing"] == 0
    for frame in (0, 7, 15):
        both = np.maximum(matte(host, "disc", frame), matte(host, "ground", frame)) > 0.5
        assert iou(read_mask(target / f"{frame + 1:06d}.png"), both.astype(np.float32)) > 0.97
