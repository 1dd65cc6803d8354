"""Defines the properties of each cutout in the .blend, and the panel's status. Plain values only."""
# No `from __future__ import annotations`: see CONTRIBUTING.md.
# mypy: disable-error-code="valid-type"

from collections.abc import Iterator
from typing import Any

import bpy
from bpy.props import (
    BoolProperty,
    CollectionProperty,
    EnumProperty,
    FloatProperty,
    IntProperty,
    PointerProperty,
    StringProperty,
)

from ..core.errors import InputError
from . import panel_settings as settings
from . import queue_settings
from .edge_settings import CutoutEdge, is_written

_TEXT = StringProperty()
_COUNT = IntProperty(min=0)
_LEVEL = EnumProperty(
    items=(("INFO", "Info", "No problem"), ("WARNING", "Warning", "Needs attention"), ("ERROR", "Error", "It failed"))
)
_SHARE = FloatProperty(min=0.0, max=1.0, subtype="FACTOR")
_FLAG = BoolProperty()
_RADIUS = FloatProperty(min=0.0)


class CutoutStroke(bpy.types.PropertyGroup):
    """Stores a stroke of the Cutout Brush; `strokes/brush_strokes.py` reads it.

    Attributes:
        key: unique id.
        label: value of a `Label`.
        frame: the clip frame it was drawn on, so that it stays with the picture when the strip is moved.
        radius: at full pressure, in source pixels.
        points: source points and pressures, as `brush_strokes.encode` writes them.
    """

    key: _TEXT
    label: _TEXT
    frame: _COUNT
    radius: _RADIUS
    points: _TEXT


_STROKES = CollectionProperty(type=CutoutStroke)
_EDGE = PointerProperty(type=CutoutEdge)
_DETAIL_STROKES = CollectionProperty(type=CutoutStroke)


class CutoutTrack(bpy.types.PropertyGroup):
    """Stores one cutout.

    Attributes:
        name, colour: as the artist sees them.
        visible, solo: whether its mask is shown, see `tracks.shown`.
        locked: its masks must not change.
        uuid: its id in the engine, and the name of its folder.
        strip_uuid, strip_name: find the clip's strip.
        folder: its folder, "//…" = relative to the .blend.
        head: the engine's id of its last operation; moved by undo and redo.
        frame_count, width, height: of the clip; 0 = not open yet.
        drawn: clip frames with rounds: `TrackState.keyframes` as JSON.
        keyframes: the same as timeline frames, as the panel shows them.
        keyframe_count, done_count: clip frames with rounds, clip frames with a matte.
        mattes: paths of the mattes: `TrackState.mattes` as JSON.
        locks: clip frames with locked masks: `TrackState.locked` as JSON.
        absences: clip frames marked Not Here: `TrackState.absent` as JSON; they are in `locks` too.
        locked_frames, absent_frames: locked ones, but not those, and those as timeline frames, as the panel shows them.
        rejected: clip frames whose masks the next propagation makes again, as [start, stop) pairs in JSON.
        rejected_frames: the same as timeline frames, as the panel shows them.
        confidence: the network's confidence in each clip frame's mask: `TrackState.confidence`.
        doubtful: timeline frames in doubt, as the panel shows them.
        applied: keys of the applied strokes.
        strokes: strokes of the Cutout Brush; annotation strokes are shared by all cutouts.
        written_head: the head when the strips were last written; "" = never.
        write_as, write_inverted: the chosen form of the strips: a `types.Form` value, and whether it is inverted.
        effect, effect_on, effect_size: which effect Apply Effect adds, where, and its size.
        effects: what the form "effect" writes, see `chosen_effects`.
        written_as: the form in which the strips were last written, see `written.form_of`.
        edge: how its edge is refined; the masks themselves stay as they are.
        detail_strokes: strokes of the Detail Brush; those that keep ask for detail, those that remove take it back.
        written_edge: `edge_settings.mark` when the strips were last written.
        corrected: clip frames drawn on since the last propagation: `TrackState.corrected` as JSON.
        versions: names and heads of the kept versions: `TrackState.versions` as JSON.
        later, later_text: the head on disk if it was ahead of the file when that was opened, and what the panel says
            about it; no text = the artist kept the file's state.
    """

    name: settings.NAME
    colour: settings.COLOUR
    visible: settings.VISIBLE
    solo: settings.SOLO
    locked: settings.LOCKED
    uuid: _TEXT
    strip_uuid: _TEXT
    strip_name: _TEXT
    folder: _TEXT
    head: _TEXT
    frame_count: _COUNT
    width: _COUNT
    height: _COUNT
    drawn: _TEXT
    keyframes: _TEXT
    keyframe_count: _COUNT
    done_count: _COUNT
    mattes: _TEXT
    locks: _TEXT
    locked_frames: _TEXT
    absences: _TEXT
    absent_frames: _TEXT
    rejected: _TEXT
    rejected_frames: _TEXT
    confidence: _TEXT
    doubtful: _TEXT
    applied: _TEXT
    strokes: _STROKES
    written_head: _TEXT
    write_as: settings.WRITE_AS
    write_inverted: settings.INVERT
    written_as: _TEXT
    effect: settings.EFFECT
    effect_on: settings.EFFECT_ON
    effect_size: settings.EFFECT_SIZE
    effects: _TEXT
    edge: _EDGE
    detail_strokes: _DETAIL_STROKES
    written_edge: _TEXT
    corrected: _TEXT
    versions: _TEXT
    later: _TEXT
    later_text: _TEXT


