"""Tests which strokes count as just drawn, with annotations made of plain objects."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from blender_cutout.core.errors import StrokeError
from blender_cutout.strokes.annotation_strokes import drawn_on
from blender_cutout.strokes.stroke_watch import StrokeWatch

Line = list[tuple[float, float]]
OLD: Line = [(0, 0), (1, 0), (2, 0), (3, 0)]
NEW: Line = [(0, 5), (1, 5), (2, 5), (3, 5)]


def annotation(frames: dict[int, list[Line]], name: str = "Cutout +", **more: object) -> Any:
    def stroke(line: Line) -> Any:
        return SimpleNamespace(points=[SimpleNamespace(co=(x, y, 0.0)) for x, y in line], **more)

    made = [SimpleNamespace(frame_number=n, strokes=[stroke(s) for s in lines]) for n, lines in frames.items()]
    return SimpleNamespace(layers=[SimpleNamespace(info=name, thickness=8, frames=made)])


def keys(notes: Any, frame: int) -> list[str]:
    return [d.key for d in drawn_on(notes, frame)]


@pytest.fixture
def watch() -> StrokeWatch:
    """Has seen OLD on frame 5."""
    watch = StrokeWatch()
    watch.look(annotation({5: [OLD]}))
    return watch


def test_what_is_there_at_first_is_old_what_appears_is_fresh_once(watch: StrokeWatch) -> None:
    assert watch.take(5) == []
    notes = annotation({5: [OLD, NEW]})
    watch.look(notes)
    assert watch.take(5) == keys(notes, 5)[1:]
    watch.look(notes)
    assert watch.take(5) == []


def test_a_first_look_at_nothing_makes_the_first_stroke_fresh() -> None:
    watch = StrokeWatch()
    watch.look(None)
    watch.look(annotation({5: [OLD]}))
    assert len(watch.take(5)) == 1


def test_a_stroke_is_fresh_for_its_own_frame_only(watch: StrokeWatch) -> None:
    watch.look(annotation({5: [OLD], 9: [OLD]}))
    assert watch.take(5) == []
    assert len(watch.take(9)) == 1


def test_what_undo_took_and_redo_brings_is_not_fresh(watch: StrokeWatch) -> None:
    watch.look(annotation({5: [OLD, NEW]}))
    watch.take(5)
    for lines in ([OLD], [OLD, NEW], [], [OLD, NEW]):
        watch.look(annotation({5: lines}))
    assert watch.take(5) == []


def test_the_pieces_that_the_eraser_leaves_are_not_fresh(watch: StrokeWatch) -> None:
    watch.look(annotation({5: [OLD[:2], OLD[3:]]}))
    assert watch.take(5) == []


def test_another_stroke_in_the_place_of_an_erased_one_is_fresh(watch: StrokeWatch) -> None:
    watch.look(annotation({5: [NEW]}))
    assert len(watch.take(5)) == 1


def test_the_same_line_on_the_other_layer_is_fresh(watch: StrokeWatch) -> None:
    both = annotation({5: [OLD]})
    both.layers += annotation({5: [OLD]}, "Cutout -").layers
    watch.look(both)
    assert len(watch.take(5)) == 1


def test_other_layers_and_dropped_strokes_are_not_fresh(watch: StrokeWatch) -> None:
    watch.look(annotation({5: [NEW]}, "Note"))
    assert watch.take(5) == []
    watch.look(annotation({5: [OLD, NEW]}))
    watch.drop()
    assert watch.take(5) == []


def test_after_a_reset_all_is_old(watch: StrokeWatch) -> None:
    watch.reset()
    watch.look(annotation({5: [OLD, NEW], 7: [NEW]}))
    assert watch.take(5) == watch.take(7) == []


def test_a_stroke_that_sticks_to_the_screen_is_reported_once(watch: StrokeWatch) -> None:
    notes = annotation({5: [OLD, NEW]}, display_mode="SCREEN")
    with pytest.raises(StrokeError, match="sticks to the screen"):
        watch.look(notes)
    watch.look(notes)
    assert watch.take(5) == []


def test_a_stroke_is_its_owners_whoever_asks_first(watch: StrokeWatch) -> None:
    watch.look(annotation({5: [OLD, NEW]}), "cat")
    notes = annotation({5: [OLD, NEW, [(9, 9), (8, 8)]]})
    watch.look(notes, "dog")
    assert watch.take(5, "dog") == keys(notes, 5)[2:]
    assert watch.take(5, "cat") == keys(notes, 5)[1:2]
    assert watch.take(5, "cat") == []
