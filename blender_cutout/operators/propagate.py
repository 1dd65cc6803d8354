"""Operators that propagate masks through the clip, and cancel running work."""
# No `from __future__ import annotations`: see CONTRIBUTING.md.
# mypy: disable-error-code="valid-type"

from typing import Any

import bpy
from bpy.props import EnumProperty

from ..client.job_queue import Job
from ..core.errors import InputError
from ..core.types import Direction
from ..scene import doubt, track_lookup
from ..tasks import jobs, propagation
from .base import JobOperator, Keyed, Reporting, Waiting, opened_track

DIRECTION = EnumProperty(
    name="Direction",
    description="Which way to propagate from the frames with strokes",
    items=(
        ("FORWARD", "Forward", "From the frames with strokes to the strip's end"),
        ("BACKWARD", "Backward", "From the frames with strokes to the strip's start"),
        ("BOTH", "Both Ways", "Through the whole strip"),
    ),
    default="BOTH",
)


class CUTOUT_OT_propagate(Keyed, Waiting, JobOperator, bpy.types.Operator):
    """Propagate the mask from the frames with strokes through the strip."""

    bl_idname = "cutout.propagate"
    bl_label = "Propagate"
    bl_description = "Propagate the active object's mask from the frames with strokes through the strip"

    direction: DIRECTION

    def start(self, context: Any) -> Job:
        """Asks the engine for the clip frames that the strip shows, or those between the in and out points."""
        scene, track = opened_track(context)
        track_lookup.check_unlocked(track)
        if not track.keyframe_count:
            raise InputError("There is no mask to propagate yet.", "Draw strokes and apply them, or press Auto, first.")
        direction = Direction[self.direction]
        return propagation.propagate(scene, track, doubt.frames(scene, track), direction, undo="Propagate")


class CUTOUT_OT_cancel(Reporting, bpy.types.Operator):
    """Cancel the engine's work."""

    bl_idname = "cutout.cancel"
    bl_label = "Cancel"
    bl_description = "Cancel the engine's work; finished frames stay"

    def run(self, context: Any) -> set[str]:
        """Asks every open job to stop; the timer handles the outcome."""
        jobs.queue.cancel()
        return {"FINISHED"}


class CUTOUT_OT_propagate_all(Waiting, JobOperator, bpy.types.Operator):
    """Propagate the masks of all unlocked objects of the clip together."""

    bl_idname = "cutout.propagate_all"
    bl_label = "Propagate All Objects"
    bl_description = (
        "Propagate the masks of all unlocked objects of this clip together, so that no pixel belongs to two of them. "
        "On a frame with strokes for one object, the others use the mask they have there"
    )

    direction: DIRECTION

    def start(self, context: Any) -> Job:
        """Asks the engine for the clip frames that the strip shows, or those between the in and out points."""
        from ..core.messages import Propagate, PropagateGroup

        scene, track = opened_track(context)
        group = track_lookup.unlocked(scene, track)
        if not group:
            raise InputError("All objects of this clip are locked.", "In the list, unlock the objects to propagate.")
        for one in group:
            if not one.keyframe_count:
                raise InputError(
                    f"{one.name} has no mask yet.",
                    "Select it and draw on it, or press Auto; or lock it to propagate the others without it.",
                )
        frames, direction = doubt.frames(scene, track), Direction[self.direction].value
        options, first_one = propagation.options(scene, group, frames), group[0]
        uuids, names = tuple(one.uuid for one in group), tuple(one.name for one in group)

        def message(job: str) -> Propagate | PropagateGroup:
            if len(uuids) == 1:
                return Propagate(job, uuids[0], frames.start, frames.stop, direction, **options)
            return PropagateGroup(job, uuids, names, frames.start, frames.stop, direction, **options)

        count = f"{len(uuids)} objects" if len(uuids) > 1 else "1 object"
        return jobs.submit(
            scene,
            first_one,
            jobs.PROPAGATING,
            message,
            then=lambda done: propagation.summary(
                uuids, f"{count} propagated through {done.result.get('frames', len(frames))} frames"
            ),
            undo=self.bl_label,
            others=group[1:],
        )


CLASSES = (CUTOUT_OT_propagate, CUTOUT_OT_cancel, CUTOUT_OT_propagate_all)
