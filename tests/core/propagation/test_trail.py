"""Tests where an object that went out of view was last seen."""

from __future__ import annotations

import numpy as np

from blender_cutout.core.propagation.trail import SETTLED, Trail

NOTHING = np.zeros((1, 40, 60), np.float32)


def box(width: int) -> np.ndarray:
    matte = NOTHING.copy()
    matte[:, 10:20, 5 : 5 + width] = 1
    return matte


def test_object_in_view_is_settled_and_may_have_any_size() -> None:
    trail = Trail(box(40))
    trail.add(box(10))
    assert trail.settled
    assert trail.least == 0


def test_object_that_comes_back_is_taken_to_be_about_as_large_as_before() -> None:
    trail = Trail(box(40))
    for width in (30, 20, 10):
        trail.add(box(width))
    trail.add(NOTHING)
    assert not trail.settled
    assert 35 < trail.least < 40
    assert np.array_equal(trail.seen, box(10))


def test_object_is_settled_when_it_has_been_back_for_long_enough_in_a_row() -> None:
    trail = Trail(box(40))
    trail.add(NOTHING)
    trail.add(box(10))
    trail.add(NOTHING)
    for number in range(SETTLED):
        assert not trail.settled, number
        trail.add(box(20))
    assert trail.settled
    assert trail.least == 0
