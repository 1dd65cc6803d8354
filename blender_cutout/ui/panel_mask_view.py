"""Draws the panel "Mask View": how the preview shows the mask."""

from __future__ import annotations

from typing import Any

import bpy

from ..geometry.mask_looks import CHECKER, GREY
from ..host import compat
from ..scene.properties import active_track
from .widgets import BelowCutout


class CUTOUT_PT_view(BelowCutout, bpy.types.Panel):
    """The panel for how the preview shows the mask."""

    bl_label = "Mask View"
    bl_options = {"DEFAULT_CLOSED"}  # noqa: RUF012 (Blender wants a plain set)

    def draw(self, context: Any) -> None:
        """Draws the panel."""
        scene = compat.sequencer_scene(context)
        _draw_view(self.layout, scene.cutout, active_track(scene))


def _draw_view(layout: Any, data: Any, track: Any) -> None:
    """Draws the view settings of the mask."""
    column = layout.column(align=True)
    row = column.row(align=True)
    row.prop(data, "show_mask")
    row.prop(data, "show_marks", text="", icon="KEYTYPE_KEYFRAME_VEC", toggle=True)
    colour = row.row()
    colour.active = data.show_mask
    colour.prop(track, "colour", text="")
    choice = column.column(align=True)
    choice.active = data.show_mask
    choice.row(align=True).prop(data, "mask_view", text="")
    choice.prop(data, "cover_opacity" if data.mask_view in (CHECKER, GREY) else "mask_opacity", slider=True)


CLASSES = (CUTOUT_PT_view,)
