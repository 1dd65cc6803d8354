"""The folders of a project follow its .blend: moved when it is saved for the first time, copied when it is saved as.

A file saved under another name is a version of its own: what is written there must not change the masks of the first
one. Pictures are shared by hard links where the disk can, so a copy takes hardly any room.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import bpy

from . import jobs, properties
from .core.errors import CutoutError
from .host import frames, storage, strips
from .pump import Job

if TYPE_CHECKING:
    from .core.messages import Done

_PATIENCE = 60.0
"""Seconds that saving waits for a folder to be moved to another disk."""
_GROWING = {"rounds.jsonl", "session.json"}
"""Files that are written to: each version needs its own."""
_DAYS = 30
"""How long folders of files that were never saved are kept; Blender's recovered files may still want them."""


@dataclass(frozen=True, slots=True)
class Copied:
    """A folder that was copied for a version, so that it can be taken back when that is not what goes on."""

    old: Path
    new: Path


def before_save(path: str) -> list[Copied]:
    """Puts every folder beside the .blend that is about to be written; returns which were copied for it."""
    copied: list[Copied] = []
    for scene, track in properties.tracks():
        folder = storage.resolve(track.folder, bpy.data.filepath)
        target = storage.folder_beside(path, track.uuid)
        if folder != target and not any(track.uuid in (job.track, *job.others) for job in jobs.pump.jobs):
            if storage.is_unsaved(folder):
                folder = _move_track(scene, track, folder, target)
            elif _copy(folder, target):
                copied.append(Copied(folder, target))
                repoint(folder, target, path)
                jobs.pump.heads.pop(track.uuid, None)  # the engine is to open the copy
                folder = target
        track.folder = storage.stored(folder, path)
    for folder in {record.path for _, record in _records()}:
        target = storage.folder_beside(path, folder.name)
        if folder == target:
            continue
        unsaved = storage.is_unsaved(folder)
        if _move(folder, target) if unsaved else _copy(folder, target):
            if not unsaved:
                copied.append(Copied(folder, target))
            repoint(folder, target, path)
            _reopen()
    for strip, record in _records():
        frames.keep(strip, replace(record, folder=storage.stored(record.path, path)))
    return copied


def after_save(path: str, copied: list[Copied]) -> None:
    """A copy was saved, or saving failed: the open .blend lies elsewhere than the paths were made for."""
    if path == bpy.data.filepath:
        return
    now = {str(c.new): c.old for c in copied}
    for _scene, track in properties.tracks():
        folder = storage.resolve(track.folder, path)
        if str(folder) in now:
            jobs.pump.heads.pop(track.uuid, None)
        track.folder = storage.stored(now.get(str(folder), folder), bpy.data.filepath)
    for strip, record in _records():
        folder = storage.resolve(record.folder, path)
        frames.keep(strip, replace(record, folder=storage.stored(now.get(str(folder), folder), bpy.data.filepath)))
    for one in copied:
        repoint(one.new, one.old, bpy.data.filepath)


def repoint(old: Path, new: Path, blend: str) -> None:
    """Has every picture strip, and every strip's rendered frames, in `old` look into `new`."""
    for strip in _strips():
        record = frames.of(strip)
        if record is not None and record.path == old:
            frames.keep(strip, replace(record, folder=storage.stored(new, bpy.data.filepath)))
        if strip.type == "IMAGE":
            pictures = Path(bpy.path.abspath(strip.directory))
            if old == pictures or old in pictures.parents:
                strip.directory = _pointed(new / pictures.relative_to(old), blend) + "/"


def clean_unsaved(days: float = _DAYS) -> list[Path]:
    """Deletes folders of files that were never saved and have not been touched for so many days; returns them."""
    used = {storage.resolve(track.folder, bpy.data.filepath) for _, track in properties.tracks()}
    used |= {record.path for _, record in _records()}
    deleted = []
    oldest = time.time() - days * 86400
    with suppress(OSError):
        for folder in storage.user_folder("unsaved").iterdir():
            if folder in used or not folder.is_dir():
                continue
            if max(p.stat().st_mtime for p in (folder, *folder.iterdir())) < oldest:
                shutil.rmtree(folder, ignore_errors=True)
                deleted.append(folder)
    return deleted


def _strips() -> Iterator[Any]:
    for scene in bpy.data.scenes:
        if scene.sequence_editor is not None:
            yield from (place.strip for place in strips.places(scene.sequence_editor))


def _records() -> list[tuple[Any, frames.Frames]]:
    """Every strip that has rendered frames, and what it knows of them."""
    return [(strip, record) for strip in _strips() if (record := frames.of(strip)) is not None]


def _pointed(folder: Path, blend: str) -> str:
    """A folder as a strip keeps it: relative where that holds for the open .blend and for the one being written."""
    here = bpy.data.filepath
    if here and blend and Path(here).parent == Path(blend).parent:
        with suppress(ValueError):
            return str(bpy.path.relpath(str(folder)))
    return str(folder)


def _copy(folder: Path, target: Path) -> bool:
    """Copies a folder, in place of an earlier copy; False when it could not be: told then."""
    if not folder.is_dir():
        return False
    part = target.with_name(target.name + ".copy")
    try:
        shutil.rmtree(part, ignore_errors=True)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copytree(folder, part, copy_function=_share, ignore=shutil.ignore_patterns("lock*", ".*.new", ".*.old"))
        shutil.rmtree(target, ignore_errors=True)
        os.rename(part, target)
    except (OSError, shutil.Error) as error:
        shutil.rmtree(part, ignore_errors=True)
        jobs.say(
            "WARNING",
            f"The masks could not be copied beside the new .blend: {error}",
            f"Both files use {folder} now: Write Strips in one changes the other.",
        )
        return False
    return True


def _share(source: str, target: str) -> None:
    if Path(source).name not in _GROWING:
        with suppress(OSError):
            os.link(source, target)
            return
    shutil.copy2(source, target)


def _move(folder: Path, target: Path) -> bool:
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(str(folder), str(target))
    except OSError as error:
        jobs.say("WARNING", f"The frames could not be moved beside the .blend: {error}", f"They stay in {folder}")
        return False
    return True


def _move_track(scene: Any, track: Any, folder: Path, target: Path) -> Path:
    """Moves a cutout's folder beside the .blend; returns where it lies afterwards."""
    from .core.messages import Failed, MoveTrack  # here, not above: Blender's start is not to pay for it

    uuid = track.uuid
    try:
        if jobs.pump.running and uuid in jobs.pump.heads:
            job: Job = jobs.submit(scene, track, "Moving", lambda wire: MoveTrack(wire, uuid, str(target)), _moved)
            outcome = jobs.wait(job, _PATIENCE)
            if isinstance(outcome, Failed):
                return folder
        elif folder.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.move(str(folder), str(target))
    except (OSError, TimeoutError) as error:
        jobs.say("WARNING", f"The masks could not be moved beside the .blend: {error}", f"They stay in {folder}")
        return folder
    except CutoutError as error:
        jobs.say("WARNING", error.text, error.hint)
        return folder
    repoint(folder, target, "")
    return target


def _moved(_: Done) -> str:
    return "The masks were moved beside the .blend."


def _reopen() -> None:
    """The engine is to open the clips anew: their frames lie elsewhere."""
    for _scene, track in properties.tracks():
        jobs.pump.heads.pop(track.uuid, None)
