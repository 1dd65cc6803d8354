"""Mattes put aside for a while, in a temporary file: a long stretch of them would not fit into memory."""

from __future__ import annotations

import tempfile
from contextlib import suppress
from typing import TYPE_CHECKING

import numpy as np

from .errors import StoreError
from .matte import from_png, to_png

if TYPE_CHECKING:
    from .types import Mattes


class MatteSpool:
    """Frame -> mattes (N, H, W), rounded to 8 bits; gone when it is closed, or the process ends.

    Raises:
        StoreError: the temporary folder is full or cannot be written; from `add` too.
    """

    def __init__(self) -> None:
        try:
            self._file = tempfile.TemporaryFile()
        except OSError as error:
            raise _unwritable(error) from error
        self._places: dict[int, tuple[int, int, int]] = {}

    def __enter__(self) -> MatteSpool:
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(OSError):  # what a full disk did not take is not wanted any more
            self._file.close()

    def add(self, frame: int, mattes: Mattes) -> None:
        """Keeps the mattes (N, H, W) of a frame."""
        data = to_png(np.concatenate(list(mattes)))
        try:
            start = self._file.seek(0, 2)
            self._file.write(data)
            self._file.flush()
        except OSError as error:
            raise _unwritable(error) from error
        self._places[frame] = start, len(data), len(mattes)

    def get(self, frame: int) -> Mattes | None:
        """The mattes (N, H, W) float32 of a frame; None when there are none."""
        if frame not in self._places:
            return None
        start, length, count = self._places[frame]
        self._file.seek(start)
        return np.stack(np.split(from_png(self._file.read(length)), count))


def _unwritable(error: OSError) -> StoreError:
    return StoreError(
        f"Temporary files cannot be written: {error.strerror or error}.",
        "Make room in the folder for temporary files, and propagate again: what is finished is kept.",
    )
