"""Locking frames: what the artist approved is changed by nothing until it is unlocked."""
# No `from __future__ import annotations`: Blender reads the annotations of these classes as values.
# mypy: disable-error-code="valid-type"

from typing import Any

import bpy
from bpy.props import BoolProperty, EnumProperty

from ..client.job_queue import Job
from ..core.errors import InputError
from ..core.types import FrameRange
from ..host import strips

# No `from __future__ import annotations`: Blender reads the annotations of these classes as values.
from ..scene import doubt, frame_spans, tracks
from ..tasks import jobs
from .base import JobOperator, Reporting, Waiting, has_track, opened_track

_SPAN = EnumProperty(
    name="Frames",
    description="Which frames",
    items=(
        ("FRAME", "Frame", "The current frame"),
        ("RANGE", "Range", "The strip's frames between the in and out points, which are the preview range"),
    ),
)
_LOCK = BoolProperty(name="Lock", description="Lock the frames; off = unlock them", default=True)


class CUTOUT_OT_lock_frames(Waiting, JobOperator, bpy.types.Operator):
    """Approve the masks of frames, or give them free again."""

    bl_idname = "cutout.lock_frames"
    bl_label = "Lock Frames"
    bl_description = (
        "Approve the active object's mask on these frames: no stroke and no propagation changes it any more, and what "
        "is propagated again takes it for right"
    )

    span: _SPAN
    lock: _LOCK

    @classmethod
    def description(cls, context: Any, properties: Any) -> str:
        """The tooltip."""
        if properties.lock:
            return cls.bl_description
        return "Give these frames of the active object free again, for strokes and for propagation"

    def start(self, context: Any) -> Job:
        """Asks for it."""
        from ..core.messages import LockFrames  # here, not above: Blender's start is not to pay for it

        scene, track = opened_track(context)
        tracks.check_unlocked(track)
        frame = frame_spans.here(scene, track) if self.span == "FRAME" else 0
        frames = FrameRange(frame, frame + 1) if self.span == "FRAME" else frame_spans.between(scene, track)
        uuid, lock = track.uuid, self.lock
        what = "1 frame" if len(frames) == 1 else f"{len(frames)} frames"
        return jobs.submit(
            scene,
            track,
            "Locking" if lock else "Unlocking",
            lambda job: LockFrames(job, uuid, frames.start, frames.stop, lock),
            then=lambda _: f"{what} {'locked' if lock else 'unlocked'}.",
            undo=self.bl_label if lock else "Unlock Frames",
        )


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
        wanted = frame_spans.between(scene, track) if scene.use_preview_range else frame_spans.shown(scene, track)
        known = {frame: percent for frame, percent in doubt.percents(track.confidence).items() if frame in wanted}
        if not known:
            raise InputError("There is no propagated frame to judge.", "Propagate first.")
        worst = min(known, key=lambda frame: known[frame])
        timeline = times.timeline_frame(worst)
        if timeline is None:
            raise InputError("The strip does not show the worst frame.", "Show the whole clip.")
        scene.frame_set(timeline)
        jobs.say("INFO", f"Frame {timeline}: the network is {known[worst]} % sure of this mask.")
        return {"FINISHED"}


CLASSES = (CUTOUT_OT_lock_frames, CUTOUT_OT_worst_frame)
