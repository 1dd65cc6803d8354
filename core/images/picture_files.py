"""Decodes picture files within bounds: the size is read from the header first, so that no small file can fill memory.

OpenCV decodes before it reports a size. Kinds of files whose header cannot be read here are refused.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from ..errors import InputError, SizeMismatch

if TYPE_CHECKING:
    from numpy.typing import NDArray

MOST_PIXELS = 2**28
"""Pixels of a 16384 x 16384 picture; FFmpeg reads no larger movies either."""
PNG = b"\x89PNG\r\n\x1a\n"
_FRAME_HEADERS = frozenset({*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC})
"""JPEG markers that carry the size (ITU T.81, table B.1)."""
_ALONE = frozenset({0x01, *range(0xD0, 0xD9)})
"""JPEG markers without a body."""
_TIFF_WIDTH, _TIFF_HEIGHT, _TIFF_FORMAT, _TIFF_FLOATS = 256, 257, 339, 3
_TIFF_BITS, _TIFF_TURN, _TIFF_SAMPLES, _TIFF_ALPHA, _SHORT = 258, 274, 277, 338, 3
_TIFF_NUMBERS = {1: "B", 3: "H", 4: "I", 16: "Q"}
_MOST_TAGS = 4096
_STRONGEST = 1032
"""Most bytes that deflate can expand one byte to."""
_DEEPEST, _ROOM, _STEP = 8, 64 * 2**20, 2**16
"""Most bytes per pixel, tolerated bytes beyond all pixels, and bytes unpacked at a time."""


def header_size(data: bytes) -> tuple[int, int] | None:
    """Returns (height, width) as claimed in a PNG, JPEG, WebP, TIFF or BMP file's header; None for anything else."""
    try:
        if data.startswith(PNG):
            width, height = struct.unpack_from(">II", data, 16)
        elif data.startswith(b"\xff\xd8"):
            width, height = _jpeg(data)
        elif data.startswith(b"RIFF") and data[8:12] == b"WEBP":
            width, height = _webp(data)
        elif is_tiff(data):
            width, height = _tiff(data)
        elif data.startswith(b"BM"):
            old = struct.unpack_from("<I", data, 14)[0] == 12
            width, height = struct.unpack_from("<HH" if old else "<ii", data, 18)
        else:
            return None
    except (struct.error, ValueError, KeyError, IndexError, OverflowError):
        return None
    return abs(height), abs(width)


def is_float_tiff(data: bytes) -> bool:
    """Returns whether a file is a TIFF with floating-point samples."""
    return _short(data, _TIFF_FORMAT) == _TIFF_FLOATS


def is_multiplied_tiff(data: bytes) -> bool:
    """Returns whether Blender takes a TIFF's colours as multiplied by its alpha: at 16 bits, whatever its tags say."""
    return _short(data, _TIFF_BITS) == 16 and _short(data, _TIFF_SAMPLES) == 4


def tiff_bits(data: bytes) -> int:
    """Returns the bits of a channel in a TIFF; 8 where it does not say."""
    return _short(data, _TIFF_BITS) or 8


def without_tiff_hints(data: bytes) -> bytes:
    """Returns a TIFF without its orientation and alpha tags, which Blender ignores; other files as they are.

    OpenCV rotates TIFFs whatever its flags say, and multiplies straight alpha into 8-bit colours.
    """
    if not is_tiff(data):
        return data
    changed = bytearray(data)
    order = _order(data)
    try:
        for tag, kind, values, place in _tiff_entries(data):
            if tag in (_TIFF_TURN, _TIFF_ALPHA) and (kind, values) == (_SHORT, 1):
                struct.pack_into(order + "H", changed, place, 1)  # upright; associated, so that nothing is multiplied
    except (struct.error, IndexError, OverflowError):
        return data
    return bytes(changed)


