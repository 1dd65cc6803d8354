"""Adds Clip / Result / Both to the header of sequencers with a preview."""

from __future__ import annotations

from typing import Any

import bpy

from ..host import compat
from ..scene.preview_mode import ORDER

_NARROW = 0.83
"""Width of the buttons: Blender's own leave little room in a window of 1280 pixels, in German least."""
_NAMES = ("Clip", "Result", "Both")


def draw_switch(layout: Any, shows: str) -> None:
    """Draws the three buttons."""
    row = layout.row(align=True)
    for mode, text in zip(ORDER, _NAMES, strict=True):
        row.operator("cutout.show", text=text, depress=mode == shows).mode = mode


def _draw(header: Any, context: Any) -> None:
    scene = compat.sequencer_scene(context)
    if (
        scene is not None
        and scene.library is None
        and len(scene.cutout.tracks)
        and context.space_data.view_type != "SEQUENCER"
    ):
        row = header.layout.row()
        row.scale_x = _NARROW
        draw_switch(row, scene.cutout.preview_shows)


def register() -> None:
    """Adds the buttons."""
    bpy.types.SEQUENCER_HT_header.append(_draw)


def unregister() -> None:
    """Removes the buttons."""
    bpy.types.SEQUENCER_HT_header.remove(_draw)
