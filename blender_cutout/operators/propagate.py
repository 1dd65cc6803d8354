"""Carrying the mask through the clip, and stopping whatever runs."""
# No `from __future__ import annotations`: Blender reads the annotations of these classes as values.
# mypy: disable-error-code="valid-type"

from dataclasses import asdict
from typing import Any

import bpy
from bpy.props import EnumProperty

from .. import care, jobs, objects
from ..core.errors import InputError
from ..core.types import Direction
from ..pump import Job
from .base import JobOperator, Keyed, Reporting, Waiting, opened_track

DIRECTION = EnumProperty(
    name="Direction",
    description="Where the mask is carried to, seen from the frames with strokes",
    items=(
        ("FORWARD", "Forward", "From the frames with strokes to the strip's end"),
        ("BACKWARD", "Backward", "From the frames with strokes to the strip's start"),
        ("BOTH", "Both Ways", "Through the whole strip"),
    ),
    default="BOTH",
)


class CUTOUT_OT_propagate(Keyed, Waiting, JobOperator, bpy.types.Operator):
    """Carry the mask from the frames with strokes through the strip."""

    bl_idname = "cutout.propagate"
    bl_label = "Propagate"
    bl_description = "Carry the active object's mask from the frames with strokes through the strip"

    direction: DIRECTION

    def start(self, context: Any) -> Job:
        """Asks for the clip frames that the strip shows, or those between the in and out points."""
        from ..core.messages import Propagate  # here, not above: Blender's start is not to pay for it

        scene, track = opened_track(context)
        objects.check_unlocked(track)
        if not track.keyframe_count:
            raise InputError("There is no mask to propagate yet.", "Draw strokes and apply them, or press Auto, first.")
        frames, options, uuid = care.frames(scene, track), asdict(care.options(scene)), track.uuid
        direction = Direction[self.direction].value
        return jobs.submit(
            scene,
            track,
            "Propagating",
            lambda job: Propagate(job, uuid, frames.start, frames.stop, direction, **options),
            then=lambda done: f"{done.result.get('frames', len(frames))} frames propagated.",
            undo="Propagate",
        )


class CUTOUT_OT_cancel(Reporting, bpy.types.Operator):
    """Stop the engine's work."""

    bl_idname = "cutout.cancel"
    bl_label = "Cancel"
    bl_description = "Stop the engine's work; what is finished stays"

    def run(self, context: Any) -> set[str]:
        """Asks every open job to stop; the end comes by the timer."""
        jobs.pump.cancel()
        return {"FINISHED"}


CLASSES = (CUTOUT_OT_propagate, CUTOUT_OT_cancel)
