"""Tests that outlines and splines enclose the matte on every frame, and that points follow the object."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from blender_cutout.core.export.outlines import OutlineTracker, PixelRun
from blender_cutout.core.export.splines import MOST, Spline, fit

SIZE = (180, 240)


def drawn(spline: Spline, frame: int, size: tuple[int, int] = SIZE, fine: int = 8) -> np.ndarray:
    """Returns the inside of a spline as a matte, with a second implementation of Bézier curves."""
    points = spline.points[frame - spline.first]
    t = np.linspace(0, 1, 16, endpoint=False)[:, None]
    line = [
        (1 - t) ** 3 * a[:2] + 3 * (1 - t) ** 2 * t * a[4:] + 3 * (1 - t) * t * t * b[2:4] + t**3 * b[:2]
        for a, b in zip(points, np.roll(points, -1, axis=0), strict=True)
    ]
    canvas = np.zeros((size[0] * fine, size[1] * fine), np.uint8)
    cv2.fillPoly(canvas, [np.round(np.vstack(line) * fine - 0.5).astype(np.int32)], 255)
    return cv2.resize(canvas, size[::-1], interpolation=cv2.INTER_AREA) / np.float32(255)


def shown(splines: list[Spline], frame: int) -> np.ndarray:
    matte = np.zeros(SIZE, np.float32)
    for spline in splines:
        if spline.first <= frame < spline.first + len(spline.points):
            inside = drawn(spline, frame)
            matte = np.minimum(matte, 1 - inside) if spline.hole else np.maximum(matte, inside)
    return matte


def iou(a: np.ndarray, b: np.ndarray) -> float:
    return float(((a > 0.5) & (b > 0.5)).sum() / max(1, ((a > 0.5) | (b > 0.5)).sum()))


def splines_of(mattes: list[np.ndarray | None]) -> list[Spline]:
    tracker = OutlineTracker()
    for matte in mattes:
        tracker.add(matte)
    return [fit(run) for run in tracker.runs()]


def disc(x: float, y: float, radius: float, hole: float = 0.0) -> np.ndarray:
    """An anti-aliased disc, with a hole."""
    yy, xx = np.mgrid[: SIZE[0], : SIZE[1]] + 0.5
    distance = np.hypot(xx - x, yy - y)
    return np.clip(np.minimum(radius - distance, distance - hole if hole else radius) + 0.5, 0, 1).astype(np.float32)


def block(x: int, y: int, wide: int = 50, high: int = 30) -> np.ndarray:
    matte = np.zeros(SIZE, np.float32)
    matte[y : y + high, x : x + wide] = 1
    return matte


def runs_of(matte: np.ndarray) -> list[PixelRun]:
    tracker = OutlineTracker()
    tracker.add(matte)
    return tracker.runs()


def test_the_outline_of_a_disc_lies_on_its_edge_to_a_fifth_of_a_pixel() -> None:
    (run,) = runs_of(disc(100.3, 90.7, 40))
    assert run.depth == 0
    (points,) = run.outlines
    assert np.abs(np.hypot(*(points - (100.3, 90.7)).T) - 40).max() < 0.2


def test_an_object_at_the_border_is_outlined_past_it() -> None:
    matte = np.zeros(SIZE, np.float32)
    matte[100:, 150:] = 1
    ((points,),) = (run.outlines for run in runs_of(matte))
    assert points[:, 0].max() > SIZE[1] + 2
    assert points[:, 1].max() > SIZE[0] + 2
    assert iou(shown(splines_of([matte]), 0), matte) > 0.99


def test_a_moving_disc_with_a_hole_is_two_splines_with_as_many_points_on_each_frame() -> None:
    mattes = [disc(60 + 8 * f, 80 + 3 * f, 45 + f, 15) for f in range(12)]
    splines = splines_of(mattes)
    assert [s.hole for s in splines] == [False, True]
    assert all(s.first == 0 and len(s.points) == 12 and 8 <= s.points.shape[1] <= MOST for s in splines)
    assert min(iou(shown(splines, f), m) for f, m in enumerate(mattes)) > 0.98


def test_points_go_along_with_the_object_and_do_not_jump() -> None:
    mattes = [block(20 + 7 * f, 30 + 4 * f) for f in range(14)]
    (spline,) = splines_of(mattes)
    steps = np.diff(spline.points[:, :, :2], axis=0)
    assert np.abs(steps - (7, 4)).max() < 2
    corners = [(20.0, 30.0), (70.0, 30.0), (70.0, 60.0), (20.0, 60.0)]
    assert all(np.hypot(*(spline.points[0, :, :2] - corner).T).min() < 2 for corner in corners)


def test_points_follow_a_turning_object() -> None:
    """Corners stay corners: the same point, rotated with the object."""

    def turned(degrees: float) -> np.ndarray:
        matrix = cv2.getRotationMatrix2D((100, 90), degrees, 1.0)
        return cv2.warpAffine(block(60, 75, 80, 30), matrix, SIZE[::-1], flags=cv2.INTER_LINEAR)

    mattes = [turned(4.0 * f) for f in range(16)]
    (spline,) = splines_of(mattes)
    nearest = int(np.hypot(*(spline.points[0, :, :2] - (140, 105)).T).argmin())
    for f in range(16):
        angle = np.radians(-4.0 * f)
        x, y = np.cos(angle) * 40 - np.sin(angle) * 15 + 100, np.sin(angle) * 40 + np.cos(angle) * 15 + 90
        assert np.hypot(*(spline.points[f, nearest, :2] - (x, y))) < 5, f
    assert min(iou(shown([spline], f), m) for f, m in enumerate(mattes)) > 0.96


def test_splines_begin_and_end_with_what_they_show() -> None:
    both = [block(20, 20), block(24, 20), np.maximum(block(28, 20), disc(180, 120, 20)), disc(183, 120, 20), None]
    splines = splines_of([*both, block(20, 20)])
    assert sorted((s.first, len(s.points)) for s in splines) == [(0, 3), (2, 2), (5, 1)]


def test_an_island_in_a_hole_comes_after_the_hole() -> None:
    matte = np.maximum(disc(100, 90, 70, 45), disc(100, 90, 20))
    splines = splines_of([matte, matte])
    assert [s.hole for s in splines] == [False, True, False]
    assert iou(shown(splines, 1), matte) > 0.98


@pytest.mark.parametrize("noise", [0.0, 0.2])
def test_specks_are_left_out(noise: float) -> None:
    matte = disc(100, 90, 50)
    matte[5:7, 5:7] = 1
    matte = np.clip(matte + np.random.default_rng(0).uniform(-noise, noise, SIZE), 0, 1).astype(np.float32)
    assert len(splines_of([matte])) == 1


def test_a_shape_that_changes_all_over_keeps_its_points_in_order() -> None:
    mattes = [disc(100, 90, 25), disc(100, 90, 60), block(60, 60, 60), block(80, 40, 20, 100), disc(90, 90, 20)]
    (spline,) = splines_of(mattes)
    for f, matte in enumerate(mattes):
        assert iou(shown([spline], f), matte) > 0.85, f
