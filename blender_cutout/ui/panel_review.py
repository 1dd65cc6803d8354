"""Draws the panel "Review", its buttons that mark frames, and the row that leads to the worst frame."""

from __future__ import annotations

from typing import Any

import bpy

from ..host import compat
from ..host.interface_language import shown
from ..scene import doubt
from ..scene.properties import active_track
from ..tasks import upkeep
from . import widgets
from .widgets import BelowCutout

_MARKS = (
    ("cutout.lock_frames", "lock", True, ("Lock Frame", "Lock Range"), "LOCKED"),
    ("cutout.lock_frames", "lock", False, ("Unlock Frame", "Unlock Range"), "UNLOCKED"),
    ("cutout.mark_absent", "absent", True, ("Not Here", "Not in Range"), "GHOST_DISABLED"),
    ("cutout.mark_absent", "absent", False, ("Here", "In Range"), "GHOST_ENABLED"),
    ("cutout.reject_frames", "reject", True, ("Reject Frame", "Reject Range"), "CANCEL"),
    ("cutout.reject_frames", "reject", False, ("Clear Frame", "Clear Range"), "NONE"),
)
"""Operator, its switch and the switch's value, texts for the current frame and for the range, and the icon."""


class CUTOUT_PT_review(BelowCutout, bpy.types.Panel):
    """The panel for checking masks frame by frame."""

    bl_label = "Review"
    bl_options = {"DEFAULT_CLOSED"}  # noqa: RUF012 (Blender wants a plain set)

    def draw(self, context: Any) -> None:
        """Draws the panel."""
        track = active_track(compat.sequencer_scene(context))
        column = self.layout.column(align=True)
        row = column.row(align=True)
        for backward, text, icon in ((True, "Previous in Doubt", "TRIA_LEFT"), (False, "Next in Doubt", "TRIA_RIGHT")):
            button = row.operator("cutout.go_to_frame", text=text, icon=icon)
            button.what, button.backward = "DOUBT", backward
        draw_marks(column)
        widgets.draw_frames(
            self.layout,
            ("Locked", track.locked_frames),
            ("Not here", track.absent_frames),
            ("Rejected", track.rejected_frames),
        )


def draw_doubt(column: Any, scene: Any, track: Any) -> None:
    """Draws the network's confidence in this mask, and the button to the worst one."""
    row = column.row(align=True)
    row.operator("cutout.worst_frame", icon="VIEWZOOM")
    times = upkeep.keeper.facts(track).times
    frame = times.clip_frame(scene.frame_current) if times is not None else None
    percent = doubt.percent(track, frame) if frame is not None else None
    row.label(text=shown(f"Here: {percent}% sure") if percent is not None else "")


def draw_marks(layout: Any, is_menu: bool = False) -> None:
    """Draws the buttons that lock frames, mark them Not Here or reject them; in a menu, one per line."""
    for operator, switch, value, texts, icon in _MARKS:
        row = layout if is_menu else layout.row(align=True)
        for span, text in zip(("FRAME", "RANGE"), texts, strict=True):
            button = row.operator(operator, text=text, icon=icon)
            button.span = span
            setattr(button, switch, value)


CLASSES = (CUTOUT_PT_review,)
