"""Tests that what is encoded comes back the same: five pairs of functions, over generated values.

The examples are few, the same in every run (derandomized), and not stored.
"""

from __future__ import annotations

import json
import tempfile
from dataclasses import fields
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from blender_cutout.core import messages as m
from blender_cutout.core.export.delivery import splines_to_json
from blender_cutout.core.export.splines import Spline
from blender_cutout.core.frame_text import FrameText
from blender_cutout.core.images.crop import Crop
from blender_cutout.core.session.actions import Import, Lock, Operation, PaintRound, Propagation, Round, action_to_json
from blender_cutout.core.session.journal import ROOT, Journal
from blender_cutout.core.types import AUTO_MODES, Box, Direction, FrameRange, Label, Paint, Stroke
from blender_cutout.formats import spline_file
from blender_cutout.geometry.time_map import TimeMap

steady = settings(derandomize=True, max_examples=60, deadline=None, database=None)
whole = st.integers(-(2**53), 2**53)
real = st.floats(-1e6, 1e6)

# ---------------------------------------------------------------- the crop


@st.composite
def crops(draw: st.DrawFn) -> tuple[Crop, tuple[int, int]]:
    """Draws a crop that may reach beyond its picture, and the picture's size."""
    height, width = draw(st.integers(8, 60)), draw(st.integers(8, 60))
    x0, y0 = draw(st.integers(-20, width - 1)), draw(st.integers(-20, height - 1))
    box = Box(x0, y0, draw(st.integers(x0 + 1, width + 20)), draw(st.integers(y0 + 1, height + 20)))
    return Crop(box, (draw(st.integers(1, 80)), draw(st.integers(1, 80)))), (height, width)


@steady
@given(crops(), st.integers(0, 2**32 - 1))
def test_a_crop_of_the_boxs_own_size_and_back_changes_no_bit_inside_it(
    made: tuple[Crop, tuple[int, int]], seed: int
) -> None:
    box, size = made[0].box, made[1]
    crop = Crop(box, (box.height, box.width))
    matte = np.random.default_rng(seed).random(size, np.float32)
    back = crop.from_crop(crop.to_crop(matte, fill=0.0), size)
    rows, columns = slice(max(0, box.y0), max(0, box.y1)), slice(max(0, box.x0), max(0, box.x1))
    expected = np.zeros_like(matte)
    expected[rows, columns] = matte[rows, columns]
    np.testing.assert_array_equal(back, expected)


@steady
@given(crops(), st.floats(0, 1, width=32), real, real)
def test_a_crop_of_any_size_keeps_an_even_matte_and_the_places_of_points(
    made: tuple[Crop, tuple[int, int]], value: float, x: float, y: float
) -> None:
    crop, size = made
    inside = crop.from_crop(crop.to_crop(np.full(size, value, np.float32)), size)
    box = crop.box
    seen = inside[max(0, box.y0) : max(0, box.y1), max(0, box.x0) : max(0, box.x1)]
    np.testing.assert_allclose(seen, value, atol=1e-5)
    there = crop.points_to_crop([(x, y)])[0]
    back = (box.x0 + there[0] * box.width / crop.size[1], box.y0 + there[1] * box.height / crop.size[0])
    np.testing.assert_allclose(back, (x, y), rtol=1e-9, atol=1e-6)


# ---------------------------------------------------------------- the timeline


@st.composite
def time_maps(draw: st.DrawFn) -> TimeMap:
    count = draw(st.integers(1, 60))
    left = draw(st.integers(-50, 50))
    head = draw(st.integers(0, count - 1))
    return TimeMap(
        left=left,
        right=left + draw(st.integers(1, 80)),
        start=left + draw(st.floats(-20, 20)),
        length=draw(st.floats(1, 80)),
        count=count,
        trim=(head, draw(st.integers(0, count - 1 - head))),
        rate=draw(st.floats(0.1, 4)),
        reverse=draw(st.booleans()),
        strobe=draw(st.floats(1, 5)),
        rounded=draw(st.booleans()),
    )


@steady
@given(time_maps())
def test_every_frame_of_the_timeline_leads_to_a_clip_frame_and_that_back_to_its_first(times: TimeMap) -> None:
    seen: dict[int, int] = {}
    for timeline in range(times.left, times.right):
        frame = times.clip_frame(timeline)
        assert frame is not None
        assert 0 <= frame < times.count
        assert times.timeline_frame(frame) == seen.setdefault(frame, timeline)
    assert times.clip_frame(times.left - 1) is times.clip_frame(times.right) is None
    hidden = set(range(times.count)) - seen.keys()
    assert all(times.timeline_frame(frame) is None for frame in hidden)


# ---------------------------------------------------------------- the journal

