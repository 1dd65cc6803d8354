"""Tests the contact sheet: colours of errors, zoom on the object, few rows per name."""

from __future__ import annotations

import numpy as np

from blender_cutout.core.types import Label, Stroke
from blender_cutout.evaluate.sheet import CELL_WIDTH, Row, Worst

SIZE = (200, 360)


def disc(x: int, y: int, radius: int) -> np.ndarray:
    ys, xs = np.mgrid[: SIZE[0], : SIZE[1]]
    return np.hypot(xs - x, ys - y) < radius


def row(name: str, truth: np.ndarray, found: np.ndarray, **more: object) -> Row:
    grey = np.full((*SIZE, 3), 128, np.uint8)
    return Row(name, "text", grey, truth, found.astype(np.float32), **more)  # type: ignore[arg-type]


def cells(sheet: np.ndarray, number: int = 0) -> list[np.ndarray]:
    """The three cells of a row of the sheet."""
    tall = SIZE[0] + 22
    line = sheet[number * tall + 22 : (number + 1) * tall]
    return [line[:, start : start + CELL_WIDTH].astype(int) for start in range(0, 3 * (CELL_WIDTH + 6), CELL_WIDTH + 6)]


def red(cell: np.ndarray) -> np.ndarray:
    return (cell[..., 0] > cell[..., 2] + 80) & (cell[..., 0] > cell[..., 1] + 80)


def blue(cell: np.ndarray) -> np.ndarray:
    return (cell[..., 2] > cell[..., 0] + 80) & (cell[..., 2] > cell[..., 1] + 50)


def test_missing_is_red_and_extra_is_blue_in_the_result_only() -> None:
    worst = Worst()
    worst.offer(0.5, row("a", disc(120, 100, 60), disc(180, 100, 60)))
    sheet = worst.sheet()
    assert sheet is not None
    picture, truth, result = cells(sheet)
    assert not red(picture).any()
    assert not blue(picture).any()
    assert not red(truth).any()
    wrong = int((disc(120, 100, 60) & ~disc(180, 100, 60)).sum())
    assert 0.8 * wrong < red(result).sum() < 1.4 * wrong
    assert np.flatnonzero(red(result).any(axis=0)).max() < np.flatnonzero(blue(result).any(axis=0)).max()


def test_pixels_that_do_not_count_are_no_errors() -> None:
    worst = Worst()
    worst.offer(0.5, row("a", disc(120, 100, 60), disc(180, 100, 60), counted=np.zeros(SIZE, bool)))
    sheet = worst.sheet()
    assert sheet is not None
    assert not red(cells(sheet)[2]).any()
    assert not blue(cells(sheet)[2]).any()


def test_a_small_object_is_shown_from_near_and_framed_in_the_picture() -> None:
    worst = Worst()
    worst.offer(0.1, row("a", disc(300, 40, 12), np.zeros(SIZE, bool)))
    sheet = worst.sheet()
    assert sheet is not None
    picture, _, result = cells(sheet)
    assert red(result).sum() > 7 * disc(300, 40, 12).sum()
    ys, xs = np.nonzero((picture == 255).all(axis=2))
    assert xs.min() < 290 < 310 < xs.max()
    assert ys.min() < 30 < 50 < ys.max()


def test_the_worst_come_first_and_no_name_fills_the_sheet() -> None:
    worst = Worst(limit=3, each=2)
    full = np.ones(SIZE, bool)
    for score, name, found in (
        (0.9, "good", full),
        (0.1, "bad", ~full),
        (0.2, "bad", disc(100, 100, 30)),
        (0.0, "bad", ~full),
        (0.5, "middling", disc(180, 100, 99)),
    ):
        worst.offer(score, row(name, full, found))
    sheet = worst.sheet()
    assert sheet is not None
    assert len(sheet) == 3 * (SIZE[0] + 22)
    share = [float(red(cells(sheet, n)[2]).mean()) for n in range(3)]
    assert share[0] > 0.9
    assert share[1] > 0.9
    assert 0.1 < share[2] < 0.7
    assert Worst().sheet() is None


def test_strokes_are_green_where_they_keep_and_red_where_they_remove() -> None:
    worst = Worst()
    strokes = tuple(
        Stroke(((50.0, y), (300.0, y)), 4.0, label) for y, label in ((60.0, Label.KEEP), (140.0, Label.REMOVE))
    )
    worst.offer(0.5, row("a", np.ones(SIZE, bool), np.ones(SIZE, bool), strokes=strokes))
    sheet = worst.sheet()
    assert sheet is not None
    picture = cells(sheet)[0]
    assert picture[60, 180, 1] > 200 > picture[60, 180, 0]
    assert picture[140, 180, 0] > 200 > picture[140, 180, 1]
