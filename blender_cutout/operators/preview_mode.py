"""Operators that choose what the preview shows of the clip and its mask."""
# No `from __future__ import annotations`: see CONTRIBUTING.md.
# mypy: disable-error-code="valid-type"

from typing import Any

import bpy
from bpy.props import EnumProperty

from ..host import compat
from ..host.interface_language import CONTEXT, tooltip
from ..scene import preview_mode
from ..scene.panel_settings import SHOWS_BOTH, SHOWS_CLIP, SHOWS_RESULT
from ..tasks import jobs
from .base import Keyed, Reporting, WithTrack

_OTHER = "OTHER"
_MODE = EnumProperty(
    name="Show",
    description="What the preview shows of the clip; the render always shows the result",
    items=(
        (SHOWS_CLIP, "Clip", "The whole clip, without its mask"),
        (SHOWS_RESULT, "Result", "The cut-out, as it is rendered, once its strips are written"),
        (SHOWS_BOTH, "Both", "The whole clip, with the mask over it"),
        (_OTHER, "Clip or Result", "The result if the clip is shown, otherwise the clip with the mask"),
    ),
    default=_OTHER,
    translation_context=CONTEXT,
)
_TEXTS = {
    SHOWS_CLIP: "Show the whole clip, without its mask",
    SHOWS_RESULT: "Show the cut-out, as it is rendered, once its strips are written",
    SHOWS_BOTH: "Show the whole clip, with the mask over it",
}


class CUTOUT_OT_show(Keyed, WithTrack, Reporting, bpy.types.Operator):
    """Choose what the preview shows of the clip."""

    bl_idname = "cutout.show"
    bl_label = "Clip or Result"
    bl_description = "Switch the preview between the written result and the whole clip with its mask"
    bl_options = {"REGISTER", "UNDO"}  # noqa: RUF012 (Blender wants a plain set)

    mode: _MODE

    @classmethod
    def description(cls, context: Any, properties: Any) -> str:
        """Returns the tooltip."""
        text = _TEXTS.get(getattr(properties, "mode", ""), cls.bl_description)
        return tooltip(f"{text}. The render always shows the result")

    def run(self, context: Any) -> set[str]:
        """Changes the preview."""
        scene = compat.sequencer_scene(context)
        is_result = scene.cutout.preview_shows == SHOWS_RESULT
        other = SHOWS_BOTH if is_result else SHOWS_RESULT
        preview_mode.choose(scene, other if self.mode == _OTHER else self.mode)
        jobs.redraw()
        return {"FINISHED"}


class CUTOUT_OT_next_view(Keyed, WithTrack, Reporting, bpy.types.Operator):
    """Show the mask in the next way."""

    bl_idname = "cutout.next_view"
    bl_label = "Next Mask View"
    bl_description = "Show the mask as the next of Tint, Outline, Checker and Black/White"

    def run(self, context: Any) -> set[str]:
        """Changes the view, and shows the mask if it was hidden."""
        data = compat.sequencer_scene(context).cutout
        views = [item.identifier for item in data.bl_rna.properties["mask_view"].enum_items]
        if data.show_mask:
            data.mask_view = views[(views.index(data.mask_view) + 1) % len(views)]
        data.show_mask = True
        jobs.redraw()
        return {"FINISHED"}


CLASSES = (CUTOUT_OT_show, CUTOUT_OT_next_view)
