"""The part of the panel for strips whose frames must be rendered first: why, how many, how much disk, how far it is."""

from __future__ import annotations

from typing import Any

import bpy

from . import upkeep, wording
from .core.errors import CutoutError
from .host import frames, plans, strips


def draw(layout: Any, scene: Any, track: Any, status: Any) -> bool:
    """Draws it where it is needed; False when nothing else of the cutout can be used until then."""
    upkeep.draw(bpy.context, layout)
    if status.frames_busy:
        layout.progress(factor=status.frames_share, text=status.frames_text, type="BAR")
        layout.operator("cutout.cancel_frames", icon="X")
        return bool(track.frame_count)
    try:
        reason = plans.needed(scene, track)
        if not reason:
            if frames.of(strips.find(scene, track.strip_uuid, track.strip_name).strip) is not None:
                layout.operator("cutout.render_frames", text="Render Frames Again", icon="FILE_REFRESH").again = True
            return True
        plan = plans.plan(scene, track)
    except CutoutError as error:
        if track.frame_count:
            return True  # the steps say it when they are pressed
        reason, plan = f"{error.text} {error.hint}", None
    column = layout.box().column(align=True)
    column.scale_y = 0.8
    wording.draw(bpy.context, column, reason, "ERROR")
    if plan is not None:
        wording.draw(bpy.context, column, plan.told())
        if track.frame_count:
            wording.draw(bpy.context, column, "The masks start anew; strokes stay drawn.")
        layout.operator("cutout.render_frames", icon="RENDER_ANIMATION")
    return False
