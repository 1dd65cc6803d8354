"""Several objects of one clip at once."""
# No `from __future__ import annotations`: Blender reads the annotations of these classes as values.
# mypy: disable-error-code="valid-type"

from dataclasses import asdict
from typing import Any

import bpy

from .. import care, jobs, objects
from ..core.errors import InputError
from ..core.types import Direction
from ..pump import Job
from .base import JobOperator, Waiting, opened_track
from .propagate import DIRECTION


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
        group = objects.unlocked(scene, track)
        if not group:
            raise InputError("All objects of this clip are locked.", "Unlock those to propagate in the list.")
        for one in group:
            if not one.keyframe_count:
                raise InputError(
                    f"{one.name} has no mask yet.",
                    "Select it and draw on it, or press Auto; or lock it, and the others go without it.",
                )
        frames, options = care.frames(scene, track), asdict(care.options(scene))
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


CLASSES = (CUTOUT_OT_propagate_all,)
