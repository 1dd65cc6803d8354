"""Makes and finds the two annotation layers of the preview, and starts drawing on them."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import suppress
from typing import Any

import bpy

from ..core.errors import StrokeError
from ..core.types import Label
from ..strokes.annotation_strokes import LAYERS, Drawn, drawn_on
from . import compat

_COLOURS = {Label.KEEP: (0.0, 1.0, 0.0), Label.REMOVE: (1.0, 0.0, 0.0)}
_TOOL = "builtin.annotate"
THICKNESS = 8
"""Thickness in screen pixels; the artist may change it on the layer."""
FADED = 0.4
"""Opacity of a layer whose strokes on the current frame were all applied: unobtrusive but visible."""


def find(context: Any) -> Any:
    """Returns the annotation with the cutout layers, preferring the active space's; None if there is none."""
    candidates = [compat.annotation_get(space) for space in _spaces(context)]
    candidates += list(compat.annotations_data())
    return next((a for a in candidates if a and any(layer.info in LAYERS for layer in a.layers)), None)


def set_up(context: Any) -> Any:
    """Makes the two layers if missing, shows them in every sequencer, and returns their annotation."""
    spaces = _spaces(context)
    used = next((a for a in map(compat.annotation_get, spaces) if a), None)
    annotation = find(context) or used or compat.annotations_data().new("Cutout")
    annotation.use_fake_user = True  # without a sequencer on any screen nothing else keeps it
    for name, label in LAYERS.items():
        if not any(layer.info == name for layer in annotation.layers):
            layer = annotation.layers.new(name, set_active=False)
            layer.color = _COLOURS[label]
            layer.thickness = THICKNESS
            layer.use_annotation_onion_skinning = False  # a stroke applies to its own frame and is shown only there
    activate(annotation, Label.KEEP)
    for space in spaces:
        if compat.annotation_get(space) != annotation:
            compat.annotation_set(space, annotation)
    for scene in {compat.sequencer_scene(context), context.scene}:
        # Other placements stick to the screen, and from 4.3 to 5.1 such strokes cannot even be recognised.
        scene.tool_settings.annotation_stroke_placement_view2d = "IMAGE"
    return annotation


def activate(annotation: Any, label: Label) -> None:
    """Makes the label's layer active, so that the annotate tool draws on it."""
    names = [layer.info for layer in annotation.layers]
    annotation.layers.active_index = names.index(next(n for n, of in LAYERS.items() if of is label))


def end_strokes(annotation: Any, frame: int) -> None:
    """Ends the strokes of a timeline frame on the next one: by default Blender shows them until the next strokes."""
    for layer in annotation.layers:
        if layer.info in LAYERS:
            numbers = {f.frame_number for f in layer.frames}
            if frame in numbers and frame + 1 not in numbers:
                layer.frames.new(frame + 1)


def fade(annotation: Any, frame: int, applied: Collection[str], drawing: bool = False, hidden: bool = False) -> None:
    """Fades or hides a layer while all its strokes on a timeline frame are applied.

    By the layer's opacity, as strokes cannot be moved to another layer from 4.3 to 5.1. An opacity that the artist
    chose is left alone.

    Args:
        annotation: has the two layers.
        frame: the timeline frame.
        applied: keys of the applied strokes.
        drawing: the artist is drawing: show everything in full.
        hidden: hide applied strokes.
    """
    strokes: list[Drawn] = []
    if not drawing:
        with suppress(StrokeError):  # reported when they are applied
            strokes = drawn_on(annotation, frame)
    for layer in annotation.layers:
        if layer.info not in LAYERS or not any(abs(layer.annotation_opacity - o) < 1e-3 for o in (1.0, FADED, 0.0)):
            continue
        keys = [stroke.key for stroke in strokes if stroke.label is LAYERS[layer.info]]
        wanted = (0.0 if hidden else FADED) if keys and all(key in applied for key in keys) else 1.0
        if abs(layer.annotation_opacity - wanted) > 1e-3:
            layer.annotation_opacity = wanted


def is_drawing() -> bool:
    """Returns True while the mouse draws or erases an annotation, or the Cutout Brush paints."""
    return any(
        "annot" in operator.bl_idname.lower() or operator.bl_idname == "CUTOUT_OT_paint"
        for window in bpy.context.window_manager.windows
        for operator in window.modal_operators
    )


def active_label(context: Any) -> Label | None:
    """Returns the label of a stroke drawn now; None while another tool is active."""
    if not context.workspace or not context.space_data:
        return None
    kind = context.space_data.view_type
    mode = "PREVIEW" if kind == "SEQUENCER" else kind  # the strokes are then drawn in another editor
    tool = context.workspace.tools.from_space_sequencer(mode, create=False)
    annotation = compat.annotation_get(context.space_data)
    if tool is None or tool.idname != _TOOL or not annotation or not len(annotation.layers):
        return None
    return LAYERS.get(annotation.layers[max(0, annotation.layers.active_index)].info)


def start_tool(context: Any) -> bool:
    """Starts the annotate tool in a preview; returns False if no window has one."""
    place = preview()
    if place is None:
        return False
    with context.temp_override(**place):
        bpy.ops.wm.tool_set_by_id(name=_TOOL)
    return True


def preview() -> dict[str, Any] | None:
    """Returns a context override for the first visible preview; None if there is none."""
    for window, area in () if bpy.app.background else compat.sequencer_areas():
        region = next((r for r in area.regions if r.type == "PREVIEW"), None)
        if window and region and area.spaces.active.view_type != "SEQUENCER":
            return {"window": window, "area": area, "region": region}
    return None


def view(context: Any) -> tuple[float, tuple[float, float]]:
    """Returns (screen pixels per preview unit, (width, height) of the preview region), preferring the active area.

    Without a window there is no zoom: (1, (0, 0)).
    """
    if not bpy.app.background:
        areas = [context.area] if context.area and context.area.type == "SEQUENCE_EDITOR" else []
        areas += [area for window, area in compat.sequencer_areas() if window]
        for area in areas:
            region = next((r for r in area.regions if r.type == "PREVIEW" and r.width > 1), None)
            if region and area.spaces.active.view_type != "SEQUENCER":
                (x0, _), (x1, _) = (region.view2d.region_to_view(x, 0) for x in (0, region.width))
                if x1 > x0:
                    return region.width / (x1 - x0), (float(region.width), float(region.height))
    return 1.0, (0.0, 0.0)


def _spaces(context: Any) -> list[Any]:
    """Yields the sequencer spaces, the active one first."""
    space = context.space_data
    first = [space] if space and space.type == "SEQUENCE_EDITOR" else []
    return first + [area.spaces.active for _, area in compat.sequencer_areas()]
