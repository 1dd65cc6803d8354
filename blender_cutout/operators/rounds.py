"""Operators for rounds on the current frame: apply strokes, first guess, undo a round."""
# No `from __future__ import annotations`: see CONTRIBUTING.md.
# mypy: disable-error-code="valid-type"

from typing import Any

import bpy
from bpy.props import BoolProperty, EnumProperty, FloatVectorProperty, IntProperty

from ..client.job_queue import Job
from ..host import compat
from ..host.interface_language import tooltip
from ..scene import properties, track_lookup
from ..scene.clip_in_view import clip_in_view
from ..tasks import jobs
from ..tasks.apply_strokes import send_strokes
from ..tasks.each_person import ask_each_person
from ..tasks.first_guess import ask_first_guess
from ..tasks.sky_through import ask_sky_through
from .base import JobOperator, Keyed, WithTrack, needs_track, opened_track

_MODE = EnumProperty(
    name="Mode",
    description="What the mask is of",
    items=(
        ("foreground", "Foreground", "What the picture is about"),
        ("person", "Person", "The person under the last Keep stroke, or else the largest"),
        ("head", "Head", "The head under the last Keep stroke, or else the largest, with hair and hat"),
        ("sky", "Sky", "The sky, to be replaced or graded"),
        ("background", "Background", "Everything but the people, or but the foreground"),
    ),
    options={"SKIP_SAVE"},
)
_POINT = FloatVectorProperty(
    name="Point",
    description="In pixels of the clip, on the person or head to take; empty = see Mode",
    size=2,
    default=(-1.0, -1.0),
    options={"SKIP_SAVE", "HIDDEN"},
)
_AT_MOUSE = BoolProperty(
    name="Under the Mouse",
    description="Take the person or head under the mouse",
    default=False,
    options={"SKIP_SAVE", "HIDDEN"},
)


_EVERY = IntProperty(
    name="Every",
    description="Find the sky on one of so many frames",
    default=50,
    min=2,
    max=10_000,
    options={"SKIP_SAVE"},
)


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
    point: _POINT
    at_mouse: _AT_MOUSE

    def invoke(self, context: Any, event: Any) -> set[str]:
        """Takes the mouse's place in the clip if it counts."""
        if self.at_mouse and context.region is not None and context.region.type == "PREVIEW":
            view = clip_in_view(compat.sequencer_scene(context))
            if view is not None:
                at = context.region.view2d.region_to_view(event.mouse_region_x, event.mouse_region_y)
                self.point = view.picture.to_source(at)
        return self.execute(context)

    def start(self, context: Any) -> Job:
        """Asks the engine for a first guess."""
        at: Any = self.point
        return ask_first_guess(context, *opened_track(context), self.mode, tuple(at) if at[0] >= 0 else None)


class _Several(JobOperator):
    """Starts several jobs."""

    def run(self, context: Any) -> set[str]:
        """Starts them, and waits for all if needed."""
        from ..core.messages import Failed

        result = super().run(context)
        for job in jobs.queue.jobs if self.wait or bpy.app.background else ():
            if isinstance(outcome := jobs.wait(job), Failed):
                return self.fail(outcome.text, outcome.hint)
        return result


class CUTOUT_OT_each_person(WithTrack, _Several, bpy.types.Operator):
    """Make a cutout of each person on this frame."""

    bl_idname = "cutout.each_person"
    bl_label = "Each Person"
    bl_description = "Make a cutout of each person on this frame, without strokes"
    corrects = True

    def start(self, context: Any) -> Job:
        """Asks the engine for the people; their masks follow."""
        return ask_each_person(*opened_track(context))


class CUTOUT_OT_sky_through(WithTrack, _Several, bpy.types.Operator):
    """Find the sky on every n-th frame."""

    bl_idname = "cutout.sky_through"
    bl_label = "Sky Through Clip"
    bl_description = (
        "Find the sky here and there through the whole strip, so that it does not drift; then propagate. Frames near "
        "your strokes, and locked frames, are left out"
    )

    every: _EVERY

    def start(self, context: Any) -> Job:
        """Asks the engine for the sky on these frames."""
        return ask_sky_through(*opened_track(context), self.every)


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


CLASSES = (CUTOUT_OT_apply_strokes, CUTOUT_OT_auto, CUTOUT_OT_each_person, CUTOUT_OT_sky_through, CUTOUT_OT_undo_round)
