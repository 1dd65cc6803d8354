"""Tests what is remembered and what is forgotten."""

from __future__ import annotations

import pytest

from blender_cutout.core.propagation.memory import SpaceTimeMemory


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
    assert remembered(walked(memory, range(1, 50))) == [900, 0, 47, 48, 49]


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


def test_keyframes_come_in_the_same_order_whatever_passes_went_before():
    alone, later = (SpaceTimeMemory(budget=12, every=5) for _ in range(2))
    for memory, starts in ((alone, (20,)), (later, (0, 10, 20))):
        for start in starts:
            memory.begin(start)
            for frame in (0, 10, 20, 30) if memory is later else (30, 0, 20, 10):
                if not memory.has_permanent(frame):
                    memory.add_permanent(frame, frame, frame, near=start)
    assert remembered(alone) == remembered(later) == [0, 30, 10, 20]


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


def sized(megabytes: float, each: float, budget: int = 8) -> SpaceTimeMemory:
    return SpaceTimeMemory(budget, 1, megabytes, lambda key, value: each)


def test_megabytes_hold_whatever_the_number_of_frames():
    memory = sized(megabytes=50, each=10)
    for start in (0, 100):
        memory.begin(start)
        memory.add_permanent(start, start, start)
        memory.add_surroundings("wide", "wide")
        for frame in range(start + 1, start + 40):
            memory.add(frame, frame, frame)
            assert memory.megabytes <= 50
    assert remembered(memory) == [0, 100, "wide", 138, 139], "the oldest went first"


def test_where_even_few_do_not_fit_the_start_its_surroundings_and_the_last_frame_stay():
    memory = sized(megabytes=5, each=10)
    memory.begin(500)
    for key in (0, 900, 500):
        memory.add_permanent(key, key, key, near=500)
    memory.add_surroundings("wide", "wide")
    assert remembered(walked(memory, range(501, 700))) == [500, "wide", 699]


def test_without_transient_frames_only_every_nth_is_wanted_and_all_places_are_used():
    memory = SpaceTimeMemory(budget=5, every=5, transient=False)
    memory.begin(0)
    memory.add_permanent(0, 0, 0)
    wanted = [frame for frame in range(1, 41) if memory.wants(frame, 0)]
    assert wanted == [5, 10, 15, 20, 25, 30, 35, 40]
    for frame in wanted:
        memory.add(frame, frame, frame)
    assert remembered(memory) == [0, 25, 30, 35, 40]
