"""Tests that no pixel belongs to two objects, drawn masks win, and sharing twice changes nothing."""

from __future__ import annotations

import numpy as np
import pytest

from blender_cutout.core.images.matte import contested, share


def bars(*spans: tuple[int, int], value: float = 1.0) -> np.ndarray:
    out = np.zeros((len(spans), 4, 20), np.float32)
    for n, (start, stop) in enumerate(spans):
        out[n, :, start:stop] = value
    return out


def owners(mattes: np.ndarray) -> np.ndarray:
    return (np.round(mattes * 255) > 127).sum(axis=0)


def test_what_was_drawn_wins_and_the_other_keeps_the_rest() -> None:
    out = share(bars((0, 10), (6, 16)), [True, False])
    np.testing.assert_array_equal(out, bars((0, 10), (10, 16)))
    out = share(bars((0, 10), (6, 16)), [False, True])
    np.testing.assert_array_equal(out, bars((0, 6), (6, 16)))


@pytest.mark.parametrize("drawn", [(True, True), (False, False)])
def test_among_equals_nobody_gets_a_contested_pixel(drawn: tuple[bool, bool]) -> None:
    out = share(bars((0, 10), (6, 16)), drawn)
    assert owners(out).max() == 1
    assert (owners(out)[:, 6:10] == 0).all()
    np.testing.assert_array_equal(out[0, :, :6], 1)
    np.testing.assert_array_equal(out[1, :, 10:16], 1)


def test_soft_edges_that_fit_together_stay_untouched() -> None:
    mattes = np.zeros((2, 3, 5), np.float32)
    mattes[0], mattes[1] = (1, 0.75, 0.5, 0.25, 0), (0, 0.25, 0.4, 0.75, 1)
    np.testing.assert_array_equal(share(mattes, [True, False]), mattes)


def test_two_halves_that_a_file_rounds_up_have_one_owner_at_most() -> None:
    assert owners(share(np.full((2, 2, 2), 0.5, np.float32), [False, False])).max() <= 1


@pytest.mark.parametrize("drawn", [(False, False, False), (True, False, False), (True, True, False)])
def test_sharing_what_was_shared_and_written_changes_nothing(drawn: tuple[bool, ...]) -> None:
    mattes = np.random.default_rng(3).random((3, 30, 40)).astype(np.float32)
    once = share(mattes, drawn)
    assert once.sum(axis=0).max() <= 1 + 3 / 255 + 1e-5
    assert owners(once).max() <= 1
    on_disk = (np.round(once * 255) / 255).astype(np.float32)
    np.testing.assert_array_equal(share(on_disk, drawn), on_disk)


def test_the_contested_share_is_reported() -> None:
    assert contested(bars((0, 10), (10, 16))) == 0
    assert contested(bars((0, 10), (8, 12))) == pytest.approx(0.5)
    assert contested(bars((0, 0), (0, 0))) == 0