_TRACKS = CollectionProperty(type=CutoutTrack)
_ACTIVE = IntProperty(name="Active cutout", min=0)


class CutoutScene(bpy.types.PropertyGroup):
    """Stores the cutouts of a scene and its settings.

    Attributes:
        begun, begun_text: uuids, as JSON, of cutouts on disk that were begun after the file was saved, and what the
            panel says about them.
        preview_back: the clip is shown only for a correction, and the result again afterwards.
    """

    tracks: _TRACKS
    active_index: _ACTIVE
    auto_apply: settings.AUTO_APPLY
    follow_me: settings.FOLLOW_ME
    preview_shows: settings.PREVIEW_SHOWS
    preview_back: _FLAG
    begun: _TEXT
    begun_text: _TEXT
    show_mask: settings.SHOW_MASK
    show_marks: settings.SHOW_MARKS
    mask_view: settings.MASK_VIEW
    mask_opacity: settings.MASK_OPACITY
    cover_opacity: settings.COVER_OPACITY
    stability: settings.STABILITY
    in_to_out: settings.IN_TO_OUT
    stop_at_cuts: settings.STOP_AT_CUTS
    stop_in_doubt: settings.STOP_IN_DOUBT
    doubt_below: settings.DOUBT_BELOW
    write_objects: settings.WRITE_OBJECTS
    background_colour: settings.BACKGROUND
    queue_edges: queue_settings.EDGES
    queue_export: queue_settings.EXPORT
    queue_composite: queue_settings.COMPOSITE
    queue_behind: queue_settings.BEHIND
    queue_background: queue_settings.BACKGROUND
    queue_folder: queue_settings.FOLDER


class CutoutQueueRow(bpy.types.PropertyGroup):
    """Holds a row of the queue's list: `name` is that of the job file, the others as in `queue_list.Entry`."""

    name: _TEXT
    title: _TEXT
    state: _TEXT
    text: _TEXT
    frames: _COUNT


_QUEUE = CollectionProperty(type=CutoutQueueRow)


class CutoutStatus(bpy.types.PropertyGroup):
    """Holds the status for the panel. It lives on the window manager, so undo and saving do not touch it.

    Attributes:
        text, hint, level: the last message.
        busy: a job is open.
        stage, progress: name and progress of the job's current step.
        lost: the engine ended unexpectedly.
        engine, tier: the engine's device and tier; "" = not started.
        tier_here: the tier in use: the engine's, otherwise the one chosen; "" = not known yet.
        frames_busy, frames_text, frames_share: whether frames are being rendered, the current step, and the progress.
        show_tiers, show_published: the table of tiers and that of published networks are open.
        brush_radius, brush_pressure, brush_detail, brush_mode, brush_feather: settings of the Cutout Brush, kept here
            so that undo does not reset them.
        queue, queue_index: the rows of the queue, and the selected one.
    """

    text: _TEXT
    hint: _TEXT
    level: _LEVEL
    busy: _FLAG
    stage: _TEXT
    progress: _SHARE
    lost: _FLAG
    engine: _TEXT
    tier: _TEXT
    tier_here: _TEXT
    frames_busy: _FLAG
    frames_text: _TEXT
    frames_share: _SHARE
    show_tiers: settings.SHOW_TIERS
    show_published: settings.SHOW_PUBLISHED
    brush_radius: settings.BRUSH_RADIUS
    brush_pressure: settings.BRUSH_PRESSURE
    brush_detail: settings.BRUSH_DETAIL
    brush_mode: settings.BRUSH_MODE
    brush_feather: settings.BRUSH_FEATHER
    queue: _QUEUE
    queue_index: _COUNT


