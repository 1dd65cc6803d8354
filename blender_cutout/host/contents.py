"""Copies and removes the contents of the add-on's folders, nothing else, and never follows a link. No Blender.

The folders are those of cutouts, as `core/session/track_session.py` describes them with the pictures for
Blender's strips, and those of rendered frames. Any other file belongs to someone else: it is not copied,
and its folder not removed.
"""

from __future__ import annotations

import os
import re
import shutil
import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import TypeAlias

from ..core import atomic

SESSION, ROUNDS, DONE, UNUSED = "session.json", "rounds.jsonl", "done.json", "unused"
_Tree: TypeAlias = "dict[str, _Tree | None]"
"""Name patterns → the allowed contents of such a folder; None = a file."""
_PICTURES: _Tree = {r"\d{6,}\.png": None}
"""See `picture_name`."""
_CUTOUTS: _Tree = {**_PICTURES, r"\d{6,}\.exr": None}
_BESIDE_MATTES: _Tree = {r"confidences?\.txt": None, "unfinished": None}
"""See `core/session/confidence_log.py` and `core/session/unreached.py`."""
_TRACK: _Tree = {
    re.escape(SESSION): None,
    re.escape(ROUNDS): None,
    r"versions\.json": None,
    r"rounds\.damaged-\d+\.jsonl": None,
    "imported": {r"[0-9a-f]{24}\.png": None},
    "mattes": {r"[0-9a-f]{16}(-[a-z-]+)?": {**_PICTURES, **_BESIDE_MATTES, "small": _PICTURES}},
    r"(matte|union)(-[a-z]+)?": {**_CUTOUTS, r"splines\.json": None},
}
_RENDERED: _Tree = {**_PICTURES, re.escape(DONE): None, UNUSED: None}
_PASSING = r"(?is)lock(\..*)?|.*\.(part|tmp|stale)|render_.*\.png|\.ds_store|\._.*|thumbs\.db|desktop\.ini"
"""Files of ours or of a file browser that are not copied."""
_PASSING_FOLDERS: _Tree = {
    rf"\.(matte|union)(-[a-z]+)?(\.[0-9a-f]+)?({re.escape(atomic.NEW)}|{re.escape(atomic.OLD)})": {
        **_CUTOUTS,
        r"splines\.json": None,
    },
    r"BL_proxy": {r".*": {r".*": {r".*": None}}},
}
"""Folders of ours, or Blender's proxies of our pictures, that are not copied."""
_GROWING = r"rounds.*\.jsonl|session\.json|confidences?\.txt"
"""Files written in place, which each version needs its own copy of."""


def picture_name(index: int, suffix: str = ".png") -> str:
    """Returns the file name of the index-th picture, from 0, of what a strip shows: masks, cutouts, rendered frames."""
    return f"{index + 1:06d}{suffix}"


def is_session(folder: Path) -> bool:
    """Returns True for a folder (no link) with a cutout's work."""
    return atomic.is_folder(folder) and any(_is_file(folder / name) for name in (SESSION, ROUNDS))


def is_rendered(folder: Path) -> bool:
    """Returns True for a folder (no link) with a complete set of rendered frames and nothing else."""
    return atomic.is_folder(folder) and _is_file(folder / DONE) and not _foreign(folder, _RENDERED)


def is_empty(folder: Path) -> bool:
    """Returns True if the folder does not exist or holds nothing that matters."""
    if not os.path.lexists(folder):
        return True
    return atomic.is_folder(folder) and all(map(_passes, _entries(folder)))


def foreign(folder: Path) -> str:
    """Returns the relative path of something in `folder` that is not ours; "" = nothing, or no folder.

    A link is never ours, be it `folder` itself (".").
    """
    if not os.path.lexists(folder):
        return ""
    if not atomic.is_folder(folder):
        return "."
    return _foreign(folder, _RENDERED if folder.name.startswith("frames-") else _TRACK)


