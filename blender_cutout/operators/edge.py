"""Operator that sets a cutout's edge settings to a preset."""
# No `from __future__ import annotations`: see CONTRIBUTING.md.
# mypy: disable-error-code="valid-type"

from typing import Any

import bpy
from bpy.props import EnumProperty

from ..host import compat
from ..host.interface_language import tooltip
from ..scene import edge_settings, properties
from .base import Reporting, WithTrack

_ITEMS = (
    ("HARD", "Hard", "A crisp edge for objects without hair or blur, such as cars, boxes and text"),
    ("NATURAL", "Natural", "As soft as in the picture; the band is wider where the mask is soft"),
    ("HAIR", "Hair", "A wide band, for hair, fur and foliage"),
    ("MOTION_BLUR", "Motion Blur", "A very wide, soft band, for objects that move fast or are out of focus"),
    ("OFF", "Reset", "Set everything to 0: the mask as it is"),
)
_PRESET = EnumProperty(name="Preset", description="What the edge is like", items=_ITEMS, options={"SKIP_SAVE"})


class CUTOUT_OT_edge_preset(WithTrack, Reporting, bpy.types.Operator):
    """Set all edge settings of the active object."""

    bl_idname = "cutout.edge_preset"
    bl_label = "Edge Preset"
    bl_description = "Set all edge settings of the active object"
    bl_options = {"REGISTER", "UNDO"}  # noqa: RUF012 (Blender wants a plain set)

    preset: _PRESET

    @classmethod
    def description(cls, context: Any, properties: Any) -> str:
        """Returns the tooltip of the button."""
        return tooltip(next(text for name, _, text in _ITEMS if name == properties.preset))

    def run(self, context: Any) -> set[str]:
        """Sets them."""
        edge_settings.choose(properties.active_track(compat.sequencer_scene(context)), self.preset)
        return {"FINISHED"}


CLASSES = (CUTOUT_OT_edge_preset,)
