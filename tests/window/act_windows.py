"""Tests a second window: strokes in it during a propagation, its mask, closing it, and the report's own window."""

from __future__ import annotations

from typing import Any

import bpy
import bpy_kit as kit
from desk import Point, Steps, dense
from stage import RENDER, START, Stage, apart

PLAIN = kit.Layout(START, RENDER)
WHERE = 8
"""Clip frame that is drawn on in the second window."""


def windows(stage: Stage) -> Steps:
    """The same sequencer in two windows, and the report of a problem in a third."""
    desk, scene = stage.desk, stage.scene
    yield from desk.idle()
    scene.cutout.auto_apply, scene.cutout.show_mask = True, True
    scene.frame_set(START + kit.STROKE_FRAME)
    if not stage.track.keyframe_count:
        with desk.override("UI"):
            bpy.ops.cutout.auto("INVOKE_DEFAULT")
        yield from desk.idle()
    with desk.override():
        bpy.ops.cutout.start_brush(mode="STROKE")
        bpy.ops.wm.window_new()
    yield 2.0
    other = Other(bpy.context.window_manager.windows[-1])
    yield from other.prepare()
    scene.frame_set(START + WHERE)
    yield 1.0
    x, y = kit.object_at(WHERE)
    place = other.place(*PLAIN.preview_point(x + 3.5, y + 30.5))  # beside the stroke
    bare = desk.pixel(*place)
    with desk.override("UI"):
        bpy.ops.cutout.propagate("INVOKE_DEFAULT")
    before = len(stage.track.applied.split())
    points = [(x + 9.0, y + 8.0), (x + 9.0, y + 50.0), (x + 36.0, y + 51.0)]
    yield from desk.drag([other.place(*PLAIN.preview_point(*p)) for p in dense(points)])
    for _ in range(200):
        if len(stage.track.applied.split()) > before:
            break
        yield 0.05
    yield from desk.idle()
    stage.check("a stroke in the second window", len(stage.track.applied.split()) == before + 1, stage.message())
    desk.move(2, 2)
    yield 1.0
    tinted = desk.pixel(*place)
    stage.shot("second window")
    stage.check("the second window shows the mask", apart(bare, tinted) > 40, f"{bare} → {tinted}")
    with desk.override("UI"):
        bpy.ops.cutout.propagate("INVOKE_DEFAULT")
    with bpy.context.temp_override(window=other.window):
        bpy.ops.wm.window_close()
    yield from desk.idle()
    done = stage.track.done_count == stage.track.frame_count
    stage.check("closed while the engine works, it leaves the rest alone", done, stage.message())
    yield from report(stage)
    with desk.override():
        bpy.ops.wm.tool_set_by_id(name="builtin.select_box")


def report(stage: Stage) -> Steps:
    """Report a Problem shows the whole text in a window of its own."""
    with stage.desk.override("UI"):
        bpy.ops.cutout.report_problem("INVOKE_DEFAULT")
    yield 2.0
    window = bpy.context.window_manager.windows[-1]
    area = window.screen.areas[0]
    shown = area.spaces.active.text.as_string() if area.type == "TEXT_EDITOR" else ""
    stage.check("the report is shown", shown.startswith("Blender Cutout"), shown[:60])
    stage.shot("report")
    with bpy.context.temp_override(window=window):
        bpy.ops.wm.window_close()
    yield 1.0


class Other:
    """The second window, with a preview alone."""

    def __init__(self, window: Any) -> None:
        self.window = window

    def prepare(self) -> Steps:
        """Fills it with a preview of the same scene."""
        area = self.window.screen.areas[0]
        area.type = "SEQUENCE_EDITOR"
        area.spaces.active.view_type = "PREVIEW"
        yield 1.0
        with bpy.context.temp_override(window=self.window, area=area, region=self._region):
            bpy.ops.sequencer.view_all_preview()
            bpy.ops.wm.tool_set_by_id(name="cutout.brush_tool")  # this kind of view has a tool of its own
        yield 1.0

    @property
    def _region(self) -> Any:
        return next(r for r in self.window.screen.areas[0].regions if r.type == "PREVIEW")

    def place(self, x: float, y: float) -> Point:
        """The place on the screen of a preview point; Blender counts windows from the bottom."""
        region = self._region
        right, up = region.view2d.view_to_region(x, y, clip=False)
        height = bpy.context.window_manager.windows[0].height
        return self.window.x + region.x + right, height - 1 - (self.window.y + region.y + up)
