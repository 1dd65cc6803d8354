"""The Cutout Brush as a tool: whether it is active, and the stroke being painted."""

from __future__ import annotations

from typing import Any

import bpy

from ..host import annotations as layers
from ..strokes.brush_strokes import Painted

IDNAME = "cutout.brush_tool"
live: list[Painted] = []
"""The stroke that is being painted, if any: the overlay shows it."""


def is_active(context: Any) -> bool:
    """True while the artist uses it in the preview of this context."""
    space = context.space_data
    if not context.workspace or space is None or space.view_type == "SEQUENCER":
        return False
    tool = context.workspace.tools.from_space_sequencer(space.view_type, create=False)
    return tool is not None and tool.idname == IDNAME


def start(context: Any) -> bool:
    """Takes it up in a preview; False when there is no window with one."""
    place = layers.preview()
    if place is None:
        return False
    with context.temp_override(**place):
        bpy.ops.wm.tool_set_by_id(name=IDNAME)
    return True


def zoom_of(region: Any) -> float:
    """Screen pixels per preview unit in a region."""
    (x0, _), (x1, _) = (region.view2d.region_to_view(x, 0) for x in (0, region.width))
    return float(region.width / (x1 - x0))
