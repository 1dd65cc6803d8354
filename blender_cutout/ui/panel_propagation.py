"""Draws the panel "Propagation": the tier, and how far and how steadily masks are propagated."""

from __future__ import annotations

from typing import Any

import bpy

from ..host import compat
from . import widgets
from .widgets import BelowCutout


class CUTOUT_PT_propagation(BelowCutout, bpy.types.Panel):
    """The panel for propagation settings."""

    bl_label = "Propagation"
    bl_options = {"DEFAULT_CLOSED"}  # noqa: RUF012 (Blender wants a plain set)

    def draw(self, context: Any) -> None:
        """Draws the panel."""
        data = compat.sequencer_scene(context).cutout
        widgets.draw_tier(self.layout)
        column = self.layout.column()
        column.prop(data, "stability", slider=True)
        column.prop(data, "in_to_out")
        column.prop(data, "stop_at_cuts")
        column.prop(data, "stop_in_doubt")
        column.prop(data, "doubt_below", slider=True)


CLASSES = (CUTOUT_PT_propagation,)
