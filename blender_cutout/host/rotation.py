"""The rotation flag of phone clips, read from the movie's header: the track matrix of MP4 and QuickTime files.

Blender 4.2 ignores the flag, the engine and later Blenders follow it. Nothing but the standard library; ISO/IEC
14496-12, 8.3.2 (track header box).
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO

_SUFFIXES = {".mp4", ".mov", ".m4v", ".qt", ".3gp"}


def of(path: Path) -> int:
    """Degrees by which a movie is to be turned for display: 0, 90, 180 or 270; 0 also where there is no such flag."""
    try:
        stat = path.stat()
    except OSError:
        return 0
    return _read(path, stat.st_size, stat.st_mtime_ns) if path.suffix.lower() in _SUFFIXES else 0


@lru_cache(maxsize=64)
def _read(path: Path, size: int, changed: int) -> int:
    """The rotation of a file, remembered as long as the file is the same."""
    try:
        with path.open("rb") as file:
            for start, stop in _boxes(file, 0, size, b"moov"):
                for track in _boxes(file, start, stop, b"trak"):
                    if _is_video(file, *track):
                        return next((_angle(file, *header) for header in _boxes(file, *track, b"tkhd")), 0)
    except (OSError, struct.error):
        return 0
    return 0


def _boxes(file: BinaryIO, start: int, stop: int, kind: bytes) -> Iterator[tuple[int, int]]:
    """Where the contents of the boxes of a kind lie between two places of the file."""
    at = start
    while at + 8 <= stop:
        file.seek(at)
        length, name = struct.unpack(">I4s", file.read(8))
        head = 8
        if length == 1:
            (length,) = struct.unpack(">Q", file.read(8))
            head = 16
        length = length or stop - at
        if length < head:
            return
        if name == kind:
            yield at + head, min(stop, at + length)
        at += length


def _is_video(file: BinaryIO, start: int, stop: int) -> bool:
    for media in _boxes(file, start, stop, b"mdia"):
        for handler, _ in _boxes(file, *media, b"hdlr"):
            file.seek(handler + 8)
            return file.read(4) == b"vide"
    return False


def _angle(file: BinaryIO, start: int, stop: int) -> int:
    file.seek(start)
    version = file.read(1)[0]
    file.seek(start + (52 if version == 1 else 40))
    a, b, _, c, d, _ = struct.unpack(">6i", file.read(24))
    if not (a * d - b * c):
        return 0
    return round(math.degrees(math.atan2(b, a)) / 90) * 90 % 360
