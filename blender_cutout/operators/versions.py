"""Operators that keep versions of the active cutout's masks, and return to them."""
# No `from __future__ import annotations`: see CONTRIBUTING.md.
# mypy: disable-error-code="valid-type"

from typing import TYPE_CHECKING, Any

import bpy
from bpy.props import StringProperty

from ..client.job_queue import Job
from ..core.errors import InputError
from ..host import compat, kept
from ..scene import edge_keeping, properties, track_lookup
from ..tasks import jobs
from .base import JobOperator, Waiting, opened_track

if TYPE_CHECKING:
    from ..core.messages import Done

_NAME = StringProperty(name="Name", description="Name of the version", options={"SKIP_SAVE"})
_NEW_NAME = StringProperty(name="New Name", description="New name of the version", options={"SKIP_SAVE"})


class CUTOUT_OT_keep_version(Waiting, JobOperator, bpy.types.Operator):
    """Keep the masks as they are now under a name."""

    bl_idname = "cutout.keep_version"
    bl_label = "Keep Version"
    bl_description = (
        "Keep the active object's masks, strokes, locks and edge settings as they are now, under a name, to return to "
        "later. Takes no disk space itself, but the masks it refers to stay on disk"
    )

    name: _NAME

    def invoke(self, context: Any, event: Any) -> set[str]:
        """Asks for the name."""
        self.name = self.name or next_name(properties.active_track(compat.sequencer_scene(context)))
        result: set[str] = context.window_manager.invoke_props_dialog(self)
        return result

    def start(self, context: Any) -> Job:
        """Asks the engine to keep the version."""
        scene, track = opened_track(context)
        name = str(self.name).strip() or next_name(track)
        return _edit(scene, track, "keep", name, "Keeping the version", f"{name} is kept.")


class CUTOUT_OT_return_to_version(Waiting, JobOperator, bpy.types.Operator):
    """Bring a version's masks back."""

    bl_idname = "cutout.return_to_version"
    bl_label = "Return to Version"
    bl_description = (
        "Bring back the masks, strokes, locks and edge settings of this version, exactly as they were. The current "
        "state is kept as Before Return, and undo brings it back"
    )

    name: _NAME

    def start(self, context: Any) -> Job:
        """Asks the engine to move to the version."""
        scene, track = opened_track(context)
        track_lookup.check_unlocked(track)
        return _edit(scene, track, "return", self.name, "Returning", f"Returned to {self.name}.", undo=self.bl_label)


class CUTOUT_OT_rename_version(Waiting, JobOperator, bpy.types.Operator):
    """Give a version another name."""

    bl_idname = "cutout.rename_version"
    bl_label = "Rename Version"
    bl_description = "Give this version another name"

    name: _NAME
    new_name: _NEW_NAME

    def invoke(self, context: Any, event: Any) -> set[str]:
        """Asks for the name."""
        self.new_name = self.new_name or self.name
        result: set[str] = context.window_manager.invoke_props_dialog(self)
        return result

    def draw(self, context: Any) -> None:
        """Draws the dialog."""
        self.layout.prop(self, "new_name")

    def start(self, context: Any) -> Job | None:
        """Asks the engine to rename it."""
        scene, track = opened_track(context)
        new = str(self.new_name).strip()
        if new == self.name:
            return None
        return _edit(scene, track, "rename", self.name, "Renaming", f"{self.name} is now {new}.", new)


class CUTOUT_OT_delete_version(Waiting, JobOperator, bpy.types.Operator):
    """Forget a version."""

    bl_idname = "cutout.delete_version"
    bl_label = "Delete Version"
    bl_description = "Forget this version. Its masks may then be removed when disk space is short"

    name: _NAME

    def start(self, context: Any) -> Job:
        """Asks the engine to forget it."""
        scene, track = opened_track(context)
        return _edit(scene, track, "delete", self.name, "Deleting", f"{self.name} was deleted.")


def next_name(track: Any) -> str:
    """Returns an unused name for the next version of a cutout."""
    taken = {name for name, _ in kept.versions(track.versions)}
    number = 1
    while f"Version {number}" in taken:
        number += 1
    return f"Version {number}"


def _edit(
    scene: Any, track: Any, action: str, name: str, title: str, summary: str, new_name: str = "", undo: str = ""
) -> Job:
    from ..core.messages import EditVersion

    if not name:
        raise InputError("No version is chosen.", "Choose one of the list under Versions.")
    uuid, settings = track.uuid, edge_keeping.kept_settings(track) if action in ("keep", "return") else ""

    def ended(done: "Done") -> str:
        found = properties.track_by_uuid(uuid)
        if found is not None and action == "return":
            edge_keeping.bring_back(*found, done.result.get("settings"))
        return summary

    return jobs.submit(
        scene,
        track,
        title,
        lambda job: EditVersion(job, uuid, action, name, new_name, settings),
        then=ended,
        undo=undo,
    )


CLASSES = (CUTOUT_OT_keep_version, CUTOUT_OT_return_to_version, CUTOUT_OT_rename_version, CUTOUT_OT_delete_version)
