"""Which folders belong to a .blend: the one place where what a file says about folders is checked. No Blender.

A .blend comes from anybody. What it says of a cutout's folder, or of rendered frames, is only taken where it is
`<name>_cutout/<folder>` beside the .blend, or in the add-on's own user folder, and where no link leads elsewhere.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from ..core import atomic
from ..core.errors import InputError

SUFFIX = "_cutout"
"""How the folder beside a .blend ends that holds the folders of its cutouts."""
_TRACK = re.compile(r"[0-9a-f]{32}")
_FRAMES = re.compile(r"frames-[0-9A-Za-z-]{1,100}")
_MOST = 4096
_LEAVE = "Nothing was read or changed there. Its masks can be made again: remove the cutout, and begin a new one."


@dataclass(frozen=True, slots=True)
class Home:
    """Where the folders of a .blend may lie.

    Attributes:
        blend: its path, "" = it was never saved.
        unsaved: the user's folder for cutouts of files that were never saved; None = it is not to be looked at.
        stays: folders elsewhere that were its own when it was saved under another name, as long as Blender runs.
    """

    blend: str
    unsaved: Path | None
    stays: frozenset[Path] = frozenset()


def is_track(name: object) -> bool:
    """True for the name of a cutout, which is its folder's too: 32 hexadecimal digits."""
    return isinstance(name, str) and _TRACK.fullmatch(name) is not None


def is_name(name: object) -> bool:
    """True for what a folder of a cutout, or of rendered frames, may be called."""
    return is_track(name) or (isinstance(name, str) and _FRAMES.fullmatch(name) is not None)


def check_name(name: object) -> str:
    """The name of a folder. Raises InputError when none of ours is called so."""
    if not is_name(name):
        raise InputError(f"The .blend calls a cutout's folder {shown(name)}, which is no such name.", _LEAVE)
    return str(name)


def owned_folder(home: Home, folder: object, name: object) -> Path:
    """The folder that a property of a .blend means, which need not be there.

    Args:
        home: of the .blend.
        folder: what the property says: an absolute path, or "//…" = relative to the .blend.
        name: what the folder is to be called.

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
    """The folder of a saved .blend with that name, `<name>_cutout/<name>`; it need not be there.

    Raises:
        InputError: no folder of ours is called so, or a link lies on the way.
    """
    path = Path(blend)
    folder = path.parent / f"{path.stem}{SUFFIX}" / check_name(name)
    wanted = os.path.join(os.path.realpath(path.parent), folder.parent.name, folder.name)
    if not _same(os.path.realpath(folder), wanted) or _is_other(folder):
        raise InputError(
            f"{folder} is a link or no folder, or lies behind a link, so nothing is written there.",
            "Put a folder in its place, then save the .blend again.",
        )
    return folder


def shown(text: object) -> str:
    """A value of a file for a message: short, on one line."""
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
    """True when something lies there that is no folder: a link in a circle, say, leads nowhere."""
    return os.path.lexists(folder) and not atomic.is_folder(folder)


def _same(one: str, other: str) -> bool:
    return os.path.normcase(one) == os.path.normcase(other)


def _foreign(home: Home, folder: object) -> InputError:
    own = f"{Path(home.blend).stem}{SUFFIX}" if home.blend else "the add-on's own folder"
    return InputError(f"The .blend names {shown(folder)} as a folder of its own: it is not inside {own}.", _LEAVE)
