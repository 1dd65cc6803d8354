"""Marks the folders that the set-up makes and deletes with a note file, so that no other folder is touched.

Only the standard library. CUTOUT_HOME may be any folder of the user's, which may already hold an `engine` of its own.
"""

from __future__ import annotations

import contextlib
import shutil
from pathlib import Path

from ..core.errors import EnvironmentMissing

NOTE = "made-by-blender-cutout.txt"
MARKER = "cutout-environment.json"
"""File written last into an environment, when it is complete."""
_TEXT = "Blender Cutout made this folder. Setting up the engine replaces and deletes what is in it.\n"


def is_ours(folder: Path) -> bool:
    """Returns True if the folder is missing, empty, or was made by `claim` or an earlier version of the set-up."""
    if not folder.exists() and not folder.is_symlink():
        return True
    try:
        names = {entry.name for entry in folder.iterdir()}
    except OSError:  # a file, a dangling link, or not readable
        return False
    if not names or names & {NOTE, MARKER}:
        return True
    # An interrupted earlier version left no note, but always a lock file next to its environment.
    return "pyvenv.cfg" in names and lock_of(folder).is_file()


def lock_of(folder: Path) -> Path:
    """Returns the file that is locked while a folder is filled."""
    return folder.with_name(folder.name + ".lock")


def check(folder: Path) -> None:
    """Raises EnvironmentMissing if the folder contains anything that the set-up did not make."""
    if not is_ours(folder):
        raise EnvironmentMissing(
            f"{folder} contains files that Blender Cutout did not make; nothing in it was changed.",
            "Move or rename it, or set the environment variable CUTOUT_HOME to another folder.",
        )


def keep(folder: Path) -> None:
    """Makes or marks a folder of ours; its files stay. Raises as `claim` does."""
    check(folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / NOTE).write_text(_TEXT, encoding="utf-8")


def claim(folder: Path) -> None:
    """Makes or empties a folder of ours. The note is written first, so that an interruption leaves a marked folder.

    Raises:
        EnvironmentMissing: it holds anything that the set-up did not make.
        OSError: it cannot be made.
    """
    keep(folder)
    for entry in folder.iterdir():
        if entry.name != NOTE:
            _remove(entry)


def remove(folder: Path) -> None:
    """Deletes a folder of ours as far as possible; leaves any other folder alone."""
    if not folder.exists() or not is_ours(folder):
        return
    with contextlib.suppress(OSError, EnvironmentMissing):
        claim(folder)
        (folder / NOTE).unlink()
        folder.rmdir()


def _remove(entry: Path) -> None:
    if entry.is_dir() and not entry.is_symlink():
        shutil.rmtree(entry, ignore_errors=True)
    else:
        with contextlib.suppress(OSError):
            entry.unlink()
