"""Tests that strokes are drawn in the right place, at a width that the network knows."""

from __future__ import annotations

import numpy as np
import pytest

from blender_cutout.core.errors import StrokeError
from blender_cutout.core.images.crop import Crop
from blender_cutout.core.refinement.stroke_maps import rasterise, strokes_inside
from blender_cutout.core.types import Box, Label, Stroke

CROP = Crop(Box(100, 50, 260, 210), (320, 320))


def test_click_is_a_disc_at_its_place_with_the_drawn_radius():
    keep, remove = rasterise([Stroke([(180.25, 120.75)], 2.5, Label.KEEP)], CROP)
    rows, columns = np.nonzero(keep)
    assert rows.mean() + 0.5 == pytest.approx((120.75 - 50) * 2, abs=0.3)
    assert columns.mean() + 0.5 == pytest.approx((180.25 - 100) * 2, abs=0.3)
    assert keep.sum() == pytest.approx(np.pi * 5**2, rel=0.2)
    assert keep.dtype == np.float32
    assert set(np.unique(keep)) == {0, 1}
    assert not remove.any()


def test_line_has_its_length_and_width_and_no_gaps():
    keep, _ = rasterise([Stroke([(120, 100), (200, 100)], 2.0, Label.KEEP)], CROP)
    assert keep[100, 40:200].all()
    assert keep[:, 120].sum() == pytest.approx(8, abs=1)


@pytest.mark.parametrize(("radius", "width"), [(0.01, 4), (500.0, 12)])
def test_width_is_kept_within_what_the_network_knows(radius, width):
    keep, _ = rasterise([Stroke([(120, 100), (200, 100)], radius, Label.KEEP)], CROP)
    assert keep[:, 120].sum() == pytest.approx(width, abs=1.01)


def test_keep_and_remove_go_to_their_maps_and_the_later_wins_a_crossing():
    down, across = [(180, 60), (180, 200)], [(110, 130), (250, 130)]
    keep, remove = rasterise([Stroke(down, 2, Label.KEEP), Stroke(across, 2, Label.REMOVE)], CROP)
    assert remove[160, 160] == 1
    assert keep[160, 160] == 0
    assert keep[60, 160] == 1
    assert not (keep * remove).any()


def test_stroke_far_beyond_the_crop_is_cut_off_and_does_not_break():
    keep, _ = rasterise([Stroke([(-1e9, 130), (1e9, 130)], 2, Label.KEEP)], CROP)
    assert keep[160].all()


@pytest.mark.parametrize("strokes", [[], [Stroke([(900, 900)], 3, Label.KEEP)]])
def test_no_stroke_in_the_picture_is_an_error(strokes):
    with pytest.raises(StrokeError) as caught:
        strokes_inside(strokes, (240, 400))
    assert caught.value.hint
    with pytest.raises(StrokeError):
        rasterise(strokes, CROP)


def test_strokes_inside_keeps_what_touches_the_picture():
    touching, outside = Stroke([(-2, 10)], 3, Label.KEEP), Stroke([(-9, 10)], 3, Label.KEEP)
    assert strokes_inside([touching, outside], (240, 400)) == (touching,)
