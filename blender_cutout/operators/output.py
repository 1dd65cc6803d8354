"""What comes after the strips are written: a background beneath the clip, and Blender's render."""
# No `from __future__ import annotations`: Blender reads the annotations of these classes as values.
# mypy: disable-error-code="valid-type"

from pathlib import Path
from typing import Any

import bpy
from bpy.props import EnumProperty, StringProperty

from ..core.errors import InputError
from ..host import compat, strips
from ..host.output import background
from ..scene import properties, written
from ..tasks import jobs, upkeep
from .base import Reporting, Waiting, has_track

_KIND = EnumProperty(
    name="Kind",
    description="What the background is",
    items=(
        (background.COLOUR, "Colour", "The colour beside the button"),
        (background.IMAGE, "Image", "A picture file"),
        (background.MOVIE, "Movie", "A movie file; one that is too short shows its last frame from then on"),
    ),
    options={"SKIP_SAVE"},
)
_FILE = StringProperty(
    name="File", description="Picture or movie file of the background", subtype="FILE_PATH", options={"SKIP_SAVE"}
)


class CUTOUT_OT_replace_background(Reporting, bpy.types.Operator):
    """Put a colour, a picture or a movie beneath the clip, as long as the clip."""

    bl_idname = "cutout.replace_background"
    bl_label = "Replace Background"
    bl_description = (
        "Put a colour, a picture or a movie directly beneath the clip, as long as the clip. Pressed again, it takes "
        "the place of the one before. No strip of yours but the clip is ever moved"
    )
    bl_options = {"REGISTER", "UNDO"}  # noqa: RUF012 (Blender wants a plain set)

    kind: _KIND
    filepath: _FILE

    @classmethod
    def poll(cls, context: Any) -> bool:
        """There is a cutout."""
        return has_track(context)

    def invoke(self, context: Any, event: Any) -> set[str]:
        """Asks for the file where one is needed."""
        if self.kind == background.COLOUR or self.filepath:
            return self.execute(context)
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    def run(self, context: Any) -> set[str]:
        """Puts it there."""
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
        text = f"The background lies in channel {channel}."
        if moved:
            text += " The clip went up to make room."
        jobs.say("INFO", text, "" if track.written_head else "Write Strips to see it behind the object.")
        return {"FINISHED"}


class CUTOUT_OT_render(Waiting, Reporting, bpy.types.Operator):
    """Render the composite with Blender's own render, with the scene's output settings."""

    bl_idname = "cutout.render"
    bl_label = "Render Composite"
    bl_description = (
        "Render the scene's frames with Blender's own render and the scene's output settings, after a look whether "
        "the strips are as the masks are now"
    )

    def run(self, context: Any) -> set[str]:
        """Checks and renders; in a window Blender shows it in its own one, and goes on."""
        scene = compat.sequencer_scene(context)
        _check_path(scene)
        troubles = upkeep.keeper.look(scene)  # what follows its clip is put right before the render
        written.check(scene)
        warning = written.warning(scene) or " ".join(" ".join(trouble) for trouble in troubles[:1])
        if bpy.app.background:
            bpy.ops.render.render(animation=True, scene=scene.name)
        else:
            bpy.ops.render.render("INVOKE_DEFAULT", animation=True, scene=scene.name)
        where = bpy.path.abspath(scene.render.filepath)
        jobs.say("WARNING" if warning else "INFO", warning or f"Rendering to {where}")
        return {"FINISHED"}


def _check_path(scene: Any) -> None:
    """Raises InputError when the scene does not say where the frames go."""
    path = scene.render.filepath
    if not path.strip():
        raise InputError("The scene has no output path.", "Choose one under Output, then render.")
    if path.startswith("//") and not bpy.data.filepath:
        raise InputError(
            "The output path is relative to a file that was never saved.", "Save the .blend, or choose a full path."
        )
    folder = Path(bpy.path.abspath(path))
    folder = folder if path.endswith(("/", "\\")) else folder.parent
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    if not folder.is_dir():
        raise InputError(f"The output path leads through a file: {folder}", "Choose another one under Output.")


CLASSES = (CUTOUT_OT_replace_background, CUTOUT_OT_render)
