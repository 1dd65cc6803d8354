"""Tests the Detail Brush: where it paints alpha is found far from the edge, and its strokes follow the mask."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from blender_cutout.core.edges.detail_map import carried, detail_map, nearest, painted_from_json
from blender_cutout.core.edges.refine_edge import refine_edge
from blender_cutout.core.edges.settings import UNCHANGED, EdgeSettings
from blender_cutout.core.engine import Engine
from blender_cutout.core.errors import CutoutError
from blender_cutout.core.types import Label, Stroke

SIZE = (200, 260)
HAIR = (100, 200)
"""Row and column far outside the object."""


def block(left: int = 40, top: int = 60, side: int = 80) -> np.ndarray:
    matte = np.zeros(SIZE, np.float32)
    matte[top : top + side, left : left + side] = 1
    return matte


def over_hair(label: Label = Label.KEEP, radius: float = 12.0) -> Stroke:
    return Stroke([(HAIR[1] + 0.5, 85.5), (HAIR[1] + 0.5, 115.5)], radius, label)


class Half:
    """Finds half an alpha everywhere."""

    def predict(self, image: Any, matte: Any) -> Any:
        return np.full(matte.shape, 0.5, np.float32)


def alpha(*strokes: Stroke, settings: EdgeSettings | None = None) -> np.ndarray:
    image = np.full((*SIZE, 3), 90, np.uint8)
    detail = detail_map(strokes, SIZE) if strokes else None
    return refine_edge(Half(), image, block(), settings or EdgeSettings(decontaminate=0.0), detail)[0]


def test_alpha_is_found_under_the_stroke_and_nowhere_else() -> None:
    without, with_it = alpha(), alpha(over_hair())
    assert without[HAIR] == 0
    assert with_it[HAIR] == 0.5
    assert np.array_equal(with_it[:, :160], without[:, :160])
    y, x = np.nonzero(with_it != without)
    assert abs(x.mean() - HAIR[1]) < 1
    assert 20 < np.ptp(x) < 42
    assert 50 < np.ptp(y) < 72


def test_with_ctrl_it_takes_away_what_was_painted_before_and_the_later_stroke_counts() -> None:
    keep, remove = over_hair(), over_hair(Label.REMOVE, 6.0)
    assert alpha(keep, remove)[HAIR] < 0.05
    assert alpha(remove, keep)[HAIR] == 0.5


def test_without_detail_strokes_change_nothing(engine: Engine) -> None:
    settings = EdgeSettings(detail=0.0, grow=2.0, decontaminate=0.0)
    assert np.array_equal(alpha(over_hair(), settings=settings), alpha(settings=settings))
    image = np.full((*SIZE, 3), 90, np.uint8)
    assert (
        engine.refine_edge(image, block(), UNCHANGED, detail_map([over_hair()], SIZE))[0].tobytes() == block().tobytes()
    )


def test_strokes_move_and_grow_with_the_mask() -> None:
    (stroke,) = carried([over_hair()], block(), block(60, 40, 120))
    (x0, y0), (x1, y1) = stroke.points
    assert stroke.radius == pytest.approx(18)
    assert x0 == x1 == pytest.approx(120 + 1.5 * (HAIR[1] + 0.5 - 80))
    assert (y0, y1) == (pytest.approx(100 + 1.5 * (85.5 - 100)), pytest.approx(100 + 1.5 * (115.5 - 100)))
    assert carried([over_hair()], block(), np.zeros(SIZE, np.float32)) == ()
    assert carried([over_hair()], block(), block()) == (over_hair(),)


def test_the_nearest_painted_frame_counts_the_earlier_of_two() -> None:
    painted = {4: (), 10: ()}
    assert [nearest(painted, frame) for frame in (0, 6, 7, 8, 30)] == [4, 4, 4, 10, 10]
    assert nearest({}, 3) is None


def test_far_and_huge_strokes_are_drawn_as_far_as_the_picture_goes() -> None:
    far = Stroke([(-1e12, 5.0), (1e12, 5.0)], 1e9, Label.KEEP)
    assert detail_map([far], SIZE).max() <= 1
    assert detail_map([Stroke([(10.0, 10.0)], 0.1, Label.KEEP)], SIZE).shape == SIZE


@pytest.mark.parametrize(
    "records",
    [
        [3],
        [{"frame": 1}],
        [{"frame": -1, "strokes": []}],
        [{"frame": "1", "strokes": []}],
        [{"frame": 1, "strokes": [3]}],
    ],
)
def test_records_that_are_no_strokes_are_refused(records: Any) -> None:
    with pytest.raises(CutoutError):
        painted_from_json(records)
