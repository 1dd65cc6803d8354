"""Encodes grey pictures as PNG quickly, and more quickly still when little has changed since the last one.

Rows are compressed in independent bands (PNG and deflate allow that: a flush ends a band on a whole byte and clears the
history). A band that is empty, or equals that of the picture before, is reused. The output is the same whether or not
there was a picture before. Filter Sub and run lengths (section 9 of the PNG specification; deflate's Z_RLE), as OpenCV
uses for masks: as small as level 9 on them, and Blender's side undoes that filter without a loop.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

BAND = 64
"""Rows in a band. Smaller bands make larger files; larger ones recompress more around a small change."""
SIGNATURE = b"\x89PNG\r\n\x1a\n"
SUB = 1
"""PNG filter types."""
_BEGIN, _END = b"\x78\x01", b"\x03\x00"
"""zlib's header, and an empty last block."""
_MOD = 65521


@dataclass(frozen=True, slots=True)
class Packed:
    """A compressed picture.

    Attributes:
        grey: the picture itself; must not change.
        bands: the compressed bytes, length and Adler-32 sum of each band.
    """

    grey: NDArray[np.uint8]
    bands: tuple[tuple[bytes, int, int], ...]

    def png(self) -> bytes:
        """Returns the PNG file."""
        height, width = self.grey.shape
        total = 1
        for _, length, own in self.bands:
            total = _joined(total, own, length)
        packed = b"".join((_BEGIN, *(band for band, _, _ in self.bands), _END, struct.pack(">I", total)))
        return wrapped(width, height, packed)


def pack(grey: NDArray[np.uint8], before: Packed | None = None) -> Packed:
    """Compresses a picture (H, W) uint8.

    Args:
        grey: the picture, which must not change while the result is in use.
        before: an earlier result whose bands may be reused.
    """
    old = before.grey if before is not None and before.grey.shape == grey.shape else None
    bands = []
    for number, start in enumerate(range(0, len(grey), BAND)):
        band = grey[start : start + BAND]
        if old is not None and before is not None and np.array_equal(band, old[start : start + BAND]):
            bands.append(before.bands[number])
        elif not band.any():
            bands.append(_empty(*band.shape))
        else:
            bands.append(_band(band))
    return Packed(grey, tuple(bands))


def wrapped(width: int, height: int, packed: bytes) -> bytes:
    """Returns the file of 8-bit grey pixels whose filtered rows are compressed as a zlib stream."""
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", packed), (b"IEND", b""))
    return SIGNATURE + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(body, zlib.crc32(kind)))
        for kind, body in chunks
    )


def _band(grey: NDArray[np.uint8]) -> tuple[bytes, int, int]:
    rows = np.empty((len(grey), grey.shape[1] + 1), np.uint8)
    rows[:, 0] = SUB
    rows[:, 1] = grey[:, 0]
    np.subtract(grey[:, 1:], grey[:, :-1], out=rows[:, 2:])
    packer = zlib.compressobj(1, zlib.DEFLATED, -zlib.MAX_WBITS, 9, zlib.Z_RLE)
    packed = packer.compress(rows.data) + packer.flush(zlib.Z_FULL_FLUSH)
    return packed, rows.size, zlib.adler32(rows.data)


@lru_cache(maxsize=8)
def _empty(height: int, width: int) -> tuple[bytes, int, int]:
    return _band(np.zeros((height, width), np.uint8))


def _joined(first: int, second: int, length: int) -> int:
    """Returns the Adler-32 sum of two joined byte strings from their sums and the second one's length (RFC 1950)."""
    low = ((first & 0xFFFF) + (second & 0xFFFF) - 1) % _MOD
    high = ((first >> 16) + (second >> 16) + length * ((first & 0xFFFF) - 1)) % _MOD
    return high << 16 | low