def copy(folder: Path, target: Path) -> None:
    """Replaces `target` with a copy of our files in `folder`; pictures are hard-linked if possible.

    Safe while the engine works in `folder`: files that vanish meanwhile are skipped.

    Raises:
        OSError: it cannot be written; `target` is as it was then.
    """
    tree = _RENDERED if target.name.startswith("frames-") else _TRACK
    target.parent.mkdir(parents=True, exist_ok=True)
    _sweep(target, tree)
    part = atomic.new_folder_beside(target, atomic.COPY)
    try:
        _copy(folder, part, tree)
        if os.path.lexists(target):
            old = atomic.unused_name(target, atomic.COPY)
            os.rename(target, old)
            try:
                os.rename(part, target)
            except OSError:
                os.rename(old, target)
                raise
            shutil.rmtree(old, ignore_errors=True)
        else:
            os.rename(part, target)
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise


def remove(folder: Path) -> bool:
    """Removes a folder of ours; returns False if it holds anything else (it then stays) or cannot be removed."""
    if not atomic.is_folder(folder) or foreign(folder):
        return False
    shutil.rmtree(folder, ignore_errors=True)  # which does not follow links
    return not os.path.lexists(folder)


def pictures(folder: Path) -> set[str]:
    """Returns the names of the pictures in a folder, without links. Raises OSError."""
    return {entry.name for entry, _ in _ours(folder, _PICTURES)}


def clear_part(folder: Path) -> None:
    """Removes the pictures of an unfinished folder, and the folder if it is then empty. Raises OSError."""
    for entry in _entries(folder):
        if _match(entry, _RENDERED) or _passes(entry):
            os.unlink(entry.path)
    with suppress(OSError):
        os.rmdir(folder)


def _copy(folder: Path, target: Path, tree: _Tree) -> None:
    for entry, inside in _ours(folder, tree):
        place = target / entry.name
        if inside is not None:
            os.mkdir(place)
            _copy(Path(entry.path), place, inside)
        else:
            with suppress(FileNotFoundError):
                _share(Path(entry.path), place)


def _share(source: Path, target: Path) -> None:
    if not re.fullmatch(_GROWING, source.name):
        with suppress(OSError):
            os.link(source, target)
            return
    with os.fdopen(atomic.open_regular(source, follow=False), "rb") as file, open(target, "xb") as new:
        shutil.copyfileobj(file, new, 1 << 20)
        found = os.fstat(file.fileno())
    os.utime(target, ns=(found.st_atime_ns, found.st_mtime_ns))


def _ours(folder: Path, tree: _Tree) -> Iterator[tuple[os.DirEntry[str], _Tree | None]]:
    """Yields the entries of a folder that are ours and worth keeping."""
    with suppress(FileNotFoundError):
        for entry in _entries(folder):
            found = _match(entry, tree)
            if found:
                yield entry, found[0]


def _foreign(folder: Path, tree: _Tree) -> str:
    with suppress(FileNotFoundError):
        for entry in _entries(folder):
            found = _match(entry, tree) or _match(entry, _PASSING_FOLDERS)
            if found and found[0] is not None:
                deeper = _foreign(Path(entry.path), found[0])
                if deeper:
                    return f"{entry.name}/{deeper}"
            elif not found and not _passes(entry):
                return entry.name
    return ""


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    with os.scandir(folder) as entries:
        return list(entries)


def _passes(entry: os.DirEntry[str]) -> bool:
    return re.fullmatch(_PASSING, entry.name) is not None and _is_file(Path(entry.path))


def _match(entry: os.DirEntry[str], tree: _Tree) -> tuple[_Tree | None] | None:
    """Returns (allowed contents of an entry,); None if it is not ours by name or kind."""
    for pattern, inside in tree.items():
        if re.fullmatch(pattern, entry.name):
            path = Path(entry.path)
            return (inside,) if (_is_file(path) if inside is None else atomic.is_folder(path)) else None
    return None


def _is_file(path: Path) -> bool:
    """Returns True for a regular file, False for a link."""
    try:
        found = os.lstat(path)
    except (OSError, ValueError):
        return False
    return stat.S_ISREG(found.st_mode) and not atomic.is_link(found)


def _sweep(target: Path, tree: _Tree) -> None:
    """Removes unfinished copies of this folder, left by a Blender that was killed."""
    for litter in atomic.leftovers(target, atomic.COPY):
        if atomic.is_folder(litter) and not _foreign(litter, tree):
            shutil.rmtree(litter, ignore_errors=True)
