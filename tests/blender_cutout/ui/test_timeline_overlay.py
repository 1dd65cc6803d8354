"""Tests the marks on timeline strips. That they are visible is tested in `tests/window`."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import bpy_kit as kit
import pytest

from tests.blender_cutout.host.test_pieces import cut as cut_in_two
from tests.blender_cutout.host.test_pieces import duplicate

pytestmark = pytest.mark.bpy

Project = Callable[..., tuple[Any, Any]]
WHOLE = (1, 1 + kit.LENGTH)
DRAWN = 1 + kit.STROKE_FRAME


@pytest.fixture
def cut(blender: Any, project: Project) -> tuple[Any, Any, Any]:
    """A scene whose object was drawn on one frame and carried through the clip, its strip, its cutout."""
    scene, strip = project()
    for step in ("new", "apply_strokes", "propagate"):
        getattr(blender.ops.cutout, step)()
    return scene, strip, scene.cutout.tracks[0]


def marked(scene: Any) -> list[tuple[Any, Any]]:
    """(timeline frames of the strip, its marks)."""
    from blender_cutout.ui import timeline_overlay

    return [(span, found) for _, _, span, found in timeline_overlay.marked(scene)]


def test_each_step_is_marked(blender: Any, project: Project) -> None:
    scene, _ = project()
    assert marked(scene) == []
    blender.ops.cutout.new()
    ((span, found),) = marked(scene)
    assert (span, found.done, found.drawn) == (WHOLE, (), ())
    blender.ops.cutout.apply_strokes()
    ((_, found),) = marked(scene)
    assert (found.done, found.drawn) == (((DRAWN, DRAWN + 1),), (DRAWN,))
    blender.ops.cutout.propagate()
    ((_, found),) = marked(scene)
    assert (found.done, found.drawn, found.locked) == ((WHOLE,), (DRAWN,), ())
    scene.use_preview_range, scene.frame_preview_start, scene.frame_preview_end = True, 6, 8
    blender.ops.cutout.lock_frames(span="RANGE")
    ((_, found),) = marked(scene)
    assert found.locked == ((6, 9),)
    blender.ops.cutout.lock_frames(span="RANGE", lock=False)
    ((_, found),) = marked(scene)
    assert found.locked == ()
    blender.ops.cutout.mark_absent(span="RANGE")
    ((_, found),) = marked(scene)
    assert (found.absent, found.locked) == (((6, 9),), ())


def test_what_is_in_doubt_goes_by_the_setting(blender: Any, cut: tuple[Any, Any, Any]) -> None:
    from blender_cutout.scene import panel_settings

    scene, _, track = cut
    cells = ["99"] * kit.LENGTH
    cells[2], cells[3], cells[9], cells[kit.STROKE_FRAME] = "40", "50", "79", "--"
    track.confidence = "".join(cells)
    scene.cutout.doubt_below = 0.6
    panel_settings.judge_all(scene.cutout, blender.context)
    ((_, found),) = marked(scene)
    assert (found.doubtful, track.doubtful) == (((3, 5),), "3 to 4")
    scene.cutout.doubt_below = 0.8
    panel_settings.judge_all(scene.cutout, blender.context)
    ((_, found),) = marked(scene)
    assert (found.doubtful, track.doubtful) == (((3, 5), (10, 11)), "3 to 4, 10")


def test_marks_go_with_their_strip(blender: Any, cut: tuple[Any, Any, Any]) -> None:
    from blender_cutout.host import compat

    scene, strip, _ = cut
    compat.time_set(strip, "frame_start", 41)
    ((span, found),) = marked(scene)
    assert (span, found.done, found.drawn) == ((41, 41 + kit.LENGTH), ((41, 41 + kit.LENGTH),), (DRAWN + 40,))
    strip.use_reverse_frames = True
    ((_, found),) = marked(scene)
    assert found.drawn == (41 + kit.LENGTH - 1 - kit.STROKE_FRAME,)


def test_each_piece_and_copy_has_its_own(blender: Any, cut: tuple[Any, Any, Any]) -> None:
    from blender_cutout.host import compat

    scene, strip, _ = cut
    cut_in_two(blender, scene, 8, strip)
    found = dict(marked(scene))
    assert {span: m.done for span, m in found.items()} == {(1, 8): ((1, 8),), (8, WHOLE[1]): ((8, WHOLE[1]),)}
    left, right = found[(1, 8)], found[(8, WHOLE[1])]
    assert (left.drawn, right.drawn) == (((DRAWN,), ()) if DRAWN < 8 else ((), (DRAWN,)))
    (copy,) = duplicate(blender, scene, strip)
    start = compat.time_get(copy, "frame_start")
    compat.time_set(copy, "frame_start", start + 100)
    assert {(101, 108): ((101, 108),)}.items() <= {span: m.done for span, m in marked(scene)}.items()


def test_one_object_of_a_clip_is_marked_the_active_one(blender: Any, cut: tuple[Any, Any, Any]) -> None:
    from blender_cutout.ui import timeline_overlay

    scene, _, track = cut
    blender.ops.cutout.new()
    assert [t.uuid for t, *_ in timeline_overlay.marked(scene)] == [scene.cutout.tracks[1].uuid]
    scene.cutout.active_index = 0
    assert [t.uuid for t, *_ in timeline_overlay.marked(scene)] == [track.uuid]


def test_a_strip_that_is_gone_is_not_marked(blender: Any, cut: tuple[Any, Any, Any]) -> None:
    from blender_cutout.host import compat

    scene, strip, _ = cut
    compat.strips(scene.sequence_editor).remove(strip)
    assert marked(scene) == []


def test_what_is_being_propagated_is_marked_at_once(blender: Any, project: Project) -> None:
    from blender_cutout.tasks import jobs

    scene, _ = project()
    blender.ops.cutout.new()
    blender.ops.cutout.apply_strokes()
    track = scene.cutout.tracks[0]
    jobs._reporter.mattes[track.uuid] = {kit.STROKE_FRAME + 1: "", kit.STROKE_FRAME + 3: ""}
    ((_, found),) = marked(scene)
    assert found.done == ((DRAWN, DRAWN + 2), (DRAWN + 3, DRAWN + 4))
    jobs._reporter.mattes.clear()


def test_nothing_is_read_from_files(blender: Any, cut: tuple[Any, Any, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    import builtins
    import os

    from blender_cutout.ui import timeline_overlay

    scene, _, _ = cut
    timeline_overlay._marks_of.cache_clear()

    def refused(*_: Any, **__: Any) -> Any:
        raise AssertionError("a file was asked for")

    with monkeypatch.context() as patch:
        for holder, name in ((builtins, "open"), (os, "stat"), (os, "listdir"), (os, "scandir")):
            patch.setattr(holder, name, refused)
        ((_, found),) = marked(scene)
    assert found.done == (WHOLE,)


def test_a_file_of_an_earlier_version_is_marked_without_strokes(blender: Any, cut: tuple[Any, Any, Any]) -> None:
    scene, _, track = cut
    assert json.loads(track.drawn) == [kit.STROKE_FRAME]
    track.drawn = ""
    ((_, found),) = marked(scene)
    assert (found.done, found.drawn) == ((WHOLE,), ())


def test_without_a_window_nothing_is_hung_into_blender(blender: Any) -> None:
    from blender_cutout.ui import timeline_overlay

    assert blender.app.background
    assert timeline_overlay._timeline._handle is None
