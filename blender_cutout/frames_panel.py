"""The part of the panel for strips whose frames must be rendered first: why, how many, how much disk, how far it is."""

from __future__ import annotations

from typing import Any

from . import upkeep
from .core.errors import CutoutError
from .host import frames, plans, strips


def draw(layout: Any, scene: Any, track: Any, status: Any) -> bool:
    """Draws it where it is needed; False when nothing else of the cutout can be used until then."""
    upkeep.draw(layout)
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
    column.label(text=reason, icon="ERROR")
    if plan is not None:
        column.label(text=plan.told(), icon="BLANK1")
        if track.frame_count:
            column.label(text="The masks start anew; strokes stay drawn.", icon="BLANK1")
        layout.operator("cutout.render_frames", icon="RENDER_ANIMATION")
    return False
