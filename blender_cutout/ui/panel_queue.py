"""Draws the panel "Queue": jobs in order, the progress of the whole, and buttons to send, run and cancel."""

from __future__ import annotations

from typing import Any

import bpy

from ..host.interface_language import shown
from ..tasks.shot_queue import shots
from . import widgets

_ICONS = {"waiting": "TIME", "running": "PLAY", "done": "CHECKMARK", "failed": "ERROR"}
_MOST_ROWS = 12


class CUTOUT_PT_queue(widgets.BelowCutout, bpy.types.Panel):
    """The panel for the queue."""

    bl_label = "Queue"
    bl_options = {"DEFAULT_CLOSED"}  # noqa: RUF012 (Blender wants a plain set)

    def draw(self, context: Any) -> None:
        """Draws the panel."""
        layout = self.layout
        column = layout.column(align=True)
        row = column.row(align=True)
        row.operator("cutout.send_to_queue", icon="ADD").all = False
        row.operator("cutout.send_to_queue", text="All Objects").all = True
        column.operator("cutout.export_job", text="Export Job…", icon="EXPORT")
        column = layout.column(align=True)
        rows = rows_shown(shots.entries)
        for entry in rows:
            row = column.row(align=True)
            row.label(text=entry.title, icon=_ICONS[entry.state], translate=False)
            row.label(text=shown(f"{entry.frames} frames"))
            row.operator("cutout.remove_from_queue", text="", icon="X").name = entry.name
            if entry.text:
                widgets.draw(context, column, entry.text)
        if len(rows) < len(shots.entries):
            column.label(text=shown(f"and {len(shots.entries) - len(rows)} more"), icon="BLANK1")
        if shots.running:
            row = layout.row(align=True)
            row.progress(factor=shots.share, text=shown(shots.text), type="BAR")
            row.operator("cutout.cancel_queue", text="", icon="X")
        else:
            layout.operator("cutout.run_queue", icon="PLAY")
            if any(entry.ready for entry in shots.entries):
                layout.operator("cutout.take_masks", icon="IMPORT")


def rows_shown(entries: Any) -> Any:
    """Returns the entries to list: of a long queue those from the last finished one on."""
    first = next((number for number, entry in enumerate(entries) if entry.state != "done"), len(entries))
    start = max(0, min(first - 1, len(entries) - _MOST_ROWS))
    return entries[start : start + _MOST_ROWS]


CLASSES = (CUTOUT_PT_queue,)
