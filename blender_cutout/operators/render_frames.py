"""Operators that render the frames of strips without a readable movie or image file."""
# No `from __future__ import annotations`: see CONTRIBUTING.md.
# mypy: disable-error-code="valid-type"

from typing import Any

import bpy
from bpy.props import BoolProperty

from ..host import compat
from ..host.interface_language import tooltip
from ..scene import properties
from ..tasks import frame_renderer, jobs
from .base import Reporting, needs_idle, needs_track

_AGAIN = BoolProperty(
    name="All Again",
    description="Render existing frames again",
    default=False,
    options={"SKIP_SAVE"},
)


class CUTOUT_OT_render_frames(Reporting, bpy.types.Operator):
    """Render the strip's frames once for the cutout to work on."""

    bl_idname = "cutout.render_frames"
    bl_label = "Render Frames"
    bl_description = (
        "Render this strip's frames into the cutout's folder, a few at a time, for the cutout to work on. Needed again "
        "after the strip changes"
    )

    again: _AGAIN

    @classmethod
    def poll(cls, context: Any) -> bool:
        """Returns True if there is a cutout and nothing else is running."""
        if properties.status().frames_busy:
            cls.poll_message_set(tooltip("Frames are being rendered"))
            return False
        return needs_track(cls, context) and needs_idle(cls)

    def run(self, context: Any) -> set[str]:
        """Starts rendering; in background mode, which has no timers, renders to the end."""
        from ..core.messages import Failed

        scene = compat.sequencer_scene(context)
        frame_renderer.begin(scene, properties.active_track(scene), self.again)
        if bpy.app.background:
            while frame_renderer.step():
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
    bl_description = "Stop rendering frames; finished frames stay, and the next start continues with the rest"

    def run(self, context: Any) -> set[str]:
        """Stops rendering."""
        frame_renderer.cancel()
        return {"FINISHED"}


CLASSES = (CUTOUT_OT_render_frames, CUTOUT_OT_cancel_frames)
