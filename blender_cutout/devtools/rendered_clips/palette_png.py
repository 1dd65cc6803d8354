"""Encodes masks of ids as palette PNGs, with only the standard library and numpy."""

from __future__ import annotations

import struct
import zlib

import numpy as np
from numpy.typing import NDArray

_COLOURS = 256


def _palette() -> bytes:
    table = np.zeros((_COLOURS, 3), np.uint8)
    for index in range(_COLOURS):
        rest = index
        for bit in range(7, -1, -1):
            table[index] |= np.array([rest & 1, rest >> 1 & 1, rest >> 2 & 1], np.uint8) << bit
            rest >>= 3
    return table.tobytes()


PALETTE = _palette()
"""Red, green and blue of every index, as in the masks of PASCAL VOC."""


def palette_png(ids: NDArray[np.uint8]) -> bytes:
    """Returns a file with the ids (H, W) as palette indices."""
    height, width = ids.shape
    rows = np.concatenate((np.zeros((height, 1), np.uint8), ids), axis=1).tobytes()
    header = struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)
    parts = ((b"IHDR", header), (b"PLTE", PALETTE), (b"IDAT", zlib.compress(rows, 6)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in parts
    )
