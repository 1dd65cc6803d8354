"""Draws the panel "Files": import mattes, export films, and disk use."""

from __future__ import annotations

from typing import Any

import bpy

from ..core.types import size_text
from ..host import compat
from ..host.interface_language import shown
from ..scene.properties import active_track
from ..tasks import jobs
from .widgets import BelowCutout


class CUTOUT_PT_files(BelowCutout, bpy.types.Panel):
    """The panel for import, export and disk use."""

    bl_label = "Files"
    bl_options = {"DEFAULT_CLOSED"}  # noqa: RUF012 (Blender wants a plain set)

    def draw(self, context: Any) -> None:
        """Draws the panel."""
        layout = self.layout
        track = active_track(compat.sequencer_scene(context))
        column = layout.column(align=True)
        column.operator("cutout.import_mattes", text="Import Matte…", icon="IMPORT")
        column.operator("cutout.export_film", text="Export Film…", icon="EXPORT")
        if track.later and not track.later_text:
            layout.operator("cutout.take_later", icon="LOOP_FORWARDS")
        column = layout.column(align=True)
        column.scale_y = 0.8
        for line in disk_lines(jobs.disk_use(track), track.frame_count - track.done_count):
            column.label(text=shown(line))


def disk_lines(use: tuple[int, int, int] | None, left: int) -> list[str]:
    """Returns lines on the disk space the masks use and the remaining frames will need.

    Args:
        use: `TrackState.disk`; None = not known yet.
        left: number of frames without a mask.
    """
    if use is None:
        return []
    used, frame, free = use
    lines = [f"Masks on disk: {size_text(used)}"]
    if left > 0 and used:
        needed = left * frame
        lines.append(f"{left} more frames need about {size_text(needed)}")
        lines.append(f"{size_text(free)} free" if needed <= free else f"Only {size_text(free)} free!")
    return lines


CLASSES = (CUTOUT_PT_files,)
