"""The folder of a track as a whole: which clip it belongs to, and moving it."""

from __future__ import annotations

import json
import os
import shutil
from contextlib import suppress
from pathlib import Path
from typing import Any

from .errors import StoreError
from .store import store_errors
from .types import Clip

VERSION = 2
"""Format of the folder and the journal in it. 1: rounds and propagations only; it is read as it is."""


def check_clip(path: Path, clip: Clip, fingerprint: str, count: int, size: tuple[int, int]) -> list[str]:
    """Makes session.json, or compares it with the clip; returns warnings.

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
            found = json.loads(path.read_bytes())
            version, old, old_path = int(found["version"]), found["fingerprint"], found["clip"]
        except FileNotFoundError:
            pass
        except (ValueError, KeyError, TypeError):
            warnings.append(f"The file {path} was damaged and has been made anew.")
        else:
            if version > VERSION:
                raise StoreError(
                    f"The track in {path.parent} was made by a newer version of Blender Cutout.",
                    "Update the add-on and its engine.",
                )
            if old != fingerprint:
                same = Path(old_path) == Path(clip.path)
                raise StoreError(
                    f"The clip {clip.path} has changed since this cut-out was begun{_change(found, wanted)}."
                    if same
                    else f"The track in {path.parent} was made for the clip {old_path}, not for {clip.path}.",
                    f"Put the old {'file back' if same else 'clip in its place'}, or begin a new cut-out for this one. "
                    "Nothing of the old one is lost.",
                )
            if found == wanted:
                return warnings
        temporary = path.with_name(path.name + ".part")
        try:
            temporary.write_text(json.dumps(wanted, indent=1, ensure_ascii=False), encoding="utf-8")
            os.replace(temporary, path)
        except OSError:
            with suppress(OSError):
                temporary.unlink(missing_ok=True)
            raise
    return warnings


def _change(found: dict[str, Any], wanted: dict[str, Any]) -> str:
    """What of a clip is different, as far as that is known."""
    old, new = found.get("count"), wanted["count"]
    if isinstance(old, int) and old != new:
        return f": it has {new} frames, {'not' if new > old else 'no longer'} {old}"
    size = found.get("size")
    if isinstance(size, list) and len(size) == 2 and size != wanted["size"]:
        return f": it is {wanted['size'][1]} x {wanted['size'][0]} pixels, was {size[1]} x {size[0]}"
    return ""


def move_folder(source: Path, target: Path) -> None:
    """Renames, or copies to another disk and deletes; after an error `source` is complete and `target` not there."""
    try:
        os.rename(source, target)
        return
    except OSError:
        # Under another name until it is complete: a process killed meanwhile leaves nothing that looks like a track.
        part = target.with_name(f".{target.name}.part")
        shutil.rmtree(part, ignore_errors=True)
        try:
            shutil.copytree(source, part)
            os.replace(part, target)
        except OSError:
            shutil.rmtree(part, ignore_errors=True)
            raise
    shutil.rmtree(source, ignore_errors=True)
