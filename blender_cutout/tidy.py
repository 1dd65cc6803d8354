"""Deletes rendered frames that no strip works on any more, once it is sure that nobody goes back to them.

Undo, the .blend of before and a recovered file may still want them. So a folder that is not used is marked when its
file is opened, and deleted when it is opened again after some days and still does not use it.
"""

from __future__ import annotations

import os
import shutil
import time
from contextlib import suppress
from pathlib import Path

import bpy

from .host import frames, storage, strips

UNUSED = "unused"
"""File in a folder of rendered frames: since when nothing uses them, by its time."""
_DAYS = 7


def clean_frames(days: float = _DAYS) -> list[Path]:
    """Deletes the open .blend's folders of rendered frames that were not used for so many days; returns them.

    Only folders that hold nothing but such frames. Others are left, and those that are used lose their mark.
    """
    if not bpy.data.filepath:
        return []
    used, deleted = _used(), []
    with suppress(OSError):
        for folder in sorted(storage.frames_folder("").parent.glob("frames-*")):
            if not _is_ours(folder):
                continue
            mark = folder / UNUSED
            with suppress(OSError):
                if folder in used:
                    mark.unlink(missing_ok=True)
                elif not mark.exists():
                    mark.touch()
                elif mark.stat().st_mtime < time.time() - days * 86400:
                    shutil.rmtree(folder, ignore_errors=True)
                    deleted.append(folder)
    return deleted


def _used() -> set[Path]:
    found = set()
    for scene in bpy.data.scenes:
        if scene.sequence_editor is not None:
            records = (frames.of(place.strip) for place in strips.places(scene.sequence_editor))
            found |= {record.path for record in records if record is not None}
    return found


def _is_ours(folder: Path) -> bool:
    """True for a folder with frames that are all there, and nothing else."""
    if not folder.is_dir() or not (folder / frames.DONE).is_file():
        return False
    names = set(os.listdir(folder)) - {frames.DONE, UNUSED}
    return all(name.endswith(".png") and name[:-4].isdecimal() for name in names)
