"""Where a cutout's folder lies: beside the .blend, or in a folder of the user's as long as the .blend is not saved.

Whatever a .blend says of folders goes through `host/places.py` here.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import bpy

from ..core.errors import InputError
from . import contents, places
from .places import Home

PACKAGE = __package__.rpartition(".")[0]  # the add-on's own: bl_ext.….blender_cutout, or blender_cutout in a checkout
stays: set[Path] = set()
"""Folders of the open .blend that lie elsewhere for now: it was saved under another name while they were in use."""


def user_folder(name: str) -> Path:
    """A folder of the user's for the add-on, made when missing; it outlives updates of the add-on."""
    try:
        return Path(bpy.utils.extension_path_user(PACKAGE, path=name, create=True))
    except ValueError:  # not installed as an extension: run from a source checkout
        return Path(bpy.utils.user_resource("DATAFILES", path=f"blender_cutout/{name}", create=True))


def folder_beside(blend: str, name: str) -> Path:
    """The folder of a cutout of a saved .blend: `<name>_cutout/<name>` beside it. Raises InputError as `beside`."""
    return places.beside(blend, name)


def new_folder(name: str) -> Path:
    """The folder for a new cutout of the open .blend, saved or not. Raises InputError as `beside`."""
    blend = bpy.data.filepath
    return folder_beside(blend, name) if blend else user_folder("unsaved") / places.check_name(name)


def frames_folder(name: str) -> Path:
    """The folder for rendered frames of the open .blend, saved or not. Raises InputError as `beside`."""
    return new_folder(f"frames-{name}")


def is_unsaved(folder: Path) -> bool:
    """True for a folder that was made before its .blend was saved."""
    return user_folder("unsaved") in folder.parents


def stored(folder: Path, blend: str) -> str:
    """A folder as a property of that .blend keeps it: relative ("//…") when it lies beside or below it."""
    try:
        return "//" + folder.relative_to(Path(blend).parent).as_posix() if blend else str(folder)
    except ValueError:
        return str(folder)


def track_folder(track: Any, blend: str | None = None) -> Path:
    """The folder of a cutout of a .blend, by default the open one.

    Where it is not in the place that was kept, or that place is not the .blend's, and the folder lies beside the
    .blend, it is that one: so a folder that was left behind may be put there.

    Raises:
        InputError: the .blend names a folder that is not its own.
    """
    return _folder(track.folder, track.uuid, bpy.data.filepath if blend is None else blend)


def is_own(folder: object) -> bool:
    """True when a folder that the open .blend names is its own, whether or not it is there."""
    try:
        places.owned_folder(_home(bpy.data.filepath, folder), folder, _name(folder))
    except InputError:
        return False
    return True


def resolve(folder: object, blend: str) -> Path:
    """The folder, called as any of ours, that a property of that .blend keeps. Raises InputError as `owned_folder`."""
    return _folder(folder, _name(folder), blend)


def _folder(folder: object, name: object, blend: str) -> Path:
    try:
        found = places.owned_folder(_home(blend, folder), folder, name)
        if not blend or found.is_dir():
            return found
    except InputError:
        here = _moved_here(blend, name)
        if here is None:
            raise
        return here
    return _moved_here(blend, name) or found


def _name(folder: object) -> object:
    return folder.replace("\\", "/").rstrip("/").rpartition("/")[2] if isinstance(folder, str) else folder


def _home(blend: str, folder: object) -> Home:
    beside = isinstance(folder, str) and folder.startswith("//")
    return Home(blend, None if beside else user_folder("unsaved"), frozenset(stays))


def _moved_here(blend: str, name: object) -> Path | None:
    """The folder of that name beside the .blend, where there is one of ours."""
    if not blend or not places.is_name(name):
        return None
    try:
        folder = places.beside(blend, name)
    except InputError:
        return None
    return folder if contents.is_session(folder) or contents.is_rendered(folder) else None
