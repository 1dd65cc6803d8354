"""Operators that import mattes from other programs and export films for them."""
# No `from __future__ import annotations`: see CONTRIBUTING.md.
# mypy: disable-error-code="valid-type"

from pathlib import Path
from typing import TYPE_CHECKING, Any

import bpy
from bpy.props import BoolProperty, EnumProperty, IntProperty, StringProperty

from ..client.job_queue import Job
from ..core.errors import InputError
from ..core.types import PICTURE_SUFFIXES
from ..scene import edge_settings, frame_spans, queue_settings, track_lookup
from ..scene.queue_outputs import MOVIES, PICTURES, colour, timeline_of
from ..tasks import jobs
from .base import FileOperator, opened_track

if TYPE_CHECKING:
    from ..core.messages import Done

_MASKS = StringProperty(
    name="File", description="A mask, one of a folder of masks, or a movie of masks", subtype="FILE_PATH",
    options={"SKIP_SAVE"},
)  # fmt: skip
_FOLDER = BoolProperty(
    name="Whole Folder",
    description="Import all pictures in the chosen file's folder, sorted by name; off = only the chosen picture",
    default=True,
)
_FROM = EnumProperty(
    name="First Mask",
    description="Which frame the first mask is for",
    items=(
        (
            "CLIP",
            "First Frame of Clip",
            "The masks cover the whole clip, including frames that the strip does not show",
        ),
        ("HERE", "Current Frame", "The first mask is for the current frame"),
    ),
)
_EVERY = IntProperty(
    name="Every",
    description="Use only every n-th mask, and propagate between them: 1 = all",
    default=1,
    min=1,
)
_LABEL = IntProperty(
    name="Object",
    description="Which object to import if the mask holds several; 0 if there is only one",
    default=0,
    min=0,
    max=65535,
)


class CUTOUT_OT_import_mattes(FileOperator, bpy.types.Operator):
    """Import masks from other programs as keyframes of the active object."""

    bl_idname = "cutout.import_mattes"
    bl_label = "Import Matte"
    bl_description = (
        "Import masks from another program (a picture, a folder of pictures, or a movie, in the clip's size, half or "
        "double) as keyframes of the active object: correct them with strokes, propagate from them, undo in one step"
    )

    filepath: _MASKS
    folder: _FOLDER
    first: _FROM
    every: _EVERY
    label: _LABEL

    def start(self, context: Any) -> Job:
        """Asks the engine to import the masks."""
        from ..core.messages import ImportMattes

        scene, track = opened_track(context)
        track_lookup.check_unlocked(track)
        if not self.filepath:
            raise InputError("No mask is chosen.", "Choose a picture, one of a folder of pictures, or a movie.")
        path = Path(bpy.path.abspath(self.filepath))
        is_picture = path.suffix.lower() in PICTURE_SUFFIXES
        if is_picture and self.folder:
            path = path.parent
        alone = is_picture and not self.folder
        at = frame_spans.here(scene, track) if alone or self.first == "HERE" else -1
        uuid, every, label = track.uuid, self.every, self.label
        return jobs.submit(
            scene,
            track,
            "Importing masks",
            lambda job: ImportMattes(job, uuid, str(path), at, every, label),
            undo="Import Matte",
        )


_KIND = EnumProperty(
    name="Kind",
    description="File format of the film",
    items=queue_settings.FILMS,
)
_TARGET = StringProperty(
    name="File",
    description="The movie file, or the folder for the pictures",
    subtype="FILE_PATH",
    options={"SKIP_SAVE"},
)
_BEHIND = EnumProperty(
    name="Background",
    description="What lies behind the object",
    items=(
        ("NONE", "Transparent", "No background: the mask becomes the alpha channel (straight alpha)"),
        ("COLOUR", "Colour", "The background colour from the Output panel"),
        ("FILE", "File", "A picture or movie, scaled to cover the frame; a movie loops"),
    ),
)
_BEHIND_FILE = StringProperty(
    name="Background File", description="Picture or movie behind the object", subtype="FILE_PATH"
)


class CUTOUT_OT_export_film(FileOperator, bpy.types.Operator):
    """Write the cut-out clip as a film for other programs."""

    bl_idname = "cutout.export_film"
    bl_label = "Export Film"
    bl_description = (
        "Write the cut-out clip as a movie or pictures for other programs, with transparency or over a background. "
        "Each file is read back and compared before it is kept. The sequencer does not change"
    )

    filepath: _TARGET
    kind: _KIND
    background: _BEHIND
    background_file: _BEHIND_FILE

    def start(self, context: Any) -> Job:
        """Asks the engine to write the frames that the strip shows."""
        from ..core.messages import Export

        scene, track = opened_track(context)
        found = track_lookup.written(scene, track)
        if not found:
            raise InputError("There is no mask to export yet.", "Draw strokes and apply them, or press Auto, first.")
        if not self.filepath:
            raise InputError("No file is chosen.", "Choose where to write the film.")
        target = Path(bpy.path.abspath(self.filepath))
        target, pictures = target.with_suffix(MOVIES.get(self.kind, "")), PICTURES.get(self.kind, "png")
        names = tuple(found_track.name for found_track in found)
        frames, rate = tuple(frame_spans.shown(scene, track)), scene.render.fps / scene.render.fps_base
        when = timeline_of(scene, track, frames)
        edges = tuple(edge_settings.plan(one, when) for one in found)
        details = tuple(map(edge_settings.details, found))
        first, *others = found
        uuid, uuids, behind, inverted = (
            first.uuid,
            tuple(o.uuid for o in others),
            self._behind(scene),
            track.write_inverted,
        )
        return jobs.submit(
            scene,
            first,
            "Exporting",
            lambda job: Export(
                job, uuid, frames, str(target), uuids, "film", inverted, behind, rate, pictures, names, edges, details
            ),
            then=_film_summary,
            others=others,
        )

    def _behind(self, scene: Any) -> str:
        """Returns the background in the form the engine expects."""
        if self.background == "NONE":
            if self.kind == "H264":
                raise InputError("An .mp4 movie has no transparency.", "Choose a background, or another kind.")
            return ""
        if self.background == "COLOUR":
            return colour(scene)
        if not self.background_file:
            raise InputError("No file is chosen for the background.", "Choose a picture or movie file.")
        return str(Path(bpy.path.abspath(self.background_file)))


def _film_summary(done: "Done") -> str:
    """Returns the panel's final message, and warns about missing masks."""
    missing, count = int(done.result["missing"]), int(done.result["count"])
    if missing:
        jobs.say("WARNING", f"On {missing} of {count} frames, not every object has a mask.", "Propagate to fill them.")
    return done.summary


CLASSES = (CUTOUT_OT_import_mattes, CUTOUT_OT_export_film)
