"""Adds the Cutout Brush to the preview's toolbar."""

from __future__ import annotations

from typing import Any

import bpy

from ..core.types import Label
from ..host import compat
from ..scene import brush_modes
from ..scene.brush_tool import IDNAME, is_active, live

_AFTER = {"builtin.annotate"}
_FALL_BACK = "builtin.select_box"
_SMALLER, _LARGER = 1 / 1.2, 1.2


def _keys() -> tuple[Any, ...]:
    press = {"value": "PRESS"}
    return (
        *(  # of two operators on one key, that runs whose poll succeeds; Blender reverses the order of an add-on's keys
            (f"cutout.{name}", {"type": "LEFTMOUSE", "ctrl": ctrl, **press}, {"properties": [("label", label.value)]})
            for name in ("paint_shape", "paint")
            for label, ctrl in ((Label.KEEP, False), (Label.REMOVE, True))
        ),
        *(
            ("cutout.start_brush", {"type": key, **press}, {"properties": [("mode", mode)]})
            for mode, key in brush_modes.KEYS.items()
        ),
        *(
            ("cutout.brush_radius", {"type": key, "repeat": True, **press}, {"properties": [("factor", factor)]})
            for key, factor in (("LEFT_BRACKET", _SMALLER), ("RIGHT_BRACKET", _LARGER))
        ),
        ("cutout.brush_radius", {"type": "F", **press}, None),
    )


class _Brush(bpy.types.WorkSpaceTool):
    bl_space_type = "SEQUENCE_EDITOR"
    bl_idname = IDNAME
    bl_label = "Cutout Brush"
    bl_description = (
        "Paint over what to keep; hold Ctrl to paint over what to remove.\n"
        "[ and ] change the brush size, or F and the mouse; 1 strokes, 2 paint, 3 lasso, 4 box.\n"
        "Each stroke is applied when you release the mouse"
    )
    bl_icon = "brush.generic"
    bl_cursor = "PAINT_CROSS"
    bl_keymap = _keys()

    @staticmethod
    def draw_settings(context: Any, layout: Any, _tool: Any) -> None:
        """Draws the tool's settings into a header."""
        status, scene = context.window_manager.cutout, compat.sequencer_scene(context)
        layout.prop(status, "brush_mode", text="")
        layout.prop(status, "brush_radius")
        if status.brush_mode in (brush_modes.PAINT, brush_modes.LASSO):
            layout.prop(status, "brush_feather")
        layout.prop(status, "brush_pressure")
        layout.prop(status, "brush_detail")
        if scene is not None:
            layout.prop(scene.cutout, "auto_apply")
        layout.operator("cutout.erase_strokes", icon="TRASH")


class _PreviewBrush(_Brush):
    bl_context_mode = "PREVIEW"


class _CombinedBrush(_Brush):
    bl_context_mode = "SEQUENCER_PREVIEW"


_TOOLS = (_PreviewBrush, _CombinedBrush)


def register() -> None:
    """Adds the tool to the toolbar."""
    for cls in _TOOLS:
        bpy.utils.register_tool(cls, after=_AFTER, separator=True, group=True)


def unregister() -> None:
    """Removes the tool and switches to another one where it is in use."""
    live.clear()
    _lay_down()
    for cls in reversed(_TOOLS):
        if hasattr(cls, "_bl_tool"):
            bpy.utils.unregister_tool(cls)


def _lay_down() -> None:
    """Switches to the select tool where the brush is active, so that no preview is left without a tool."""
    for window, area in () if bpy.app.background else compat.sequencer_areas():
        region = next((r for r in area.regions if r.type == "PREVIEW"), None)
        if window is None or region is None:
            continue
        with bpy.context.temp_override(window=window, area=area, region=region):
            if is_active(bpy.context):
                bpy.ops.wm.tool_set_by_id(name=_FALL_BACK)
