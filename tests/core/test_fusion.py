"""Old and new are mixed by time, and the artist's change wins where it was carried to."""

from __future__ import annotations

import numpy as np
import pytest

from blender_cutout.core.fusion import difference, fuse, new_weight, time_weight, trust

OLD = np.zeros((1, 4, 4), np.float32)
OLD[0, :2] = 1
NEW = np.zeros((1, 4, 4), np.float32)
NEW[0, :, :2] = 1
NOTHING = np.zeros((2, 4, 4), np.float32)


def test_time_weight_is_one_at_the_new_keyframe_and_nothing_at_the_old():
    assert [time_weight(f, 10, 20) for f in (10, 15, 20)] == [1.0, 0.5, 0.0]
    assert [time_weight(f, 10, 0) for f in (10, 5, 0)] == [1.0, 0.5, 0.0]


def test_at_the_ends_the_result_is_the_neighbouring_keyframes():
    np.testing.assert_array_equal(fuse(OLD, NEW, NOTHING, 1.0), NEW)
    np.testing.assert_array_equal(fuse(OLD, NEW, NOTHING, 0.0), OLD)


def test_carried_change_makes_the_new_result_win_only_in_its_own_sense():
    gains_everywhere = np.concatenate((np.ones_like(OLD), np.zeros_like(OLD)))
    fused = fuse(OLD, NEW, gains_everywhere, 0.25)
    assert (fused[0, 2:, :2] == 1).all()  # added by the new result, and the artist added
    assert (fused[0, :2, 2:] == 0.75).all()  # taken away by the new result, but the artist took nothing away
    losses_everywhere = gains_everywhere[::-1]
    fused = fuse(OLD, NEW, losses_everywhere, 0.25)
    assert (fused[0, 2:, :2] == 0.25).all()
    assert (fused[0, :2, 2:] == 0).all()


def test_difference_tells_gains_from_losses():
    gains, losses = difference(OLD, NEW)
    assert gains.sum() == 4
    assert losses.sum() == 4
    assert gains[3, 0] == 1
    assert losses[0, 3] == 1


@pytest.mark.parametrize("weight", [0.0, 0.3, 1.0])
def test_result_stays_between_old_and_new_and_where_they_agree(weight):
    rng = np.random.default_rng(0)
    old, new = rng.random((2, 3, 5, 5)).astype(np.float32)
    fused = fuse(old, new, rng.random((6, 5, 5)).astype(np.float32), weight)
    assert (fused >= np.minimum(old, new) - 1e-6).all()
    assert (fused <= np.maximum(old, new) + 1e-6).all()
    assert fused.dtype == np.float32
    np.testing.assert_allclose(fuse(old, old, rng.random((6, 5, 5)).astype(np.float32), weight), old, atol=1e-6)


def test_a_run_that_was_put_right_thoroughly_is_not_believed_elsewhere():
    stack = np.concatenate((OLD, OLD, np.zeros_like(OLD)))
    corrected = np.concatenate((OLD, NEW, np.zeros_like(OLD)))
    trusted = trust(stack, corrected)
    np.testing.assert_allclose(trusted, [1, 4 / 12, 1])
    np.testing.assert_allclose(new_weight(0.25, trusted), [0.25, 0.25 + 0.75 * 8 / 12, 0.25], atol=1e-6)
    assert (new_weight(1.0, trusted) == 1).all()
    fused = fuse(stack, corrected, np.zeros((6, 4, 4), np.float32), new_weight(0.25, trusted))
    assert (fused[1, 2:, :2] > 0.5).all()
    assert (fused[1, :2, 2:] < 0.5).all()


class TestLean:
    """What a fusion network adds to the formula."""

    def test_no_lean_is_the_formula(self):
        rng = np.random.default_rng(1)
        old, new = rng.random((2, 2, 6, 6)).astype(np.float32)
        carried = rng.random((4, 6, 6)).astype(np.float32)
        plain = fuse(old, new, carried, 0.4)
        np.testing.assert_array_equal(fuse(old, new, carried, 0.4, np.zeros_like(old)), plain)

    @pytest.mark.parametrize("weight", [0.0, 0.4, 1.0])
    def test_full_lean_takes_one_result_whole(self, weight):
        one = np.ones_like(OLD)
        np.testing.assert_allclose(fuse(OLD, NEW, NOTHING, weight, one), NEW, atol=1e-6)
        np.testing.assert_allclose(fuse(OLD, NEW, NOTHING, weight, -one), OLD, atol=1e-6)

    def test_lean_moves_the_result_and_never_beyond_both(self):
        lean = np.linspace(-1, 1, 16, dtype=np.float32).reshape(1, 4, 4)
        old, new = np.full((1, 4, 4), 0.2, np.float32), np.full((1, 4, 4), 0.9, np.float32)
        fused = fuse(old, new, NOTHING, 0.5, lean).ravel()
        assert (np.diff(fused) > 0).all()
        assert fused.min() >= 0.2 - 1e-6
        assert fused.max() <= 0.9 + 1e-6
