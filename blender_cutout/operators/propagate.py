"""Carrying the mask through the clip, and stopping whatever runs."""
# No `from __future__ import annotations`: Blender reads the annotations of these classes as values.
# mypy: disable-error-code="valid-type"

from dataclasses import asdict
from typing import Any

import bpy
from bpy.props import EnumProperty

from ..client.job_queue import Job
from ..core.errors import InputError
from ..core.types import Direction
from ..scene import doubt, tracks
from ..tasks import jobs
from .base import JobOperator, Keyed, Reporting, Waiting, opened_track

# No `from __future__ import annotations`: Blender reads the annotations of these classes as values.
# mypy: disable-error-code="valid-type"


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
        tracks.check_unlocked(track)
        if not track.keyframe_count:
            raise InputError("There is no mask to propagate yet.", "Draw strokes and apply them, or press Auto, first.")
        frames, options, uuid = doubt.frames(scene, track), asdict(doubt.options(scene)), track.uuid
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
        jobs.queue.cancel()
        return {"FINISHED"}


class CUTOUT_OT_propagate_all(Waiting, JobOperator, bpy.types.Operator):
    """Carry the masks of all unlocked objects of the clip through the strip together."""

    bl_idname = "cutout.propagate_all"
    bl_label = "Propagate All Objects"
    bl_description = (
        "Carry the masks of all unlocked objects of this clip through the strip together, so that no pixel belongs to "
        "two of them. On a frame with strokes for one object, the others take part with the mask that they have there"
    )

    direction: DIRECTION

    def start(self, context: Any) -> Job:
        """Asks for the clip frames that the strip shows, or those between the in and out points."""
        from ..core.messages import Propagate, PropagateGroup  # not above: Blender's start is not to pay for it

        scene, track = opened_track(context)
        group = tracks.unlocked(scene, track)
        if not group:
            raise InputError("All objects of this clip are locked.", "Unlock those to propagate in the list.")
        for one in group:
            if not one.keyframe_count:
                raise InputError(
                    f"{one.name} has no mask yet.",
                    "Select it and draw on it, or press Auto; or lock it, and the others go without it.",
                )
        frames, options = doubt.frames(scene, track), asdict(doubt.options(scene))
        first, stop = frames.start, frames.stop
        direction, first_one = Direction[self.direction].value, group[0]
        uuids, names = tuple(one.uuid for one in group), tuple(one.name for one in group)

        def message(job: str) -> Propagate | PropagateGroup:
            if len(uuids) == 1:
                return Propagate(job, uuids[0], first, stop, direction, **options)
            return PropagateGroup(job, uuids, names, first, stop, direction, **options)

        count = f"{len(uuids)} objects" if len(uuids) > 1 else "1 object"
        return jobs.submit(
            scene,
            first_one,
            "Propagating",
            message,
            then=lambda done: f"{count} propagated through {done.result.get('frames', len(frames))} frames.",
            undo=self.bl_label,
            others=group[1:],
        )


CLASSES = (CUTOUT_OT_propagate, CUTOUT_OT_cancel, CUTOUT_OT_propagate_all)
