"""Tests that annotations, here plain objects, become strokes in source pixels."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from blender_cutout.core.errors import StrokeError
from blender_cutout.core.types import Label
from blender_cutout.geometry.picture_map import PictureMap
from blender_cutout.strokes.annotation_strokes import drawn_frames, drawn_on, pick_new, to_source

PICTURE = PictureMap((200, 100), (200, 100))


def annotation(**layers: dict[int, list[list[tuple[float, float]]]]) -> Any:
    names = {"keep": "Cutout +", "remove": "Cutout -", "note": "Note"}
    return SimpleNamespace(
        layers=[
            SimpleNamespace(
                info=names[name],
                thickness=8,
                frames=[
                    SimpleNamespace(frame_number=number, strokes=[stroke(points) for points in lines])
                    for number, lines in frames.items()
                ],
            )
            for name, frames in layers.items()
        ]
    )


def stroke(points: list[tuple[float, float]], **more: object) -> Any:
    return SimpleNamespace(points=[SimpleNamespace(co=(x, y, 0.0)) for x, y in points], **more)


def test_strokes_of_the_two_layers_on_this_frame_are_read_and_no_others() -> None:
    drawn = drawn_on(
        annotation(keep={5: [[(0, 0)], [(1, 1)]], 6: [[(2, 2)]]}, remove={5: [[(3, 3)]]}, note={5: [[(4, 4)]]}), 5
    )
    assert [(d.label, d.points) for d in drawn] == [
        (Label.KEEP, ((0, 0),)),
        (Label.KEEP, ((1, 1),)),
        (Label.REMOVE, ((3, 3),)),
    ]


def test_every_stroke_has_a_key_of_its_own_that_does_not_change() -> None:
    notes = annotation(keep={5: [[(0, 0)], [(1, 1)]], 6: [[(0, 0)]]}, remove={5: [[(0, 0)]]})
    keys = [d.key for frame in (5, 6) for d in drawn_on(notes, frame)]
    assert len(set(keys)) == 4
    assert keys == [d.key for frame in (5, 6) for d in drawn_on(notes, frame)]


def test_only_strokes_that_were_not_applied_are_taken() -> None:
    notes = annotation(keep={5: [[(0, 0)], [(1, 1)]]})
    first = pick_new(notes, 5, [])[0]
    assert [d.points for d in pick_new(notes, 5, [first.key])] == [((1, 1),)]


def test_the_message_says_that_all_are_applied_where_they_are_or_that_there_are_none() -> None:
    notes = annotation(keep={5: [[(0, 0)]], 9: [[(0, 0)]]})
    with pytest.raises(StrokeError, match="already applied"):
        pick_new(notes, 5, [d.key for d in drawn_on(notes, 5)])
    with pytest.raises(StrokeError, match=r"no strokes on frame 7.*5, 9"):
        pick_new(notes, 7, [])
    for empty in (None, annotation(keep={5: []}), annotation(note={7: [[(0, 0)]]})):
        with pytest.raises(StrokeError, match="There are no strokes"):
            pick_new(empty, 7, [])
    assert drawn_frames(notes) == [5, 9]


def test_a_stroke_that_sticks_to_the_screen_is_refused() -> None:
    notes = annotation(keep={5: []})
    notes.layers[0].frames[0].strokes.append(stroke([(50, 50)], display_mode="SCREEN"))
    with pytest.raises(StrokeError, match="sticks to the screen"):
        pick_new(notes, 5, [])


def test_preview_points_become_source_pixels_and_screen_thickness_a_source_radius() -> None:
    (found,), outside = to_source(drawn_on(annotation(remove={1: [[(-100, 50), (0, 0)]]}), 1), PICTURE, zoom=2.0)
    assert found.points == ((0, 0), (100, 50))
    assert found.radius == 2.0
    assert found.label is Label.REMOVE
    assert outside == []


def test_strokes_beside_the_picture_are_left_out_and_an_error_when_there_are_only_such() -> None:
    drawn = drawn_on(annotation(keep={1: [[(0, 0)], [(900, 0), (910, 0)], [(103, 0)]]}), 1)
    inside, outside = to_source(drawn, PICTURE, zoom=1.0)
    assert len(inside) == 2  # the third touches the rim with its thickness
    assert outside == [drawn[1].key]
    with pytest.raises(StrokeError, match="outside"):
        to_source(drawn[1:2], PICTURE, zoom=1.0)
