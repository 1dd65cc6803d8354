"""What the panels below "Cutout" share: their place, and that there has to be a cutout."""

from __future__ import annotations

from typing import Any

from .host import compat


class BelowCutout:
    """Base of such a panel; before `bpy.types.Panel`."""

    bl_space_type = "SEQUENCE_EDITOR"
    bl_region_type = "UI"
    bl_category = "Cutout"
    bl_parent_id = "CUTOUT_PT_cutout"

    @classmethod
    def poll(cls, context: Any) -> bool:
        """There is a cutout."""
        scene = compat.sequencer_scene(context)
        return scene is not None and len(scene.cutout.tracks) > 0
