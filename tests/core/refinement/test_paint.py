"""Tests that exact paint sets the pixels that were painted, and only those."""

from __future__ import annotations

import numpy as np
import pytest

from blender_cutout.core.errors import StrokeError
from blender_cutout.core.refinement.paint import paint, painted_area
from blender_cutout.core.types import Label, Paint

SIZE = (60, 100)
EMPTY = np.zeros(SIZE, np.float32)
SQUARE = [(20, 10), (50, 10), (50, 40), (20, 40)]


@pytest.mark.parametrize("y", [20, 20.25, 20.5, 20.75])
@pytest.mark.parametrize("along", ["x", "y"])
def test_three_pixel_wire_is_three_pixels_wherever_it_lies(y: float, along: str) -> None:
    points = [(10, y), (50, y)] if along == "x" else [(y, 10), (y, 50)]
    found = paint(EMPTY, [Paint(points, 1.5, Label.KEEP)])
    across = found[:, 20:40] if along == "x" else found[20:40].T
    assert set(np.unique(found)) == {0, 1}
    assert (across.sum(axis=0) == 3).all()


def test_slanted_wire_is_as_wide_and_has_no_gap() -> None:
    found = paint(EMPTY, [Paint([(10, 10), (90, 47.3)], 1.5, Label.KEEP)])
    assert found.sum() == pytest.approx(3 * np.hypot(80, 37.3) + np.pi * 1.5**2, rel=0.02)
    assert (found[:, 12:88].sum(axis=0) >= 3).all()


def test_dot_is_a_disc_and_curve_with_many_points_is_exact() -> None:
    dot = paint(EMPTY, [Paint([(40, 30)], 8, Label.KEEP)])
    assert dot.sum() == pytest.approx(np.pi * 64, rel=0.04)
    turns = np.linspace(0, 2 * np.pi, 2000)
    ring = paint(EMPTY, [Paint(np.stack([40 + 15 * np.cos(turns), 30 + 15 * np.sin(turns)], 1), 2, Label.KEEP)])
    y, x = np.mgrid[: SIZE[0], : SIZE[1]] + 0.5
    truth = np.abs(np.hypot(x - 40, y - 30) - 15) < 2
    assert np.count_nonzero(truth != (ring > 0)) <= 8


def test_outline_is_filled_exactly_also_where_it_crosses_itself_and_leaves_the_picture() -> None:
    found = paint(EMPTY, [Paint(SQUARE, 0, Label.KEEP)])
    assert found[10:40, 20:50].all()
    assert found.sum() == 900
    twice = paint(EMPTY, [Paint([*SQUARE, *SQUARE], 0, Label.KEEP)])
    assert np.array_equal(twice, found)
    all_over = paint(EMPTY, [Paint([(-1e9, -1e9), (1e9, -1e9), (1e9, 1e9), (-1e9, 1e9)], 0, Label.KEEP)])
    assert all_over.all()


def test_later_shapes_win_and_erasing_is_as_exact() -> None:
    found = paint(EMPTY, [Paint(SQUARE, 0, Label.KEEP), Paint([(15, 25.5), (55, 25.5)], 1.5, Label.REMOVE)])
    assert found.sum() == 900 - 3 * 30
    assert not found[24:27].any()


def test_hard_paint_leaves_all_other_pixels_to_the_bit_in_both_depths() -> None:
    rng = np.random.default_rng(0)
    grey = rng.integers(0, 256, SIZE).astype(np.uint8)
    shapes = [Paint([(10, 10), (60, 40)], 3, Label.KEEP), Paint([(60, 10), (10, 40)], 2, Label.REMOVE)]
    area = painted_area(shapes, SIZE)
    for matte, full in ((grey, 255), (grey / np.float32(255), 1)):
        found = paint(matte, shapes)
        assert found.dtype == matte.dtype
        assert np.array_equal(found[~area], matte[~area])
        assert set(np.unique(found[area])) == {0, full}


@pytest.mark.parametrize("radius", [0, 6])
def test_feather_is_as_wide_as_said_and_half_outside(radius: float) -> None:
    points = SQUARE if not radius else [(0, 25), (100, 25)]
    row = paint(EMPTY, [Paint(points, radius, Label.KEEP, 8)])[:, 35]
    edge = 10 if not radius else 19
    soft = np.flatnonzero((row > 0) & (row < 1))
    assert row[edge - 5] == 0
    assert row[edge + 4] == 1
    assert np.count_nonzero(soft < 25) == 8
    assert row[edge - 1] == pytest.approx(0.5 - 1 / 16, abs=0.01)
    assert row[edge] == pytest.approx(0.5 + 1 / 16, abs=0.01)


def test_shape_outside_the_picture_paints_nothing() -> None:
    assert not painted_area([Paint([(500, 500)], 5, Label.KEEP), Paint(np.add(SQUARE, 500), 0, "keep")], SIZE).any()


def test_endless_scribble_is_refused() -> None:
    rng = np.random.default_rng(0)
    points = rng.uniform(0, 4000, (20_000, 2))
    with pytest.raises(StrokeError) as caught:
        paint(np.zeros((4000, 4000), np.uint8), [Paint(points, 500, Label.KEEP)])
    assert caught.value.hint


@pytest.mark.parametrize(
    ("points", "radius", "feather"),
    [([(0, 0), (1, 1)], 0, 0), ([(0, 0)], -1, 0), ([(0, 0)], 1, -1), ([(0, 0)], 1e9, 0), ([(0, float("nan"))], 1, 0)],
)
def test_impossible_shapes_are_refused(points: object, radius: float, feather: float) -> None:
    with pytest.raises(StrokeError) as caught:
        Paint(points, radius, Label.KEEP, feather)  # type: ignore[arg-type]
    assert caught.value.hint


def test_shape_survives_json() -> None:
    shape = Paint(SQUARE, 0, Label.REMOVE, 2.5)
    assert Paint.from_json(shape.to_json()) == shape
    assert Paint.from_json({"label": "keep", "points": SQUARE}) == Paint(SQUARE, 0, Label.KEEP)
