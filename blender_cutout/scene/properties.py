"""What the .blend keeps of each cutout, and what the panel shows meanwhile. Values only: no arrays, no Blender data."""
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
    FloatVectorProperty,
    IntProperty,
    StringProperty,
)

from ..core.errors import InputError
from ..geometry.mask_looks import PALETTE
from .setting_properties import (
    BACKGROUND,
    COVER_OPACITY,
    DOUBT_BELOW,
    IN_TO_OUT,
    MASK_OPACITY,
    MASK_VIEW,
    REDRAWS,
    SHOW_MARKS,
    SHOW_MASK,
    STABILITY,
    STOP_AT_CUTS,
    STOP_IN_DOUBT,
    WRITE_OBJECTS,
)

_TEXT = StringProperty()
_COUNT = IntProperty(min=0)
_LEVEL = EnumProperty(
    items=(("INFO", "Info", "All is well"), ("WARNING", "Warning", "Worth a look"), ("ERROR", "Error", "It failed"))
)
_SHARE = FloatProperty(min=0.0, max=1.0, subtype="FACTOR")
_FLAG = BoolProperty()
_COLOUR = FloatVectorProperty(
    name="Colour",
    description="Colour in which this cutout's mask is shown",
    subtype="COLOR",
    size=3,
    min=0.0,
    max=1.0,
    default=PALETTE[0],
    update=REDRAWS,
)
_NAME = StringProperty(name="Name", description="Name of the cutout")
_VISIBLE = BoolProperty(
    name="Show", description="Show this object's mask over the preview", default=True, update=REDRAWS
)
_SOLO = BoolProperty(
    name="Solo",
    description="Show this object's mask, and of the clip's others only those that are solo too",
    default=False,
    update=REDRAWS,
)
_LOCKED = BoolProperty(
    name="Lock",
    description="Keep this object as it is: no stroke, Auto, undo of a round or propagation changes it",
    default=False,
)


_RADIUS = FloatProperty(min=0.0)


class CutoutStroke(bpy.types.PropertyGroup):
    """A stroke of the Cutout Brush; `strokes/brush_strokes.py` reads it.

    Attributes:
        key: tells it from all others.
        label: value of a `Label`.
        frame: the clip frame it was drawn on: it stays with the picture when the strip is moved.
        radius: at full pressure, in source pixels.
        points: source points and pressures, as `host.brush.encode` writes them.
    """

    key: _TEXT
    label: _TEXT
    frame: _COUNT
    radius: _RADIUS
    points: _TEXT


_STROKES = CollectionProperty(type=CutoutStroke)


_WRITE_AS = EnumProperty(
    name="Write As",
    description="What Write Strips makes of this cutout; what was written in another form is removed",
    items=(
        (
            "mask",
            "Mask Strip",
            "A mask strip and a Mask modifier on the clip: small files, every colour as in the clip",
        ),
        (
            "cutout",
            "RGBA Strip",
            "A strip of pictures with alpha, 8 bits, in the clip's place; the clip itself is muted",
        ),
        (
            "splines",
            "Mask Splines",
            "A Mask data-block with a closed spline for each outline, keyed on every frame, to be edited in the Image "
            "Editor. Hard edges. Written again, it is made anew",
        ),
    ),
    default="mask",
)
_INVERT = BoolProperty(
    name="Remove Object", description="Write the opposite: the background is kept, the object is removed", default=False
)


class CutoutTrack(bpy.types.PropertyGroup):
    """One cutout.

    Attributes:
        name, colour: for the artist.
        visible, solo: whether its mask is shown, see `objects.shown`.
        locked: its masks are not to be changed.
        uuid: names it in the engine; its folder has this name.
        strip_uuid, strip_name: find the clip's strip.
        folder: its folder, "//…" = relative to the .blend.
        head: the engine's id of its last operation; undo and redo move it.
        frame_count, width, height: of the clip, 0 = not opened yet.
        drawn: clip frames with rounds: `TrackState.keyframes` as JSON.
        keyframes: the same as timeline frames, as the panel shows them.
        keyframe_count, done_count: clip frames with rounds, clip frames with a matte.
        mattes: where the mattes lie: `TrackState.mattes` as JSON.
        locks: clip frames whose masks are approved: `TrackState.locked` as JSON.
        locked_frames: the same as timeline frames, as the panel shows them.
        confidence: how sure the network is of each clip frame's mask: `TrackState.confidence`.
        doubtful: timeline frames of which it is not sure, as the panel shows them.
        applied: keys of the strokes that were applied.
        strokes: those of the Cutout Brush; the annotation's are common to all cutouts.
        written_head: the head at which the strips were written last, "" = never.
        write_as, write_inverted: in which form they are to be written: a `types.Form` value, and as the opposite.
        written_as: the form in which they were, see `output_state.form_of`.
    """

    name: _NAME
    colour: _COLOUR
    visible: _VISIBLE
    solo: _SOLO
    locked: _LOCKED
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
    confidence: _TEXT
    doubtful: _TEXT
    applied: _TEXT
    strokes: _STROKES
    written_head: _TEXT
    write_as: _WRITE_AS
    write_inverted: _INVERT
    written_as: _TEXT


