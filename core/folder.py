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

VERSION = 1
"""Format of the folder."""


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
                    f"The clip {clip.path} has changed since this cut-out was begun."
                    if same
                    else f"The track in {path.parent} was made for the clip {old_path}, not for {clip.path}.",
                    "Put the old file back, or begin a new cut-out." if same else "Begin a new cut-out for this clip.",
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


def move_folder(source: Path, target: Path) -> None:
    """Renames, or copies to another disk and deletes; after an error `source` is complete and `target` not there."""
    try:
        os.rename(source, target)
        return
    except OSError:
        try:
            shutil.copytree(source, target)
        except OSError:
            shutil.rmtree(target, ignore_errors=True)
            raise
    shutil.rmtree(source, ignore_errors=True)
