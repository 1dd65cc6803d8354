"""Checks which folders belong to a .blend; every folder that a file names is checked here. No Blender.

A .blend may come from anyone. The folder it names for a cutout or for rendered frames is accepted only if it is
`<name>_cutout/<folder>` next to the .blend, or inside the add-on's own user folder, and no link leads out of it.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import NamedTuple

from ..core import atomic
from ..core.errors import InputError

SUFFIX = "_cutout"
"""Suffix of the folder next to a .blend that holds its cutouts."""
_MOST = 4096
_LEAVE = "Nothing there was read or changed. To make the masks again, remove the cutout and start a new one."


class Home(NamedTuple):
    """Where the folders of a .blend may be.

    Attributes:
        blend: its path; "" = never saved.
        unsaved: the user's folder for cutouts of never saved files; None = ignore it.
        stays: folders elsewhere that were its own before it was saved under another name; kept until Blender exits.
    """

    blend: str
    unsaved: Path | None
    stays: frozenset[Path] = frozenset()


def is_track(name: object) -> bool:
    """Returns True for the name of a cutout and its folder: 32 hexadecimal digits."""
    return isinstance(name, str) and re.fullmatch(r"[0-9a-f]{32}", name) is not None


def is_name(name: object) -> bool:
    """Returns True for a valid name of a cutout's or rendered frames' folder."""
    return is_track(name) or (isinstance(name, str) and re.fullmatch(r"frames-[0-9A-Za-z-]{1,100}", name) is not None)


def check_name(name: object) -> str:
    """Returns the name of a folder. Raises InputError if it is not a valid name."""
    if not is_name(name):
        raise InputError(f"The .blend gives {shown(name)} as a cutout's folder, which is not a valid name.", _LEAVE)
    return str(name)


def owned_folder(home: Home, folder: object, name: object) -> Path:
    """Returns the folder that a property of a .blend refers to; it may not exist.

    Args:
        home: the places of the .blend.
        folder: the property's value: an absolute path, or "//…" = relative to the .blend.
        name: the expected folder name.

    Raises:
        InputError: it is not one of that .blend, or a link leads elsewhere.
    """
    name = check_name(name)
    path = _path(home, folder)
    if path is None or path.name != name or ".." in path.parts:
        raise _foreign(home, folder)
    if path in home.stays:
        return path
    if home.unsaved is not None and path.parent == home.unsaved:
        base = home.unsaved
    elif home.blend and path.parent.name.endswith(SUFFIX):
        base, name = Path(home.blend).parent, os.path.join(path.parent.name, name)
    else:
        raise _foreign(home, folder)
    if not _same(os.path.realpath(path), os.path.join(os.path.realpath(base), name)) or _is_other(path):
        raise _foreign(home, folder)
    return path


def beside(blend: str, name: object) -> Path:
    """Returns the folder of that name for a saved .blend, `<name>_cutout/<name>`; it may not exist.

    Raises:
        InputError: the name is not valid, or a link is in the way.
    """
    path = Path(blend)
    folder = path.parent / f"{path.stem}{SUFFIX}" / check_name(name)
    wanted = os.path.join(os.path.realpath(path.parent), folder.parent.name, folder.name)
    if not _same(os.path.realpath(folder), wanted) or _is_other(folder):
        raise InputError(
            f"{folder} is a link, is inside a link, or is not a folder, so nothing is written there.",
            "Replace it with a folder, then save the .blend again.",
        )
    return folder


def shown(text: object) -> str:
    """Returns a value from a file for a message: short, on one line."""
    if not isinstance(text, str):
        return f"a {type(text).__name__}"
    plain = "".join(c if c.isprintable() else "?" for c in text[:80])
    return f"“{plain}{'…' if len(text) > 80 else ''}”"


def _path(home: Home, folder: object) -> Path | None:
    if not isinstance(folder, str) or not folder or len(folder) > _MOST or "\0" in folder:
        return None
    if folder.startswith("//"):
        return Path(home.blend).parent / folder[2:] if home.blend else None
    return Path(folder) if Path(folder).is_absolute() else None


def _is_other(folder: Path) -> bool:
    """Returns True if the path exists but is not a folder, such as a circular link."""
    return os.path.lexists(folder) and not atomic.is_folder(folder)


def _same(one: str, other: str) -> bool:
    return os.path.normcase(one) == os.path.normcase(other)


def _foreign(home: Home, folder: object) -> InputError:
    own = f"{Path(home.blend).stem}{SUFFIX}" if home.blend else "the add-on's own folder"
    return InputError(f"The .blend names {shown(folder)} as its own folder, but that is not inside {own}.", _LEAVE)
