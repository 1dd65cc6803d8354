"""Writes the pixels' aspect into the header of a Matroska movie, which PyAV does not pass on to FFmpeg.

FFmpeg leaves a display unit "unknown" and some room behind the picture's size; the size at which the picture is shown
takes their place, so that nothing in the file moves.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

_HEAD = 2**16
_SEGMENT, _TRACKS, _ENTRY, _VIDEO, _CRC, _VOID = 0x18538067, 0x1654AE6B, 0xAE, 0xE0, 0xBF, 0xEC
_UNKNOWN_UNIT, _SHOWN_WIDTH, _SHOWN_HEIGHT = b"\x54\xb2\x81\x04", b"\x54\xb0\x82", b"\x54\xba\x82"
"""RFC 9559, section 5.1.4.1.28."""
_MORE = 6
"""Bytes that both sizes take beyond those of the unit."""


def write_aspect(path: Path, size_hw: tuple[int, int], aspect: Fraction) -> bool:
    """Sets the aspect (width of a pixel divided by its height) of a movie's first track; returns whether it could.

    Args:
        path: a movie just written by FFmpeg.
        size_hw: (height, width) of its pictures.
        aspect: positive.

    Raises:
        OSError: the file cannot be read or written.
    """
    width, height = size_hw[1] * aspect, Fraction(size_hw[0])
    scale = width.denominator  # both must be whole numbers
    if width * scale > 0xFFFF or height * scale > 0xFFFF:
        return False
    shown = (
        _SHOWN_WIDTH + int(width * scale).to_bytes(2, "big") + _SHOWN_HEIGHT + int(height * scale).to_bytes(2, "big")
    )
    with path.open("r+b") as file:
        head = bytearray(file.read(_HEAD))
        if not _patch(head, shown):
            return False
        file.seek(0)
        file.write(head)
    return True


def _patch(head: bytearray, shown: bytes) -> bool:
    tracks = _find(head, (_SEGMENT, _TRACKS))
    video = _find(head, (_SEGMENT, _TRACKS, _ENTRY, _VIDEO))
    if tracks is None or video is None:
        return False
    (start, stop), (first, last) = tracks, video
    unit = head.find(_UNKNOWN_UNIT, first, last)
    begin, rest = last, list(_children(head, last, stop))
    for name, _, end in rest:
        if name == _VOID:
            break
        begin = end
    size = head[first - 1]  # one byte: its first bit is the length's marker
    if unit < 0 or not rest or name != _VOID or size < 0x80 or size + _MORE >= 0xFF:
        return False
    left = end - begin - _MORE - 2
    if not 0 <= left < 0x7F:
        return False
    void = bytes((_VOID, 0x80 | left)) + bytes(left)
    head[unit:end] = shown + head[unit + len(_UNKNOWN_UNIT) : begin] + void
    head[first - 1] = size + _MORE
    if head[start] == _CRC:  # of all that follows it
        head[start + 2 : start + 6] = zlib.crc32(head[start + 6 : stop]).to_bytes(4, "little")
    return True


def _find(head: bytearray, names: tuple[int, ...]) -> tuple[int, int] | None:
    """Returns where the content of the first element on this path begins and ends."""
    place = 0, len(head)
    for name in names:
        found = next(((first, last) for other, first, last in _children(head, *place) if other == name), None)
        if found is None:
            return None
        place = found
    return place


def _children(head: bytearray, start: int, stop: int) -> Iterator[tuple[int, int, int]]:
    """Yields (name, first byte, end) of the elements between two places, as far as they lie in `head`."""
    while start + 2 <= stop and head[start]:
        name_size = 9 - head[start].bit_length()
        at = start + name_size
        if at >= len(head) or not head[at]:
            return
        length_size = 9 - head[at].bit_length()
        length = int.from_bytes(head[at : at + length_size], "big") & ((1 << 7 * length_size) - 1)
        first = at + length_size
        yield int.from_bytes(head[start:at], "big"), first, min(first + length, stop)
        start = first + length
