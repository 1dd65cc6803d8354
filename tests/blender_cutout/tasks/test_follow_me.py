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


@pytest.fixture
def two(blender: Any, cutout: Any) -> tuple[Any, Any]:
    """Two objects of one clip; the first is active."""
    scene, _ = cutout
    blender.ops.cutout.new()
    scene.cutout.active_index = 0
    return scene, scene.cutout.tracks


def test_every_object_with_new_rounds_is_followed(blender: Any, two: Any) -> None:
    """Also one that was drawn on while Follow Me was off, and one whose turn a round on another took."""
    from blender_cutout.tasks import jobs

    scene, tracks = two
    scene.cutout.follow_me = False
    blender.ops.cutout.auto()
    rest(jobs)
    assert tracks[0].done_count == 1
    scene.cutout.follow_me, scene.cutout.active_index = True, 1
    blender.ops.cutout.auto()
    rest(jobs)
    assert [track.done_count for track in tracks] == [kit.LENGTH] * 2
    assert [track.corrected for track in tracks] == ["[]"] * 2


def test_the_active_object_goes_first(blender: Any, two: Any) -> None:
    from blender_cutout.tasks import jobs

    scene, tracks = two
    blender.ops.cutout.auto()
    rest(jobs, lambda: bool(jobs.under_way(tracks[0])))
    scene.cutout.active_index = 1
    blender.ops.cutout.auto()
    assert tracks[0].done_count < kit.LENGTH
    rest(jobs, lambda: tracks[1].done_count == kit.LENGTH)
    assert tracks[1].done_count == kit.LENGTH
    assert tracks[0].done_count < kit.LENGTH
    rest(jobs)
    assert tracks[0].done_count == kit.LENGTH


def test_a_locked_object_is_left_out(blender: Any, two: Any) -> None:
    from blender_cutout.tasks import jobs

    scene, tracks = two
    scene.cutout.follow_me = False
    blender.ops.cutout.auto()
    rest(jobs)
    tracks[0].locked = True
    scene.cutout.follow_me, scene.cutout.active_index = True, 1
    blender.ops.cutout.auto()
    rest(jobs)
    assert [track.done_count for track in tracks] == [1, kit.LENGTH]


def test_cancel_ends_it_for_all_objects(blender: Any, two: Any) -> None:
    from blender_cutout.tasks import jobs

    scene, tracks = two
    scene.cutout.follow_me = False
    blender.ops.cutout.auto()
    rest(jobs)
    scene.cutout.follow_me, scene.cutout.active_index = True, 1
    blender.ops.cutout.auto()
    rest(jobs, lambda: bool(jobs.under_way(tracks[1])))
    blender.ops.cutout.cancel()
    rest(jobs)
    assert not jobs.queue.jobs
    assert all(track.done_count < kit.LENGTH for track in tracks)


def test_cancel_ends_it_and_finished_frames_stay(blender: Any, cutout: Any) -> None:
    from blender_cutout.tasks import jobs

    _, track = cutout
    blender.ops.cutout.apply_strokes()
    rest(jobs, lambda: bool(jobs.under_way(track)))
    blender.ops.cutout.cancel()
    rest(jobs)
    assert not jobs.queue.jobs
    assert 1 <= track.done_count < kit.LENGTH
