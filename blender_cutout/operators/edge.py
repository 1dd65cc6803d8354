"""Operator that sets a cutout's edge settings to a preset."""
# No `from __future__ import annotations`: see CONTRIBUTING.md.
# mypy: disable-error-code="valid-type"

from typing import Any

import bpy
from bpy.props import EnumProperty

from ..core.edges.bounds import BOUNDS
from ..host import compat
from ..host.interface_language import tooltip
from ..scene import properties
from .base import Reporting, WithTrack

_USUAL_SIDE = 1080
"""Shorter side of the picture for which the presets' pixels are meant; larger pictures get more."""
_IN_PIXELS = ("width", "grow", "feather", "smooth")
PRESETS: dict[str, dict[str, float]] = {
    "HARD": {"detail": 1.0, "smooth": 1.0, "clip_black": 0.25, "clip_white": 0.25, "decontaminate": 1.0},
    "NATURAL": {"detail": 1.0, "decontaminate": 1.0},
    "HAIR": {"detail": 1.0, "width": 24.0, "decontaminate": 1.0},
    "MOTION_BLUR": {"detail": 1.0, "width": 36.0, "feather": 1.0, "decontaminate": 1.0},
    "OFF": {},
}
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
        track = properties.active_track(compat.sequencer_scene(context))
        scale = max(1.0, min(track.width, track.height) / _USUAL_SIDE)
        for name in BOUNDS:
            value = PRESETS[self.preset].get(name, 0.0)
            setattr(track.edge, name, round(value * scale, 1) if name in _IN_PIXELS else value)
        return {"FINISHED"}


CLASSES = (CUTOUT_OT_edge_preset,)
