"""Finds a cutout's folder: next to the .blend, or in a user folder while the .blend is unsaved.

Every folder that a .blend names is checked by `host/places.py` here.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

import bpy

from ..core.errors import InputError, StoreError
from . import contents, places
from .places import Home

PACKAGE = __package__.rpartition(".")[0]  # bl_ext.….blender_cutout, or blender_cutout in a source checkout
_UNSAVED = Path("blender_cutout", "unsaved")
_OTHER = "Make that folder writable, then start Blender again."
stays: set[Path] = set()
"""Folders of the open .blend that are elsewhere for now: it was saved under another name while they were in use."""


def user_folder(name: str) -> Path:
    """Returns a user folder of the add-on, created if missing; it survives add-on updates.

    Raises:
        StoreError: it cannot be made.
    """
    try:
        found = bpy.utils.extension_path_user(PACKAGE, path=name, create=True)
    except ValueError:  # not installed as an extension: run from a source checkout
        found = bpy.utils.user_resource("DATAFILES", path=f"blender_cutout/{name}", create=True)
    if not found:  # Blender prints what went wrong and returns an empty path, which would be the current folder
        raise StoreError("The add-on cannot write into Blender's folder for extensions.", _OTHER)
    return Path(found)


def unsaved_folder(create: bool = False) -> Path:
    """Returns the folder for cutouts of files never saved; uninstalling the add-on leaves it alone.

    Raises:
        StoreError: it cannot be made.
    """
    found = bpy.utils.user_resource("DATAFILES", path=str(_UNSAVED), create=create)
    if not found:
        raise StoreError("The add-on cannot write into Blender's folder for the user's files.", _OTHER)
    return Path(found)


def unsaved_folders() -> tuple[Path, ...]:
    """Returns all folders for cutouts of files never saved: today's, and that of version 0.1.0, if it exists."""
    with suppress(ValueError):
        earlier = bpy.utils.extension_path_user(PACKAGE, path="unsaved")
        if earlier and Path(earlier).is_dir():
            return unsaved_folder(), Path(earlier)
    return (unsaved_folder(),)


def remove_empty() -> None:
    """Deletes the folder for cutouts of files never saved if there are none."""
    with suppress(OSError, StoreError):
        for folder in (unsaved_folder(), unsaved_folder().parent):
            folder.rmdir()


def folder_beside(blend: str, name: str) -> Path:
    """Returns the folder of a cutout of a saved .blend: `<name>_cutout/<name>`. Raises InputError as `beside`."""
    return places.beside(blend, name)


def new_folder(name: str) -> Path:
    """Returns the folder for a new cutout of the open .blend, saved or not. Raises InputError as `beside`."""
    blend = bpy.data.filepath
    return folder_beside(blend, name) if blend else unsaved_folder(create=True) / places.check_name(name)


def frames_folder(name: str) -> Path:
    """Returns the folder for rendered frames of the open .blend, saved or not. Raises InputError as `beside`."""
    return new_folder(f"frames-{name}")


def is_unsaved(folder: Path) -> bool:
    """Returns True for a folder that was made before its .blend was saved."""
    return any(unsaved in folder.parents for unsaved in unsaved_folders())


def stored(folder: Path, blend: str) -> str:
    """Returns a folder as stored in a .blend: relative ("//…") if it is in or below the .blend's folder."""
    try:
        return "//" + folder.relative_to(Path(blend).parent).as_posix() if blend else str(folder)
    except ValueError:
        return str(folder)


def track_folder(track: Any, blend: str | None = None) -> Path:
    """Returns the folder of a cutout of a .blend, by default the open one.

    A folder next to the .blend is used if the stored one is missing or does not belong to the .blend: so a folder that
    was left behind can be put there.

    Raises:
        InputError: the .blend names a folder that is not its own.
    """
    return _folder(track.folder, track.uuid, bpy.data.filepath if blend is None else blend)


def is_own(folder: object) -> bool:
    """Returns True if a folder named by the open .blend is its own, existing or not."""
    try:
        places.owned_folder(_home(bpy.data.filepath, folder), folder, _name(folder))
    except InputError:
        return False
    return True


def resolve(folder: object, blend: str) -> Path:
    """Returns the folder stored in a property of that .blend. Raises InputError as `owned_folder`."""
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
    if isinstance(folder, str) and folder.startswith("//"):
        return Home(blend, None, frozenset(stays))
    named = Path(folder).parent if isinstance(folder, str) else None
    unsaved = next((one for one in unsaved_folders() if one == named), unsaved_folder())
    return Home(blend, unsaved, frozenset(stays))


def _moved_here(blend: str, name: object) -> Path | None:
    """Returns the folder of that name next to the .blend, if it is ours."""
    if not blend or not places.is_name(name):
        return None
    try:
        folder = places.beside(blend, name)
    except InputError:
        return None
    return folder if contents.is_session(folder) or contents.is_rendered(folder) else None
