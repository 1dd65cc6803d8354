"""Tests that no picture is too low or narrow for optical flow: it is stretched before OpenCV sees it."""

from __future__ import annotations

import numpy as np
import pytest

from blender_cutout.core.images.dense_flow import LEAST, dense_flow


class Finder:
    """Stands for OpenCV's: everything moves by (8, 4) pixels of its input."""

    def calc(self, one: np.ndarray, other: np.ndarray, _: None) -> np.ndarray:
        assert one.shape == other.shape
        self.given = one.shape
        return np.full((*one.shape, 2), (8.0, 4.0), np.float32)


@pytest.mark.parametrize("size", [(16, 96), (1, 400), (96, 16), (20, 20), (31, 97)])
def test_small_pictures_are_stretched_and_their_flow_is_in_their_own_pixels(size):
    finder = Finder()
    picture = np.zeros(size, np.uint8)
    flow = dense_flow(finder, picture, picture)
    assert min(finder.given) >= LEAST
    assert finder.given == tuple(max(LEAST, side) for side in size)
    assert flow.shape == (*size, 2)
    expected = 8.0 * size[1] / finder.given[1], 4.0 * size[0] / finder.given[0]
    assert np.allclose(flow, expected)


def test_others_are_given_as_they_are():
    finder = Finder()
    picture = np.zeros((LEAST, 3 * LEAST), np.uint8)
    assert np.allclose(dense_flow(finder, picture, picture), (8.0, 4.0))
    assert finder.given == picture.shape
