"""Tests the simulated artist: strokes in the right places, always the same ones."""

from __future__ import annotations

from itertools import pairwise

import cv2
import numpy as np
import pytest

from blender_cutout.core.types import Label, Stroke
from blender_cutout.evaluate.robot import depth_of, first_stroke, next_stroke


def drawn(stroke: Stroke, size: tuple[int, int]) -> np.ndarray:
    """All pixels under a stroke."""
    y, x = np.mgrid[: size[0], : size[1]] + 0.5
    out = np.zeros(size, bool)
    points = np.array(stroke.points)
    ends = np.concatenate((points[:1], points))
    for (ax, ay), (bx, by) in pairwise(ends):
        for t in np.linspace(0, 1, 20):
            out |= (x - ax - t * (bx - ax)) ** 2 + (y - ay - t * (by - ay)) ** 2 <= stroke.radius**2
    return out


def bar(size: tuple[int, int] = (120, 200)) -> np.ndarray:
    truth = np.zeros(size, bool)
    truth[50:70, 20:180] = True
    return truth


def bent() -> np.ndarray:
    """An arc: a straight line between its ends would leave it."""
    y, x = np.mgrid[:160, :240]
    radius = np.hypot(x - 120, y - 150)
    return (radius > 80) & (radius < 120) & (y < 140)


@pytest.mark.parametrize("truth", [bar(), bent(), bar().T.copy()])
def test_the_first_stroke_lies_inside_the_object_and_runs_along_it(truth: np.ndarray) -> None:
    stroke = first_stroke(truth)
    assert stroke is not None
    assert stroke.label is Label.KEEP
    under = drawn(stroke, truth.shape)
    assert (under & ~truth).sum() == 0
    rows, columns = np.nonzero(truth)
    reach = np.ptp(np.array(stroke.points), axis=0).max()
    assert reach > 0.6 * max(np.ptp(rows), np.ptp(columns))


def test_the_next_stroke_keeps_what_is_missing_and_removes_what_is_too_much() -> None:
    truth = bar()
    short = truth.copy()
    short[:, 100:] = False
    stroke = next_stroke(short, truth)
    assert stroke is not None
    assert stroke.label is Label.KEEP
    assert (drawn(stroke, truth.shape) & ~(truth & ~short)).sum() == 0
    too_much = truth.copy()
    too_much[80:115, 60:110] = True
    stroke = next_stroke(too_much, truth)
    assert stroke is not None
    assert stroke.label is Label.REMOVE
    assert (drawn(stroke, truth.shape) & ~(too_much & ~truth)).sum() == 0


def test_a_thick_error_comes_before_a_long_thin_rim() -> None:
    truth = np.zeros((150, 150), bool)
    truth[30:120, 30:120] = True
    mask = cv2.erode(truth.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0  # a rim of 356 pixels is missing
    mask[5:20, 5:25] = True  # and a block of 300 is too much
    stroke = next_stroke(mask, truth)
    assert stroke is not None
    assert stroke.label is Label.REMOVE


def test_nothing_to_do_and_pixels_that_do_not_count_give_no_stroke() -> None:
    truth = bar()
    assert next_stroke(truth, truth) is None
    mask = truth.copy()
    mask[0:20] = True
    counted = np.ones_like(truth)
    counted[0:20] = False
    assert next_stroke(mask, truth, counted) is None
    assert next_stroke(mask, truth) is not None
    assert first_stroke(np.zeros((20, 20), bool)) is None


def test_one_pixel_is_a_click_on_it() -> None:
    truth = np.zeros((300, 400), bool)
    truth[200, 300] = True
    stroke = first_stroke(truth)
    assert stroke is not None
    assert stroke.points == ((300.5, 200.5),)


def test_the_same_masks_give_the_same_stroke_wherever_they_lie_in_memory() -> None:
    y, x = np.mgrid[:60, :60] - 30
    for truth in (bent(), x**2 + y**2 <= 28**2):
        stroke, depth, blocks = first_stroke(truth), depth_of(truth), []
        for n in range(100):
            blocks.append(np.zeros(n * 7))  # so that the next arrays lie elsewhere
            assert np.array_equal(depth_of(truth.copy()), depth)
        assert first_stroke(truth.copy()) == stroke


def test_depth_is_the_distance_to_the_nearest_pixel_outside() -> None:
    truth = np.zeros((9, 12), bool)
    truth[2:8, :5] = True
    depth = depth_of(truth)
    assert depth[4, 4] == 1
    assert depth[2, 0] == 1, "the picture's edge counts as outside"
    assert depth[4, 2] == 3
    assert (depth[~truth] == 0).all()
