"""Reads grey PNG files with what ships with every Blender: no OpenCV, and no image data-block in the artist's file.

Supports what the engine writes: 8 bits, one channel, not interlaced (PNG specification, 3rd edition, section 9:
filters).
"""

from __future__ import annotations

import os
import struct
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..core import atomic

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_NONE, _SUB, _UP = 0, 1, 2
MOST_PIXELS = 1 << 27
"""Most pixels of a mask that is shown at all: 16384 by 8192."""
_SLOW_PIXELS = 1 << 22
"""Most pixels in rows whose filter must be undone pixel by pixel; the engine uses no such filters."""
_MOST_CHUNKS = 1 << 17
_HEADER = 33
"""Bytes up to the end of a file's first chunk, which holds the size."""


def read_grey(path: Path, size: tuple[int, int] | None = None, most: int = MOST_PIXELS) -> NDArray[np.uint8]:
    """Returns the pixels (H, W) uint8 of a grey PNG, top row first.

    The header is checked against the limits before anything is decompressed, and no more than it declares is.

    Args:
        path: the file.
        size: (height, width) that it must have; None = any.
        most: most pixels that it may have.

    Raises:
        OSError: the file does not exist or cannot be read.
        ValueError: it is damaged, not an 8-bit grey PNG, of another size, or too large.
    """
    import numpy as np

    with os.fdopen(atomic.open_regular(path), "rb") as file:
        height, width = _size(path, file.read(_HEADER))
        if size is not None and (height, width) != size:
            raise ValueError(f"{path} has {width}×{height} pixels, not {size[1]}×{size[0]}")
        if height * width > most:
            raise ValueError(f"{path} is too large: {width}×{height} pixels, more than {most}")
        wanted = height * (width + 1)
        if os.fstat(file.fileno()).st_size > 2 * wanted + (1 << 20):  # incompressible pixels, plus a little
            raise ValueError(f"{path} is larger than its pixels can be")
        body = file.read()
    packed = b"".join(data for kind, data in _chunks(body) if kind == b"IDAT")
    unpacker = zlib.decompressobj()
    try:
        raw = unpacker.decompress(packed, wanted)
        more = unpacker.decompress(unpacker.unconsumed_tail, 1)
    except zlib.error as error:
        raise ValueError(f"{path} is damaged: {error}") from error
    if len(raw) != wanted or more or not unpacker.eof:
        raise ValueError(f"{path} is damaged")
    rows = np.frombuffer(raw, np.uint8).reshape(height, width + 1)
    if int((rows[:, 0] > _UP).sum()) * width > _SLOW_PIXELS:
        raise ValueError(f"{path} is too large for the way it is compressed")
    return _unfiltered(rows[:, 0], rows[:, 1:])


def _size(path: Path, start: bytes) -> tuple[int, int]:
    """Returns the height and width from a file's start. Raises ValueError for anything but an 8-bit grey PNG."""
    if not start.startswith(_SIGNATURE):
        raise ValueError(f"{path} is not a PNG")
    if len(start) < _HEADER or start[8:16] != b"\0\0\0\x0dIHDR":
        raise ValueError(f"{path} is damaged")
    width, height, depth, colour, _, _, interlaced = struct.unpack(">IIBBBBB", start[16:29])
    if (depth, colour, interlaced) != (8, 0, 0):
        raise ValueError(f"{path} is not an 8-bit grey PNG")
    if not width or not height:
        raise ValueError(f"{path} is damaged")
    return height, width


def _chunks(data: bytes) -> list[tuple[bytes, bytes]]:
    """Returns (kind, body) of each chunk after the first; of a truncated file, the complete ones."""
    found: list[tuple[bytes, bytes]] = []
    at = 0
    while at + 12 <= len(data) and len(found) < _MOST_CHUNKS:
        (size,) = struct.unpack_from(">I", data, at)
        found.append((data[at + 4 : at + 8], data[at + 8 : at + 8 + size]))
        at += size + 12
    return found


def _unfiltered(filters: Any, rows: Any) -> NDArray[np.uint8]:
    """Undoes the rows' filters. The engine's files use one filter for all rows, which takes no loop."""
    import numpy as np

    if not filters.any():  # small copies
        return np.asarray(rows)
    if (filters == _SUB).all():
        return np.cumsum(rows, axis=1, dtype=np.uint8)
    out = np.empty(rows.shape, np.uint8)
    above = np.zeros(rows.shape[1], np.uint8)
    for number, kind in enumerate(filters.tolist()):
        row = rows[number]
        if kind == _NONE:
            out[number] = row
        elif kind == _SUB:
            np.cumsum(row, dtype=np.uint8, out=out[number])
        elif kind == _UP:
            np.add(row, above, out=out[number])
        else:
            out[number] = _one_by_one(row.tolist(), above.tolist(), _average if kind == 3 else _paeth)
        above = out[number]
    return out


def _one_by_one(row: list[int], above: list[int], predict: Any) -> list[int]:
    """Undoes a filter in which each pixel depends on the previous one."""
    done, left, corner = [], 0, 0
    for value, up in zip(row, above, strict=True):
        left, corner = (value + predict(left, up, corner)) & 255, up
        done.append(left)
    return done


def _average(left: int, up: int, corner: int) -> int:
    return (left + up) // 2


def _paeth(left: int, up: int, corner: int) -> int:
    guess = left + up - corner
    return min((left, up, corner), key=lambda value: abs(guess - value))
