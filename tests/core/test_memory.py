"""What is remembered and what forgotten."""

from __future__ import annotations

import pytest

from blender_cutout.core.memory import SpaceTimeMemory


def remembered(memory: SpaceTimeMemory) -> list[int]:
    return [key for key, _ in memory.entries()]


def walked(memory: SpaceTimeMemory, frames: range) -> SpaceTimeMemory:
    for frame in frames:
        memory.add(frame, frame, frame)
    return memory


def test_keeps_keyframes_every_nth_and_the_last_frame():
    memory = SpaceTimeMemory(budget=8, every=5)
    memory.begin(0)
    memory.add_permanent(0, 0, 0)
    assert remembered(walked(memory, range(1, 13))) == [0, 5, 10, 12]


def test_nth_frames_are_counted_from_the_start_of_a_backward_pass_too():
    memory = SpaceTimeMemory(budget=8, every=5)
    memory.begin(23)
    memory.add_permanent(23, 23, 23)
    assert remembered(walked(memory, range(22, 11, -1))) == [23, 18, 13, 12]


def test_over_budget_the_oldest_temporary_goes_and_keyframes_stay():
    memory = SpaceTimeMemory(budget=6, every=1)
    memory.begin(0)
    memory.add_permanent(0, 0, 0)
    memory.add_permanent(900, 900, 900)
    assert remembered(walked(memory, range(1, 50))) == [0, 900, 47, 48, 49]


def test_never_exceeds_the_budget_with_hundreds_of_keyframes_and_frames():
    memory = SpaceTimeMemory(budget=7, every=2)
    for start in range(0, 3000, 10):
        memory.begin(start)
        memory.add_permanent(start, start, start)
        for frame in range(start + 1, start + 10):
            memory.add(frame, frame, frame)
            assert len(memory) <= 7
    assert remembered(memory)[:3] == [2970, 2980, 2990]


def test_a_new_pass_forgets_the_old_one_but_no_keyframe():
    memory = SpaceTimeMemory(budget=8, every=3)
    memory.begin(0)
    memory.add_permanent(0, 0, 0)
    walked(memory, range(1, 9))
    memory.begin(20)
    assert remembered(memory) == [0]


@pytest.mark.parametrize(("budget", "every"), [(2, 5), (0, 1), (8, 0)])
def test_senseless_settings_are_refused(budget, every):
    with pytest.raises(ValueError, match="memory needs"):
        SpaceTimeMemory(budget, every)


def test_surroundings_count_and_last_for_one_pass():
    memory = SpaceTimeMemory(budget=4, every=1)
    memory.begin(0)
    memory.add_permanent(0, 0, 0)
    memory.add_surroundings("wide", "wide")
    assert remembered(walked(memory, range(1, 9))) == [0, "wide", 8]
    memory.begin(20)
    assert remembered(memory) == [0]


@pytest.mark.parametrize("start", [0, 40])
def test_every_second_frame_and_every_nth_is_wanted_on_either_side_of_the_start(start):
    memory = SpaceTimeMemory(budget=8, every=5)
    for side in (1, -1):
        wanted = [steps for steps in range(1, 16) if memory.wants(start + side * steps, start)]
        assert wanted == [2, 4, 5, 6, 8, 10, 12, 14, 15]
