"""Tests that every frame is reached once, from the right keyframe."""

from __future__ import annotations

import itertools

import pytest

from blender_cutout.core.propagation.plan import Pass, plan_passes
from blender_cutout.core.types import Direction, FrameRange

LENGTH = 20
ALL = FrameRange(0, LENGTH)


def given_out(steps, frame_range: FrameRange) -> list[int]:
    frames = []
    for step in steps:
        frames += [step] if isinstance(step, int) else [f for f in step.frames if f in frame_range]
    return frames


@pytest.mark.parametrize("keys", [[0], [19], [7], [3, 4], [0, 10, 19], list(range(20)), [2, 9, 15]])
@pytest.mark.parametrize("frame_range", [ALL, FrameRange(5, 12), FrameRange(0, 1), FrameRange(19, 20)])
@pytest.mark.parametrize("new_keys", [None, "all", "first", "none"])
def test_every_frame_of_the_range_comes_exactly_once(keys, frame_range, new_keys):
    new = {None: None, "all": set(keys), "first": {keys[0]}, "none": set()}[new_keys]
    steps = list(plan_passes(keys, LENGTH, frame_range, Direction.BOTH, new))
    assert sorted(given_out(steps, frame_range)) == list(frame_range)


@pytest.mark.parametrize("direction", Direction)
def test_no_walk_crosses_a_keyframe_and_each_begins_beside_one(direction):
    for keys in itertools.combinations(range(0, LENGTH, 3), 3):
        for step in plan_passes(list(keys), LENGTH, ALL, direction):
            if isinstance(step, Pass):
                assert abs(step.frames[0] - step.start) == 1
                assert not set(step.frames) & set(keys)


def test_forward_leaves_out_what_lies_before_and_backward_what_lies_behind():
    assert given_out(plan_passes([5, 10], LENGTH, ALL, Direction.FORWARD), ALL) == list(range(5, 20))
    assert given_out(plan_passes([5, 10], LENGTH, ALL, Direction.BACKWARD), ALL) == list(range(10, -1, -1))


def test_range_far_from_the_keyframe_is_reached_by_walking_there():
    (step,) = plan_passes([2], LENGTH, FrameRange(10, 12), Direction.BOTH)
    assert step == Pass(2, range(3, 12))
    (step,) = plan_passes([15], LENGTH, FrameRange(3, 6), Direction.BOTH)
    assert step == Pass(15, range(14, 2, -1))


def test_a_new_keyframe_recomputes_only_the_stretches_beside_it():
    steps = list(plan_passes([0, 5, 10, 15], LENGTH, ALL, Direction.BOTH, {10}))
    passes = {(p.start, p.frames[0], p.frames[-1]): p for p in steps if isinstance(p, Pass)}
    assert passes[10, 9, 6].fuse_with == 5
    assert passes[10, 11, 14].fuse_with == 15
    assert passes[0, 1, 4].keep
    assert passes[15, 16, 19].keep
    assert len(passes) == 4


def test_beyond_the_last_and_before_the_first_keyframe_a_new_one_wins_alone():
    passes = [p for p in plan_passes([8], LENGTH, ALL, Direction.BOTH, {8}) if isinstance(p, Pass)]
    assert [(p.frames[0], p.frames[-1], p.fuse_with, p.keep) for p in passes] == [
        (9, 19, None, False),
        (7, 0, None, False),
    ]
