"""Reads a movie's rotation, as phones set it, from the track matrix of MP4 and QuickTime files.

Blender 4.2 ignores it; the engine and later Blenders follow it. Standard library only; ISO/IEC 14496-12, 8.3.2 (track
header box).
"""

from __future__ import annotations

import math
import stat
import struct
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO

_MOST_BOXES = 100_000
"""Enough for ten hours in fragments of half a second, with two boxes each."""
_SUFFIXES = {".mp4", ".mov", ".m4v", ".qt", ".3gp"}


def rotation_of(path: Path) -> int:
    """Returns the degrees by which to rotate a movie for display: 0, 90, 180 or 270; 0 also if it does not say."""
    try:
        found = path.stat()
    except (OSError, ValueError):
        return 0
    if path.suffix.lower() not in _SUFFIXES or not stat.S_ISREG(found.st_mode):
        return 0
    return _read(path, found.st_size, found.st_mtime_ns)


@lru_cache(maxsize=64)
def _read(path: Path, size: int, changed: int) -> int:
    """Returns a file's rotation, cached while the file stays the same."""
    try:
        with path.open("rb") as file:
            movie = _Movie(file)
            for start, stop in movie.boxes(0, size, b"moov"):
                for track in movie.boxes(start, stop, b"trak"):
                    if movie.is_video(*track):
                        return next((_angle(file, *header) for header in movie.boxes(*track, b"tkhd")), 0)
    except (OSError, struct.error, ValueError):
        return 0
    return 0


class _Movie:
    """The boxes of an open file; stops after `_MOST_BOXES`, whatever the file contains."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._left = _MOST_BOXES

    def boxes(self, start: int, stop: int, kind: bytes) -> Iterator[tuple[int, int]]:
        """Yields (start, end) of the contents of each box of a kind within a range of the file.

        Raises:
            struct.error: the file ends early. ValueError: there are too many boxes.
        """
        at = start
        while at + 8 <= stop:
            self._left -= 1
            if self._left < 0:
                raise ValueError("too many boxes")
            self._file.seek(at)
            length, name = struct.unpack(">I4s", self._file.read(8))
            head = 8
            if length == 1:
                (length,) = struct.unpack(">Q", self._file.read(8))
                head = 16
            length = length or stop - at
            if length < head:
                return
            if name == kind:
                yield at + head, min(stop, at + length)
            at += length

    def is_video(self, start: int, stop: int) -> bool:
        """Returns whether the track in this range is video."""
        for media in self.boxes(start, stop, b"mdia"):
            for handler, _ in self.boxes(*media, b"hdlr"):
                self._file.seek(handler + 8)
                return self._file.read(4) == b"vide"
        return False


def _angle(file: BinaryIO, start: int, stop: int) -> int:
    file.seek(start)
    (version,) = struct.unpack(">B", file.read(1))
    file.seek(start + (52 if version == 1 else 40))
    a, b, _, c, d, _ = struct.unpack(">6i", file.read(24))
    if not (a * d - b * c):
        return 0
    return round(math.degrees(math.atan2(b, a)) / 90) * 90 % 360
