"""Tests that two out of three decide, and that the artist's change wins where it is propagated to."""

from __future__ import annotations

import numpy as np
import pytest

from blender_cutout.core.propagation.fusion import difference, fuse, middle, nearness

OLD = np.zeros((1, 4, 4), np.float32)
OLD[0, :2] = 1
NEW = np.zeros((1, 4, 4), np.float32)
NEW[0, :, :2] = 1
FAR = np.zeros((1, 4, 4), np.float32)
FAR[0, 1:3, 1:3] = 1
NOTHING = np.zeros((2, 4, 4), np.float32)


def test_nearness_is_one_at_the_keyframe_and_falls_alike_on_both_sides():
    values = [nearness(f, 10) for f in (10, 11, 12, 20)]
    assert values[0] == 1
    assert values == sorted(values, reverse=True)
    assert values[-1] < 0.1
    assert values[1:] == [nearness(f, 10) for f in (9, 8, 0)]


def test_what_two_of_three_say_wins_and_the_third_leaves_no_ghost():
    for third in (FAR, 1 - FAR):
        np.testing.assert_array_equal(fuse(OLD, OLD, third, NOTHING, 0.0), OLD)
        np.testing.assert_array_equal(fuse(OLD, third, OLD, NOTHING, 0.0), OLD)
        np.testing.assert_array_equal(fuse(third, OLD, OLD, NOTHING, 0.0), OLD)
    np.testing.assert_array_equal(middle(OLD, NEW, FAR), OLD + NEW + FAR >= 2)


def test_on_the_new_keyframe_its_own_result_decides():
    np.testing.assert_array_equal(fuse(OLD, NEW, FAR, NOTHING, 1.0), NEW)
    np.testing.assert_array_equal(fuse(OLD, NEW, OLD, NOTHING, 1.0), NEW)


def test_carried_change_makes_the_new_result_win_only_in_its_own_sense():
    gains_everywhere = np.concatenate((np.ones_like(OLD), np.zeros_like(OLD)))
    fused = fuse(OLD, NEW, OLD, gains_everywhere, 0.25)
    assert (fused[0, 2:, :2] == 1).all()  # added by the new result, and the artist added
    assert (fused[0, :2, 2:] == 0.75).all()  # taken away by the new result, but the artist took nothing away
    losses_everywhere = gains_everywhere[::-1]
    fused = fuse(OLD, NEW, OLD, losses_everywhere, 0.25)
    assert (fused[0, 2:, :2] == 0.25).all()
    assert (fused[0, :2, 2:] == 0).all()


def test_difference_tells_gains_from_losses():
    gains, losses = difference(OLD, NEW)
    assert gains.sum() == 4
    assert losses.sum() == 4
    assert gains[3, 0] == 1
    assert losses[0, 3] == 1


@pytest.mark.parametrize("near", [0.0, 0.3, 1.0])
def test_result_stays_between_the_three_and_where_they_agree(near):
    rng = np.random.default_rng(0)
    three = rng.random((3, 3, 5, 5)).astype(np.float32)
    carried = rng.random((6, 5, 5)).astype(np.float32)
    fused = fuse(*three, carried, near)
    assert (fused >= three.min(axis=0) - 1e-6).all()
    assert (fused <= three.max(axis=0) + 1e-6).all()
    assert fused.dtype == np.float32
    np.testing.assert_allclose(fuse(three[0], three[0], three[0], carried, near), three[0], atol=1e-6)
