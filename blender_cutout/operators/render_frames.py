"""Rendering the frames of strips that have no file to be read frame by frame."""
# No `from __future__ import annotations`: Blender reads the annotations of these classes as values.
# mypy: disable-error-code="valid-type"

from typing import Any

import bpy
from bpy.props import BoolProperty

from ..host import compat
from ..scene import properties
from ..tasks import jobs, render_frames
from .base import Reporting, has_track

_AGAIN = BoolProperty(
    name="All Again",
    description="Render frames that are there already once more",
    default=False,
    options={"SKIP_SAVE"},
)


class CUTOUT_OT_render_frames(Reporting, bpy.types.Operator):
    """Render the strip's frames once, for the cutout to work on."""

    bl_idname = "cutout.render_frames"
    bl_label = "Render Frames"
    bl_description = (
        "Render the pictures of this strip once into the cutout's folder, a few at a time; the cutout works on them. "
        "Again when the strip was changed"
    )

    again: _AGAIN

    @classmethod
    def poll(cls, context: Any) -> bool:
        """There is a cutout, and nothing else is being done."""
        return has_track(context) and not properties.status().busy and not properties.status().frames_busy

    def run(self, context: Any) -> set[str]:
        """Starts; in background mode, where there are no timers, goes on to the end."""
        from ..core.messages import Failed  # here, not above: Blender's start is not to pay for it

        scene = compat.sequencer_scene(context)
        render_frames.begin(scene, properties.active_track(scene), self.again)
        if bpy.app.background:
            while render_frames.step():
                pass
            for job in jobs.queue.jobs:
                outcome = jobs.wait(job)
                if isinstance(outcome, Failed):
                    return self.fail(outcome.text, outcome.hint)
        return {"FINISHED"}


class CUTOUT_OT_cancel_frames(Reporting, bpy.types.Operator):
    """Stop rendering frames."""

    bl_idname = "cutout.cancel_frames"
    bl_label = "Cancel Rendering"
    bl_description = "Stop rendering frames; those that are done stay, and the next start goes on with the rest"

    def run(self, context: Any) -> set[str]:
        """Stops."""
        render_frames.cancel()
        return {"FINISHED"}


CLASSES = (CUTOUT_OT_render_frames, CUTOUT_OT_cancel_frames)
