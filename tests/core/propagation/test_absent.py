"""Tests from which keyframe frames are reached around absent frames."""

from __future__ import annotations

import numpy as np
import pytest

from blender_cutout.core.engine import Engine
from blender_cutout.core.errors import InputError
from blender_cutout.core.fakes import SyntheticClip, iou
from blender_cutout.core.propagation.absent import around_absent
from blender_cutout.core.propagation.plan import Pass, plan_passes
from blender_cutout.core.types import Direction, FrameRange

LENGTH = 20
BOTH, FORWARD = Direction.BOTH, Direction.FORWARD


def sources(
    keys: list[int],
    runs: list[tuple[int, int]],
    direction: Direction = BOTH,
    new_keys: set[int] | None = None,
    changed: list[tuple[int, int]] | None = None,
) -> dict[int, int | str]:
    """Returns frame -> the keyframe that it is computed from, or "kept"; each frame must be in one pass only."""
    steps = plan_passes(keys, LENGTH, FrameRange(0, LENGTH), direction, new_keys)
    plan = around_absent(steps, runs, runs if changed is None else changed, new_keys)
    gone = {frame for start, stop in runs for frame in range(start, stop)}
    found: dict[int, int | str] = {}
    for step in plan.steps:
        for frame in step.frames if isinstance(step, Pass) else [step]:
            assert frame not in found
            if isinstance(step, Pass):
                kept = step.keep or frame in plan.near
                found[frame] = "kept" if kept else step.start
            else:
                found[frame] = step
    return {frame: start for frame, start in found.items() if frame not in gone}


def test_each_side_is_reached_from_its_own_keyframe() -> None:
    found = sources([2, 12], [(6, 9)])
    assert {found[frame] for frame in range(6)} == {2}
    assert {found[frame] for frame in range(9, 20)} == {12}


def test_without_a_keyframe_beyond_the_object_is_looked_for_behind() -> None:
    assert set(sources([2], [(6, 9)]).values()) == {2}
    assert set(sources([12], [(6, 9)]).values()) == {12}


def test_of_several_marks_the_last_divides() -> None:
    found = sources([2, 15], [(4, 5), (8, 10)])
    assert {found[frame] for frame in (3, 5, 6, 7)} == {2}
    assert {found[frame] for frame in range(10, 15)} == {15}


def test_one_direction_goes_one_way_only() -> None:
    found = sources([2, 12], [(6, 9)], FORWARD)
    assert found[10] == 2
    assert 0 not in found


def test_new_mark_on_a_finished_clip_computes_only_what_is_behind_it() -> None:
    found = sources([2, 12], [(6, 9)], new_keys=set())
    assert {found[frame] for frame in (3, 4, 5, 13, 19, 0)} == {"kept"}
    assert {found[frame] for frame in (9, 10, 11)} == {12}
    alone = sources([2], [(6, 9)], new_keys=set())
    assert {alone[frame] for frame in (0, 3, 4, 5)} == {"kept"}
    assert {alone[frame] for frame in range(9, 20)} == {2}


def test_correction_on_one_side_of_an_old_mark_leaves_the_other() -> None:
    found = sources([2, 12], [(6, 9)], new_keys={2}, changed=[])
    assert {found[frame] for frame in (3, 4, 5)} == {2}
    assert {found[frame] for frame in (9, 10, 11)} == {"kept"}


def test_engine_gives_empty_mattes_and_the_object_again_behind_them(engine: Engine, clip: SyntheticClip) -> None:
    found = dict(engine.propagate(clip, {0: clip.matte(0)}, absent=range(8, 12)))
    assert sorted(found) == list(range(len(clip)))
    assert all(not found[frame].any() for frame in range(8, 12))
    assert all(iou(found[frame], clip.matte(frame)) > 0.8 for frame in found if frame not in range(8, 12))


def test_neighbours_of_absent_frames_do_not_fade(engine: Engine, clip: SyntheticClip) -> None:
    plain = dict(engine.propagate(clip, {0: clip.matte(0)}, stability=1.0, frame_range=(0, 8)))
    found = dict(engine.propagate(clip, {0: clip.matte(0)}, stability=1.0, absent=range(8, 12)))
    assert np.array_equal(plain[7], found[7])


def test_keyframe_on_an_absent_frame_is_refused(engine: Engine, clip: SyntheticClip) -> None:
    with pytest.raises(InputError, match="marked absent"):
        dict(engine.propagate(clip, {5: clip.matte(5)}, absent=[5]))
