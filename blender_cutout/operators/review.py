"""Operators for reviewing masks: lock, mark as absent or reject frames, and go to those in doubt."""
# No `from __future__ import annotations`: see CONTRIBUTING.md.
# mypy: disable-error-code="valid-type"

from typing import Any

import bpy
from bpy.props import BoolProperty, EnumProperty

from ..client.job_queue import Job
from ..core.errors import InputError
from ..core.types import FrameRange
from ..host import compat, kept, strips
from ..host.interface_language import tooltip
from ..scene import doubt, frame_spans, properties, rejected, track_lookup
from ..tasks import jobs
from .base import JobOperator, Reporting, Waiting, WithTrack, needs_track, opened_track

_SPAN = EnumProperty(
    name="Frames",
    description="Which frames",
    items=(
        ("FRAME", "Frame", "The current frame"),
        ("RANGE", "Range", "The strip's frames within the preview range"),
    ),
)
_WHAT = EnumProperty(
    name="Frame",
    description="Which kind of frame",
    items=(
        ("DOUBT", "In Doubt", "A frame whose mask the network is not sure of"),
        ("STROKES", "With Strokes", "A frame that was drawn on"),
    ),
)
_BACKWARD = BoolProperty(name="Backward", description="Go to the previous one", default=False)
_ABSENT = BoolProperty(name="Absent", description="Mark the frames; off = clear the mark", default=True)
_REJECT = BoolProperty(name="Reject", description="Reject the frames; off = clear the mark", default=True)
_LOCK = BoolProperty(name="Lock", description="Lock the frames; off = unlock them", default=True)


class CUTOUT_OT_lock_frames(Waiting, JobOperator, bpy.types.Operator):
    """Lock approved frames, or unlock them."""

    bl_idname = "cutout.lock_frames"
    bl_label = "Lock Frames"
    bl_description = (
        "Approve the active object's mask on these frames: strokes and propagation no longer change it, and later "
        "propagation relies on it"
    )

    span: _SPAN
    lock: _LOCK

    @classmethod
    def description(cls, context: Any, properties: Any) -> str:
        """Returns the tooltip."""
        if properties.lock:
            return tooltip(cls.bl_description)
        return tooltip(
            "Unlock these frames of the active object, so that strokes and propagation can change them again"
        )

    def start(self, context: Any) -> Job:
        """Asks the engine to lock or unlock the frames."""
        from ..core.messages import LockFrames

        scene, track = opened_track(context)
        track_lookup.check_unlocked(track)
        frames = _frames(scene, track, self.span)
        uuid, lock = track.uuid, self.lock
        if lock:
            rejected.clear(scene, track, frames)
        what = _counted(len(frames))
        return jobs.submit(
            scene,
            track,
            "Locking" if lock else "Unlocking",
            lambda job: LockFrames(job, uuid, frames.start, frames.stop, lock),
            then=lambda _: f"{what} {'locked' if lock else 'unlocked'}.",
            undo=self.bl_label if lock else "Unlock Frames",
        )


class CUTOUT_OT_mark_absent(Waiting, JobOperator, bpy.types.Operator):
    """Mark frames where the object is absent, or clear the mark."""

    bl_idname = "cutout.mark_absent"
    bl_label = "Not Here"
    bl_description = (
        "The active object is not on these frames: their mask is left empty, and frames before and after use only the "
        "keyframes on their own side"
    )

    span: _SPAN
    absent: _ABSENT

    @classmethod
    def description(cls, context: Any, properties: Any) -> str:
        """Returns the tooltip."""
        if properties.absent:
            return tooltip(cls.bl_description)
        return tooltip("Clear the mark Not Here on these frames; they get their masks back")

    def start(self, context: Any) -> Job:
        """Asks the engine to mark the frames."""
        from ..core.messages import MarkAbsent

        scene, track = opened_track(context)
        track_lookup.check_unlocked(track)
        frames = _frames(scene, track, self.span)
        uuid, absent = track.uuid, self.absent
        what = _counted(len(frames))
        return jobs.submit(
            scene,
            track,
            "Marking",
            lambda job: MarkAbsent(job, uuid, frames.start, frames.stop, absent),
            then=lambda _: f"{what} marked Not Here." if absent else f"{what} no longer marked Not Here.",
            undo="Not Here" if absent else "Here",
        )


def _frames(scene: Any, track: Any, span: str) -> FrameRange:
    """Returns the current clip frame, or those of the preview range."""
    if span != "FRAME":
        return frame_spans.between(scene, track)
    frame = frame_spans.here(scene, track)
    return FrameRange(frame, frame + 1)


