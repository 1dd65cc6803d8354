"""Small copies of large mattes for display: Blender's side reads one for every frame while the artist scrubs or plays.

`<operation>/small/<frame>.png`: at most `LONG_SIDE` pixels wide and high, in steps of four 255ths, so that the faint
noise where a network is almost sure of the background compresses away; without filters, so that reading is a single
inflation. They are derived: a matte without one, as earlier versions wrote them, is read itself.
"""

from __future__ import annotations

import os
import zlib
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from .. import atomic
from .grey_png import wrapped
from .resize import resize

if TYPE_CHECKING:
    from .matte import Grey

FOLDER = "small"
LONG_SIDE = 960
"""Pixels; mattes no larger than this have no copy."""
BLOCK = 4096
"""Bytes that disks allocate at a time: a file's real size is rounded up to it."""
_STEPS = np.minimum((np.arange(256) + 2) // 4 * 4, 255).astype(np.uint8)
"""Each value → the nearest step."""


def preview_path(matte: Path) -> Path:
    """Returns where the small copy of a matte's file lies, or would lie."""
    return matte.parent / FOLDER / matte.name


def file_bytes(path: str | os.PathLike[str]) -> int:
    """Returns the size of a matte and its small copy on disk; 0 when missing."""
    total = 0
    folder, name = os.path.split(path)
    for file in (path, f"{folder}/{FOLDER}/{name}"):
        with suppress(OSError):
            total += -(-os.stat(file).st_size // BLOCK) * BLOCK
    return total


def write_preview(path: Path, grey: Grey) -> bool:
    """Writes the small copy of a matte (H, W) uint8 about to be written to `path`, complete or not at all.

    A small matte gets none. Errors are not raised here, because whatever stops the copy will also stop the matte; an
    old copy, which would show something else, is removed in any case. Returns whether there is a copy now.
    """
    target = preview_path(path)
    longest = max(grey.shape)
    if longest <= LONG_SIDE:
        return False
    height, width = (max(1, round(side * LONG_SIDE / longest)) for side in grey.shape)
    small = cv2.LUT(resize(grey, (height, width)), _STEPS)
    try:
        atomic.make_folder(target.parent)
        atomic.write(target, plain_png(np.asarray(small, np.uint8)))
    except OSError:
        if atomic.is_folder(target.parent):
            with suppress(OSError):
                target.unlink(missing_ok=True)
        return False
    return True


def plain_png(grey: Grey) -> bytes:
    """Returns a grey PNG without filters, an option that only the newest versions of OpenCV have."""
    height, width = grey.shape
    rows = np.zeros((height, width + 1), np.uint8)
    rows[:, 1:] = grey
    return wrapped(width, height, zlib.compress(rows.data, 1))
