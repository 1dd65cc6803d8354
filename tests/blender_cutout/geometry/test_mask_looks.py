"""Tests the mask views by their pixels; `shade` mirrors the shader in numpy."""

from __future__ import annotations

import numpy as np
import pytest

from blender_cutout.geometry.mask_looks import CHECKER, GREY, OUTLINE, PALETTE, TINT, MaskLook, look, on_screen

BLUE = (0.0, 0.0, 1.0)
MATTE = np.array([0.0, 0.5, 1.0])
BELOW = np.array([[0.8, 0.4, 0.2]] * 3)


def shade(values: MaskLook, matte: np.ndarray, below: np.ndarray, dark: bool = False, line: float = 0.0) -> np.ndarray:
    """Returns the pixels (N, 3) of a view over `below`, on a dark or bright square, at this share of outline."""
    outside = np.array(values.outside) * ((1 - values.squares * dark,) * 3 + (1,))
    over = outside * (1 - matte[:, None]) + np.array(values.inside) * matte[:, None]
    over = np.array(values.line) * line + over * (1 - values.line[3] * line)
    return over[:, :3] + below * (1 - over[:, 3:])


def test_the_tint_lies_on_the_object_alone() -> None:
    seen = shade(look(TINT, BLUE, 0.5), MATTE, BELOW)
    np.testing.assert_allclose(seen, [(0.8, 0.4, 0.2), (0.6, 0.3, 0.4), (0.4, 0.2, 0.6)])


def test_the_outline_covers_nothing_but_its_line() -> None:
    values = look(OUTLINE, BLUE, 0.5)
    np.testing.assert_allclose(shade(values, MATTE, BELOW), BELOW)
    np.testing.assert_allclose(shade(values, MATTE, BELOW, line=1.0), [BLUE] * 3)


def test_what_is_cut_away_is_a_checkerboard() -> None:
    values = look(CHECKER, BLUE, 1.0)
    bright, dark = (shade(values, MATTE, BELOW, dark=which) for which in (False, True))
    np.testing.assert_allclose(bright[[0, 2]], [(0.32, 0.32, 0.32), BELOW[2]])
    np.testing.assert_allclose(dark[[0, 2]], [(0.1344, 0.1344, 0.1344), BELOW[2]])
    np.testing.assert_allclose(bright[1], (BELOW[1] + 0.32) / 2, err_msg="half and half on a soft edge")
    assert values.line[3] == 0


def test_black_and_white_is_the_matte_itself_and_nothing_of_the_picture() -> None:
    seen = shade(look(GREY, BLUE, 1.0), MATTE, BELOW)
    np.testing.assert_allclose(seen, MATTE[:, None].repeat(3, axis=1))


@pytest.mark.parametrize("view", [TINT, OUTLINE, CHECKER, GREY])
def test_without_opacity_nothing_is_seen_and_colours_are_premultiplied(view: str) -> None:
    for line in (0.0, 1.0):
        np.testing.assert_allclose(shade(look(view, BLUE, 0.0), MATTE, BELOW, line=line), BELOW)
    for opacity in (0.2, 0.7, 1.0):
        values = look(view, (1.0, 1.0, 1.0), opacity)
        for colour in (values.inside, values.outside, values.line):
            assert max(colour[:3]) <= colour[3] + 1e-9


def test_the_cutouts_colours_are_neither_of_the_strokes() -> None:
    assert len(set(PALETTE)) == len(PALETTE) >= 6
    for colour in PALETTE:
        for stroke in ((0.0, 1.0, 0.0), (1.0, 0.0, 0.0)):
            assert np.abs(np.subtract(colour, stroke)).sum() > 0.6


def test_colours_outside_of_the_preview_are_those_of_the_panel() -> None:
    assert [round(255 * value) for value in on_screen((0.05, 0.45, 1.0))] == [63, 179, 255]
    assert on_screen((0.0, 0.001, 1.0)) == pytest.approx((0.0, 0.01292, 1.0))
