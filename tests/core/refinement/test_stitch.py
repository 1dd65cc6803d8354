"""Tests that a refined crop changes nothing outside it and leaves no seam."""

from __future__ import annotations

import numpy as np

from blender_cutout.core.images.crop import Crop
from blender_cutout.core.refinement.stitch import stitch
from blender_cutout.core.types import Box

SIZE = (240, 320)


def test_stitch_leaves_everything_outside_the_box_bit_identical_and_shows_no_seam():
    before = np.random.default_rng(0).random(SIZE, np.float32)
    crop = Crop(Box(100, 60, 200, 160), (100, 100))
    after = stitch(before, np.ones((100, 100), np.float32), crop, 10)
    outside = np.ones(SIZE, bool)
    outside[60:160, 100:200] = False
    np.testing.assert_array_equal(after[outside], before[outside])
    assert (after[75:145, 115:185] == 1).all()
    flat = stitch(np.zeros(SIZE, np.float32), np.ones((100, 100), np.float32), crop, 10)
    assert np.abs(np.diff(flat, axis=0)).max() <= 0.11
    assert np.abs(np.diff(flat, axis=1)).max() <= 0.11


def test_stitch_does_not_fade_at_the_edge_of_the_picture():
    crop = Crop(Box(0, 0, 100, 240), (240, 100))
    after = stitch(np.zeros(SIZE, np.float32), np.ones((240, 100), np.float32), crop, 10)
    assert (after[:, :85] == 1).all()
    assert after[:, 99].max() < 0.1
