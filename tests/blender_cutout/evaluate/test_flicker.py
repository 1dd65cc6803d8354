"""Tests that masks which move with the picture do not flicker, and that coming and going does."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from blender_cutout.core.fakes import SyntheticClip
from blender_cutout.evaluate.flicker import FlickerMeter, pair_flicker

STILL = np.zeros((60, 80, 2), np.float32)


def block(x: int = 20, width: int = 30) -> np.ndarray:
    mask = np.zeros((60, 80), bool)
    mask[10:50, x : x + width] = True
    return mask


def test_a_mask_that_stays_on_a_still_picture_does_not_flicker() -> None:
    assert pair_flicker(block(), block(), STILL) == 0.0
    assert pair_flicker(np.zeros((60, 80), bool), np.zeros((60, 80), bool), STILL) == 0.0


def test_a_mask_that_goes_with_the_motion_does_not_flicker_and_one_that_lags_does() -> None:
    moving = STILL.copy()
    moving[..., 0] = -5.0  # what is here now was five pixels to the left
    assert pair_flicker(block(20), block(25), moving) == 0.0
    assert pair_flicker(block(20), block(20), moving) == pytest.approx(1 - 25 / 35)


def test_flow_of_a_smaller_picture_means_the_same() -> None:
    small = np.zeros((30, 40, 2), np.float32)
    small[..., 0] = -2.5
    assert pair_flicker(block(20), block(25), small) == 0.0


def test_a_part_that_comes_is_flicker_unless_the_truth_has_it_come_too() -> None:
    before, after = block(20, 30), block(20, 40)
    assert pair_flicker(before, after, STILL) == pytest.approx(0.25)
    assert pair_flicker(before, after, STILL, (before, after)) == 0.0
    assert pair_flicker(before, after, STILL, (before, before)) == pytest.approx(0.25)


def test_masks_that_follow_a_moving_picture_flicker_much_less_than_those_that_lose_a_half_now_and_then() -> None:
    rng = np.random.default_rng(0)
    ground = cv2.GaussianBlur(rng.integers(0, 255, (120, 200, 3), np.uint8), (7, 7), 0)
    good, bad = FlickerMeter(), FlickerMeter()
    for frame in range(8):
        image, mask = np.roll(ground, 3 * frame, axis=1), np.zeros((120, 200), bool)
        mask[30:90, 60 + 3 * frame : 120 + 3 * frame] = True
        good.add(frame, image, mask)
        half = mask.copy()
        half[60:] &= frame % 2 == 0
        bad.add(frame, image, half)
    assert good.mean is not None
    assert bad.mean is not None
    assert good.mean < 0.03
    assert bad.mean == pytest.approx(0.5, abs=0.05)


def test_only_neighbouring_frames_are_compared() -> None:
    clip, meter = SyntheticClip(length=8), FlickerMeter()
    assert meter.mean is None
    for frame in (0, 1, 3, 4, 6):
        meter.add(frame, clip[frame], clip.matte(frame) > 0.5)
    assert len(meter.pairs) == 2
