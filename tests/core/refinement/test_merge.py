"""Tests that a round changes only what its strokes touch."""

from __future__ import annotations

import numpy as np

from blender_cutout.core.refinement.stitch import merge_changes


def block(*boxes: tuple[int, int, int, int], value: float = 1.0) -> np.ndarray:
    matte = np.zeros((60, 80), np.float32)
    for y0, y1, x0, x1 in boxes:
        matte[y0:y1, x0:x1] = value
    return matte


OBJECT, TOO_MUCH, FAR = (20, 40, 20, 40), (20, 40, 40, 50), (5, 15, 60, 75)


def test_an_area_under_the_stroke_changes_and_one_far_away_does_not() -> None:
    before = block(OBJECT, TOO_MUCH)
    refined = block(OBJECT, FAR)
    merged = merge_changes(before, refined, block((28, 32, 44, 46)))
    assert np.array_equal(merged, block(OBJECT))


def test_soft_edges_go_with_their_area() -> None:
    before, refined = block(OBJECT), block(OBJECT, FAR)
    refined[4, 60:75] = refined[15, 60:75] = 0.4
    refined[30:32, 38:44] = 0.9
    merged = merge_changes(before, refined, block((30, 32, 41, 42)))
    assert merged[4:16, 58:77].max() == 0, "the rim of what is dropped is dropped"
    assert (merged[30:32, 40:44] == np.float32(0.9)).all(), "what the stroke touches stays"
    assert (merged[30:32, 38:40] == np.float32(0.9)).all(), "with the soft pixels beside it"


def test_soft_changes_that_cross_no_edge_are_taken_over() -> None:
    before, refined = block(OBJECT, value=0.7), block(OBJECT, value=0.95)
    assert np.array_equal(merge_changes(before, refined, block((1, 2, 1, 2))), refined)


def test_a_stroke_beside_an_area_touches_it_and_inputs_stay() -> None:
    before, refined = block(OBJECT), block(OBJECT, FAR)
    copies = before.copy(), refined.copy()
    assert np.array_equal(merge_changes(before, refined, block((8, 10, 58, 60))), refined)
    assert np.array_equal(before, copies[0])
    assert np.array_equal(refined, copies[1])
