"""Draws the panel "Edge": presets and sliders of the active object's edge."""

from __future__ import annotations

from typing import Any

import bpy

from ..host import compat
from ..scene import brush_tool
from ..scene.properties import active_track
from .widgets import BelowCutout

_PRESETS = (("HARD", "Hard"), ("NATURAL", "Natural"), ("HAIR", "Hair"), ("MOTION_BLUR", "Motion Blur"))
_GROUPS = (
    ("detail", "width", "decontaminate"),
    ("grow", "feather", "smooth"),
    ("clip_black", "clip_white"),
    ("fill_holes", "remove_dots"),
)


class CUTOUT_PT_edge(BelowCutout, bpy.types.Panel):
    """The panel for the edge of the active object."""

    bl_label = "Edge"
    bl_options = {"DEFAULT_CLOSED"}  # noqa: RUF012 (Blender wants a plain set)

    def draw(self, context: Any) -> None:
        """Draws the panel."""
        layout = self.layout
        edge = active_track(compat.sequencer_scene(context)).edge
        row = layout.row(align=True)
        for preset, text in _PRESETS:
            row.operator("cutout.edge_preset", text=text).preset = preset
        row.operator("cutout.edge_preset", text="", icon="LOOP_BACK").preset = "OFF"
        painting = brush_tool.is_active(context) and context.window_manager.cutout.brush_detail
        button = layout.operator("cutout.start_brush", text="Detail Brush", icon="BRUSH_DATA", depress=painting)
        button.detail = True
        layout.use_property_split = True
        for names in _GROUPS:
            column = layout.column(align=True)
            for name in names:
                column.prop(edge, name, slider=True)


CLASSES = (CUTOUT_PT_edge,)
