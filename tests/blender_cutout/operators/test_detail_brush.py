"""Tests the Detail Brush in Blender: its strokes are kept apart from the mask's, erased, written and previewed."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import bpy_kit as kit
import numpy as np
import pytest
from edge_preview_kit import settle, shown
from panel_kit import Paper

pytestmark = pytest.mark.bpy

Project = Callable[..., tuple[Any, Any]]


def cut(bpy: Any) -> Any:
    for step in ("new", "apply_strokes", "propagate"):
        assert getattr(bpy.ops.cutout, step)() == {"FINISHED"}
    return bpy.context.scene.cutout.tracks[0]


def paint(bpy: Any, label: str = "keep", detail: bool = True) -> None:
    x, y = kit.object_at(kit.STROKE_FRAME)
    points = f"{x + 70},{y + 10},1 {x + 70},{y + 30},1"
    assert bpy.ops.cutout.paint(points=points, label=label, detail=detail) == {"FINISHED"}


def test_a_detail_stroke_leaves_the_mask_and_its_strokes_alone(blender: Any, project: Project) -> None:
    _, strip = project()
    track = cut(blender)
    head = track.head
    paint(blender)
    assert (len(track.detail_strokes), len(track.strokes), track.head) == (1, 0, head)
    assert "Detail is 0" in blender.context.window_manager.cutout.text
    from blender_cutout.scene import edge_settings, written

    blender.ops.cutout.write_strips()
    assert written.is_composed(strip, track), "without Detail strokes have no effect"
    track.edge.detail = 1.0
    blender.ops.cutout.write_strips()
    assert written.is_composed(strip, track)
    paint(blender, "remove")
    assert not written.is_composed(strip, track)
    (record,) = edge_settings.details(track)
    assert record["frame"] == kit.STROKE_FRAME
    assert [stroke["label"] for stroke in record["strokes"]] == ["keep", "remove"]
    blender.context.window_manager.cutout.brush_detail = True
    assert blender.ops.cutout.erase_strokes() == {"FINISHED"}
    assert edge_settings.details(track) == ()


def test_the_brush_is_of_the_kind_whose_button_was_pressed(blender: Any, project: Project) -> None:
    from blender_cutout.ui.panel_edge import CUTOUT_PT_edge

    project()
    cut(blender)
    paper = Paper()
    CUTOUT_PT_edge.draw(SimpleNamespace(layout=paper), blender.context)
    assert "Detail Brush" in "\n".join(paper.notes)
    status = blender.context.window_manager.cutout
    blender.ops.cutout.start_brush(detail=True)
    assert status.brush_detail
    blender.ops.cutout.start_brush()
    assert not status.brush_detail


def test_strokes_of_a_received_file_that_make_no_sense_are_left_out(blender: Any, project: Project) -> None:
    from blender_cutout.scene import edge_settings

    project()
    track = cut(blender)
    for points, radius, label in (("1,2", 3.0, "keep"), ("1e300,1,1", 1e30, "keep"), ("1,1,1", 3.0, "nothing")):
        stroke = track.detail_strokes.add()
        stroke.points, stroke.radius, stroke.label = points, radius, label
    track.edge.detail = 1.0
    edge_settings.details(track)
    assert blender.ops.cutout.write_strips() == {"FINISHED"}
    assert "Traceback" not in blender.context.window_manager.cutout.text


def test_the_preview_changes_with_a_detail_stroke(blender: Any, project: Project, monkeypatch: Any) -> None:
    from blender_cutout.tasks import jobs

    monkeypatch.setattr(jobs, "engine_command", lambda python="": kit.fake_engine("--edge", "0"))
    scene, _ = project()
    track = cut(blender)
    track.edge.detail = 1.0
    shown(scene)
    settle()
    before = shown(scene)
    x, y = kit.object_at(kit.STROKE_FRAME)
    assert blender.ops.cutout.paint(points=f"{x + 9},{y - 18},1", label="keep", detail=True) == {"FINISHED"}
    shown(scene)
    settle()
    after = shown(scene)
    picture = kit.picture(kit.STROKE_FRAME)
    red = picture[..., 0] > picture[..., 2]
    place = (slice(y - 22, y - 14), slice(x + 5, x + 13))
    assert np.array_equal(after[place] > 127, red[place])
    assert after.shape == before.shape
