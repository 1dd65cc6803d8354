"""Draws the panel "Cutout" in the sequencer's sidebar, from properties only."""

from __future__ import annotations

from typing import Any

import bpy

from ..core.types import Label
from ..host import compat
from ..host.annotations import active_label
from ..host.interface_language import CONTEXT, shown
from ..scene import brush_tool, rejected, track_lookup
from ..scene.properties import active_track, linked_text, next_step
from ..tasks import upkeep
from . import engine_box, header, panel_review, widgets

_SWITCHES = (
    ("visible", "HIDE_OFF", "HIDE_ON"),
    ("solo", "SOLO_ON", "SOLO_OFF"),
    ("locked", "LOCKED", "UNLOCKED"),
)
_CLIPS = ("MOVIE", "IMAGE", "META", "SCENE", "MOVIECLIP")
_MESSAGE_LINES = 2
"""Minimum number of lines in the message box."""
_ICONS = {"INFO": "INFO", "WARNING": "ERROR", "ERROR": "CANCEL"}


class CUTOUT_UL_tracks(bpy.types.UIList):
    """Lists the scene's cutouts."""

    def draw_item(
        self, context: Any, layout: Any, data: Any, item: Any, icon: Any, active_data: Any, active_property: Any
    ) -> None:
        """Draws one row: colour, editable name, progress, and the show, solo and lock switches."""
        row = layout.row(align=True)
        colour = row.row(align=True)
        colour.ui_units_x = 0.7
        colour.prop(item, "colour", text="")
        row.separator(factor=0.5)
        row.prop(item, "name", text="", emboss=False)
        if item.frame_count:
            row.label(text=f"{item.done_count - len(rejected.frames_of(item))}/{item.frame_count}")
        for name, on, off in _SWITCHES:
            row.prop(item, name, text="", emboss=False, icon=on if getattr(item, name) else off)


class CUTOUT_PT_cutout(bpy.types.Panel):
    """The main panel: cutouts, strokes, propagation and writing strips."""

    bl_space_type = "SEQUENCE_EDITOR"
    bl_region_type = "UI"
    bl_category = "Cutout"
    bl_label = "Cutout"
    bl_translation_context = CONTEXT

    def draw(self, context: Any) -> None:
        """Draws it."""
        layout = self.layout
        scene = compat.sequencer_scene(context)
        status = context.window_manager.cutout
        if scene is None:
            layout.label(text=shown("This sequencer shows no scene."))
            return
        if library := compat.library_of(scene):
            widgets.draw(context, layout.column(align=True), linked_text(library), "LINKED")
            return
        data = scene.cutout
        if engine_box.is_needed():
            engine_box.draw(context, layout.box().column())
        if not len(data.tracks):
            layout.label(text=shown(first_step(scene)))
            layout.operator("cutout.new", icon="ADD")
            _draw_later(context, layout, data)
            _draw_message(context, layout, status)
            return
        row = layout.row()
        row.template_list("CUTOUT_UL_tracks", "", data, "tracks", data, "active_index", rows=2)
        column = row.column(align=True)
        column.operator("cutout.new", icon="ADD", text="")
        column.operator("cutout.remove", icon="REMOVE", text="")
        _draw_later(context, layout, data)
        track = active_track(scene)
        _draw_status(layout, status, track, data)
        if not draw(layout, track, status):
            _draw_message(context, layout, status)
            return
        _draw_steps(context, layout, scene, track)
        _draw_message(context, layout, status)


def first_step(scene: Any) -> str:
    """Returns what to do while there is no cutout."""
    editor = scene.sequence_editor
    strip = editor.active_strip if editor is not None else None
    if strip is not None and strip.select and strip.type in _CLIPS:
        return f"Press New Cutout for {strip.name}."
    return "Select a movie or image strip."


def _draw_status(layout: Any, status: Any, track: Any, data: Any) -> None:
    """Draws two lines that keep their place: what to do next, or how far the engine is and Cancel."""
    column = layout.column(align=True)
    first, second = next_step(track, data.auto_apply, upkeep.keeper.reach(track))
    row = column.row(align=True)
    if status.busy:
        row.progress(factor=status.progress, text=shown(status.stage), type="BAR")
        row.operator("cutout.cancel", text="", icon="X")
    else:
        row.label(text=shown(first), icon="INFO")
    column.label(text="" if status.busy else shown(second), icon="BLANK1")


def _draw_later(context: Any, layout: Any, data: Any) -> None:
    """Draws the offer to take rounds that were made after the file was saved."""
    texts = [text for text in (data.begun_text, *(track.later_text for track in data.tracks)) if text]
    if not texts:
        return
    column = layout.box().column(align=True)
    for number, text in enumerate(texts):
        widgets.draw(context, column, text, "BLANK1" if number else "RECOVER_LAST")
    column.operator("cutout.take_later", icon="LOOP_FORWARDS")
    column.operator("cutout.keep_file", icon="FILE_TICK")


