"""Draws the propagation settings, the locked frames and the frames in doubt."""

from __future__ import annotations

from typing import Any

import bpy

from ..host import compat
from ..host.interface_language import shown
from ..scene import doubt
from ..tasks import upkeep
from . import widgets
from .widgets import BelowCutout


class CUTOUT_PT_propagation(BelowCutout, bpy.types.Panel):
    """The panel for propagation settings."""

    bl_label = "Propagation"
    bl_options = {"DEFAULT_CLOSED"}  # noqa: RUF012 (Blender wants a plain set)

    def draw(self, context: Any) -> None:
        """Draws the panel."""
        data = compat.sequencer_scene(context).cutout
        widgets.draw_tier(self.layout)
        column = self.layout.column()
        column.prop(data, "stability", slider=True)
        column.prop(data, "in_to_out")
        column.prop(data, "stop_at_cuts")
        column.prop(data, "stop_in_doubt")
        column.prop(data, "doubt_below", slider=True)


def draw_doubt(column: Any, scene: Any, track: Any) -> None:
    """Draws the network's confidence in this mask, and the button to the worst one."""
    row = column.row(align=True)
    row.operator("cutout.worst_frame", icon="VIEWZOOM")
    times = upkeep.keeper.facts(track).times
    frame = times.clip_frame(scene.frame_current) if times is not None else None
    percent = doubt.percent(track, frame) if frame is not None else None
    row.label(text=shown(f"Here: {percent} % sure") if percent is not None else "")


def draw_locks(column: Any) -> None:
    """Draws the buttons that lock frames, or mark them as without the object."""
    for lock, texts, icon in (
        (True, ("Lock Frame", "Lock Range"), "LOCKED"),
        (False, ("Unlock Frame", "Unlock Range"), "UNLOCKED"),
    ):
        row = column.row(align=True)
        for span, text in zip(("FRAME", "RANGE"), texts, strict=True):
            button = row.operator("cutout.lock_frames", text=text, icon=icon)
            button.span, button.lock = span, lock
    for absent, texts, icon in (
        (True, ("Not Here", "Not in Range"), "GHOST_DISABLED"),
        (False, ("Here", "In Range"), "GHOST_ENABLED"),
    ):
        row = column.row(align=True)
        for span, text in zip(("FRAME", "RANGE"), texts, strict=True):
            absence = row.operator("cutout.mark_absent", text=text, icon=icon)
            absence.span, absence.absent = span, absent


def draw_rejected(column: Any) -> None:
    """Draws the buttons that reject frames and take that back."""
    for reject, texts, icon in (
        (True, ("Reject Frame", "Reject Range"), "CANCEL"),
        (False, ("Clear Frame", "Clear Range"), "NONE"),
    ):
        row = column.row(align=True)
        for span, text in zip(("FRAME", "RANGE"), texts, strict=True):
            button = row.operator("cutout.reject_frames", text=text, icon=icon)
            button.span, button.reject = span, reject


CLASSES = (CUTOUT_PT_propagation,)
