"""Where a cutout's folder lies: beside the .blend, or in a folder of the user's as long as the .blend is not saved."""

from __future__ import annotations

from pathlib import Path

import bpy

_PACKAGE = __package__.rpartition(".")[0]  # the add-on's own: bl_ext.….blender_cutout, or blender_cutout in a checkout


def user_folder(name: str) -> Path:
    """A folder of the user's for the add-on, made when missing; it outlives updates of the add-on."""
    try:
        return Path(bpy.utils.extension_path_user(_PACKAGE, path=name, create=True))
    except ValueError:  # not installed as an extension: run from a source checkout
        return Path(bpy.utils.user_resource("DATAFILES", path=f"blender_cutout/{name}", create=True))


def folder_beside(blend: str, track: str) -> Path:
    """The folder of a cutout of a saved .blend: `<name>_cutout/<track>` beside it."""
    path = Path(blend)
    return path.parent / f"{path.stem}_cutout" / track


def new_folder(track: str) -> Path:
    """The folder for a new cutout of the open .blend, saved or not."""
    return folder_beside(bpy.data.filepath, track) if bpy.data.filepath else user_folder("unsaved") / track


def frames_folder(name: str) -> Path:
    """The folder for rendered frames of the open .blend, saved or not."""
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


def resolve(folder: str, blend: str) -> Path:
    """The folder that a property of that .blend keeps."""
    return Path(blend).parent / folder[2:] if folder.startswith("//") else Path(folder)
