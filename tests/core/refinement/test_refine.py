"""Tests that a round changes its part of the mask and nothing else."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from blender_cutout.core.errors import InputError, SizeMismatch, StrokeError
from blender_cutout.core.fakes import FakeScribbleNet, SyntheticClip, iou
from blender_cutout.core.images.crop import choose_crop
from blender_cutout.core.images.matte import from_grey, to_grey
from blender_cutout.core.refinement.refine import foreground, refine, refine_grey
from blender_cutout.core.types import Label, Stroke

CLIP = SyntheticClip(height=240, width=400, radius=30, objects=2)
IMAGE = CLIP[6]
RED, BLUE = CLIP.mattes(6)


def click(centre: tuple[float, float], label: Label = Label.KEEP) -> Stroke:
    return Stroke([centre], 4, label)


def test_click_on_an_object_cuts_it_out():
    matte = refine(FakeScribbleNet(), IMAGE, [click(CLIP.centre(6, 0))])
    assert iou(matte, RED) > 0.97
    assert matte.dtype == np.float32
    assert matte.shape == IMAGE.shape[:2]


def test_second_round_adds_and_third_takes_away():
    net = FakeScribbleNet()
    one = refine(net, IMAGE, [click(CLIP.centre(6, 0))])
    both = refine(net, IMAGE, [click(CLIP.centre(6, 1))], one)
    assert iou(both, np.maximum(RED, BLUE)) > 0.95
    blue = refine(net, IMAGE, [click(CLIP.centre(6, 0), Label.REMOVE)], both)
    assert iou(blue, BLUE) > 0.95


@pytest.mark.parametrize("zoom", [1.0, 3.0])
def test_outside_the_crop_the_previous_matte_is_bit_identical(zoom):
    previous = np.random.default_rng(0).random(IMAGE.shape[:2], np.float32)
    kept = previous.copy()
    strokes = [click(CLIP.centre(6, 0))]
    after = refine(FakeScribbleNet(), IMAGE, strokes, previous, zoom)
    box = choose_crop(strokes, IMAGE.shape[:2], previous, zoom, 320).box
    outside = np.ones(IMAGE.shape[:2], bool)
    outside[box.y0 : box.y1, box.x0 : box.x1] = False
    assert outside.any()
    np.testing.assert_array_equal(after[outside], previous[outside])
    np.testing.assert_array_equal(previous, kept)


@pytest.mark.parametrize("zoom", [1.0, 3.0])
@pytest.mark.parametrize("label", list(Label))
@pytest.mark.parametrize("first", [True, False])
def test_in_255ths_the_same_comes_out_to_the_bit(zoom, label, first):
    rough = np.random.default_rng(0).integers(0, 256, IMAGE.shape[:2], np.uint8)
    previous, kept = (None, None) if first else (rough, rough.copy())
    strokes = [click(CLIP.centre(6, 0), label)]
    grey = refine_grey(FakeScribbleNet(), IMAGE, strokes, previous, zoom)
    plain = refine(FakeScribbleNet(), IMAGE, strokes, None if first else from_grey(rough), zoom)
    assert grey.dtype == np.uint8
    np.testing.assert_array_equal(grey, to_grey(plain))
    np.testing.assert_array_equal(previous, kept)
    with pytest.raises(SizeMismatch):
        refine_grey(FakeScribbleNet(), IMAGE, strokes, rough[:-1])


class StubbornNet(FakeScribbleNet):
    """Does the opposite of every stroke."""

    def predict(self, image, previous, keep, remove):
        return remove.copy()


def test_pixels_under_a_stroke_obey_whatever_the_network_says():
    image = np.full((200, 300, 3), 90, np.uint8)
    strokes = [Stroke([(40, 50), (90, 60)], 5, Label.KEEP), Stroke([(200, 150)], 5, Label.REMOVE)]
    previous = np.zeros((200, 300), np.float32)
    previous[140:160, 190:210] = 1
    matte = refine(StubbornNet(), image, strokes, previous)
    assert matte[50, 41] > 0.9
    assert matte[60, 89] > 0.9
    assert matte[150, 200] < 0.1


class FickleNet(FakeScribbleNet):
    """Follows the strokes, and forgets everything else."""

    def predict(self, image, previous, keep, remove):
        return super().predict(image, np.zeros_like(previous), keep, remove)


def test_correction_does_not_spoil_what_was_right_elsewhere_in_its_crop():
    red = refine(FakeScribbleNet(), IMAGE, [click(CLIP.centre(6, 0))])
    both = refine(FickleNet(), IMAGE, [click(CLIP.centre(6, 1))], red)
    assert iou(both, np.maximum(RED, BLUE)) > 0.95


class RimmedNet(FakeScribbleNet):
    """Takes the area around a remove stroke for the object, as a trained network may on plain background."""

    def predict(self, image, previous, keep, remove):
        around = cv2.dilate(remove, np.ones((15, 15), np.uint8))
        return np.maximum(super().predict(image, previous, keep, remove), np.minimum(around, 0.8)).astype(np.float32)


def test_a_removing_stroke_beside_the_object_leaves_no_rim():
    before = refine(FakeScribbleNet(), IMAGE, [click(CLIP.centre(6, 0))])
    x, y = CLIP.centre(6, 0)
    after = refine(RimmedNet(), IMAGE, [click((x + 50.0, y), Label.REMOVE)], before)
    around = np.s_[round(y) - 12 : round(y) + 13, round(x) + 38 : round(x) + 63]
    assert before[around].max() < 0.01
    assert after[around].max() < 0.05
    assert iou(after, before) > 0.97


def test_foreground_finds_what_is_not_background():
    assert iou(foreground(FakeScribbleNet(), IMAGE), np.maximum(RED, BLUE)) > 0.95


@pytest.mark.parametrize("size", [(1, 1), (5, 900), (33, 17), (1080, 1920)])
def test_any_picture_size_works(size):
    image = np.full((*size, 3), 90, np.uint8)
    matte = refine(FakeScribbleNet(), image, [Stroke([(size[1] / 2, size[0] / 2)], 3, Label.KEEP)])
    assert matte.shape == size
    assert foreground(FakeScribbleNet(), image).shape == size


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"strokes": []}, StrokeError),
        ({"strokes": [click((-100, -100))]}, StrokeError),
        ({"previous": np.zeros((10, 10), np.float32)}, SizeMismatch),
        ({"previous": np.zeros((2, 240, 400), np.float32)}, InputError),
        ({"previous": np.zeros((240, 400), np.uint8)}, InputError),
        ({"image": IMAGE.astype(np.float32)}, InputError),
        ({"zoom": 0.0}, InputError),
        ({"zoom": float("nan")}, InputError),
    ],
)
def test_wrong_input_is_a_clear_error(arguments, error):
    with pytest.raises(error) as caught:
        refine(FakeScribbleNet(), **{"image": IMAGE, "strokes": [click((50, 50))], **arguments})
    assert caught.value.hint


def test_small_object_in_a_large_picture_is_cut_out_at_the_pictures_own_resolution():
    clip = SyntheticClip(height=1080, width=1920, radius=30)
    truth = clip.matte(9)
    assert iou(refine(FakeScribbleNet(), clip[9], [Stroke([clip.centre(9)], 8, Label.KEEP)]), truth) > 0.98
    assert iou(foreground(FakeScribbleNet(), clip[9]), truth) > 0.98


def test_rounds_on_a_picture_of_4k_give_the_masks_of_the_same_picture_made_small():
    small = CLIP[6]
    large = cv2.resize(small, None, fx=9, fy=9, interpolation=cv2.INTER_LINEAR)
    assert large.shape == (2160, 3600, 3)
    centres = CLIP.centre(6, 0), CLIP.centre(6, 1)
    rounds = [(Label.KEEP, centres[0]), (Label.KEEP, centres[1]), (Label.REMOVE, centres[0])]
    one = other = None
    for label, (x, y) in rounds:
        one = refine(FakeScribbleNet(), small, [Stroke([(x, y)], 4, label)], one)
        other = refine(FakeScribbleNet(), large, [Stroke([(9 * x, 9 * y)], 36, label)], other)
        assert iou(cv2.resize(other, small.shape[1::-1], interpolation=cv2.INTER_AREA), one) > 0.95
