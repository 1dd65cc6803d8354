"""Mattes that other programs made become keyframes, as one step of the track that can be undone."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass

from .actions import Import
from .errors import InputError
from .foreign import ForeignMattes, check_drawn, place
from .group_plan import Part
from .imports import ImportedMattes
from .told import Told


@dataclass(frozen=True, slots=True)
class ImportStep:
    """How far an import is: mattes read, of how many. With the last one they are keyframes."""

    done: int
    total: int


def import_mattes(
    part: Part,
    imported: ImportedMattes,
    path: str | os.PathLike[str],
    at: int | None = None,
    every: int = 1,
    only: Sequence[int] | None = None,
) -> Iterator[ImportStep]:
    """Reads mattes and records them as one operation; yields after each. Stopped before the end, nothing has changed.

    Args:
        part: the track.
        imported: where its imported mattes are kept.
        path: picture, folder of pictures or movie.
        at: clip frame of the first one; None = they cover the whole clip.
        every: take every so many of them only.
        only: take those of these clip frames only.

    Raises:
        InputError: no masks there, none that fit the clip, or a frame is locked; SizeMismatch: of another size.
        StoreError: they cannot be kept.
    """
    source = part.source
    with ForeignMattes(path, source.size) as mattes:
        plan = place(len(mattes), len(source), at, every, only, mattes.numbers)
        if barred := sorted(part.history.locked() & plan.keys()):
            raise InputError(Told(barred[0], " is locked, so its mask is not changed."), "Unlock it first.")
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
        finally:
            if not recorded:
                for name in new:
                    with suppress(OSError):
                        imported.path(name).unlink()
    yield ImportStep(len(plan), len(plan))
