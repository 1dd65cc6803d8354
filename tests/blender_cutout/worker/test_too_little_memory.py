"""Tests running out of memory: the job is done with a faster tier, with a warning."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from blender_cutout.core import messages as m
from blender_cutout.core.fakes import SyntheticClip, iou
from blender_cutout.core.images.matte import read_mask
from blender_cutout.core.tiers.ladder import ladder

FILM = SyntheticClip(length=16, height=60, width=100, radius=10)
NAMES = [tier.name for tier in ladder()]
FASTEST, FINER, FINEST = NAMES[0], NAMES[-2], NAMES[-1]


@pytest.fixture
def begun(make_host) -> Callable[..., object]:
    """Starts an engine at the finest tier, without enough memory for these tiers, and draws a first mask."""

    def begin(*full: str, options: tuple[str, ...] = ()):
        host = make_host("--full", *full, *options, started=False)
        host.start(FINEST)
        host.open()
        assert isinstance(host.end(host.draw(0)), m.Done)
        return host

    return begin


def warnings(host, job: str) -> list[str]:
    return [event.text for event in host.of(job, m.Warn)]


def tier(host) -> str:
    return next(e.tier for e in reversed(host.events) if isinstance(e, m.Ready))


def test_a_propagation_is_done_with_the_next_faster_tier_and_says_so_once(begun) -> None:
    host = begun(FINEST)
    assert tier(host) == FINEST
    job = host.send(m.Propagate, "track", 0, 16, "both")
    end = host.end(job)
    assert getattr(end, "result", end) == {"frames": 16}
    (text,) = warnings(host, job)
    assert f"not enough memory for the tier {FINEST}" in text
    assert FINER in text
    assert tier(host) == FINER
    state = host.state()
    assert state.done == ((0, 16),)
    for frame in range(16):
        assert iou(read_mask(host.folder / "track" / state.matte_file(frame)), FILM.matte(frame)) > 0.9
    # The next job uses that tier at once, without another warning.
    host.end(host.draw(9))
    again = host.send(m.Propagate, "track", 0, 16, "both")
    assert host.end(again).result == {"frames": 16}
    assert warnings(host, again) == []


def test_in_the_middle_it_starts_over_and_all_masks_are_of_one_tier(begun) -> None:
    host = begun(FINEST, options=("--full-at", "5"))
    job = host.send(m.Propagate, "track", 0, 16, "forward")
    assert host.end(job).result == {"frames": 16}
    assert len(host.of(job, m.MatteReady)) > 16, "it had begun with the finer tier"
    assert len(warnings(host, job)) == 1
    made_by = {made for start, stop, made in host.state().mattes if start > 0 or stop > 1}
    assert len(made_by) == 1
    assert host.client.alive
    assert isinstance(host.ask(m.Undo, "track"), m.Done)
    assert host.state().done == ((0, 1),), "it was one step"


def test_it_goes_down_as_far_as_it_must(begun) -> None:
    host = begun(*NAMES[1:])
    job = host.send(m.Propagate, "track", 0, 16, "both")
    assert host.end(job).result == {"frames": 16}
    assert tier(host) == FASTEST
    assert len(warnings(host, job)) == len(NAMES) - 1


def test_when_even_the_fastest_does_not_fit_it_is_one_error_with_advice(begun) -> None:
    host = begun(*NAMES)
    job = host.send(m.Propagate, "track", 0, 16, "both")
    end = host.end(job)
    assert (end.code, bool(end.hint)) == ("OutOfMemory", True)
    assert sum(isinstance(e, m.TERMINAL) and e.job == job for e in host.events) == 1
    assert isinstance(host.end(host.draw(3)), m.Done), "the process lives on"


def test_a_round_of_strokes_too(make_host) -> None:
    host = make_host("--full", FINEST, "--full-strokes", started=False)
    host.start(FINEST)
    host.open()
    job = host.draw(4)
    assert isinstance(host.end(job), m.Done)
    assert len(warnings(host, job)) == 1
    assert iou(read_mask(host.of(job, m.MatteReady)[0].path), FILM.matte(4)) > 0.9
    assert host.state().keyframes == (4,)
    host.ask(m.Undo, "track")
    assert host.state().head == "", "there is one step, not two"


def test_networks_that_cannot_be_loaded_are_those_of_a_faster_tier(make_host) -> None:
    host = make_host("--full", FINEST, "--full-loading", started=False)
    host.start(FINEST)
    host.wait(lambda e: isinstance(e, m.Ready) and e.tier == FINER)
    assert [FINEST in e.text for e in host.events if isinstance(e, m.Warn)] == [True]
    host.open()
    assert isinstance(host.end(host.draw(0)), m.Done)


def test_other_objects_drawn_meanwhile_step_down_without_harm_to_the_running_job(make_host) -> None:
    host = make_host("--full", FINEST, "--full-strokes", "--delay", "0.1", started=False)
    host.start(FINER)
    host.open()
    host.end(host.draw(0))
    host.client.send(m.Hello(m.PROTOCOL, FINEST, "cpu"))
    host.wait(lambda e: isinstance(e, m.Ready) and e.tier == FINEST)
    host.open()
    long = host.send(m.Propagate, "track", 0, 16, "forward")
    host.wait(lambda e: isinstance(e, m.MatteReady) and e.frame == 2)
    host.open("other")
    job = host.draw(5, "other")
    assert isinstance(host.end(job), m.Done)
    assert len(warnings(host, job)) == 1
    assert host.end(long).result == {"frames": 16}
    again = host.send(m.OpenTrack, "track", str(host.media), (), str(host.folder / "track"))
    host.end(again)
    assert host.of(again, m.TrackState)[-1].done == ((0, 16),), "the journal names what was made"


def test_choosing_the_tier_again_tries_it_again(begun) -> None:
    host = begun(FINEST)
    host.end(host.send(m.Propagate, "track", 0, 16, "both"))
    assert tier(host) == FINER
    host.client.send(m.Hello(m.PROTOCOL, FINEST, "cpu"))
    host.wait(lambda e: isinstance(e, m.Ready) and e.tier == FINEST)
    host.open()
    assert host.state().done == ((0, 16),), "masks stay"
