"""Tests that propagation's crop follows the object, and holds still while the object moves little."""

from __future__ import annotations

import numpy as np
import pytest

from blender_cutout.core.images.crop import whole_picture
from blender_cutout.core.propagation.follow_crop import follow_crop
from blender_cutout.core.types import Box

SIZE = (240, 400)


def disc(x: float, y: float, radius: float) -> np.ndarray:
    rows, columns = np.mgrid[: SIZE[0], : SIZE[1]] + 0.5
    return ((columns - x) ** 2 + (rows - y) ** 2 < radius**2).astype(np.float32)


def test_follow_crop_is_a_square_of_twice_the_object():
    crop = follow_crop(disc(200, 120, 25), SIZE, 384)
    assert crop.box.width == crop.box.height == 100
    assert crop.size == (384, 384)
    assert (crop.box.x0 + crop.box.x1) / 2 == pytest.approx(200, abs=1)


def test_follow_crop_stays_still_for_small_motion_and_moves_for_large():
    first = follow_crop(disc(200, 120, 25), SIZE, 384)
    assert follow_crop(disc(205, 122, 26), SIZE, 384, last=first) is first
    moved = follow_crop(disc(250, 120, 25), SIZE, 384, last=first)
    assert moved != first
    assert (moved.box.x0 + moved.box.x1) / 2 == pytest.approx(250, abs=1)


def test_follow_crop_sees_everything_when_the_object_is_gone_and_never_gets_tiny():
    assert follow_crop(np.zeros(SIZE, np.float32), SIZE, 384) == whole_picture(SIZE, 384)
    dot = follow_crop(disc(200, 120, 2), SIZE, 384).box
    assert dot.width == 96
    assert follow_crop(np.ones(SIZE, np.float32), SIZE, 384).box == Box(0, 0, 400, 240)
