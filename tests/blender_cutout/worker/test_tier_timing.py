"""Tests which tier is chosen for a machine with made-up timings, and that timing ends in time."""

from __future__ import annotations

import time

import numpy as np
import pytest

from blender_cutout.core.engine import Engine
from blender_cutout.core.errors import OutOfMemory
from blender_cutout.core.fakes import FakePropagationNet, FakeScribbleNet
from blender_cutout.core.tiers.ladder import PACE, cost
from blender_cutout.core.tiers.table import TIERS
from blender_cutout.worker.tier_timing import BUDGET, fit, time_tier

NAMES = list(TIERS)
COSTS = {name: cost(tier) or 0.0 for name, tier in TIERS.items()}


class Machine:
    """Times tiers at `speed` times the table's values, plus `extra` seconds a frame; each timing takes some seconds."""

    def __init__(self, speed: float, extra: float = 0.0, wait: float = 0.5, full: tuple[str, ...] = ()) -> None:
        self.speed, self.extra, self.wait, self.full = speed, extra, wait, full
        self.now = 100.0
        self.asked: list[str] = []

    def seconds(self, name: str) -> float:
        return self.extra + self.speed * COSTS[name]

    def time_one(self, name: str) -> float:
        self.asked.append(name)
        self.now += self.wait
        if name in self.full:
            raise OutOfMemory("Full.", "")
        return self.seconds(name)

    def fit(self, **options: float):
        return fit(self.time_one, clock=lambda: self.now, **options)

    def best(self) -> str:
        return next((name for name in reversed(NAMES) if self.seconds(name) <= PACE), NAMES[0])


@pytest.mark.parametrize("speed", [20.0, 3.0, 1.5, 1.0, 0.7, 0.3, 0.1, 0.01])
def test_the_finest_that_keeps_the_pace_is_found_and_was_timed(speed: float) -> None:
    machine = Machine(speed)
    found = machine.fit()
    assert found.tier == machine.best()
    assert found.tier in machine.asked
    assert len(set(machine.asked)) == len(machine.asked) <= 4, "only few are timed, none twice"
    assert not found.hurried


def test_a_device_on_which_all_tiers_share_a_part_of_the_time_is_not_held_to_be_slow() -> None:
    machine = Machine(0.002, extra=0.02)
    assert machine.fit().tier == NAMES[-1]


def test_one_that_is_slower_than_foreseen_is_stepped_down_from() -> None:
    machine = Machine(0.7)
    first = Machine(0.7).fit().tier
    assert first != NAMES[0]
    real = machine.seconds
    machine.seconds = lambda name: real(name) * (1 if name == NAMES[0] else 100)  # type: ignore[method-assign]
    found = machine.fit()
    assert found.tier == NAMES[0]
    assert found.timed[first] > PACE


def test_memory_that_does_not_suffice_steps_down_too() -> None:
    machine = Machine(0.01, full=(NAMES[-1],))
    found = machine.fit()
    assert found.tier == NAMES[-2]
    assert NAMES[-1] not in found.timed
    with pytest.raises(OutOfMemory):
        Machine(1.0, full=tuple(NAMES)).fit()


def test_a_slow_machine_is_not_timed_for_ever() -> None:
    machine = Machine(0.3, wait=10.5)
    found = machine.fit()
    assert found.hurried
    assert found.tier == NAMES[0], "only what was timed is taken"
    assert machine.now - 100.0 <= BUDGET


class Ticking:
    """A clock that advances by the frames' durations, in order."""

    def __init__(self, *frames: float) -> None:
        self.times = [0.0, *np.cumsum(frames)]

    def __call__(self) -> float:
        return float(self.times.pop(0))


@pytest.mark.parametrize(
    ("frames", "seconds"),
    [
        ((0.9, 0.9, 0.1, 0.3, 0.1, 0.3, 0.1, 0.3), 0.2),  # the first two are not counted
        ((0.9, 0.9, 0.1, 0.3, 0.9, 0.9, 0.9, 0.9), 0.2),  # other programs came in between
        ((4.0,), 4.0),
        ((2.0, 1.2), 1.6),
    ],
)
def test_a_frame_takes_what_two_neighbours_take_at_the_least(frames: tuple[float, ...], seconds: float) -> None:
    engine = Engine(FakeScribbleNet(), FakePropagationNet())
    assert time_tier(engine, Ticking(*frames)) == pytest.approx(seconds)


def test_the_clock_is_the_wall_clock() -> None:
    class Slow(FakePropagationNet):
        def segment(self, *args):  # type: ignore[no-untyped-def]
            time.sleep(0.05)
            return super().segment(*args)

    assert 0.05 < time_tier(Engine(FakeScribbleNet(), Slow())) < 60, "the last two frames come out together"
