"""Deletes rendered frames that no strip uses any more, once undo can no longer reach them.

Undo, a backup .blend or a recovered file may still need them. So an unused folder is marked when its file is opened,
and deleted when the file is opened again some days later and still does not use it.
"""

from __future__ import annotations

import os
import time
from contextlib import suppress
from pathlib import Path

import bpy

from ..core import atomic
from ..host import contents, places, rendered_frames, strips

UNUSED = contents.UNUSED
"""File in a folder of rendered frames; its modification time says since when nothing uses them."""
_DAYS = 7


def clean_frames(days: float = _DAYS) -> list[Path]:
    """Deletes the open .blend's folders of rendered frames unused for the given number of days; returns them.

    Only folders that hold nothing but such frames are deleted. Folders in use lose their mark.
    """
    blend = Path(bpy.data.filepath)
    place = blend.with_name(f"{blend.stem}{places.SUFFIX}") if bpy.data.filepath else blend
    if not bpy.data.filepath or not atomic.is_folder(place):
        return []
    used, deleted = _used(), []
    for folder in sorted(place.glob("frames-*")):
        with suppress(OSError):
            if not (places.is_name(folder.name) and contents.is_rendered(folder)):
                continue
            mark = folder / UNUSED
            if folder in used:
                mark.unlink(missing_ok=True)
            elif not os.path.lexists(mark):
                atomic.write(mark, b"")
            elif mark.lstat().st_mtime < time.time() - days * 86400 and contents.remove(folder):
                deleted.append(folder)
    return deleted


def _used() -> set[Path]:
    found = set()
    for scene in bpy.data.scenes:
        if scene.sequence_editor is not None:
            records = (
                rendered_frames.rendered_frames_of(place.strip) for place in strips.places(scene.sequence_editor)
            )
            found |= {record.path for record in records if record is not None}
    return found
