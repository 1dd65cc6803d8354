"""Operators that take rounds made after the .blend was saved, or leave them out."""
# No `from __future__ import annotations`: see CONTRIBUTING.md.

from typing import Any

import bpy

from ..client.job_queue import Job
from ..core.errors import InputError
from ..host import compat
from ..tasks import begun_cutouts, jobs, later_rounds
from .base import JobOperator, Reporting, needs_idle, needs_track


class CUTOUT_OT_take_later(JobOperator, bpy.types.Operator):
    """Show the rounds that were made after this file was saved."""

    bl_idname = "cutout.take_later"
    bl_label = "Take Later Rounds"
    bl_description = (
        "Bring back work done after this file was last saved, for example after a crash. Undo returns to the file's "
        "state"
    )

    @classmethod
    def poll(cls, context: Any) -> bool:
        """Returns True if there may be later rounds to take."""
        return _is_possible(cls, context) and needs_idle(cls)

    def start(self, context: Any) -> Job:
        """Adds the cutouts missing from the file, and moves the others to their later rounds."""
        scene = compat.sequencer_scene(context)
        begun = begun_cutouts.take(scene) if begun_cutouts.waiting(scene) else []
        found = later_rounds.kept_back(scene)
        if begun and not any(track.later_text for track in found):
            return begun[-1]
        if not found:
            raise InputError("There are no later rounds on disk.", "This file has them all.")
        asked = [track for track in found if track.later_text]
        return later_rounds.take(scene, asked or found)[-1]


class CUTOUT_OT_keep_file(Reporting, bpy.types.Operator):
    """Continue from the state that this file was saved with."""

    bl_idname = "cutout.keep_file"
    bl_label = "Keep File's State"
    bl_description = (
        "Continue with the masks that this file was saved with. The later rounds stay on disk: Take Later Rounds, "
        "under Files, still brings them back"
    )
    bl_options = {"REGISTER", "UNDO"}  # noqa: RUF012 (Blender wants a plain set)

    @classmethod
    def poll(cls, context: Any) -> bool:
        """Returns True if there may be later rounds to leave out."""
        return _is_possible(cls, context)

    def run(self, context: Any) -> set[str]:
        """Stops offering later rounds."""
        count = later_rounds.leave() + begun_cutouts.leave()
        jobs.say("INFO", "The file's state is kept." if count else "There are no later rounds on disk.")
        return {"FINISHED"}


def _is_possible(operator: Any, context: Any) -> bool:
    scene = compat.sequencer_scene(context)
    return (scene is not None and begun_cutouts.waiting(scene)) or needs_track(operator, context)


CLASSES = (CUTOUT_OT_take_later, CUTOUT_OT_keep_file)
