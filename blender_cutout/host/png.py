"""Grey PNG files → pixels, with what every Blender has: no OpenCV, and no image datablock in the artist's file.

Reads what the engine writes: 8 bits, one channel, not interlaced (PNG specification, 3rd edition, section 9: filters).
"""

from __future__ import annotations

import struct
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_NONE, _SUB, _UP = 0, 1, 2
_MOST = 1 << 26
"""Bytes that are made room for at once: a damaged header may name any size."""


def read_grey(path: Path) -> NDArray[np.uint8]:
    """The pixels (H, W) uint8 of a grey PNG, the top row first.

    Raises:
        OSError: the file cannot be read.
        ValueError: it is damaged, or no grey PNG of 8 bits.
    """
    import numpy as np  # here, not above: Blender's start is not to pay for it

    data = path.read_bytes()
    if not data.startswith(_SIGNATURE):
        raise ValueError(f"{path} is no PNG")
    header, packed = b"", []
    for kind, body in _chunks(data):
        if kind == b"IHDR":
            header = body
        elif kind == b"IDAT":
            packed.append(body)
    if len(header) != 13:
        raise ValueError(f"{path} is damaged")
    width, height, depth, colour, _, _, interlaced = struct.unpack(">IIBBBBB", header)
    if (depth, colour, interlaced) != (8, 0, 0):
        raise ValueError(f"{path} is no grey PNG of 8 bits")
    try:
        raw = zlib.decompress(b"".join(packed), bufsize=min(height * (width + 1), _MOST))
    except zlib.error as error:
        raise ValueError(f"{path} is damaged: {error}") from error
    if len(raw) != height * (width + 1) or not raw:
        raise ValueError(f"{path} is damaged")
    rows = np.frombuffer(raw, np.uint8).reshape(height, width + 1)
    return _unfiltered(rows[:, 0], rows[:, 1:])


def _chunks(data: bytes) -> list[tuple[bytes, bytes]]:
    """(kind, body) of each chunk; a cut file gives those that are complete."""
    found, at = [], len(_SIGNATURE)
    while at + 12 <= len(data):
        (size,) = struct.unpack_from(">I", data, at)
        found.append((data[at + 4 : at + 8], data[at + 8 : at + 8 + size]))
        at += size + 12
    return found


def _unfiltered(filters: Any, rows: Any) -> NDArray[np.uint8]:
    """Undoes the filters of the rows. The engine's files use one filter for all rows, which takes no loop."""
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
    """Undoes a filter in which each pixel depends on the one before."""
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
