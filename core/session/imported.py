"""Mattes made elsewhere, stored as they came: `<track>/imported/<hash of the pixels>.png`, 8-bit grey.

They cannot be computed again and are as authoritative as the journal that names them, so they are synced to disk before
it, and no size limit touches them. Equal mattes are stored once, on however many frames.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

from .. import atomic
from ..images.matte import is_whole_png, to_png

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass

from ..clips.foreign_mask_sequence import ForeignMattes, check_drawn, place
from ..errors import InputError, store_errors
from ..frame_text import FrameText
from .actions import Import
from .run_plan import TrackPart


class ImportedMattes:
    """The imported mattes of one track.

    Args:
        folder: where they lie; made with the first one.
        size: their (height, width).
    """

    def __init__(self, folder: Path, size: tuple[int, int]) -> None:
        self.folder = folder
        self._size = size

    def path(self, name: str) -> Path:
        """Returns the file of the matte with that name."""
        return self.folder / f"{name}.png"

    def add(self, grey: NDArray[np.uint8]) -> str:
        """Stores a matte (H, W) uint8 and returns its name; it is durable after `sync`. Raises StoreError."""
        name = hashlib.sha256(str(grey.shape).encode() + grey.tobytes()).hexdigest()[:24]
        path = self.path(name)
        with store_errors(path):
            if atomic.is_file(path) and is_whole_png(path.read_bytes(), self._size):
                return name
            atomic.make_folder(self.folder)
            atomic.write(path, to_png(grey), durable=True)
        return name

    def sync(self) -> None:
        """Makes the names of new files durable. Raises StoreError."""
        if self.folder.exists():
            with store_errors(self.folder):
                atomic.sync_folder(self.folder)


@dataclass(frozen=True, slots=True)
class ImportStep:
    """Progress of an import: mattes read, and their number. With the last one they are keyframes, `notes` is full."""

    done: int
    total: int
    notes: tuple[str, ...] = ()


def import_mattes(
    part: TrackPart,
    imported: ImportedMattes,
    path: str | os.PathLike[str],
    at: int | None = None,
    every: int = 1,
    only: Sequence[int] | None = None,
    object_id: int | None = None,
) -> Iterator[ImportStep]:
    """Reads mattes and records them as one operation; yields after each. Nothing changes if stopped before the end.

    Args:
        part: the track.
        imported: where its imported mattes are stored.
        path: picture, folder of pictures or movie.
        at: clip frame of the first one; None = they cover the whole clip.
        every: take only every n-th of them.
        only: take only those of these clip frames.
        object_id: which object of label masks; None = the only one.

    Raises:
        InputError: no masks there, several objects, none that fit the clip, or a frame is locked.
        SizeMismatch: of another size.
        StoreError: they cannot be stored.
    """
    source = part.source
    with ForeignMattes(path, source.size, object_id) as mattes:
        plan = place(len(mattes), len(source), at, every, only, mattes.numbers)
        if barred := sorted(part.history.locked() & plan.keys()):
            raise InputError(FrameText(barred[0], " is locked, so its mask is not changed."), "Unlock it first.")
        contents: dict[int, str] = {}
        extremes: dict[int, tuple[int, int]] = {}
        new: set[str] = set()
        there = {file.stem for file in imported.folder.glob("*.png")}
        recorded = False
        try:
            for frame, number in sorted(plan.items()):
                grey = mattes.read(number)
                extremes[frame] = int(grey.min()), int(grey.max())
                contents[frame] = name = imported.add(grey)
                if name not in there:
                    new.add(name)
                if len(contents) < len(plan):
                    yield ImportStep(len(contents), len(plan))
            check_drawn(extremes, mattes.path.name)
            imported.sync()
            part.record(part.journal.head, Import(contents, mattes.path.name))
            recorded = True
            notes = tuple(mattes.take_notes())
        finally:
            if not recorded:
                for name in new:
                    with suppress(OSError):
                        imported.path(name).unlink()
    yield ImportStep(len(plan), len(plan), notes)
