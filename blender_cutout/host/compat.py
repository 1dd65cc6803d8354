"""Hides the API differences of Blender 4.2 to 5.2; nothing else in the add-on checks the version."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import bpy

BEFORE_5_0 = bpy.app.version < (5, 0, 0)
BEFORE_5_2 = bpy.app.version < (5, 2, 0)
IGNORES_ROTATION = bpy.app.version < (4, 5, 0)
"""True if Blender ignores a movie's rotation flag: 4.2 does; 4.3 and 4.4 untested."""
RATE_BY_CACHE = not BEFORE_5_0
"""True if, at speeds other than 1, the frame shown depends on earlier renders unless the raw cache is off."""

_NEW_TIMES = {
    "frame_start": "content_start",
    "frame_final_start": "left_handle",
    "frame_final_end": "right_handle",
    "frame_final_duration": "duration",
    "frame_offset_start": "left_handle_offset",
    "frame_offset_end": "right_handle_offset",
    "frame_duration": "content_duration",
    "animation_offset_start": "content_trim_start",
    "animation_offset_end": "content_trim_end",
}


def time_get(strip: Any, name: str) -> float:
    """Returns a strip's time property by its name up to 5.1, which 5.2 renamed."""
    return float(getattr(strip, name if BEFORE_5_2 else _NEW_TIMES[name], 0))


def span(strip: Any) -> tuple[int, int]:
    """Returns the first timeline frame of a strip and one past its last."""
    left, right = (round(time_get(strip, n)) for n in ("frame_final_start", "frame_final_end"))
    return left, right


def time_set(strip: Any, name: str, value: float) -> None:
    """Sets a strip's time property, called by its name up to 5.1."""
    setattr(strip, name if BEFORE_5_2 else _NEW_TIMES[name], value)


def strips(owner: Any) -> Any:
    """Returns the strips of a sequence editor or meta strip: `strips` from 4.4 on, `sequences` before."""
    return owner.strips if hasattr(owner, "strips") else owner.sequences


def new_effect(siblings: Any, name: str, kind: str, channel: int, left: int, length: int, source: Any = None) -> Any:
    """Adds an effect strip, with one input or none, and returns it."""
    end = {"frame_end": left + length} if BEFORE_5_0 else {"length": length}
    inputs = {"seq1" if bpy.app.version < (4, 4, 0) else "input1": source} if source is not None else {}
    return siblings.new_effect(name, kind, channel, left, **end, **inputs)


def chain(strip: Any) -> list[Any]:
    """Returns the first input of an effect strip, that strip's first input, and so on."""
    found = []
    while (strip := getattr(strip, "input_1", None)) is not None:
        found.append(strip)
    return found


def curves(animation: Any) -> Any:
    """Returns the F-curves of a data-block: up to 4.5 the action's, from 5.0 on those of its slot."""
    action = animation.action if animation else None
    if action is None:
        return ()
    if hasattr(action, "fcurves"):
        return action.fcurves
    for layer in action.layers:
        for strip in layer.strips:
            bag = strip.channelbag(animation.action_slot)
            if bag is not None:
                return bag.fcurves
    return ()


def sequencer_scene(context: Any) -> Any:
    """Returns the scene that the sequencer shows: from 5.0 on it may differ from the window's."""
    return getattr(context, "sequencer_scene", None) or context.scene


def own_scene(context: Any) -> Any:
    """Returns the scene that the sequencer shows; None if it is linked from another .blend."""
    scene = sequencer_scene(context)
    return None if library_of(scene) else scene


def library_of(scene: Any) -> str:
    """Returns the name of the .blend that a scene is linked from, whose data must not change; "" = this file's own."""
    return "" if scene is None or scene.library is None else bpy.path.basename(scene.library.filepath)


def ensure_sequencer_scene(scene: Any) -> None:
    """Sets this scene on workspaces without a sequencer scene: 5.0 and 5.1 crash in `modifiers.new` if it is None."""
    for workspace in bpy.data.workspaces:
        if hasattr(workspace, "sequencer_scene") and workspace.sequencer_scene is None:
            workspace.sequencer_scene = scene


def annotation_get(owner: Any) -> Any:
    """Returns the annotation of a space or scene; None if it has none."""
    return getattr(owner, "annotation" if hasattr(owner, "annotation") else "grease_pencil")


def annotation_set(owner: Any, annotation: Any) -> None:
    """Sets the annotation of a space or scene."""
    setattr(owner, "annotation" if hasattr(owner, "annotation") else "grease_pencil", annotation)


def annotations_data() -> Any:
    """Returns `bpy.data`'s collection of annotations."""
    return bpy.data.annotations if hasattr(bpy.data, "annotations") else bpy.data.grease_pencils


def sequencer_areas() -> Iterator[tuple[Any, Any]]:
    """Yields (window or None, area) for every sequencer area; open ones first, then those on other screens.

    An area that was never shown may have no space yet and is skipped.
    """
    seen = set()
    for window in bpy.context.window_manager.windows:
        for area in window.screen.areas:
            if area.type == "SEQUENCE_EDITOR" and area.spaces.active:
                seen.add(area.as_pointer())
                yield window, area
    for screen in bpy.data.screens:
        for area in screen.areas:
            if area.type == "SEQUENCE_EDITOR" and area.spaces.active and area.as_pointer() not in seen:
                yield None, area
