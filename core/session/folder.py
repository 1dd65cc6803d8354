"""The folder of a track: checks which clip it belongs to, and moves it."""

from __future__ import annotations

import json
import os
import re
import shutil
from pathlib import Path
from typing import Any

from .. import atomic
from ..errors import StoreError, store_errors
from ..types import Clip
from .actions import LAST_FRAME

_OURS = re.compile(r"(session|versions|edges)\.json|rounds(\.damaged-[0-9]+)?\.jsonl|lock|mattes|imported|\..+\.part")
"""Everything that a track's folder may hold."""
_MOST_BYTES = 16 * 2**20
"""Larger session.json files are not ours: the names of 100,000 pictures take 3 MB."""
_SHOWN = 300
VERSION = 2
"""Format of the folder and its journal. Format 1, with rounds and propagations only, is read as it is."""


def check_clip(path: Path, clip: Clip, fingerprint: str, count: int, size: tuple[int, int]) -> list[str]:
    """Creates session.json, or compares it with the clip; returns warnings.

    Raises:
        StoreError: the folder was made for another clip or by a newer version.
    """
    wanted: dict[str, Any] = {
        "version": VERSION,
        "clip": clip.path,
        "files": list(clip.files),
        "fingerprint": fingerprint,
        "count": count,
        "size": list(size),
    }
    warnings: list[str] = []
    with store_errors(path):
        try:
            found = json.loads(atomic.read_regular(path, _MOST_BYTES, follow=False))
            version, old, old_path = found["version"], found["fingerprint"], found["clip"]
            if type(version) is not int or not isinstance(old_path, str):
                raise ValueError("not as we write it")
        except FileNotFoundError:
            pass
        except (ValueError, KeyError, TypeError, RecursionError):
            warnings.append(f"The file {path} was damaged and has been rewritten.")
        else:
            if version > VERSION:
                raise StoreError(
                    f"The track in {path.parent} was made by a newer version of Blender Cutout.",
                    "Update the add-on and its engine.",
                )
            if old != fingerprint:
                same = Path(old_path) == Path(clip.path)
                raise StoreError(
                    f"The clip {clip.path} has changed since this cutout was started{_change(found, wanted)}."
                    if same
                    else f"The track in {path.parent} was made for the clip {old_path[:_SHOWN]}, not for {clip.path}.",
                    f"Put the old {'file back' if same else 'clip in its place'}, or start a new cutout for this one. "
                    "Nothing of the old one is lost.",
                )
            if found == wanted:
                return warnings
        atomic.write(path, json.dumps(wanted, indent=1, ensure_ascii=False).encode())
    return warnings


def recorded_clip(path: Path) -> Clip | None:
    """Returns the clip recorded in a session.json; None when there is none, or it is damaged."""
    try:
        record = json.loads(atomic.read_regular(path, _MOST_BYTES, follow=False))
        clip, files = record["clip"], record["files"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None
    if not isinstance(clip, str) or not isinstance(files, list) or not all(isinstance(name, str) for name in files):
        return None
    return Clip(clip, tuple(files))


def _change(found: dict[str, Any], wanted: dict[str, Any]) -> str:
    """Describes how the clip differs, as far as is known."""
    old, new = found.get("count"), wanted["count"]
    if type(old) is int and 0 <= old <= LAST_FRAME and old != new:
        return f": it has {new} frames, {'not' if new > old else 'no longer'} {old}"
    size = found.get("size")
    if (
        isinstance(size, list)
        and len(size) == 2
        and all(type(side) is int and 0 <= side <= LAST_FRAME for side in size)
        and size != wanted["size"]
    ):
        return f": it is {wanted['size'][1]} x {wanted['size'][0]} pixels, was {size[1]} x {size[0]}"
    return ""


def move_folder(source: Path, target: Path) -> None:
    """Renames, or copies to another disk and deletes; after an error `source` is complete and `target` absent."""
    try:
        os.rename(source, target)
        return
    except OSError:
        # Under another name until complete: a process killed meanwhile leaves nothing that looks like a track.
        for name in os.listdir(target.parent):
            if atomic.leftover_of(name) == target.name and _is_ours(target.with_name(name)):
                shutil.rmtree(target.with_name(name), ignore_errors=True)
        part = atomic.unused_name(target)
        try:
            shutil.copytree(source, part, ignore=_no_files)
            os.replace(part, target)
        except OSError:
            shutil.rmtree(part, ignore_errors=True)
            raise
    shutil.rmtree(source, ignore_errors=True)


def _is_ours(folder: Path) -> bool:
    """Returns whether a folder holds nothing but a track's files."""
    return atomic.is_folder(folder) and all(_OURS.fullmatch(name) for name in os.listdir(folder))


def _no_files(folder: str, names: list[str]) -> list[str]:
    """Returns the names not to copy: links, which may lead anywhere, pipes and devices."""
    places = ((name, Path(folder, name)) for name in names)
    return [name for name, place in places if not (atomic.is_file(place) or atomic.is_folder(place))]
