"""Operators that make and remove cutouts, and start drawing strokes."""
# No `from __future__ import annotations`: see CONTRIBUTING.md.
# mypy: disable-error-code="valid-type"

from typing import Any
from uuid import uuid4

import bpy
from bpy.props import EnumProperty, StringProperty

from ..client.job_queue import Job
from ..core.errors import StripError
from ..core.types import Label
from ..host import annotations, compat, storage, strips
from ..host.interface_language import tooltip
from ..host.output import effect, forms, mask_strip
from ..scene import edge_settings, properties, selection, track_lookup
from ..tasks import frame_renderer, jobs
from .base import JobOperator, Reporting, WithTrack, needs_own_scene

_LABEL = EnumProperty(
    name="Label",
    description="Whether the strokes keep or remove what they cover",
    items=(
        (Label.KEEP.value, "Keep", "Draw over what to keep"),
        (Label.REMOVE.value, "Remove", "Draw over what to remove"),
    ),
)

_TRACK = StringProperty(
    name="Cutout", description="Id of the cutout; empty = the one in view", options={"SKIP_SAVE", "HIDDEN"}
)


class CUTOUT_OT_new(JobOperator, bpy.types.Operator):
    """Start cutting an object out of the active movie or image strip."""

    bl_idname = "cutout.new"
    bl_label = "New Cutout"
    bl_description = "Start a new cutout on the active movie or image strip"
    corrects = True

    @classmethod
    def poll(cls, context: Any) -> bool:
        """Returns True if there is a scene that may change."""
        return needs_own_scene(cls, context)

    def start(self, context: Any) -> Job | None:
        """Makes the cutout and its annotation layers, and asks the engine to open the clip."""
        scene = compat.sequencer_scene(context)
        strip = strips.active_strip(scene)
        if strip.get(mask_strip.MASK_KEY) or strip.get(effect.MASK_OF_EFFECT):
            raise StripError("This strip is the mask of a cutout.", "Select the clip's strip.")
        unrendered = strips.unrendered(scene, strip)
        uuid = uuid4().hex
        folder = storage.stored(storage.new_folder(uuid), bpy.data.filepath)
        jobs.queue.ensure_engine()  # fail before anything is changed if there is no engine
        annotations.set_up(context)
        track = track_lookup.begin(scene, strip, uuid, folder)
        if unrendered:
            frame_renderer.announce(scene, track)
            return None
        return jobs.submit(scene, track, "Opening the clip", then=lambda _: _opened(uuid), undo="New Cutout")


class CUTOUT_OT_remove(WithTrack, Reporting, bpy.types.Operator):
    """Remove the cutout and its mask strip from this scene."""

    bl_idname = "cutout.remove"
    bl_label = "Remove Cutout"
    bl_description = "Remove the cutout and its mask strip from this scene; its folder on disk stays"
    needs_result = True
    bl_options = {"REGISTER", "UNDO"}  # noqa: RUF012 (Blender wants a plain set)

    def run(self, context: Any) -> set[str]:
        """Removes the cutout."""
        scene = compat.sequencer_scene(context)
        track = properties.active_track(scene)
        jobs.queue.cancel(track.uuid)
        try:
            place = strips.find(scene, track.strip_uuid, track.strip_name)
        except StripError:
            place = None
        forms.remove(scene, place, track.uuid)
        others = [one for one in track_lookup.of_clip(scene, track) if one.uuid != track.uuid]
        for one in others:
            one.written_head = ""  # a union written earlier still shows the removed one
        if not others:
            forms.remove(scene, place, track.strip_uuid)
            if place is not None:
                del place.strip[strips.STRIP_KEY]
        data = scene.cutout
        edge_settings.drop_track(scene, properties.active_index(data))
        data.active_index = max(0, data.active_index - 1)
        return {"FINISHED"}


class CUTOUT_OT_select(WithTrack, Reporting, bpy.types.Operator):
    """Make another cutout the active one."""

    bl_idname = "cutout.select"
    bl_label = "Select Cutout"
    bl_description = "Activate the cutout whose clip is in view, so that strokes go to it"
    bl_options = {"REGISTER", "UNDO"}  # noqa: RUF012 (Blender wants a plain set)

    track: _TRACK

    def run(self, context: Any) -> set[str]:
        """Makes it active."""
        scene = compat.sequencer_scene(context)
        chosen = self.track
        if not chosen and (other := selection.in_view_instead(scene)) is not None:
            chosen = other.uuid
        if chosen:
            selection.activate(scene, chosen)
            jobs.say("INFO", f"{properties.active_track(scene).name} is the active cutout.")
        return {"FINISHED"}


class CUTOUT_OT_brush(WithTrack, Reporting, bpy.types.Operator):
    """Draw strokes over the preview."""

    bl_idname = "cutout.brush"
    bl_label = "Draw"
    bl_description = "Draw strokes over the preview; Ctrl-drag erases them"
    corrects = True

    label: _LABEL

    @classmethod
    def description(cls, context: Any, properties: Any) -> str:
        """Returns the tooltip of the Keep or the Remove button."""
        what = "keep, in green" if properties.label == Label.KEEP.value else "remove, in red"
        return tooltip(f"Draw strokes over what to {what}, directly on the preview. Ctrl-drag erases strokes")

    def run(self, context: Any) -> set[str]:
        """Activates the layer and starts the annotate tool."""
        annotation = annotations.set_up(context)
        annotations.activate(annotation, Label(self.label))
        if not bpy.app.background and not annotations.start_tool(context):
            return self.fail("There is no preview to draw on.", "Switch a sequencer's view to Preview.")
        return {"FINISHED"}


def _opened(uuid: str) -> str:
    """Returns a summary of the clip; warns if its frame rate differs: Blender 5.0 and later may show another frame."""
    found = properties.track_by_uuid(uuid)
    if found is None:
        return ""
    scene, track = found
    strip = strips.find(scene, track.strip_uuid, track.strip_name).strip
    times = strips.time_map(scene, strip, track.frame_count)
    if abs(times.rate - 1) > 1e-4:
        jobs.say(
            "WARNING",
            f"The clip has {strip.fps:.5g} frames per second, the scene has another rate.",
            "Set the scene's frame rate to the clip's; otherwise masks may be one frame off.",
        )
    return f"{track.frame_count} frames of {track.width}×{track.height}."


CLASSES = (CUTOUT_OT_new, CUTOUT_OT_remove, CUTOUT_OT_select, CUTOUT_OT_brush)
