"""Draws the panel "Queue": jobs in order, the progress of the whole, and buttons to send, sort, run and cancel."""

from __future__ import annotations

from typing import Any

import bpy

from ..host import compat
from ..host.interface_language import shown
from ..scene import queue_outputs
from ..tasks.shot_queue import shots
from . import widgets

_ICONS = {"waiting": "TIME", "running": "PLAY", "done": "CHECKMARK", "failed": "ERROR"}
_FEWEST_ROWS = 4


class CUTOUT_UL_queue(bpy.types.UIList):
    """Lists the jobs of the queue."""

    def draw_item(
        self, context: Any, layout: Any, data: Any, item: Any, icon: Any, active_data: Any, active_property: Any
    ) -> None:
        """Draws one row: state, title and number of frames."""
        row = layout.row(align=True)
        row.label(text=item.title, icon=_ICONS.get(item.state, "TIME"), translate=False)
        row.label(text=shown(f"{item.frames} frames"))


class CUTOUT_PT_queue(widgets.BelowCutout, bpy.types.Panel):
    """The panel for the queue."""

    bl_label = "Queue"
    bl_options = {"DEFAULT_CLOSED"}  # noqa: RUF012 (Blender wants a plain set)

    def draw(self, context: Any) -> None:
        """Draws the panel."""
        layout = self.layout
        status = context.window_manager.cutout
        column = layout.column(align=True)
        row = column.row(align=True)
        row.operator("cutout.send_to_queue", icon="ADD").all = False
        row.operator("cutout.send_to_queue", text="All Objects").all = True
        column.operator("cutout.export_job", text="Export Job…", icon="EXPORT")
        _draw_outputs(layout, compat.sequencer_scene(context))
        if len(status.queue):
            _draw_list(context, layout, status)
        if shots.running:
            share, text = shots.progress
            row = layout.row(align=True)
            row.progress(factor=share, text=shown(text), type="BAR")
            row.operator("cutout.cancel_queue", text="", icon="X")
        else:
            layout.operator("cutout.run_queue", icon="PLAY")
            if any(entry.ready for entry in shots.entries):
                layout.operator("cutout.take_masks", icon="IMPORT")


def _draw_outputs(layout: Any, scene: Any) -> None:
    """Draws what jobs make besides masks."""
    data = scene.cutout
    column = layout.column(align=True)
    column.prop(data, "queue_edges")
    column.prop(data, "queue_export", text="")
    column.prop(data, "queue_composite", text="")
    if data.queue_composite != queue_outputs.NONE:
        row = column.row(align=True)
        row.prop(data, "queue_behind", expand=True)
        column.prop(data, "queue_background" if data.queue_behind == "FILE" else "background_colour", text="")
    if queue_outputs.is_any(scene):
        column.prop(data, "queue_folder", text="")


def _draw_list(context: Any, layout: Any, status: Any) -> None:
    """Draws the jobs with the buttons beside them, and why the selected one failed, or else the first."""
    row = layout.row()
    row.template_list("CUTOUT_UL_queue", "", status, "queue", status, "queue_index", rows=_FEWEST_ROWS)
    column = row.column(align=True)
    column.operator("cutout.remove_from_queue", icon="REMOVE", text="")
    column.separator()
    column.operator("cutout.move_in_queue", icon="TRIA_UP", text="").direction = "UP"
    column.operator("cutout.move_in_queue", icon="TRIA_DOWN", text="").direction = "DOWN"
    active = status.queue[min(status.queue_index, len(status.queue) - 1)]
    for one in (active, *status.queue):
        if one.text:
            column = layout.column(align=True)
            column.scale_y = 0.8
            widgets.draw(context, column, f"{one.title}: {one.text}", "ERROR")
            break


CLASSES = (CUTOUT_UL_queue, CUTOUT_PT_queue)