class CUTOUT_OT_reject_frames(WithTrack, Reporting, bpy.types.Operator):
    """Reject masks: the next propagation makes them again."""

    bl_idname = "cutout.reject_frames"
    bl_label = "Reject Frames"
    bl_description = (
        "Reject the active object's propagated masks on these frames: the next Propagate does not use them, and makes "
        "them again"
    )
    bl_options = {"REGISTER", "UNDO"}  # noqa: RUF012 (Blender wants a plain set)

    span: _SPAN
    reject: _REJECT

    @classmethod
    def description(cls, context: Any, properties: Any) -> str:
        """Returns the tooltip."""
        return tooltip(cls.bl_description if properties.reject else "Clear the mark: the masks are no longer rejected")

    def run(self, context: Any) -> set[str]:
        """Marks the frames, or clears the mark."""
        scene, track = opened_track(context)
        track_lookup.check_unlocked(track)
        frames = _frames(scene, track, self.span)
        if not self.reject:
            count = rejected.clear(scene, track, frames)
            jobs.say("INFO", f"{_counted(count)} no longer rejected.")
            return {"FINISHED"}
        firm = set(kept.numbers(track.drawn, track.frame_count))
        firm.update(f for start, stop in kept.ranges(track.locks, track.frame_count) for f in range(start, stop))
        done = {f for start, stop, _ in kept.mattes(track.mattes, track.frame_count) for f in range(start, stop)}
        found = done.intersection(frames) - firm
        if not found:
            raise InputError(
                "There is no propagated mask to reject.",
                "Draw more on frames with strokes, and unlock locked ones.",
            )
        rejected.reject(scene, track, found)
        jobs.say("INFO", f"{_counted(len(found))} rejected.", "Propagate makes them again.")
        return {"FINISHED"}


def _counted(count: int) -> str:
    return "1 frame" if count == 1 else f"{count} frames"


class CUTOUT_OT_worst_frame(Reporting, bpy.types.Operator):
    """Go to the frame whose mask the network is least sure of."""

    bl_idname = "cutout.worst_frame"
    bl_label = "Go to Worst Frame"
    bl_description = (
        "Go to the propagated frame whose mask the network is least sure of, where a correction helps most. Locked "
        "frames, frames with strokes and frames outside an active preview range are skipped"
    )

    @classmethod
    def poll(cls, context: Any) -> bool:
        """Returns True if there is a cutout."""
        if not needs_track(cls, context):
            return False
        if properties.active_track(compat.sequencer_scene(context)).confidence.strip("-"):
            return True
        cls.poll_message_set(tooltip("There is no propagated frame to judge yet. Propagate first"))
        return False

    def run(self, context: Any) -> set[str]:
        """Goes to the worst frame."""
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
        jobs.say("INFO", f"Frame {timeline}: the network is {known[worst]}% sure of this mask.")
        return {"FINISHED"}


class CUTOUT_OT_go_to_frame(WithTrack, Reporting, bpy.types.Operator):
    """Go to the next or previous frame in doubt or with strokes."""

    bl_idname = "cutout.go_to_frame"
    bl_label = "Go to Frame"
    bl_description = "Go to the active cutout's next or previous frame in doubt, or frame with strokes"

    what: _WHAT
    backward: _BACKWARD

    @classmethod
    def description(cls, context: Any, properties: Any) -> str:
        """Returns the tooltip."""
        which = "in doubt" if properties.what == "DOUBT" else "with strokes"
        return tooltip(f"Go to the active cutout's {'previous' if properties.backward else 'next'} frame {which}")

    def run(self, context: Any) -> set[str]:
        """Goes there, if there is one that way."""
        scene, track = opened_track(context)
        if self.what == "DOUBT":
            wanted = (*doubt.doubtful(track.confidence, scene.cutout.doubt_below), *rejected.frames_of(track))
        else:
            wanted = kept.numbers(track.drawn, track.frame_count)
        frames, now = frame_spans.timeline_frames(scene, track, wanted), scene.frame_current
        found = max((f for f in frames if f < now), default=None) if self.backward else None
        if not self.backward:
            found = min((f for f in frames if f > now), default=None)
        if found is None:
            which = "in doubt" if self.what == "DOUBT" else "with strokes"
            jobs.say("INFO", f"There is no {'earlier' if self.backward else 'later'} frame {which}.")
            return {"CANCELLED"}
        scene.frame_set(found)
        return {"FINISHED"}


CLASSES = (
    CUTOUT_OT_lock_frames,
    CUTOUT_OT_mark_absent,
    CUTOUT_OT_reject_frames,
    CUTOUT_OT_worst_frame,
    CUTOUT_OT_go_to_frame,
)
