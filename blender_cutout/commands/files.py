"""Reads and writes files of the sub-commands; written files are complete or missing, named by clip frame."""

from __future__ import annotations

import os
import re
import struct
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from ..core import atomic
from ..core.errors import InputError, SizeMismatch, StoreError
from ..core.export.output_files import prepare_folder

if TYPE_CHECKING:
    from ..core.types import FrameRange, Matte

_NAME = re.compile(r"(\d{1,18})\.png")
_PNG_HEAD = struct.Struct(">8s8xII")


def mask_name(frame: int) -> str:
    """Returns the file name of a clip frame's mask."""
    return f"{frame:06d}.png"


class MaskFolder(Mapping[int, "Matte"]):
    """Maps frame -> matte (H, W) float32 of a folder of masks named by clip frame, read on access.

    The set of frames is fixed at the start: masks written later are ignored.

    Args:
        folder: has 000000.png, 000001.png …, or names of another number of digits.
        size: required (height, width).
        own: only names with six or more digits, as written by `cutout propagate`.
        scaled: accept half and double size.

    Raises:
        InputError: no such folder, no masks in it, or (when read) a damaged one.
        SizeMismatch: a mask's size does not fit; all sizes are checked first.
    """

    def __init__(self, folder: Path, size: tuple[int, int], own: bool = False, scaled: bool = False) -> None:
        if not folder.is_dir():
            raise InputError(
                f"The mask folder {folder} does not exist.", "Give the folder that `cutout propagate` wrote to."
            )
        self._folder = folder
        self._size = size
        named = [(int(m[1]), path) for path in folder.iterdir() if (m := _NAME.fullmatch(path.name))]
        named = [(frame, path) for frame, path in named if not own or path.name == mask_name(frame)]
        # If a frame has several files, the one named by `mask_name` wins; it sorts last.
        self._frames = dict(sorted(named, key=lambda pair: (pair[0], pair[1].name == mask_name(pair[0]))))
        if not self._frames:
            raise InputError(
                f"The folder {folder} has no masks.", "Masks must be named 000000.png, 000001.png … by clip frame."
            )
        for frame in self._frames:
            _check_head(self.path(frame), size, scaled)
        self._scaled = scaled
        self._notes: dict[str, None] = {}

    def take_notes(self) -> list[str]:
        """Returns new facts for the user, as sentences."""
        notes, self._notes = list(self._notes), {}
        return notes

    def path(self, frame: int) -> Path:
        """Returns the path of the frame's mask, existing or not."""
        return self._frames.get(frame, self._folder / mask_name(frame))

    def __getitem__(self, frame: int) -> Matte:
        if frame not in self:
            raise KeyError(frame)
        from ..core.images.foreign_masks import read_resized
        from ..core.images.matte import read_mask

        if self._scaled:
            matte, note = read_resized(self.path(frame), self._size)
            self._notes |= {note: None} if note else {}
            return matte
        return read_mask(self.path(frame), self._size)

    def __contains__(self, frame: object) -> bool:
        return frame in self._frames

    def __iter__(self) -> Iterator[int]:
        return iter(self._frames)

    def __len__(self) -> int:
        return len(self._frames)


def prepare_file(path: Path, suffixes: tuple[str, ...], *sources: Path) -> None:
    """Checks a result file before any slow work.

    Raises:
        InputError: wrong suffix, a folder, or one of the sources itself.
        StoreError: its folder cannot be made or written to.
    """
    if path.suffix.lower() not in suffixes:
        raise InputError(f"{path} does not end in {' or '.join(suffixes)}.", "Give a file name with that ending.")
    if path.is_dir():
        raise InputError(f"{path} is a folder.", "Give a file name.")
    for source in sources:
        if path.exists() and source.exists() and path.samefile(source):
            raise InputError(f"{path} would be overwritten by its own result.", "Give another name for the result.")
    prepare_folder(path.parent)


def room_for(folder: Path, size: tuple[int, int], frames: FrameRange) -> tuple[int, int]:
    """Returns roughly how many bytes the masks of these frames need, and how many are free.

    Masks already in the folder do not count: they stay or are replaced.

    Args:
        folder: for the masks; it may not exist yet.
        size: (height, width) of a mask.
        frames: the clip frames.

    Raises:
        StoreError: they do not fit.
    """
    from ..core.session.disk_limit import DiskUse, expected_bytes, free_bytes

    use = DiskUse(0, expected_bytes(size[0] * size[1]), free_bytes(folder), 0)
    there: set[str] = set()
    with suppress(OSError):
        there = set(os.listdir(folder))
    new = sum(mask_name(frame) not in there for frame in frames)
    if text := use.warning(new):
        raise StoreError(text, "Free some space, choose another disk with -o, or do only a part with --range.")
    return use.needed(new), use.free


def _check_head(path: Path, size: tuple[int, int], scaled: bool) -> None:
    """Checks a PNG's size without decoding it."""
    try:
        with os.fdopen(atomic.open_regular(path), "rb") as file:
            head = file.read(_PNG_HEAD.size)
    except OSError as error:
        raise InputError(f"The mask {path} cannot be read ({error.strerror}).", "Check its permissions.") from error
    if len(head) < _PNG_HEAD.size or not head.startswith(b"\x89PNG\r\n"):
        raise InputError(f"The mask {path} is empty, damaged or not a PNG.", "Make it again.")
    _, width, height = _PNG_HEAD.unpack(head)
    if scaled:
        from ..core.images.foreign_masks import check_fits

        check_fits((height, width), size, f"The mask {path}")
    elif (height, width) != size:
        raise SizeMismatch(
            f"The mask {path} is {width} x {height} pixels, but the picture is {size[1]} x {size[0]}.",
            "Give a mask of exactly the picture's size.",
        )
