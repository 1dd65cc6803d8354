"""The panel "Files" below "Cutout": masks in, films out, and what the masks take on the disk."""

from __future__ import annotations

from typing import Any

import bpy

from ..core.types import size_text
from ..host import compat
from ..scene.properties import active_track
from ..tasks import jobs
from .widgets import BelowCutout


class CUTOUT_PT_files(BelowCutout, bpy.types.Panel):
    """What comes from other programs, what goes to them, and the disk."""

    bl_label = "Files"
    bl_options = {"DEFAULT_CLOSED"}  # noqa: RUF012 (Blender wants a plain set)

    def draw(self, context: Any) -> None:
        """Draws it."""
        layout = self.layout
        track = active_track(compat.sequencer_scene(context))
        column = layout.column(align=True)
        column.operator("cutout.import_mattes", text="Import Matte…", icon="IMPORT")
        column.operator("cutout.export_film", text="Export Film…", icon="EXPORT")
        column = layout.column(align=True)
        column.scale_y = 0.8
        for line in disk_lines(jobs.disk_use(track), track.frame_count - track.done_count):
            column.label(text=line)


def disk_lines(use: tuple[int, int, int] | None, left: int) -> list[str]:
    """What the masks take, and what the frames without one will take.

    Args:
        use: `TrackState.disk`; None = not known yet.
        left: how many frames have no mask.
    """
    if use is None:
        return []
    used, frame, free = use
    lines = [f"Masks on disk: {size_text(used)}"]
    if left > 0 and used:
        needed = left * frame
        lines.append(f"{left} more take about {size_text(needed)}")
        lines.append(f"{size_text(free)} are free" if needed <= free else f"Only {size_text(free)} are free!")
    return lines


CLASSES = (CUTOUT_PT_files,)
