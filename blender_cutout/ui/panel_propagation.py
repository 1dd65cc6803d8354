"""What the panel shows of a propagation's settings, of locked frames and of those in doubt."""

from __future__ import annotations

from typing import Any

import bpy

from ..host import compat
from ..scene import doubt
from ..tasks import upkeep
from . import widgets
from .widgets import BelowCutout


class CUTOUT_PT_propagation(BelowCutout, bpy.types.Panel):
    """How a propagation goes about its work."""

    bl_label = "Propagation"
    bl_options = {"DEFAULT_CLOSED"}  # noqa: RUF012 (Blender wants a plain set)

    def draw(self, context: Any) -> None:
        """Draws it."""
        data = compat.sequencer_scene(context).cutout
        widgets.draw_tier(self.layout)
        column = self.layout.column()
        column.prop(data, "stability", slider=True)
        column.prop(data, "in_to_out")
        column.prop(data, "stop_at_cuts")
        column.prop(data, "stop_in_doubt")
        column.prop(data, "doubt_below", slider=True)


def draw_doubt(column: Any, scene: Any, track: Any) -> None:
    """How sure the network is of this mask, which are doubtful, and the way there."""
    if track.confidence.strip("-"):
        row = column.row(align=True)
        row.operator("cutout.worst_frame", icon="VIEWZOOM")
        times = upkeep.keeper.facts(track).times
        frame = times.clip_frame(scene.frame_current) if times is not None else None
        percent = doubt.percent(track, frame) if frame is not None else None
        if percent is not None:
            row.label(text=f"Here: {percent} % sure")
    if track.doubtful:
        column.label(text=f"In doubt: {track.doubtful}")


def draw_locks(column: Any, track: Any) -> None:
    """Approving frames, and which are."""
    for lock, word, icon in ((True, "Lock", "LOCKED"), (False, "Unlock", "UNLOCKED")):
        if lock or track.locked_frames:
            row = column.row(align=True)
            for span, what in (("FRAME", "Frame"), ("RANGE", "Range")):
                button = row.operator("cutout.lock_frames", text=f"{word} {what}", icon=icon)
                button.span, button.lock = span, lock
    if track.locked_frames:
        column.label(text=f"Locked: {track.locked_frames}")


CLASSES = (CUTOUT_PT_propagation,)