_TRACKS = CollectionProperty(type=CutoutTrack)
_ACTIVE = IntProperty(name="Active cutout", min=0)
_AUTO_APPLY = BoolProperty(
    name="Auto Apply",
    description=(
        "Refine the mask by itself after each stroke. Strokes that were there before, and those on other frames, wait "
        "for Apply Strokes"
    ),
    default=True,
)


class CutoutScene(bpy.types.PropertyGroup):
    """The cutouts of a scene, how their masks are shown, and which are written."""

    tracks: _TRACKS
    active_index: _ACTIVE
    auto_apply: _AUTO_APPLY
    show_mask: SHOW_MASK
    show_marks: SHOW_MARKS
    mask_view: MASK_VIEW
    mask_opacity: MASK_OPACITY
    cover_opacity: COVER_OPACITY
    stability: STABILITY
    in_to_out: IN_TO_OUT
    stop_at_cuts: STOP_AT_CUTS
    stop_in_doubt: STOP_IN_DOUBT
    doubt_below: DOUBT_BELOW
    write_objects: WRITE_OBJECTS
    background_colour: BACKGROUND


_BRUSH_RADIUS = FloatProperty(
    name="Radius",
    description="Radius of the Cutout Brush in pixels of the clip, at full pressure",
    min=0.5,
    max=1000.0,
    soft_max=200.0,
    default=12.0,
    step=100,
    precision=1,
    subtype="PIXEL",
    update=REDRAWS,
)
_BRUSH_PRESSURE = BoolProperty(
    name="Pressure",
    description="The pen's pressure makes the Cutout Brush's stroke thinner; a mouse always presses in full",
    default=True,
)


class CutoutStatus(bpy.types.PropertyGroup):
    """What goes on, for the panel. Lies on the window manager: neither undo nor saving touch it.

    Attributes:
        text, hint, level: the last message.
        busy: a job is open.
        stage, progress: what it does, how far it is.
        lost: the engine ended unexpectedly.
        engine, tier: what the engine runs on, its tier; "" = not started.
        tier_here: the tier that is worked with: the engine's, else what the choice means here; "" = not known yet.
        frames_busy, frames_text, frames_share: frames of a strip are being rendered, what it does, how far it is.
        brush_radius, brush_pressure: settings of the Cutout Brush; here, as undo is not to change them back.
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
    brush_radius: _BRUSH_RADIUS
    brush_pressure: _BRUSH_PRESSURE


CLASSES = (CutoutStroke, CutoutTrack, CutoutScene, CutoutStatus)


def register() -> None:
    """Hangs the values onto Blender's types."""
    bpy.types.Scene.cutout = bpy.props.PointerProperty(type=CutoutScene)
    bpy.types.WindowManager.cutout = bpy.props.PointerProperty(type=CutoutStatus)


def unregister() -> None:
    """Takes them off again."""
    del bpy.types.WindowManager.cutout
    del bpy.types.Scene.cutout


def status() -> Any:
    """The status that the panel shows."""
    return bpy.context.window_manager.cutout


def active_track(scene: Any) -> Any:
    """The scene's active cutout. Raises InputError when there is none."""
    data = scene.cutout
    if not len(data.tracks):
        raise InputError("There is no cutout yet.", "Select a movie or image strip and press New Cutout.")
    return data.tracks[active_index(data)]


def active_index(data: Any) -> int:
    """Index of the active cutout in the list, which may have become shorter; -1 when it is empty."""
    return min(data.active_index, len(data.tracks) - 1)


def tracks() -> Iterator[tuple[Any, Any]]:
    """(scene, cutout) of all scenes."""
    for scene in bpy.data.scenes:
        for track in scene.cutout.tracks:
            yield scene, track


def track_by_uuid(uuid: str) -> tuple[Any, Any] | None:
    """(scene, cutout) with that uuid; None when it was deleted or undone."""
    return next(((scene, track) for scene, track in tracks() if track.uuid == uuid), None)


def next_step(track: Any, auto_apply: bool = True) -> tuple[str, str]:
    """What the artist may do next with a cutout, as two short lines."""
    if not track.frame_count:
        return "Opening the clip …", ""
    if not track.keyframe_count:
        return "Draw a green stroke on the object" + ("." if auto_apply else ","), (
            "Or press Auto." if auto_apply else "then Apply Strokes. Or press Auto."
        )
    if track.done_count <= track.keyframe_count and track.frame_count > 1:
        return "Red removes (with the Brush: Ctrl).", "When the mask is right, propagate it."
    if track.written_head != track.head:
        return "Write Strips to see the composite.", "Correct wrong frames with strokes."
    return "Correct wrong frames with strokes,", "propagate and write again."
