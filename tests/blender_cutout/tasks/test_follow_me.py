"""Tests Follow Me: what is propagated after a round, and what a new round, Cancel and the switch do to it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import bpy_kit as kit
import pytest

from blender_cutout.core.types import FrameRange

pytestmark = pytest.mark.bpy

Project = Callable[..., tuple[Any, Any]]
START = kit.LAYOUTS["plain"].start


@pytest.mark.parametrize(
    ("frames", "at", "parts"),
    [
        ((0, 90), 40, [(28, 53), (0, 89), (0, 90)]),
        ((0, 90), 0, [(0, 13), (0, 49), (0, 90)]),
        ((20, 30), 25, [(20, 30)]),
        ((20, 60), 5, [(20, 33), (20, 60)]),
    ],
)
def test_stretches_grow_around_the_round(frames: tuple[int, int], at: int, parts: list[tuple[int, int]]) -> None:
    from blender_cutout.tasks.follow_me import stretches

    assert [(part.start, part.stop) for part in stretches(FrameRange(*frames), at)] == parts


def rest(jobs: Any, until: Callable[[], bool] = lambda: False) -> None:
    """Lets the engine work until nothing is left to do, or `until` returns True."""
    deadline = time.monotonic() + 60
    while jobs.step() and not until():
        assert time.monotonic() < deadline, "the engine never came to rest"
        time.sleep(0.002)


@pytest.fixture
def cutout(blender: Any, project: Project, monkeypatch: pytest.MonkeyPatch) -> tuple[Any, Any]:
    """A scene that follows, in short stretches, and its new cutout."""
    from blender_cutout.tasks import follow_me

    monkeypatch.setattr(follow_me, "NEAR", 1)
    scene, _ = project()
    blender.ops.cutout.new()
    scene.cutout.follow_me = True
    return scene, scene.cutout.tracks[0]


def test_after_a_round_every_frame_gets_its_mask(blender: Any, cutout: Any) -> None:
    from blender_cutout.tasks import jobs

    _, track = cutout
    blender.ops.cutout.apply_strokes()
    rest(jobs)
    assert track.done_count == track.frame_count == kit.LENGTH
    blender.ops.cutout.undo_round()
    rest(jobs)
    assert 1 <= track.done_count < kit.LENGTH, "what is taken back is not made again"


def test_without_it_only_the_round_is_made(blender: Any, cutout: Any) -> None:
    from blender_cutout.tasks import jobs

    scene, track = cutout
    scene.cutout.follow_me = False
    blender.ops.cutout.apply_strokes()
    rest(jobs)
    assert track.done_count == 1


def test_a_round_goes_first_and_is_followed_too(blender: Any, cutout: Any) -> None:
    from blender_cutout.tasks import jobs

    scene, track = cutout
    blender.ops.cutout.apply_strokes()
    assert track.done_count < kit.LENGTH
    scene.frame_set(START + kit.LENGTH - 2)
    blender.ops.cutout.auto()
    assert track.keyframe_count == 2
    assert track.done_count < kit.LENGTH, "the round did not wait for the rest"
    rest(jobs)
    assert track.done_count == kit.LENGTH
    assert track.corrected == "[]"


def test_cancel_ends_it_and_finished_frames_stay(blender: Any, cutout: Any) -> None:
    from blender_cutout.tasks import jobs

    _, track = cutout
    blender.ops.cutout.apply_strokes()
    rest(jobs, lambda: bool(jobs.under_way(track)))
    blender.ops.cutout.cancel()
    rest(jobs)
    assert not jobs.queue.jobs
    assert 1 <= track.done_count < kit.LENGTH
