"""Tests that the sloppy artist is sloppier than the careful one, by the pixels under the strokes."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from blender_cutout.core.types import Label, Stroke
from blender_cutout.evaluate.robot import CAREFUL, Robot, depth_of
from blender_cutout.evaluate.sloppy import ROBOTS, Sloppy
from tests.blender_cutout.evaluate.test_robot import bent


def blob() -> np.ndarray:
    y, x = np.mgrid[:180, :240]
    return ((x - 110) / 70) ** 2 + ((y - 90) / 45) ** 2 < 1


def drawn(stroke: Stroke, size: tuple[int, int]) -> np.ndarray:
    """All pixels under a stroke."""
    points = np.round(np.array(stroke.points) * 16 - 8).astype(np.int32)
    canvas = np.zeros(size, np.uint8)
    thick = max(1, round(2 * stroke.radius))
    return cv2.polylines(canvas, [np.concatenate((points, points[-1:]))], False, 1, thick, shift=4) > 0


def half_done(truth: np.ndarray) -> np.ndarray:
    """Returns the true mask with one side missing and one patch too many."""
    mask = truth.copy()
    mask[:, : truth.shape[1] // 3] = False
    return mask | (cv2.circle(np.zeros(truth.shape, np.uint8), (truth.shape[1] - 40, 30), 20, 1, -1) > 0)


def wrong_share(stroke: Stroke, truth: np.ndarray) -> float:
    """Returns the share of a stroke's pixels that contradict its label."""
    under = drawn(stroke, truth.shape)
    right = truth if stroke.label is Label.KEEP else ~truth
    return float((under & ~right).sum() / under.sum())


def centre_distance(stroke: Stroke, region: np.ndarray) -> float:
    """Returns how far from the middle a stroke's points lie: 0 = at the deepest place, 1 = on the region's rim."""
    depth = depth_of(region)
    xy = np.floor(stroke.points).astype(int)
    return float(1 - depth[xy[:, 1], xy[:, 0]].mean() / depth.max())


def strokes(robot: Robot, count: int = 60) -> list[tuple[Stroke, np.ndarray]]:
    """Returns first and later strokes, with the true masks they were drawn for."""
    out = []
    for truth in (blob(), bent()):
        for n in range(count):
            stroke = robot.stroke(half_done(truth) if n % 2 else None, truth, None, (f"picture {n}", n % 2))
            assert stroke is not None
            out.append((stroke, truth))
    return out


def test_more_of_a_sloppy_stroke_is_on_the_wrong_side_and_it_runs_farther_from_the_middle() -> None:
    careful, sloppy = strokes(CAREFUL), strokes(Sloppy())
    wrong = [np.mean([wrong_share(*pair) for pair in drawn_by]) for drawn_by in (careful, sloppy)]
    assert wrong[0] < 0.01
    assert 0.05 < wrong[1] < 0.35
    away = [np.mean([centre_distance(s, t) for s, t in by[::2]]) for by in (careful, sloppy)]
    assert away[1] > away[0] + 0.15


def test_it_is_shorter_and_now_and_then_wrong_or_across_the_border_but_mostly_right() -> None:
    def length(stroke: Stroke) -> float:
        return float(np.ptp(np.array(stroke.points), axis=0).max())

    careful, sloppy = strokes(CAREFUL), strokes(Sloppy())
    assert np.mean([length(s) for s, _ in sloppy]) < 0.7 * np.mean([length(s) for s, _ in careful])
    shares = np.array([wrong_share(*pair) for pair in sloppy])
    assert 0.01 < (shares > 0.5).mean() < 0.15, "wrong altogether"
    assert 0.1 < ((shares > 0.02) & (shares <= 0.5)).mean() < 0.6, "across the border"
    assert (shares <= 0.02).mean() > 0.4


def test_it_draws_the_same_for_the_same_and_otherwise_not() -> None:
    truth, mask = bent(), half_done(bent())
    first = Sloppy(3).stroke(mask, truth, None, ("a", 1))
    assert first == Sloppy(3).stroke(mask.copy(), truth.copy(), None, ("a", 1))
    others = [
        Sloppy(4).stroke(mask, truth, None, ("a", 1)),
        *(Sloppy(3).stroke(mask, truth, None, k) for k in (("a", 2), ("b", 1))),
    ]
    assert all(first != other for other in others)


@pytest.mark.parametrize("robot", ROBOTS.values(), ids=list(ROBOTS))
def test_nothing_wrong_and_unknown_pixels_give_no_stroke(robot: Robot) -> None:
    truth = blob()
    assert robot.stroke(truth, truth, None, ("a", 1)) is None
    assert robot.stroke(half_done(truth), truth, half_done(truth) == truth, ("a", 1)) is None
    assert robot.stroke(None, np.zeros((30, 40), bool), None, ("a", 0)) is None


@pytest.mark.parametrize("size", [(1, 1), (3, 50), (40, 2)])
def test_tiny_and_thin_objects_get_strokes_inside_the_picture(size: tuple[int, int]) -> None:
    truth = np.zeros((60, 80), bool)
    truth[-size[0] :, -size[1] :] = True
    for n in range(30):
        stroke = Sloppy().stroke(None if n % 2 else np.zeros_like(truth), truth, None, ("a", n))
        assert stroke is not None
        points = np.array(stroke.points)
        assert (points >= 0).all()
        assert (points < (80, 60)).all()
