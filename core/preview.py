"""Small copies of large mattes, for the eye: what Blender's side reads at every frame while the artist scrubs or plays.

`<operation>/small/<frame>.png`: at most `LONG_SIDE` pixels wide and high, in steps of four 255ths, so that the faint
noise of a network's "surely not" compresses away; no filter, so that reading is one inflation and no arithmetic. They
are derived: a matte without one, as earlier versions wrote them, is read itself.
"""

from __future__ import annotations

import os
import struct
import zlib
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .types import Matte

FOLDER = "small"
LONG_SIDE = 960
"""Pixels; a matte that is no larger has no copy."""
_STEP = 4


def preview_path(matte: Path) -> Path:
    """Where the small copy of a matte's file lies, or would lie."""
    return matte.parent / FOLDER / matte.name


def write_preview(path: Path, matte: Matte) -> None:
    """Writes the small copy of the matte (H, W) that is about to be written to `path`, complete or not at all.

    A small matte gets none. What stops it from being written stops the matte too, so it is left to that to tell: an
    old copy, which would show something else, is gone in any case.
    """
    target = preview_path(path)
    longest = max(matte.shape)
    if longest <= LONG_SIDE:
        return
    height, width = (max(1, round(side * LONG_SIDE / longest)) for side in matte.shape)
    small = cv2.resize(matte, (width, height), interpolation=cv2.INTER_AREA)
    steps = np.round(np.clip(small, 0.0, 1.0) * (255 / _STEP)).astype(np.uint16) * _STEP
    part = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        part.write_bytes(_plain_png(np.minimum(steps, 255).astype(np.uint8)))
        os.replace(part, target)
    except OSError:
        for file in (part, target):
            with suppress(OSError):
                file.unlink(missing_ok=True)


def _plain_png(grey: NDArray[np.uint8]) -> bytes:
    """A grey PNG without filters: OpenCV lets one choose that only in its newest versions."""
    height, width = grey.shape
    rows = np.zeros((height, width + 1), np.uint8)
    rows[:, 1:] = grey
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows.tobytes(), 1)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body)) for kind, body in chunks
    )
