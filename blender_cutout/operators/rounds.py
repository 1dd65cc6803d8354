"""Operators for rounds on the current frame: apply strokes, first guess, undo a round."""
# No `from __future__ import annotations`: see CONTRIBUTING.md.
# mypy: disable-error-code="valid-type"

from typing import Any

import bpy
from bpy.props import EnumProperty

from ..client.job_queue import Job
from ..host import compat
from ..host.interface_language import tooltip
from ..scene import frame_spans, properties, track_lookup
from ..tasks import jobs
from ..tasks.apply_strokes import send_strokes
from .base import JobOperator, Keyed, WithTrack, needs_track, opened_track

_MODE = EnumProperty(
    name="Mode",
    description="What the mask is of",
    items=(
        ("foreground", "Foreground", "What the picture is about"),
        ("person", "Person", "The largest person"),
        ("head", "Head", "The largest head, with hair and hat"),
        ("sky", "Sky", "The sky, to be replaced or graded"),
        ("background", "Background", "Everything but the people, or but the foreground"),
    ),
    options={"SKIP_SAVE"},
)
_NOTHING = {
    "foreground": "Nothing was found. Draw strokes.",
    "person": "No person was found: the mask is empty. Draw strokes.",
    "head": "No head was found: the mask is empty. Draw strokes.",
    "sky": "No sky was found: the mask is empty. Draw strokes.",
    "background": "Nothing was found. Draw strokes.",
}


class CUTOUT_OT_apply_strokes(Keyed, WithTrack, JobOperator, bpy.types.Operator):
    """Refine the mask with the strokes drawn on this frame."""

    bl_idname = "cutout.apply_strokes"
    bl_label = "Apply Strokes"
    bl_description = "Refine the mask with the strokes drawn on this frame"
    corrects = True

    def start(self, context: Any) -> Job:
        """Sends the strokes that were not applied yet."""
        return send_strokes(context, *opened_track(context))


class CUTOUT_OT_auto(WithTrack, JobOperator, bpy.types.Operator):
    """Propose a mask of this frame without strokes."""

    bl_idname = "cutout.auto"
    bl_label = "Auto"
    bl_description = "Guess a mask on this frame without strokes: of the main object, or of what the menu says"
    corrects = True

    mode: _MODE

    def start(self, context: Any) -> Job:
        """Asks the engine for a first guess."""
        from ..core.messages import ApplyRound

        scene, track = opened_track(context)
        track_lookup.check_unlocked(track)
        frame, uuid, mode = frame_spans.here(scene, track), track.uuid, self.mode
        track_lookup.check_free(track, frame, scene.frame_current)
        job = jobs.submit(
            scene,
            track,
            "Looking for the object",
            lambda wire: ApplyRound(wire, uuid, frame, (), auto=True, mode="" if mode == "foreground" else mode),
            then=lambda done: _NOTHING[mode] if done.result.get("empty") else "A first guess. Correct it with strokes.",
            undo="Auto",
        )
        job.round_on = frame
        return job


class CUTOUT_OT_undo_round(Keyed, JobOperator, bpy.types.Operator):
    """Undo the last round or propagation."""

    bl_idname = "cutout.undo_round"
    bl_label = "Undo Round"
    bl_description = (
        "Undo the last round or propagation. Its strokes stay visible but are ignored; erase them if you do not need "
        "them"
    )

    @classmethod
    def poll(cls, context: Any) -> bool:
        """Returns True if the active cutout has a round."""
        if not needs_track(cls, context):
            return False
        if properties.active_track(compat.sequencer_scene(context)).head:
            return True
        cls.poll_message_set(tooltip("There is no round to undo yet"))
        return False

    def start(self, context: Any) -> Job:
        """Moves the head back; a step of several objects is undone for all that are not locked."""
        from ..core.messages import Undo

        scene, track = opened_track(context)
        track_lookup.check_unlocked(track)
        uuid = track.uuid
        others = [other for other in track_lookup.unlocked(scene, track) if other.uuid != uuid]
        uuids = tuple(other.uuid for other in others)
        return jobs.submit(
            scene,
            track,
            "Undoing",
            lambda job: Undo(job, uuid, uuids),
            lambda _: "Undid the last step.",
            "Undo Round",
            others,
        )


CLASSES = (CUTOUT_OT_apply_strokes, CUTOUT_OT_auto, CUTOUT_OT_undo_round)
