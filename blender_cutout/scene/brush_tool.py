"""Activates the Cutout Brush tool, and holds the stroke being painted."""

from __future__ import annotations

from typing import Any

import bpy

from ..host import annotations as layers
from ..strokes.brush_strokes import Painted

IDNAME = "cutout.brush_tool"
live: list[Painted] = []
"""The stroke being painted, if any; the overlay shows it."""


def is_active(context: Any) -> bool:
    """Returns True while the brush is the active tool in this context's preview."""
    space = context.space_data
    return bool(context.workspace) and space is not None and is_active_in(context.workspace, space)


def is_active_in(workspace: Any, space: Any) -> bool:
    """Returns True while the brush is the active tool in a sequencer's preview."""
    if space.view_type == "SEQUENCER":
        return False
    tool = workspace.tools.from_space_sequencer(space.view_type, create=False)
    return tool is not None and tool.idname == IDNAME


def start(context: Any) -> bool:
    """Activates the brush in a preview; returns False if no window has one."""
    place = layers.preview()
    if place is None:
        return False
    with context.temp_override(**place):
        bpy.ops.wm.tool_set_by_id(name=IDNAME)
    return True


def zoom_of(region: Any) -> float:
    """Returns screen pixels per preview unit in a region."""
    (x0, _), (x1, _) = (region.view2d.region_to_view(x, 0) for x in (0, region.width))
    return float(region.width / (x1 - x0))