CLASSES = (CutoutEdge, CutoutStroke, CutoutTrack, CutoutScene, CutoutQueueRow, CutoutStatus)


def register() -> None:
    """Attaches the properties to Blender's types."""
    bpy.types.Scene.cutout = bpy.props.PointerProperty(type=CutoutScene)
    bpy.types.WindowManager.cutout = bpy.props.PointerProperty(type=CutoutStatus)


def unregister() -> None:
    """Removes the properties from Blender's types."""
    del bpy.types.WindowManager.cutout
    del bpy.types.Scene.cutout


def status() -> Any:
    """Returns the status that the panel shows."""
    return bpy.context.window_manager.cutout


def active_track(scene: Any) -> Any:
    """Returns the scene's active cutout. Raises InputError if there is none."""
    data = scene.cutout
    if not len(data.tracks):
        raise InputError("There is no cutout yet.", "Select a movie or image strip and press New Cutout.")
    return data.tracks[active_index(data)]


def active_index(data: Any) -> int:
    """Returns the index of the active cutout, clamped to the list; -1 if it is empty."""
    return min(data.active_index, len(data.tracks) - 1)


def tracks() -> Iterator[tuple[Any, Any]]:
    """Yields (scene, cutout) for all scenes of this file; linked ones cannot be changed."""
    for scene in bpy.data.scenes:
        for track in scene.cutout.tracks if scene.library is None else ():
            yield scene, track


def copy_values(source: Any, target: Any) -> None:
    """Copies every property of a group, and of the groups in it, to another group of the same type; without keys."""
    for prop in [prop for prop in source.bl_rna.properties if prop.identifier != "rna_type"]:
        value = getattr(source, prop.identifier)
        if prop.type == "COLLECTION":
            for item in value:
                copy_values(item, getattr(target, prop.identifier).add())
        elif prop.type == "POINTER":
            copy_values(value, getattr(target, prop.identifier))
        else:
            setattr(target, prop.identifier, value)


def track_by_uuid(uuid: str) -> tuple[Any, Any] | None:
    """Returns (scene, cutout) with that uuid; None if it was deleted or undone."""
    return next(((scene, track) for scene, track in tracks() if track.uuid == uuid), None)


def linked_text(library: str) -> str:
    """Returns why nothing can be changed in a scene that is linked from the .blend of that name."""
    return f"This scene is linked from {library}: change its cutouts there, or make a full copy of the scene here."


def next_step(track: Any, auto_apply: bool = True, reach: str = "") -> tuple[str, str]:
    """Returns two short lines on what the artist can do next; `reach`: frames that a correction will change."""
    if not track.frame_count:
        return "Opening the clip …", ""
    if not track.keyframe_count:
        return "Draw a green stroke on the object" + ("." if auto_apply else ","), (
            "Or press Auto." if auto_apply else "then Apply Strokes. Or press Auto."
        )
    if track.done_count <= track.keyframe_count and track.frame_count > 1:
        return "Red strokes remove (Brush: hold Ctrl).", "When the mask is right, propagate it."
    if track.corrected not in ("", "[]"):
        return "Propagate the correction" + (" to" if reach else "."), f"frames {reach}." if reach else ""
    if track.rejected_frames:
        return "Propagate to redo rejected frames", f"{track.rejected_frames}."
    if track.written_head != track.head or not is_written(track):
        return "Write Strips to see the composite.", "Correct wrong frames with strokes."
    return "Correct wrong frames with strokes,", "propagate and write again."