def _draw_steps(context: Any, layout: Any, scene: Any, track: Any) -> None:
    """Draws the buttons in order of use, and what to do next."""
    data = scene.cutout
    column = layout.column(align=True)
    row = column.row(align=True)
    drawing = active_label(context)
    for label, text, icon in ((Label.KEEP, "Keep", "ADD"), (Label.REMOVE, "Remove", "REMOVE")):
        row.operator("cutout.brush", text=text, icon=icon, depress=label is drawing).label = label.value
    status = context.window_manager.cutout
    mode = status.brush_mode if brush_tool.is_active(context) and not status.brush_detail else ""
    row.operator("cutout.start_brush", text="Brush", icon="BRUSH_DATA", depress=mode == "STROKE").detail = False
    row = column.row(align=True)
    for name, text, icon in (
        ("PAINT", "Paint", "TPAINT_HLT"),
        ("LASSO", "Lasso", "CURVE_BEZCIRCLE"),
        ("BOX", "Box", "PIVOT_BOUNDBOX"),
    ):
        row.operator("cutout.start_brush", text=text, icon=icon, depress=mode == name).mode = name
    row = column.row(align=True)
    row.operator("cutout.apply_strokes", icon="GREASEPENCIL")
    row.operator("cutout.undo_round", icon="LOOP_BACK")
    row = column.row(align=True)
    auto = row.row(align=True)
    auto.operator("cutout.auto", icon="LIGHT")
    auto.menu("CUTOUT_MT_auto", text="", icon="DOWNARROW_HLT")
    row.prop(data, "auto_apply", toggle=True)
    row.prop(data, "follow_me", toggle=True)
    column = layout.column(align=True)
    row = column.row(align=True)
    ways = (("BACKWARD", "Backward", "TRIA_LEFT"), ("BOTH", "Propagate", "NONE"), ("FORWARD", "Forward", "TRIA_RIGHT"))
    for direction, text, icon in ways:
        row.operator("cutout.propagate", text=text, icon=icon).direction = direction
    if len(track_lookup.of_clip(scene, track)) > 1:
        column.operator("cutout.propagate_all", icon="GROUP").direction = "BOTH"
    column = layout.column(align=True)
    panel_review.draw_doubt(column, scene, track)
    column = layout.column(align=True)
    if len(track_lookup.of_clip(scene, track)) > 1:
        column.prop(data, "write_objects", text="")
    column.operator("cutout.write_strips", icon="SEQUENCE")
    header.draw_switch(column, data.preview_shows)
    widgets.draw_frames(layout, ("With strokes", track.keyframes), ("In doubt", track.doubtful))


def _draw_message(context: Any, layout: Any, status: Any) -> None:
    """Draws the last message, the offer of another cutout, and the restart button if the engine was lost."""
    offer = upkeep.keeper.offer
    if offer:
        layout.operator("cutout.select", text=shown(f"Select {offer[1]}"), icon="RESTRICT_SELECT_OFF").track = offer[0]
    if upkeep.keeper.meta:
        text = f"The clip is inside {upkeep.keeper.meta}: click it and press Tab over the timeline to draw."
        widgets.draw(context, layout.column(align=True), text, "INFO")
    if upkeep.keeper.copy:
        text = f"{upkeep.keeper.copy} is a copy and shares this cutout; New Cutout gives it one of its own."
        widgets.draw(context, layout.column(align=True), text, "INFO")
    if upkeep.keeper.pasted:
        text = f"{upkeep.keeper.pasted} was pasted with masks of another file; New Cutout gives it its own."
        widgets.draw(context, layout.column(align=True), text, "INFO")
    column = layout.box().column(align=True)
    column.scale_y = 0.8
    known = (status.text, status.hint) in widgets.troubles()  # drawn above
    text, hint = ("", "") if known else (shown(status.text), shown(status.hint))
    lines = sum(len(widgets.wrapped(part, widgets.letters(context))) for part in (text, hint))
    if text:
        widgets.draw(context, column, text, _ICONS[status.level])
        widgets.draw(context, column, hint)
    for _ in range(lines, _MESSAGE_LINES):  # so that what is below keeps its place
        column.label(text="")
    if status.lost:
        layout.operator("cutout.restart_engine", icon="FILE_REFRESH")


CLASSES = (CUTOUT_UL_tracks, CUTOUT_PT_cutout)


def draw(layout: Any, track: Any, status: Any) -> bool:
    """Draws the Render Frames section if needed; returns False if the cutout is unusable until the frames exist."""
    widgets.draw_troubles(bpy.context, layout)
    if status.frames_busy:
        layout.progress(factor=status.frames_share, text=shown(status.frames_text), type="BAR")
        layout.operator("cutout.cancel_frames", icon="X")
        return bool(track.frame_count)
    facts = upkeep.keeper.facts(track)
    if not facts.reason:
        if facts.rendered:
            layout.operator("cutout.render_frames", text="Render Frames Again", icon="FILE_REFRESH").again = True
        return True
    column = layout.box().column(align=True)
    column.scale_y = 0.8
    widgets.draw(bpy.context, column, facts.reason, "ERROR")
    if facts.plan:
        widgets.draw(bpy.context, column, facts.plan)
        if track.frame_count:
            widgets.draw(bpy.context, column, "All masks are removed; strokes stay.")
        layout.operator("cutout.render_frames", icon="RENDER_ANIMATION")
    return False
