"""Writing the masks into the sequencer."""
# No `from __future__ import annotations`: Blender reads the annotations of these classes as values.

from pathlib import Path
from typing import Any

import bpy

from .. import jobs, properties
from ..core.errors import InputError
from ..core.messages import Done, Export
from ..host import masks, storage, strips
from ..pump import Job
from .base import JobOperator, has_track, idle, opened_track


class CUTOUT_OT_write_strips(JobOperator, bpy.types.Operator):
    """Make or refresh the mask strip and the clip's Mask modifier: the composite shows at once."""

    bl_idname = "cutout.write_strips"
    bl_label = "Write Strips"
    bl_description = "Make or refresh the mask strip and the clip's Mask modifier: the composite shows at once"

    @classmethod
    def poll(cls, context: Any) -> bool:
        """There is a cutout, and the engine has nothing else to do."""
        return has_track(context) and idle()

    def start(self, context: Any) -> Job:
        """Has one mask written for each timeline frame of the strip; the strips follow when they are there."""
        scene, track = opened_track(context)
        if not track.done_count:
            raise InputError("There is no mask to write yet.", "Draw strokes and apply them, or press Auto, first.")
        strip = strips.find(scene, track.strip_uuid, track.strip_name).strip
        frames = strips.time_map(scene, strip, track.frame_count).clip_frames()
        if len(set(frames)) == 1:  # a still picture: one mask stands for its whole time
            frames = frames[:1]
        uuid = track.uuid
        folder = masks.folder_of(storage.resolve(track.folder, bpy.data.filepath))
        return jobs.submit(
            scene,
            track,
            "Writing masks",
            lambda job: Export(job, uuid, frames, str(folder)),
            then=lambda done: _make_strips(uuid, folder, done),
            undo="Write Strips",
        )


def _make_strips(uuid: str, folder: Path, done: Done) -> str:
    """Makes the strips once the pictures are there; returns a summary."""
    found = properties.track_by_uuid(uuid)
    if found is None:
        return ""
    pictures, missing = int(done.result["count"]), int(done.result["missing"])
    scene, track = found
    place = strips.find(scene, track.strip_uuid, track.strip_name)
    followed = masks.write(scene, place, uuid, track.name, folder, pictures)
    track.written_head = track.head
    if missing:
        jobs.say("WARNING", f"{missing} of {pictures} frames have no mask and stay empty.", "Propagate to fill them.")
    if not followed:
        jobs.say("WARNING", "The strip's transform is driven.", "Bake it to keyframes and write again, or masks drift.")
    return f"Wrote {pictures} {'mask' if pictures == 1 else 'masks'}."


CLASSES = (CUTOUT_OT_write_strips,)