def is_tiff(data: bytes) -> bool:
    """Returns whether a file begins as a TIFF, or BigTIFF, does."""
    return data[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")


def may_have_alpha(data: bytes) -> bool:
    """Returns whether a picture file can have an alpha channel, judging by a glance at its header."""
    if data.startswith(PNG):
        return len(data) > 25 and (data[25] in (4, 6) or b"tRNS" in data[: max(0, data.find(b"IDAT"))])
    return not data.startswith((b"\xff\xd8", b"BM"))


def decode(
    data: bytes, flags: int, what: str, size: tuple[int, int] | None = None, most: int = MOST_PIXELS
) -> NDArray[Any]:
    """Returns the pixels of a picture file as `cv2.imdecode` does: (H, W) or (H, W, channels), BGR.

    Args:
        data: the file.
        flags: OpenCV's IMREAD_ flags; rotation by EXIF or TIFF tags is always ignored.
        what: name for messages.
        size: (height, width) that it must have.
        most: most pixels that it may have.

    Raises:
        InputError: damaged, not a picture, or too large; SizeMismatch: its size is not `size`.
    """
    claimed = header_size(data)
    if claimed is None or 0 in claimed:
        raise _damaged(what)
    if size is not None and claimed != tuple(size):
        raise SizeMismatch(
            f"{what} is {claimed[1]} x {claimed[0]} pixels, the picture {size[1]} x {size[0]}.",
            "Give a mask of exactly the picture's size.",
        )
    if claimed[0] * claimed[1] > most:
        raise InputError(
            f"{what} is {claimed[1]} x {claimed[0]} pixels: the limit is {most // 10**6} million.",
            "Export it at a smaller size.",
        )
    plain = np.frombuffer(without_tiff_hints(data), np.uint8)
    try:
        picture: Any = cv2.imdecode(plain, flags | cv2.IMREAD_IGNORE_ORIENTATION)
    except cv2.error as error:
        raise _damaged(what) from error
    if picture is None:
        raise _damaged(what)
    return np.asarray(picture)


def check_png_unpacks(data: bytes, what: str) -> None:
    """Raises InputError when a PNG's pixels unpack to far more than its header asks for.

    Decoders read on to the end of such a stream, which takes long even for a small file. Files that cannot unpack to
    that much, which is nearly every mask, are not examined.
    """
    size = header_size(data)
    room = _ROOM + _DEEPEST * (size[0] + 1) * (size[1] + 1) if size else 0
    if len(data) * _STRONGEST <= room:
        return
    unpacker, place = zlib.decompressobj(), len(PNG)
    try:
        while place + 12 <= len(data):
            length = int.from_bytes(data[place : place + 4], "big")
            packed = data[place + 8 : place + 8 + length] if data[place + 4 : place + 8] == b"IDAT" else b""
            while packed and not unpacker.eof:
                room -= len(unpacker.decompress(packed, _STEP))
                packed = unpacker.unconsumed_tail
                if room < 0:
                    raise _damaged(what)
            place += 12 + length
    except zlib.error as error:
        raise _damaged(what) from error


def most_bytes(size: tuple[int, int] | None) -> int:
    """Returns the largest size of a picture file of (height, width): four float channels uncompressed, and a header."""
    pixels = MOST_PIXELS if size is None else size[0] * size[1]
    return 16 * pixels + 2**20


def _damaged(what: str) -> InputError:
    return InputError(f"{what} is empty, damaged or not a picture.", "Make it again.")


def _jpeg(data: bytes) -> tuple[int, int]:
    place = 2
    while True:
        place = data.index(b"\xff", place) + 1
        marker = data[place]
        if marker in _FRAME_HEADERS:
            height, width = struct.unpack_from(">HH", data, place + 4)
            return width, height
        if marker == 0xFF:  # padding
            continue
        place += 1 if marker in _ALONE else 1 + max(2, struct.unpack_from(">H", data, place + 1)[0])


def _webp(data: bytes) -> tuple[int, int]:
    kind = data[12:16]
    if kind == b"VP8X":  # RFC 9649, section 2.7
        first, second = data[24:27], data[27:30]
        if len(second) < 3:
            raise ValueError
        return 1 + int.from_bytes(first, "little"), 1 + int.from_bytes(second, "little")
    if kind == b"VP8L":
        bits = struct.unpack_from("<I", data, 21)[0]
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    if kind == b"VP8 ":
        width, height = struct.unpack_from("<HH", data, 26)
        return width & 0x3FFF, height & 0x3FFF
    raise ValueError


def _tiff(data: bytes) -> tuple[int, int]:
    found: dict[int, int] = {}
    for tag, kind, _, place in _tiff_entries(data):
        if tag in (_TIFF_WIDTH, _TIFF_HEIGHT) and tag not in found:
            found[tag] = _unpack(data, _TIFF_NUMBERS[kind], place)
    return found[_TIFF_WIDTH], found[_TIFF_HEIGHT]


def _tiff_entries(data: bytes) -> Iterator[tuple[int, int, int, int]]:
    """Yields (tag, type, number of values, place of the value or of its offset) of a TIFF's first picture."""
    if not is_tiff(data):
        return
    big = _is_big(data)
    start = _unpack(data, "Q" if big else "I", 8 if big else 4)
    count = _unpack(data, "Q" if big else "H", start)
    start, length, value = (start + 8, 20, 12) if big else (start + 2, 12, 8)
    for number in range(min(count, _MOST_TAGS)):
        place = start + number * length
        tag, kind, values = struct.unpack_from(_order(data) + ("HHQ" if big else "HHI"), data, place)
        yield tag, kind, values, place + value


def _short(data: bytes, wanted: int) -> int | None:
    """Returns the first value of a TIFF's tag of 16-bit numbers; None = it is not there."""
    try:
        for tag, _, values, place in _tiff_entries(data):
            if tag == wanted:
                inline = values <= (4 if _is_big(data) else 2)
                return _unpack(data, "H", place if inline else _unpack(data, "Q" if _is_big(data) else "I", place))
    except (struct.error, IndexError, OverflowError):
        pass
    return None


def _order(data: bytes) -> str:
    return "<" if data.startswith(b"II") else ">"


def _is_big(data: bytes) -> bool:
    return data[2:4] in (b"+\0", b"\0+")


def _unpack(data: bytes, kind: str, place: int) -> int:
    return int(struct.unpack_from(_order(data) + kind, data, place)[0])
