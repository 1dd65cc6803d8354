"""Tests the Cutout Brush's strokes: stored as text, read back, turned into the engine's; and their shapes on screen."""

from __future__ import annotations

import itertools
import math
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest

from blender_cutout.core.types import Label
from blender_cutout.geometry.picture_map import PictureMap
from blender_cutout.geometry.stroke_shapes import band, circle
from blender_cutout.strokes import brush_strokes
from blender_cutout.strokes.brush_strokes import Painted

PICTURE = PictureMap((200, 100), (200, 100))


def stroke(*touches: tuple[float, float, float], radius: float = 10.0) -> Painted:
    return Painted("k", Label.KEEP, 3, radius, touches)


def kept(frame: int = 3, points: str = "1,2,1", label: str = "keep", key: str = "k") -> Any:
    return SimpleNamespace(key=key, label=label, frame=frame, radius=10.0, points=points)


def test_points_are_read_back_as_they_were_written() -> None:
    touches = ((1.25, -2.5, 1.0), (1919.99, 0.0, 0.333))
    assert brush_strokes.decode(brush_strokes.encode(touches)) == touches
    assert brush_strokes.decode("") == ()


@pytest.mark.parametrize("text", ["1,2", "a,b,c", "1,2,nan", "inf,2,1", "1,2,3,4"])
def test_what_is_no_list_of_points_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 (Python's own words differ)
        brush_strokes.decode(text)


def test_only_strokes_of_the_frame_that_can_be_understood_are_read() -> None:
    strokes = [kept(), kept(4), kept(points="broken"), kept(points=""), kept(label="maybe"), kept(label="remove")]
    found = brush_strokes.painted_on(strokes, 3)
    assert [p.label for p in found] == [Label.KEEP, Label.REMOVE]
    assert found[0].touches == ((1.0, 2.0, 1.0),)
    assert brush_strokes.painted_frames(strokes) == [3, 4]


def test_only_new_strokes_are_taken() -> None:
    strokes = [kept(key="a"), kept(key="b"), kept(key="c")]
    assert [p.key for p in brush_strokes.new_on(strokes, 3, {"a"})] == ["b", "c"]
    assert [p.key for p in brush_strokes.new_on(strokes, 3, {"a"}, {"a", "c"})] == ["c"]


def test_a_mouses_stroke_is_one_stroke_of_the_engine() -> None:
    (found,) = brush_strokes.to_strokes(stroke((1, 2, 1), (5, 6, 1), (9, 9, 1)))
    assert (found.points, found.label) == (((1, 2), (5, 6), (9, 9)), Label.KEEP)
    assert found.radius == pytest.approx(10)
    (dot,) = brush_strokes.to_strokes(stroke((1, 2, 1)))
    assert dot.points == ((1, 2),)


def test_a_pens_stroke_becomes_several_that_share_their_ends_and_are_as_wide_as_it() -> None:
    touches = [(float(i), 0.0, 0.2 + 0.8 * math.sin(i / 40 * math.pi)) for i in range(41)]
    painted = stroke(*touches)
    parts = brush_strokes.to_strokes(painted)
    assert 4 < len(parts) < 20
    for one, other in itertools.pairwise(parts):
        assert one.points[-1] == other.points[0]
    assert (parts[0].points[0], parts[-1].points[-1]) == ((0, 0), (40, 0))
    for part in parts:
        for x, _ in part.points[1:]:
            assert part.radius == pytest.approx(painted.radii()[int(x)], rel=0.21)


def test_a_stroke_never_gets_thinner_than_the_engine_can_see() -> None:
    assert brush_strokes.radius_at(10, 0) == 1
    assert brush_strokes.radius_at(2, 0.1) == 0.5
    assert brush_strokes.radius_at(10, 7) == 10


def test_points_that_say_nothing_new_are_left_out() -> None:
    assert not brush_strokes.is_further((0, 0, 1), (0.5, 0.5, 1), 1)
    assert brush_strokes.is_further((0, 0, 1), (1, 0, 1), 1)
    assert brush_strokes.is_further((0, 0, 1), (0, 0, 0.5), 1)


def test_a_stroke_touches_the_picture_with_its_rim() -> None:
    assert brush_strokes.touches_picture(stroke((-9, 50, 1)), PICTURE)
    assert not brush_strokes.touches_picture(stroke((-9, 50, 0.5)), PICTURE)
    assert brush_strokes.touches_picture(stroke((-90, 50, 0.5), (10, 50, 1)), PICTURE)


def test_a_band_covers_what_a_round_brush_does() -> None:
    points, radii = [(30.0, 30.0), (90.0, 40.0), (60.0, 80.0)], [4.0, 12.0, 8.0]
    corners, triangles = band(points, radii)
    drawn, expected = np.zeros((120, 120), np.uint8), np.zeros((120, 120), np.uint8)
    for triangle in triangles:
        cv2.fillConvexPoly(drawn, np.round(corners[triangle] * 16).astype(np.int32), 1, shift=4)
    y, x = np.mgrid[:120, :120]
    for (ax, ay), (bx, by), r0, r1 in zip(points, points[1:], radii, radii[1:], strict=False):
        along = np.clip(((x - ax) * (bx - ax) + (y - ay) * (by - ay)) / ((bx - ax) ** 2 + (by - ay) ** 2), 0, 1)
        apart = np.hypot(x - ax - along * (bx - ax), y - ay - along * (by - ay))
        expected |= (apart <= r0 + along * (r1 - r0)).astype(np.uint8)
    assert (drawn & expected).sum() / (drawn | expected).sum() > 0.93


def test_a_dot_is_a_disc_and_a_resting_mouse_does_no_harm() -> None:
    corners, triangles = band([(5, 5)], [3])
    assert triangles.max() == len(corners) - 1
    np.testing.assert_allclose(np.hypot(*(corners - 5).T), 3, rtol=1e-5)
    assert np.isfinite(band([(5, 5), (5, 5)], [3, 3])[0]).all()


def test_a_circle_is_closed_and_round() -> None:
    points = circle((10, 20), 5)
    assert points[0] == pytest.approx(points[-1])
    assert all(math.hypot(x - 10, y - 20) == pytest.approx(5) for x, y, _ in points)
