"""Draws the panel "Versions": keep, return to, rename and delete."""

from __future__ import annotations

from typing import Any

import bpy

from ..host import compat, kept
from ..scene.properties import active_track
from .widgets import BelowCutout


class CUTOUT_PT_versions(BelowCutout, bpy.types.Panel):
    """The panel for the active cutout's versions."""

    bl_label = "Versions"
    bl_options = {"DEFAULT_CLOSED"}  # noqa: RUF012 (Blender wants a plain set)

    def draw(self, context: Any) -> None:
        """Draws the panel."""
        layout = self.layout
        track = active_track(compat.sequencer_scene(context))
        layout.operator("cutout.keep_version", icon="ADD")
        column = layout.column(align=True)
        for name, head in kept.versions(track.versions):
            row = column.row(align=True)
            row.label(text=name, icon="RADIOBUT_ON" if head == track.head else "RADIOBUT_OFF", translate=False)
            row.operator("cutout.return_to_version", text="", icon="LOOP_BACK").name = name
            row.operator("cutout.rename_version", text="", icon="GREASEPENCIL").name = name
            row.operator("cutout.delete_version", text="", icon="X").name = name


CLASSES = (CUTOUT_PT_versions,)
