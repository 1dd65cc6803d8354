"""Draws the panel "Output": form of the strips, background, render."""

from __future__ import annotations

from typing import Any

import bpy

from ..core.types import Form
from ..host import compat
from ..host.interface_language import shown
from ..host.output import background, effect
from ..scene import chosen_effects
from ..scene.properties import active_track
from .widgets import BelowCutout


class CUTOUT_PT_output(BelowCutout, bpy.types.Panel):
    """The panel for the finished film."""

    bl_label = "Output"

    def draw(self, context: Any) -> None:
        """Draws the panel."""
        layout = self.layout
        scene = compat.sequencer_scene(context)
        track = active_track(scene)
        column = layout.column(align=True)
        column.prop(track, "write_as", text="")
        row = column.row()
        row.enabled = track.write_as != Form.EFFECT.value
        row.prop(track, "write_inverted")
        column = layout.column(align=True)
        row = column.row(align=True)
        row.prop(track, "effect", text="")
        row.prop(track, "effect_on", text="")
        row = column.row(align=True)
        row.enabled = track.effect in (effect.BLUR, effect.PIXELATE)
        row.prop(track, "effect_size")
        row = column.row(align=True)
        row.operator("cutout.apply_effect", icon="SHADERFX")
        for one in reversed(chosen_effects.applied(track)):
            row = column.row(align=True)
            for name in chosen_effects.named(one):
                row.label(text=shown(name))
            row.operator("cutout.remove_effect", text="", icon="X").effect = one.id
        column = layout.column(align=True)
        column.label(text=shown("Replace Background"))
        row = column.row(align=True)
        row.prop(scene.cutout, "background_colour", text="")
        for kind, text in ((background.COLOUR, "Colour"), (background.IMAGE, "Image"), (background.MOVIE, "Movie")):
            row.operator("cutout.replace_background", text=text).kind = kind
        column = layout.column(align=True)
        column.prop(scene.render, "filepath", text="")
        column.operator("cutout.render", icon="RENDER_ANIMATION")


CLASSES = (CUTOUT_PT_output,)
