"""Operators for written strips: replace the background, render the composite."""
# No `from __future__ import annotations`: see CONTRIBUTING.md.
# mypy: disable-error-code="valid-type"

from pathlib import Path
from typing import Any

import bpy
from bpy.props import EnumProperty, StringProperty

from ..core.errors import InputError
from ..host import compat, strips
from ..host.output import background
from ..scene import properties, written
from ..tasks import jobs, render_watch, upkeep
from .base import Reporting, Waiting, WithTrack

_KIND = EnumProperty(
    name="Kind",
    description="Kind of background",
    items=(
        (background.COLOUR, "Colour", "The colour next to the button"),
        (background.IMAGE, "Image", "A picture file"),
        (background.MOVIE, "Movie", "A movie file; if it is too short, its last frame is held"),
    ),
    options={"SKIP_SAVE"},
)
_FILE = StringProperty(
    name="File", description="Picture or movie file of the background", subtype="FILE_PATH", options={"SKIP_SAVE"}
)


class CUTOUT_OT_replace_background(WithTrack, Reporting, bpy.types.Operator):
    """Put a colour, picture or movie below the clip, with the clip's length."""

    bl_idname = "cutout.replace_background"
    bl_label = "Replace Background"
    bl_description = (
        "Put a colour, picture or movie directly below the clip, with the clip's length. Press again to replace it. "
        "May move the clip up to make room; your other strips are not moved"
    )
    bl_options = {"REGISTER", "UNDO"}  # noqa: RUF012 (Blender wants a plain set)

    needs_result = True

    kind: _KIND
    filepath: _FILE

    def invoke(self, context: Any, event: Any) -> set[str]:
        """Opens the file browser if a file is needed."""
        if self.kind == background.COLOUR or self.filepath:
            return self.execute(context)
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    def run(self, context: Any) -> set[str]:
        """Adds or replaces the background strip."""
        scene = compat.sequencer_scene(context)
        track = properties.active_track(scene)
        place = strips.find(scene, track.strip_uuid, track.strip_name)
        file = None
        if self.kind != background.COLOUR:
            if not self.filepath:
                raise InputError("No file is chosen for the background.", "Choose a picture or movie file.")
            file = Path(bpy.path.abspath(self.filepath))
        colour = tuple(scene.cutout.background_colour)
        moved = background.put(scene, place, track.strip_uuid, self.kind, colour, file)  # type: ignore[arg-type]
        found = background.find(scene, track.strip_uuid)
        channel = found.strip.channel if found else 0
        text = f"The background is in channel {channel}."
        if moved:
            text += " The clip was moved up to make room."
        jobs.say("INFO", text, "" if track.written_head else "Write Strips to see it behind the object.")
        return {"FINISHED"}


class CUTOUT_OT_render(Waiting, Reporting, bpy.types.Operator):
    """Render the composite with Blender, using the scene's output settings."""

    bl_idname = "cutout.render"
    bl_label = "Render Composite"
    bl_description = (
        "Render the scene's frames with Blender and the scene's output settings, after checking that the strips match "
        "the current masks"
    )
    needs_result = True

    def run(self, context: Any) -> set[str]:
        """Checks the strips and renders; outside background mode, Blender shows its render window."""
        scene = compat.sequencer_scene(context)
        _check_path(scene)
        troubles = upkeep.keeper.look(scene)  # strips that follow their clip are updated before the render
        written.check(scene)
        if troubles:
            raise InputError(*troubles[0])
        warning = written.warning(scene)
        where = bpy.path.abspath(scene.render.filepath)
        if bpy.app.background:
            bpy.ops.render.render(animation=True, scene=scene.name)
            jobs.say("WARNING" if warning else "INFO", warning or f"Rendered to {where}")
            return {"FINISHED"}
        bpy.ops.render.render("INVOKE_DEFAULT", animation=True, scene=scene.name)
        jobs.say("WARNING" if warning else "INFO", warning or f"Rendering to {where}")
        render_watch.begin(where, bool(warning))
        return {"FINISHED"}


def _check_path(scene: Any) -> None:
    """Raises InputError if the scene's output path is missing or unusable."""
    path = scene.render.filepath
    if not path.strip():
        raise InputError("The scene has no output path.", "Choose one under Output, then render.")
    if path.startswith("//") and not bpy.data.filepath:
        raise InputError(
            "The output path is relative, but the .blend was never saved.", "Save the .blend, or choose a full path."
        )
    folder = Path(bpy.path.abspath(path))
    folder = folder if path.endswith(("/", "\\")) else folder.parent
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    if not folder.is_dir():
        raise InputError(f"The output path leads through a file: {folder}", "Choose another one under Output.")


CLASSES = (CUTOUT_OT_replace_background, CUTOUT_OT_render)
