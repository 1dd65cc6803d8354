"""The part of the panel for strips whose frames must be rendered first: why, how many, how much disk, how far it is."""

from __future__ import annotations

from typing import Any

import bpy

from . import upkeep, wording


def draw(layout: Any, track: Any, status: Any) -> bool:
    """Draws it where it is needed; False when nothing else of the cutout can be used until then."""
    upkeep.draw(bpy.context, layout)
    if status.frames_busy:
        layout.progress(factor=status.frames_share, text=status.frames_text, type="BAR")
        layout.operator("cutout.cancel_frames", icon="X")
        return bool(track.frame_count)
    facts = upkeep.keeper.facts(track)
    if not facts.reason:
        if facts.rendered:
            layout.operator("cutout.render_frames", text="Render Frames Again", icon="FILE_REFRESH").again = True
        return True
    column = layout.box().column(align=True)
    column.scale_y = 0.8
    wording.draw(bpy.context, column, facts.reason, "ERROR")
    if facts.plan:
        wording.draw(bpy.context, column, facts.plan)
        if track.frame_count:
            wording.draw(bpy.context, column, "The masks start anew; strokes stay drawn.")
        layout.operator("cutout.render_frames", icon="RENDER_ANIMATION")
    return False