spans = st.tuples(st.integers(0, 500), st.integers(1, 500)).map(lambda pair: FrameRange(pair[0], pair[0] + pair[1]))
strokes = st.builds(
    Stroke, st.lists(st.tuples(real, real), min_size=1, max_size=5), st.floats(0.01, 500), st.sampled_from(Label)
)
imported = st.dictionaries(st.integers(0, 500), st.from_regex(r"\A[0-9a-f]{24}\Z"), min_size=1, max_size=4)
boxes = st.tuples(*[st.integers(-500, 500)] * 2, *[st.integers(1, 500)] * 2).map(
    lambda box: Box(box[0], box[1], box[0] + box[2], box[1] + box[3])
)
paints = st.builds(
    Paint,
    st.lists(st.tuples(real, real), min_size=3, max_size=5).map(tuple),
    st.floats(0, 50),
    st.sampled_from(Label),
    st.floats(0, 20),
)
actions = st.one_of(
    st.builds(
        Round,
        st.integers(0, 500),
        st.lists(strokes, max_size=3).map(tuple),
        st.floats(0.1, 50),
        st.booleans(),
        box=st.none(),
        mode=st.just(AUTO_MODES[0]),
        at=st.none(),
    ),
    st.builds(
        lambda frame, mode, at: Round(frame, auto=True, mode=mode, at=at),
        st.integers(0, 500),
        st.sampled_from(AUTO_MODES[1:]),
        st.tuples(real, real),
    ),
    st.builds(lambda frame, box: Round(frame, auto=True, box=box), st.integers(0, 500), boxes),
    st.builds(lambda frame, mode: Round(frame, auto=True, mode=mode), st.integers(0, 500), st.sampled_from(AUTO_MODES)),
    st.builds(PaintRound, st.integers(0, 500), st.lists(paints, min_size=1, max_size=3).map(tuple)),
    st.builds(Propagation, spans, st.sampled_from(Direction), stability=st.floats(0, 1)),
    st.builds(Propagation, spans, st.sampled_from(Direction), st.from_regex(r"\A[0-9a-f]{16}\Z"), st.integers(2, 9)),
    st.builds(Lock, spans, st.booleans()),
    st.builds(Import, imported, st.text(max_size=9)),
)


@steady
@given(st.lists(st.tuples(actions, st.integers(0, 99)), min_size=1, max_size=6))
def test_a_journal_read_again_has_every_step_and_its_head(steps: list[tuple[Any, int]]) -> None:
    with tempfile.TemporaryDirectory() as place:
        journal = Journal(Path(place) / "rounds.jsonl")
        ids = [ROOT]
        for number, (action, back) in enumerate(steps):
            journal.move_head(ids[back % len(ids)])
            journal.append(Operation(f"{number:016x}", journal.head, action))
            ids.append(f"{number:016x}")
        journal.move_head(ids[steps[0][1] % len(ids)])
        again = Journal(journal.path)
        assert again.warnings == []
        assert again.head == journal.head
        for (action, _), name in zip(steps, ids[1:], strict=True):
            assert action_to_json(again.operations[name].action) == action_to_json(action)
            assert again.operations[name].parent == journal.operations[name].parent


# ---------------------------------------------------------------- the messages

scalars = st.one_of(st.text(max_size=9), whole, real, st.booleans())
sentences = st.builds(FrameText, st.text(max_size=5), st.integers(0, 500), st.text(max_size=5))


def values(hint: Any) -> st.SearchStrategy[Any]:
    """Values of a field by its type."""
    if get_origin(hint) is tuple:
        inside = get_args(hint)
        if inside[-1] is Ellipsis:
            return st.lists(values(inside[0]), max_size=3).map(tuple)
        return st.tuples(*map(values, inside))
    if get_origin(hint) is dict:
        return st.dictionaries(st.text(max_size=5), scalars, max_size=3)
    plain: dict[Any, st.SearchStrategy[Any]] = {str: st.text(max_size=9), bool: st.booleans(), int: whole, float: real}
    return plain[hint]


def messages(kind: type) -> st.SearchStrategy[Any]:
    hints = get_type_hints(kind)
    made = {f.name: values(hints[f.name]) for f in fields(kind)}
    if kind is m.Warn:
        made["text"] = st.one_of(made["text"], sentences)
    return st.builds(kind, **made)


@pytest.mark.parametrize("kind", get_args(m.Message), ids=lambda kind: kind.__name__)
def test_every_message_comes_back_from_its_line(kind: type) -> None:
    @steady
    @given(messages(kind))
    def check(message: Any) -> None:
        line = m.encode(message)
        assert line.count(b"\n") == 1
        back = m.decode(line)
        assert back == message
        assert json.loads(m.encode(back)) == json.loads(line)

    check()


# ---------------------------------------------------------------- the file of splines


@st.composite
def splines(draw: st.DrawFn) -> Spline:
    first, frames, points = draw(st.integers(0, 5)), draw(st.integers(1, 4)), draw(st.integers(1, 5))
    seed = draw(st.integers(0, 2**32 - 1))
    return Spline(first, draw(st.booleans()), np.random.default_rng(seed).normal(0, 500, (frames, points, 6)))


@steady
@given(st.lists(splines(), max_size=4), st.integers(1, 5000), st.integers(1, 5000), st.booleans())
def test_a_file_of_splines_is_read_as_it_was_written(made: list[Spline], height: int, width: int, invert: bool) -> None:
    count = max([spline.first + len(spline.points) for spline in made], default=1)
    with tempfile.TemporaryDirectory() as place:
        file = Path(place) / "splines.json"
        file.write_text(splines_to_json(made, (height, width), count, invert), encoding="utf-8")
        steps = spline_file.read(file)
        while True:
            try:
                next(steps)
            except StopIteration as end:
                found = end.value
                break
    assert (found.width, found.height, found.frames, found.invert) == (width, height, count, invert)
    assert [(shape.first, shape.hole) for shape in found.shapes] == [(spline.first, spline.hole) for spline in made]
    for shape, spline in zip(found.shapes, made, strict=True):
        np.testing.assert_allclose(shape.points, spline.points, atol=0.005 + 1e-9)
