"""The masks of several objects as one: what is cut out is any of them."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from .errors import InputError, SizeMismatch
from .export import ExportStep, write_sequence
from .matte import read_mask

if TYPE_CHECKING:
    from .session import TrackSession
    from .types import Matte


def union(mattes: Sequence[Matte]) -> Matte:
    """One matte (H, W) float32 of those of several objects: their sum, at most 1.

    Objects that were carried through the clip together share each pixel, so where two of them touch their sum has no
    seam, while their maximum would have one.
    """
    total = mattes[0]
    for matte in mattes[1:]:
        total = total + matte
    return np.asarray(np.minimum(total, np.float32(1.0)), np.float32)


def export_union(
    sessions: Sequence[TrackSession], frames: Sequence[int], folder: str | os.PathLike[str]
) -> Iterator[ExportStep]:
    """Writes the union of the tracks' mattes at their heads as 000001.png …; yields after each picture.

    A frame on which some of the objects have a matte is written with those, and counted as missing like one on which
    none has.

    Args:
        sessions: open tracks of one clip.
        frames: as for `TrackSession.export`.
        folder: as for `TrackSession.export`.

    Raises:
        InputError: there is no track, or nothing to write; SizeMismatch: they are not of one clip.
        StoreError: the folder holds other files, or cannot be written.
    """
    if not sessions:
        raise InputError("There is no object to write.", "Draw on one first.")
    size = sessions[0].source.size
    if any(session.source.size != size for session in sessions):
        raise SizeMismatch("The objects are cut out of clips of different sizes.", "Write them one by one.")
    partial = 0

    def sources() -> Iterator[Path | Matte | None]:
        nonlocal partial
        for frame in frames:
            paths = [session.matte_path(frame) if frame >= 0 else None for session in sessions]
            found = [path for path in paths if path is not None]
            partial += 0 < len(found) < len(paths)
            yield union([read_mask(p, size) for p in found]) if len(found) > 1 else next(iter(found), None)

    for step in write_sequence(sources(), frames, size, Path(folder).absolute()):
        yield replace(step, missing=step.missing + partial)
