"""Checks that a written movie is what was meant: reads it with the reader used for clips, and compares.

While each frame is written, a small picture of it is kept (up to 8 x 8 means of red, green, blue and alpha), and for
lossless kinds a checksum of all its pixels. That reveals frames that are missing, doubled or misplaced, colours of a
wrong matrix, and an alpha channel that was lost or multiplied in.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from ..clips.movie import DeepMovie, Movie, MovieWithAlpha
from ..errors import CutoutError, StoreError

if TYPE_CHECKING:
    from numpy.typing import NDArray

_CELLS, _CELL_PX = 8, 16
"""Most cells along a side, and least pixels along a cell: with fewer, a codec's own errors do not cancel out."""
LOSSLESS = (".mkv",)
_TOLERANCE = {".mp4": (14, 0), ".mov": (5, 3), ".mkv": (0, 0)}
"""Largest error of the means, of 255: colours, alpha. H.264 has half the resolution in colour, ProRes 10 bits."""


class Proof:
    """What a movie must look like: filled by `add`, verified by `check`.

    Args:
        suffix: kind of movie: .mp4, .mkv or .mov.
        size_hw: (height, width).
        alpha: it must have an alpha channel.
    """

    def __init__(self, suffix: str, size_hw: tuple[int, int], alpha: bool) -> None:
        self._suffix = suffix
        self._size = size_hw
        self._alpha = alpha
        self._means: list[NDArray[np.uint8]] = []
        self._sums: list[int] = []
        self._deep = False

    def add(self, picture: NDArray[Any]) -> None:
        """Records a frame (H, W, 3 or 4) uint8 or uint16."""
        self._deep = picture.dtype == np.uint16
        self._means.append(_means(picture))
        if self._suffix in LOSSLESS:
            self._sums.append(_sum(picture))

    def check(self, part: Path, path: Path) -> Iterator[int]:
        """Reads the finished file `part`, which is to become `path`; yields the number of compared frames after each.

        Raises:
            StoreError: it is not what was written.
        """
        try:
            with DeepMovie(part, keep_hdr=True) if self._deep and self._sums else MovieWithAlpha(part) as movie:
                yield from self._compare(movie, path)
        except StoreError:
            raise
        except CutoutError as error:
            raise _wrong(path, f"it cannot be read: {error.text}") from error

    def _compare(self, movie: Movie, path: Path) -> Iterator[int]:
        if len(movie) != len(self._means):
            raise _wrong(path, f"it has {len(movie)} frames, {len(self._means)} were written")
        if movie.size != tuple(self._size):
            raise _wrong(path, f"it is {movie.size[1]} x {movie.size[0]} pixels, not {self._size[1]} x {self._size[0]}")
        colour, alpha = _TOLERANCE[self._suffix]
        for number, expected in enumerate(self._means):
            picture: NDArray[Any] = movie[number]
            if self._deep and self._sums:
                picture = np.asarray(np.rint(picture * 65535), np.uint16)
            if getattr(movie, "has_alpha", False) != self._alpha:
                raise _wrong(path, "it has no alpha channel" if self._alpha else "it has an alpha channel")
            picture = picture if self._alpha else picture[..., :3]
            if self._sums and _sum(picture) != self._sums[number]:
                raise _wrong(path, f"frame {number} is not the picture that was written")
            off = np.abs(_means(picture).astype(np.int16) - expected)
            if self._alpha and off[..., 3].max() > alpha:
                raise _wrong(path, f"the transparency of frame {number} is off by {off[..., 3].max()} of 255")
            if off[..., :3].max() > colour:
                raise _wrong(path, f"the colours of frame {number} are off by {off[..., :3].max()} of 255")
            yield number + 1


def check_picture(part: Path, path: Path, picture: NDArray[Any]) -> None:
    """Compares the finished PNG `part` with the picture (H, W, 3 or 4), of 8 or 16 bits; messages name `path`.

    Raises:
        StoreError: they differ in any bit; the file is removed.
    """
    order = cv2.COLOR_BGRA2RGBA if picture.shape[2] == 4 else cv2.COLOR_BGR2RGB
    found: Any = cv2.imdecode(np.fromfile(part, np.uint8), cv2.IMREAD_UNCHANGED)
    alike = found is not None and found.dtype == picture.dtype and found.shape == picture.shape
    if not alike or not np.array_equal(cv2.cvtColor(found, order), picture):
        with suppress(OSError):
            part.unlink()
        raise _wrong(path, "it is not the picture that was written")


def _means(picture: NDArray[Any]) -> NDArray[np.uint8]:
    height, width = (max(1, min(_CELLS, side // _CELL_PX)) for side in picture.shape[:2])
    means = cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA)
    if picture.dtype == np.uint16:
        means = (means.astype(np.uint32) + 128) // 257
    return np.asarray(means.reshape(height, width, picture.shape[2]), np.uint8)


def _sum(picture: NDArray[Any]) -> int:
    return zlib.crc32(np.ascontiguousarray(picture).data)


def _wrong(path: Path, what: str) -> StoreError:
    return StoreError(
        f"{path.name} was read again after writing, and {what}. It was not kept.",
        "Check the disk and write it again; if that does not help, choose another kind of file.",
    )
