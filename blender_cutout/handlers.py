"""What Blender does on its own, and what follows for the engine: undo, load, save."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import bpy
from bpy.app.handlers import persistent

from . import autoapply, baking, jobs, properties
from .core.errors import CutoutError
from .core.messages import Done, Failed, MoveTrack
from .host import storage, strips
from .pump import Job

_PATIENCE = 60.0
"""Seconds that saving waits for a folder to be moved to another disk."""


@persistent
def _after_undo(*_: Any) -> None:
    jobs.follow_blender()


@persistent
def _before_load(*_: Any) -> None:
    baking.close()
    # The tracks of the file that is left must not stay locked, and their strips are about to vanish.
    jobs.close()
    autoapply.forget()


@persistent
def _after_load(*_: Any) -> None:
    status = properties.status()
    status.text = status.hint = status.stage = ""
    status.level, status.lost, status.busy = "INFO", False, False


@persistent
def _before_save(path: Any = "", *_: Any) -> None:
    """Before, not after: what changes after the saving would not be in the file."""
    if not isinstance(path, str) or not path:  # the startup file
        return
    for scene, track in properties.tracks():
        folder = storage.resolve(track.folder, bpy.data.filepath)
        if storage.is_unsaved(folder) and not any(track.uuid in (job.track, *job.others) for job in jobs.pump.jobs):
            folder = _move(scene, track, folder, storage.folder_beside(path, track.uuid))
        track.folder = storage.stored(folder, path)


@persistent
def _after_save(path: Any = "", *_: Any) -> None:
    """A copy was saved, or saving failed: the open .blend lies elsewhere than the paths were made for."""
    if isinstance(path, str) and path and path != bpy.data.filepath:
        for _scene, track in properties.tracks():
            track.folder = storage.stored(storage.resolve(track.folder, path), bpy.data.filepath)


def _moved(_: Done) -> str:
    return "The masks were moved beside the .blend."


def _move(scene: Any, track: Any, folder: Path, target: Path) -> Path:
    """Moves a cutout's folder beside the .blend; returns where it lies afterwards."""
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
    for place in strips.places(strips.editor(scene)) if scene.sequence_editor else ():
        if place.strip.type == "IMAGE":
            pictures = Path(bpy.path.abspath(place.strip.directory))
            if folder in pictures.parents:
                place.strip.directory = str(target / pictures.relative_to(folder)) + "/"
    return target


_HANDLERS: dict[str, Callable[..., None]] = {
    "undo_post": _after_undo,
    "redo_post": _after_undo,
    "load_pre": _before_load,
    "load_post": _after_load,
    "save_pre": _before_save,
    "save_post": _after_save,
    "save_post_fail": _after_save,
}


def register() -> None:
    """Adds the handlers."""
    for name, handler in _HANDLERS.items():
        getattr(bpy.app.handlers, name).append(handler)


def unregister() -> None:
    """Removes them."""
    for name, handler in _HANDLERS.items():
        registered = getattr(bpy.app.handlers, name)
        if handler in registered:
            registered.remove(handler)
