"""Mattes that were made elsewhere, kept as they came: `<track>/imported/<hash of the pixels>.png`, 8-bit grey.

They cannot be computed again, so they are as true as the journal, which names them: they are synced to the disk before
it does, and no limit of size touches them. The same matte is kept once, on however many frames.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

from . import atomic
from .matte import is_whole_png, to_png
from .store import store_errors

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class ImportedMattes:
    """The imported mattes of one track.

    Args:
        folder: where they lie; made when there is the first.
        size: their (height, width).
    """

    def __init__(self, folder: Path, size: tuple[int, int]) -> None:
        self.folder = folder
        self._size = size

    def path(self, name: str) -> Path:
        """File of the matte with that name."""
        return self.folder / f"{name}.png"

    def add(self, grey: NDArray[np.uint8]) -> str:
        """Keeps a matte (H, W) uint8 and returns its name; it is safe on the disk after `sync`. Raises StoreError."""
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
