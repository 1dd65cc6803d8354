"""Operators that send cutouts to the queue, run and cancel it, and export job files."""
# No `from __future__ import annotations`: see CONTRIBUTING.md.
# mypy: disable-error-code="valid-type"

import time
from pathlib import Path
from typing import Any

import bpy
from bpy.props import BoolProperty, EnumProperty, StringProperty

from ..client.job_queue import Job
from ..core.errors import InputError
from ..core.types import Direction
from ..host.interface_language import tooltip
from ..scene import properties, track_lookup
from ..tasks import jobs, shot_queue
from .base import FileOperator, JobOperator, Reporting, Waiting, needs_track, opened_track

_ALL = BoolProperty(
    name="All Objects",
    description="Send every unlocked object with strokes, of all strips and scenes of this file",
    default=False,
    options={"SKIP_SAVE"},
)
_JOB = StringProperty(name="File", description="Job file to write", subtype="FILE_PATH", options={"SKIP_SAVE"})
_NAME = StringProperty(
    name="Job", description="File name of the job; empty = the selected one", options={"SKIP_SAVE", "HIDDEN"}
)
_WAY = EnumProperty(
    name="Direction",
    description="Which way to move the job",
    items=(("UP", "Up", "To be done earlier"), ("DOWN", "Down", "To be done later")),
    options={"SKIP_SAVE"},
)


class CUTOUT_OT_send_to_queue(Waiting, JobOperator, bpy.types.Operator):
    """Send the active object, or all, to the queue."""

    bl_idname = "cutout.send_to_queue"
    bl_label = "Send to Queue"
    bl_description = (
        "Add what Propagate would do with the active object to the queue, as it is now, and what is chosen below; its "
        "masks come back here when they are done, if the object was not changed in the meantime"
    )

    all: _ALL

    def start(self, context: Any) -> Job:
        """Has the engine write the jobs; returns the last."""
        scene, track = opened_track(context)
        track_lookup.check_unlocked(track)
        if not self.all:
            if not track.keyframe_count:
                raise InputError(
                    "There is no mask to propagate yet.", "Draw strokes and apply them, or press Auto, first."
                )
            chosen = [(scene, track)]
        else:
            chosen = [(scene, one) for scene, one in properties.tracks() if one.keyframe_count and not one.locked]
        if not chosen:
            raise InputError("No unlocked object has a mask yet.", "Draw strokes on one and apply them first.")
        path = shot_queue.shots.next_path(*chosen[0])
        number, job = int(path.name[:4]), None
        for place, (of_scene, one) in enumerate(chosen):
            path = shot_queue.shots.next_path(of_scene, one, number + place)
            job = shot_queue.make_job(of_scene, one, Direction.BOTH, path)
        assert job is not None
        return job


class CUTOUT_OT_export_job(FileOperator, bpy.types.Operator):
    """Write a job file for another machine or a render farm."""

    bl_idname = "cutout.export_job"
    bl_label = "Export Job"
    bl_description = (
        "Write what Propagate would do with the active object, and what is chosen below, as a job file, for "
        "`cutout job` on another machine or a render farm"
    )

    filepath: _JOB

    def invoke(self, context: Any, event: Any) -> set[str]:
        """Proposes a name."""
        if not self.filepath:
            self.filepath = f"{bpy.path.clean_name(opened_track(context)[1].name)}.job.json"
            context.window_manager.fileselect_add(self)
            return {"RUNNING_MODAL"}
        return self.execute(context)

    def start(self, context: Any) -> Job:
        """Has the engine write the job."""
        scene, track = opened_track(context)
        if not track.keyframe_count:
            raise _no_mask()
        name = bpy.path.abspath(self.filepath)
        path = Path(name if name.endswith(".job.json") else f"{name.removesuffix('.json')}.job.json")
        return shot_queue.make_job(scene, track, Direction.BOTH, path)


