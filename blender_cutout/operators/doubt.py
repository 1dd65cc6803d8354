"""Where the mask is most probably wrong: the artist need not look for it."""
# No `from __future__ import annotations`: Blender reads the annotations of these classes as values.

from typing import Any

import bpy

from .. import care, jobs, spans
from ..core.errors import InputError
from ..host import strips
from .base import Reporting, has_track, opened_track


class CUTOUT_OT_worst_frame(Reporting, bpy.types.Operator):
    """Go to the frame of whose mask the network is least sure."""

    bl_idname = "cutout.worst_frame"
    bl_label = "Go to Worst Frame"
    bl_description = (
        "Go to the propagated frame of whose mask the network is least sure, where a correction most probably helps. "
        "Locked frames and those with strokes are left out, with the preview range also those outside of it"
    )

    @classmethod
    def poll(cls, context: Any) -> bool:
        """There is a cutout."""
        return has_track(context)

    def run(self, context: Any) -> set[str]:
        """Goes there."""
        scene, track = opened_track(context)
        strip = strips.find(scene, track.strip_uuid, track.strip_name).strip
        times = strips.time_map(scene, strip, track.frame_count)
        wanted = spans.between(scene, track) if scene.use_preview_range else spans.shown(scene, track)
        known = {frame: percent for frame, percent in care.percents(track.confidence).items() if frame in wanted}
        if not known:
            raise InputError("There is no propagated frame to judge.", "Propagate first.")
        worst = min(known, key=lambda frame: known[frame])
        timeline = times.timeline_frame(worst)
        if timeline is None:
            raise InputError("The strip does not show the worst frame.", "Show the whole clip.")
        scene.frame_set(timeline)
        jobs.say("INFO", f"Frame {timeline}: the network is {known[worst]} % sure of this mask.")
        return {"FINISHED"}


CLASSES = (CUTOUT_OT_worst_frame,)
