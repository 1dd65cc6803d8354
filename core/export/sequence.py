"""Writes a picture sequence for others to read: built in a new folder next to the old one, then swapped in.

Readers of the folder see the old set or the new one, never a mixture; only for the moment between two renames is there
none. An interrupted export leaves the old set as it was. The next one removes what a killed one left.
"""

from __future__ import annotations

import os
import re
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from .. import atomic
from ..errors import InputError, StoreError, store_errors
from ..images.matte import write_mask

if TYPE_CHECKING:
    from ..types import Matte

    Save = Callable[[Path], object]

_OURS = re.compile(r"\d{6,}\.(png|exr)")
_WORTHLESS = {".ds_store", "thumbs.db", "desktop.ini", "bl_proxy"}
"""Files that file browsers and Blender's proxies leave in a folder of pictures."""


@dataclass(frozen=True, slots=True)
class ExportStep:
    """Progress of an export.

    Attributes:
        done, total: pictures written, and their total number.
        black: pictures written black so far, for either reason.
        missing: those of them whose clip frame has no matte.
    """

    done: int
    total: int
    black: int
    missing: int


def write_sequence(
    sources: Iterator[Path | Matte | Save | None],
    frames: Sequence[int],
    size: tuple[int, int],
    folder: Path,
    blank: Save | None = None,
    suffix: str = ".png",
) -> Iterator[ExportStep]:
    """Writes 000001.png … into `folder`, replacing an earlier sequence there; yields after each picture.

    Args:
        sources: for each entry of `frames` the file to copy, the matte (H, W) to write, or a function that
            writes the file it is given; None = black.
        frames: clip frame of each picture; a negative one is black on purpose.
        size: (height, width) of the black pictures.
        folder: must not hold anything but an earlier export.
        blank: writes a picture to use instead of black ones.
        suffix: extension of the pictures.

    Raises:
        InputError: there is nothing to write.
        StoreError: the folder holds other files, or cannot be written.
    """
    if not frames:
        raise InputError("There is no frame to export.", "Choose a range with at least one frame.")
    _refuse_foreign_files(folder)
    black = missing = 0
    with store_errors(folder):
        folder.parent.mkdir(parents=True, exist_ok=True)
        _remove_leftovers(folder, atomic.NEW)
        new = atomic.new_folder_beside(folder)
    try:
        black_file: Path | None = None
        for number, (frame, source) in enumerate(zip(frames, sources, strict=True), start=1):
            target = new / f"{number:06d}{suffix}"
            with store_errors(target):
                if source is None:
                    black += 1
                    missing += frame >= 0
                    black_file = _blank_picture(target, black_file, size, blank)
                elif isinstance(source, Path):
                    shutil.copyfile(source, target)
                elif callable(source):
                    source(target)
                else:
                    write_mask(target, source)
            if number == len(frames):
                with store_errors(folder):
                    _swap(new, folder)
            yield ExportStep(number, len(frames), black, missing)
    finally:
        shutil.rmtree(new, ignore_errors=True)


def _blank_picture(target: Path, earlier: Path | None, size: tuple[int, int], blank: Save | None) -> Path:
    """Writes `blank` or a black picture, as a copy of the earlier one where there is one."""
    if earlier is not None:
        shutil.copyfile(earlier, target)
    elif blank is not None:
        blank(target)
    else:
        import numpy as np

        write_mask(target, np.zeros(size, np.float32))
    return target


def _refuse_foreign_files(folder: Path) -> None:
    """Refuses a folder with foreign files, because it will be replaced as a whole."""
    if not folder.exists():
        return
    with store_errors(folder):
        foreign = _foreign(folder) if folder.is_dir() else [folder.name]
    if foreign:
        raise StoreError(
            f"The folder {folder} holds other files ({foreign[0]}) and is not replaced.",
            "Choose an empty folder for the exported masks.",
        )


def _foreign(folder: Path) -> list[str]:
    """Returns the names in a folder that no export writes, sorted."""

    def ours(name: str) -> bool:
        return name.lower() in _WORTHLESS or (_OURS.fullmatch(name) is not None and atomic.is_file(folder / name))

    return [name for name in sorted(os.listdir(folder)) if not ours(name)]


def _swap(new: Path, folder: Path) -> None:
    """Replaces `folder` by the folder `new`."""
    if folder.exists():
        old = atomic.unused_name(folder, atomic.OLD)
        _rename(folder, old)
        try:
            _rename(new, folder)
        except OSError:
            with suppress(OSError):
                _rename(old, folder)
            raise
        shutil.rmtree(old, ignore_errors=True)
    else:
        _rename(new, folder)
    _remove_leftovers(folder, atomic.OLD)


def _remove_leftovers(folder: Path, suffix: str) -> None:
    """Removes what killed exports into `folder` left; until 0.1 the names had no random part."""
    for litter in (*atomic.leftovers(folder, suffix), folder.with_name(f".{folder.name}{suffix}")):
        if atomic.is_folder(litter) and not _foreign(litter):
            shutil.rmtree(litter, ignore_errors=True)


def _rename(source: Path, target: Path, patience: float = 2.0) -> None:
    """Renames a folder; on Windows retries for a while, since a reader may have one of its files open."""
    deadline = time.monotonic() + (patience if os.name == "nt" else 0.0)
    while True:
        try:
            os.rename(source, target)
            return
        except PermissionError:
            if time.monotonic() >= deadline:
                raise
            time.sleep(0.05)