class CUTOUT_OT_run_queue(Reporting, bpy.types.Operator):
    """Do the jobs of the queue."""

    bl_idname = "cutout.run_queue"
    bl_label = "Run Queue"
    bl_description = (
        "Do the jobs of the queue one after the other, in a process of their own: you can go on working. A job that "
        "fails stops no other. The queue ends with Blender, and goes on where it was when you run it again"
    )

    @classmethod
    def poll(cls, context: Any) -> bool:
        """Returns True if there is something to run; cheap."""
        shots = shot_queue.shots
        if shots.entries and not shots.running:
            return True
        if shots.running or needs_track(cls, context):
            text = "The queue is running" if shots.running else "The queue is empty. Press Send to Queue"
            cls.poll_message_set(tooltip(text))
        return False

    def run(self, context: Any) -> set[str]:
        """Starts the process; in background mode waits for its end."""
        shots = shot_queue.shots
        shots.start()
        while bpy.app.background and (shots.open or jobs.queue.jobs):
            shots.look()
            jobs.step()
            time.sleep(0.02)
        return {"FINISHED"}


class CUTOUT_OT_cancel_queue(Reporting, bpy.types.Operator):
    """Cancel the queue."""

    bl_idname = "cutout.cancel_queue"
    bl_label = "Cancel Queue"
    bl_description = "Cancel the queue; finished masks stay, and Run Queue goes on where it was"

    def run(self, context: Any) -> set[str]:
        """Asks the process to stop; the timer handles the outcome."""
        shot_queue.shots.cancel()
        return {"FINISHED"}


class _OnRow(Reporting):
    """Enables an operator only if the queue has jobs."""

    @classmethod
    def poll(cls, context: Any) -> bool:
        """Returns True if there is a job; cheap."""
        if shot_queue.shots.entries:
            return True
        if needs_track(cls, context):
            cls.poll_message_set(tooltip("The queue is empty. Press Send to Queue"))  # type: ignore[attr-defined]
        return False

    def chosen(self) -> str:
        """Returns the name of the job that was given, or else of the selected one."""
        status, entries = properties.status(), shot_queue.shots.entries
        return self.name or entries[min(status.queue_index, len(entries) - 1)].name  # type: ignore[attr-defined, no-any-return]


class CUTOUT_OT_move_in_queue(_OnRow, bpy.types.Operator):
    """Move a job up or down in the queue."""

    bl_idname = "cutout.move_in_queue"
    bl_label = "Move in Queue"
    bl_description = "Move the selected job up or down: those that wait are done in this order, also while others run"

    name: _NAME
    direction: _WAY

    def run(self, context: Any) -> set[str]:
        """Writes the new order; the job stays selected."""
        place = shot_queue.shots.move(self.chosen(), -1 if self.direction == "UP" else 1)
        properties.status().queue_index = place
        return {"FINISHED"}


class CUTOUT_OT_remove_from_queue(_OnRow, bpy.types.Operator):
    """Remove a job from the queue."""

    bl_idname = "cutout.remove_from_queue"
    bl_label = "Remove from Queue"
    bl_description = "Remove the selected job from the queue, with its masks; those that its object has taken stay"

    name: _NAME

    def run(self, context: Any) -> set[str]:
        """Deletes the job file and its folders."""
        shot_queue.shots.remove(self.chosen())
        return {"FINISHED"}


class CUTOUT_OT_take_masks(Waiting, JobOperator, bpy.types.Operator):
    """Take the masks that the queue made for objects of this file."""

    bl_idname = "cutout.take_masks"
    bl_label = "Take Masks"
    bl_description = "Give the objects of this file the masks that the queue made for them; undo takes them back"

    def start(self, context: Any) -> Job | None:
        """Has the engine take the masks of all finished jobs."""
        ready = {entry.head: entry for entry in shot_queue.shots.entries if entry.ready}  # the last one of each cutout
        taken = [shot_queue.shots.take(entry) for entry in ready.values()]
        return taken[-1] if taken else None


def _no_mask() -> InputError:
    return InputError("There is no mask to propagate yet.", "Draw strokes and apply them, or press Auto, first.")


CLASSES = (
    CUTOUT_OT_send_to_queue,
    CUTOUT_OT_export_job,
    CUTOUT_OT_run_queue,
    CUTOUT_OT_cancel_queue,
    CUTOUT_OT_move_in_queue,
    CUTOUT_OT_remove_from_queue,
    CUTOUT_OT_take_masks,
)
