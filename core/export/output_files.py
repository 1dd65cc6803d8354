"""Creates folders and files for results, or refuses with a hint."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .. import atomic
from ..errors import DiskHints, InputError, store_errors

TRY_AGAIN = "Free some space and try again; finished work is kept."


def prepare_folder(folder: Path, clip: Path | None = None) -> None:
    """Makes a folder for results and tests it before anything slow is done.

    Raises:
        StoreError: it cannot be created or written.
        InputError: it is a file, or the clip's own folder, whose frames would be overwritten.
    """
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder} is a file, not a folder.", "Give a folder for the results.")
    if clip is not None and clip.is_dir() and folder.exists() and folder.samefile(clip):
        raise InputError(f"{folder} is the folder of the clip itself.", "Give another folder for the results.")
    with output_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(prefix=".cutout-", suffix=".part", dir=folder)
        os.close(descriptor)
        os.unlink(name)


@contextmanager
def output_errors(path: Path, full: str = TRY_AGAIN) -> Iterator[None]:
    """Turns OSErrors inside the block into a StoreError that names `path`, with a hint (`full`: no space)."""
    denied, other = "Make the folder writable, or choose another with -o.", "Check the path, or choose another with -o."
    with store_errors(path, DiskHints(full, denied, other)):
        yield


def write_bytes(path: Path, data: bytes, full: str = TRY_AGAIN) -> None:
    """Writes a file, complete or not at all. Raises StoreError; on a full disk with the hint `full`."""
    with output_errors(path, full):
        atomic.write(path, data)
