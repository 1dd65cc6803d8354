"""Deletes what the add-on stores on a machine outside Blender's folders. Standard library only.

That is the engine's environment, the timings and the weights of published networks, in `environment_folder()`. That
folder may be any of the user's: only what was made here is deleted, and the folder itself only if it is then empty.
"""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from ..core.tiers.published import PUBLISHED
from . import own_folder, pip_runner, tier_record, venv, weight_fetch, weight_files


class Removed(NamedTuple):
    """What a removal did: bytes freed, and what could not be deleted."""

    size: int
    left: tuple[Path, ...] = ()


def remove_all(more: tuple[Path, ...] = ()) -> Removed:
    """Deletes everything of the add-on's outside Blender's folders, and the folders in `more`.

    Raises:
        EnvironmentMissing: an engine is being installed.
        OSError: the folder cannot be written.
    """
    engine = venv.engine_folder()
    lock = own_folder.lock_of(engine)
    found = [path for path in (*_files(), *more) if path.exists()]
    size = sum(map(_size, found))
    if engine.exists() or lock.exists():
        with pip_runner.only_one(lock):
            own_folder.remove(engine)
            own_folder.remove(venv.scratch_of(engine))
    for path in (*found, lock):
        if path.is_dir() and path in more:
            shutil.rmtree(path, ignore_errors=True)
        elif path.is_file():
            with contextlib.suppress(OSError):
                path.unlink()
    for folder in (weight_files.weight_file(next(iter(PUBLISHED.values()))).parent, venv.environment_folder()):
        with contextlib.suppress(OSError):  # missing, or something of the user's is in it
            folder.rmdir()
    left = tuple(path for path in found if path.exists())
    return Removed(size - sum(map(_size, left)), left)


def _files() -> Iterator[Path]:
    engine = venv.engine_folder()
    for folder in (engine, venv.scratch_of(engine)):
        if own_folder.is_ours(folder):
            yield folder
    yield own_folder.lock_of(engine)
    yield tier_record.kept_file()
    for network in PUBLISHED.values():
        file = weight_files.weight_file(network)
        yield from (file, file.with_name(file.name + weight_fetch.PARTIAL))


def _size(path: Path) -> int:
    """Returns the bytes of a file, or of all files in a folder."""
    files = path.rglob("*") if path.is_dir() else [path]
    return sum(file.lstat().st_size for file in files if not file.is_symlink() and file.is_file())
