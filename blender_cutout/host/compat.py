"""What is called differently in Blender 4.2 to 5.2, in one place. Nothing else in the add-on asks for the version."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import bpy

BEFORE_5_0 = bpy.app.version < (5, 0, 0)
BEFORE_5_2 = bpy.app.version < (5, 2, 0)
IGNORES_ROTATION = bpy.app.version < (4, 5, 0)
"""Movies are shown without regard to their rotation flag: so 4.2; not tried on 4.3 and 4.4."""
RATE_BY_CACHE = not BEFORE_5_0
"""With a speed other than 1 the frame shown depends on what was rendered before, unless its raw cache is off."""

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
    """A strip's time property by its name up to 5.1; 5.2 warns about those and has new ones."""
    return float(getattr(strip, name if BEFORE_5_2 else _NEW_TIMES[name], 0))


def time_set(strip: Any, name: str, value: float) -> None:
    """Sets a strip's time property, called by its name up to 5.1."""
    setattr(strip, name if BEFORE_5_2 else _NEW_TIMES[name], value)


def strips(owner: Any) -> Any:
    """The collection of strips of a sequence editor or a meta strip: `strips` from 4.4 on, `sequences` before."""
    return owner.strips if hasattr(owner, "strips") else owner.sequences


def curves(animation: Any) -> Any:
    """The F-curves of a data-block's animation: up to 4.5 the action's, from 5.0 on those of its slot."""
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
    """The scene that the sequencer shows: from 5.0 on it need not be the window's."""
    return getattr(context, "sequencer_scene", None) or context.scene


def ensure_sequencer_scene(scene: Any) -> None:
    """Gives workspaces without a sequencer scene this one: 5.0 and 5.1 crash in `modifiers.new` where it is None."""
    for workspace in bpy.data.workspaces:
        if hasattr(workspace, "sequencer_scene") and workspace.sequencer_scene is None:
            workspace.sequencer_scene = scene


def annotation_get(owner: Any) -> Any:
    """The annotation of a space or scene, None when it has none."""
    return getattr(owner, "annotation" if hasattr(owner, "annotation") else "grease_pencil")


def annotation_set(owner: Any, annotation: Any) -> None:
    """Gives a space or scene an annotation."""
    setattr(owner, "annotation" if hasattr(owner, "annotation") else "grease_pencil", annotation)


def annotations_data() -> Any:
    """`bpy.data`'s collection of annotations."""
    return bpy.data.annotations if hasattr(bpy.data, "annotations") else bpy.data.grease_pencils


def sequencer_areas() -> Iterator[tuple[Any, Any]]:
    """(window or None, area) of every sequencer area; open ones first, then those of other workspaces' screens.

    An area that was never shown may have no space yet: such are left out.
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
