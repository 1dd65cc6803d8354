"""Locking frames: what the artist approved is changed by nothing until it is unlocked."""
# No `from __future__ import annotations`: Blender reads the annotations of these classes as values.
# mypy: disable-error-code="valid-type"

from typing import Any

import bpy
from bpy.props import BoolProperty, EnumProperty

from .. import jobs, objects, spans
from ..core.types import FrameRange
from ..pump import Job
from .base import JobOperator, Waiting, opened_track

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
        objects.check_unlocked(track)
        frame = spans.here(scene, track) if self.span == "FRAME" else 0
        frames = FrameRange(frame, frame + 1) if self.span == "FRAME" else spans.between(scene, track)
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


CLASSES = (CUTOUT_OT_lock_frames,)
