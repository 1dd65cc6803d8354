"""Tests what each setting does to a matte's edge."""

from __future__ import annotations

import numpy as np
import pytest

from blender_cutout.core.edges.refine_edge import refine_edge
from blender_cutout.core.edges.settings import EdgeSettings


def adjusted(matte: np.ndarray, **settings: float) -> np.ndarray:
    image = np.zeros((*matte.shape, 3), np.uint8)
    return refine_edge(None, image, matte, EdgeSettings(detail=0, decontaminate=0, **settings))[0]


@pytest.fixture
def square() -> np.ndarray:
    matte = np.zeros((64, 96), np.float32)
    matte[20:40, 30:60] = 1.0
    return matte


def test_the_edge_moves_by_that_many_pixels(square: np.ndarray) -> None:
    assert int((adjusted(square, grow=-2) > 0.5).sum()) == 16 * 26
    # Grown corners are round; the sides are not.
    assert np.flatnonzero(adjusted(square, grow=3)[30] > 0.5)[[0, -1]].tolist() == [27, 62]


def test_half_a_pixel_lies_between_none_and_one(square: np.ndarray) -> None:
    areas = [float(adjusted(square, grow=-s).sum()) for s in (0, 0.5, 1)]
    assert areas[0] > areas[1] > areas[2]
    assert areas[1] == pytest.approx((areas[0] + areas[2]) / 2)


def test_an_object_at_the_pictures_border_is_not_shrunk_there() -> None:
    matte = np.zeros((40, 40), np.float32)
    matte[:, :20] = 1
    result = adjusted(matte, grow=-3, feather=2)
    assert (result[:, 0] == 1).all()
    assert (result[0] == result[20]).all()


def test_feather_softens_the_edge_and_nothing_else(square: np.ndarray) -> None:
    result = adjusted(square, feather=4)
    assert result[30, 45] == pytest.approx(1.0, abs=1e-3)
    assert result[5, 5] == pytest.approx(0.0, abs=1e-3)
    assert 0.3 < result[30, 30] < 0.7
    assert result.sum() == pytest.approx(square.sum(), rel=1e-3)


def test_smoothing_takes_a_bump_off_and_keeps_the_edge_sharp(square: np.ndarray) -> None:
    bumpy = square.copy()
    bumpy[18:20, 44:47] = 1
    result = adjusted(bumpy, smooth=4)
    assert result[18, 45] < 0.2
    assert result[30, 27] < 0.1
    assert result[30, 33] > 0.9


def test_holes_and_dots_up_to_that_size_go_and_larger_ones_stay(square: np.ndarray) -> None:
    square[25:28, 40:43] = 0
    square[30:37, 50:57] = 0
    square[5:8, 5:8] = 1
    square[5:8, 8] = 0.3
    square[50:60, 80:90] = 1
    result = adjusted(square, fill_holes=4, remove_dots=4)
    assert (result[25:28, 40:43] == 1).all()
    assert (result[30:37, 50:57] == 0).all()
    assert (result[4:9, 4:10] == 0).all()
    assert (result[50:60, 80:90] == 1).all()
    assert (result[20:40, 30:40] == 1).all()


def test_a_gap_at_the_pictures_border_is_no_hole() -> None:
    matte = np.ones((30, 30), np.float32)
    matte[:3, 10:13] = 0
    assert np.array_equal(adjusted(matte, fill_holes=10), matte)


def test_clipping_stretches_what_is_between() -> None:
    matte = np.linspace(0, 1, 11, dtype=np.float32)[None].repeat(3, axis=0)
    result = adjusted(matte, clip_black=0.2, clip_white=0.3)[0]
    np.testing.assert_allclose(result, np.clip((np.linspace(0, 1, 11) - 0.2) / 0.5, 0, 1), atol=1e-6)
