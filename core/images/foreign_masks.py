"""Reads masks of other programs: alpha, brightness, or one object of several labels, resized to fit."""

from __future__ import annotations

import errno
import os
import struct
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from .. import atomic
from ..errors import InputError, SizeMismatch
from . import oiio_pictures
from .grey_png import SIGNATURE
from .matte import from_grey, grey_of_picture, is_whole_png
from .picture_files import check_png_unpacks, decode, header_size, most_bytes
from .resize import resize

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..types import Matte
    from .matte import Grey

_LOOKED_AT = 24
_HEAD = 64 * 1024
_MOST_LABELS = 32
"""More values than that are shades, not labels."""
_DARK, _HALF = 128, (127, 128)
_FLAT = 0.3
"""Share of a label's pixels whose neighbours are all of that label; edges of shapes have none."""
_COLOURFUL = 24
_PALETTE, _GREY = 3, 0
_VOID = 255
"""Pixels of label masks that belong to no object, in PASCAL VOC, DAVIS and YouTube-VOS."""
_HINT = "Choose one of them: --object N on the command line, Object in Import Matte."
_SIZE_HINT = "Render the masks again in the clip's size; half and double size are resized."


def fits(size: tuple[int, int], wanted: tuple[int, int]) -> bool:
    """Returns whether a mask's (height, width) equals the expected one, or is half or double of it, within a pixel."""
    exact = tuple(size) == tuple(wanted)
    half = all(abs(2 * own - other) <= 1 for own, other in zip(size, wanted, strict=True))
    double = all(abs(own - 2 * other) <= 1 for own, other in zip(size, wanted, strict=True))
    return exact or half or double


def fit(grey: Grey, size: tuple[int, int], what: str) -> Grey:
    """Returns the mask (H, W) in 255ths at the clip's (height, width). Raises SizeMismatch unless `fits`."""
    if not fits((grey.shape[0], grey.shape[1]), size):
        check_fits((grey.shape[0], grey.shape[1]), size, what)
    return grey if grey.shape == tuple(size) else np.asarray(resize(grey, size), np.uint8)


def check_fits(size: tuple[int, int], wanted: tuple[int, int], what: str) -> None:
    """Raises SizeMismatch, naming both sizes, unless `fits`."""
    if not fits(size, wanted):
        raise SizeMismatch(
            f"{what} is {size[1]} x {size[0]} pixels, the clip {wanted[1]} x {wanted[0]}.",
            _SIZE_HINT,
        )


def check_header(path: Path, size: tuple[int, int]) -> None:
    """Checks a mask file by its first bytes, without decoding it.

    Raises:
        InputError: it cannot be read, is empty, or not what its name says; SizeMismatch: see `fits`.
    """
    what = f"The mask {path}"
    try:
        if oiio_pictures.is_ours(path):
            check_fits(oiio_pictures.read_header(path, what, lone=True).size, size, what)
            return
        with os.fdopen(atomic.open_regular(path), "rb") as file:
            head = file.read(_HEAD)
    except OSError as error:
        raise _unreadable(what, error) from error
    if not head or (path.suffix.lower() == ".png" and not head.startswith(SIGNATURE)):
        raise InputError(f"{what} is empty, damaged or not a picture.", "Make it again.")
    claimed = header_size(head)
    if claimed is not None and 0 not in claimed:
        check_fits(claimed, size, what)


def resized_note(size: tuple[int, int], wanted: tuple[int, int]) -> str:
    """Returns a sentence saying that masks are resized."""
    return f"Masks of {size[1]} x {size[0]} pixels are resized to the clip's {wanted[1]} x {wanted[0]}."


def read_resized(path: Path, size: tuple[int, int]) -> tuple[Matte, str]:
    """Returns a mask at the clip's size, and a sentence if it was resized; it is never taken for labels.

    Raises:
        InputError: it cannot be read; SizeMismatch: see `fits`.
    """
    grey = grey_of_picture(_open(path, size).picture, f"The mask {path}")
    fitted = from_grey(fit(grey, size, f"The mask {path}"))
    own = grey.shape[0], grey.shape[1]
    return fitted, "" if own == tuple(size) else resized_note(own, size)


class MaskReader:
    """Reads the mask files of one folder, all in the same way.

    Label masks hold the number of an object in every pixel: palette pictures in colour (DAVIS), and grey ones whose
    values are few and all dark.

    Args:
        size: (height, width) of the clip.
        object_id: the label to take; None = the only one, where the masks are labels.
        paths: the mask files. Some are read to distinguish labels from shades.

    Raises:
        InputError: they hold several objects and none is chosen, or the chosen one is not there.
    """

    def __init__(self, size: tuple[int, int], object_id: int | None, paths: Sequence[Path]) -> None:
        self._size = size
        self._notes: dict[str, None] = {}
        self._chosen = object_id is not None
        self._label = object_id
        step = max(1, len(paths) // _LOOKED_AT)
        seen = list(self._opened(paths[::step]))
        if object_id is None:
            self._label = self._only_label(seen)
        else:
            self._check_there(object_id, paths)

    def read(self, path: Path) -> Grey:
        """Returns a mask (H, W) uint8 in 255ths, at the clip's size.

        Raises:
            InputError: it cannot be read, holds another object, or is a colour picture; SizeMismatch: see `fits`.
        """
        opened = _open(path, self._size)
        what = f"The mask {path}"
        if self._label is None:
            grey = grey_of_picture(opened.picture, what)
        elif opened.labels is None:
            raise InputError(f"{what} holds no labels.", "Choose grey or palette pictures, or no object.")
        else:
            others = [label for label in opened.ids() if label != self._label]
            if others and not self._chosen:
                raise _several(str(path), sorted({self._label, *others}))
            grey = np.asarray((opened.labels == self._label) * np.uint8(255), np.uint8)
        if grey.shape != tuple(self._size):
            self._notes[resized_note((grey.shape[0], grey.shape[1]), self._size)] = None
        return fit(grey, self._size, what)

    def matte(self, path: Path) -> Matte:
        """Returns `read`'s mask as (H, W) float32 in [0, 1]."""
        return from_grey(self.read(path))

    def take_notes(self) -> list[str]:
        """Returns new facts for the user, as sentences; each only once."""
        notes, self._notes = list(self._notes), {}
        return notes

    def _opened(self, paths: Iterable[Path]) -> Iterable[_Opened]:
        """Yields those that can be read; `read` reports what is wrong with the others."""
        for path in paths:
            try:
                yield _open(path, self._size)
            except InputError:
                continue

    def _only_label(self, seen: Sequence[_Opened]) -> int | None:
        coloured = any(opened.coloured for opened in seen)
        dark = all(opened.may_be_labels for opened in seen)
        several = any(len(opened.ids()) > 1 for opened in seen) and all(opened.is_flat for opened in seen)
        if not coloured and not dark and not several:
            return None
        ids = sorted({label for opened in seen for label in opened.ids()})
        if not ids or len(ids) > _MOST_LABELS:
            if seen and not coloured:
                self._notes["Nothing is cut out by the masks: they are dark all over."] = None
            return None
        if len(ids) > 1:
            raise _several(str(seen[0].path.parent if len(seen) > 1 else seen[0].path), ids)
        self._notes[f"The masks are labels; their only object, {ids[0]}, is used."] = None
        return ids[0]

    def _check_there(self, object_id: int, paths: Sequence[Path]) -> None:
        ids: set[int] = set()
        for opened in self._opened(paths):
            ids.update(opened.ids())
            if object_id in ids and (opened.coloured or len(ids) <= _MOST_LABELS):
                return
        if not ids or len(ids) > _MOST_LABELS:
            raise InputError(f"There is no object {object_id}: the masks hold no labels.", "Choose no object.")
        raise InputError(f"There is no object {object_id} in the masks: there {_listed(sorted(ids))}.", _HINT)


@dataclass(frozen=True, slots=True)
class _Opened:
    """A mask file: its picture as OpenCV decodes it, and the labels (H, W) it may hold.

    `coloured`: a palette in colour, which only labels have.
    """

    path: Path
    picture: NDArray[Any]
    labels: NDArray[Any] | None
    coloured: bool

    def ids(self) -> list[int]:
        """Returns the labels that occur, without the background."""
        if self.labels is None:
            return []
        ids = [int(label) for label in np.flatnonzero(np.bincount(self.labels.reshape(-1))) if label]
        return [label for label in ids if label != _VOID] or ids if self.coloured else ids

    @property
    def is_flat(self) -> bool:
        """Returns whether its values are few and each fills an area, as labels do; shades only line edges.

        Black, half grey and white are no labels but a trimap.
        """
        ids = self.ids()
        if self.labels is None or len(ids) > _MOST_LABELS or (len(ids) == 2 and ids[0] in _HALF and ids[1] == _VOID):
            return False
        for label in ids:
            area = np.asarray(self.labels == label, np.uint8)
            inside = cv2.erode(area, np.ones((3, 3), np.uint8), borderType=cv2.BORDER_REPLICATE)
            if np.count_nonzero(inside) < _FLAT * np.count_nonzero(area):
                return False
        return True

    @property
    def may_be_labels(self) -> bool:
        """Returns whether nothing in it is bright enough for a mask."""
        return self.labels is not None and int(self.labels.max()) < (_DARK if self.labels.dtype == np.uint8 else 256)


def _open(path: Path, size: tuple[int, int]) -> _Opened:
    what = f"The mask {path}"
    try:
        if oiio_pictures.is_ours(path):
            picture = _by_oiio(path, size, what)
            return _Opened(path, picture, _grey_labels(picture), False)
        data = atomic.read_regular(path, most_bytes((2 * size[0] + 1, 2 * size[1] + 1)))
    except OSError as error:
        if error.errno == errno.EFBIG:
            raise InputError(f"{what} is far too large a file.", "Make it again.") from None
        raise _unreadable(what, error) from error
    claimed = header_size(data)
    if claimed is not None and 0 not in claimed:
        check_fits(claimed, size, what)
    if data.startswith(SIGNATURE):
        if not is_whole_png(data):
            raise InputError(f"{what} is empty, damaged or not a picture.", "Make it again.")
        check_png_unpacks(data, what)
    picture = decode(data, cv2.IMREAD_UNCHANGED, what)
    palette = _palette(data)
    if palette is not None:
        labels = _indexes(data, what)
        used = [palette[label] for label in np.flatnonzero(np.bincount(labels.reshape(-1))) if label < len(palette)]
        if any(max(colour) - min(colour) > _COLOURFUL for colour in used):
            return _Opened(path, picture, labels, picture.ndim < 3 or picture.shape[2] < 4)
    return _Opened(path, picture, _grey_labels(picture), False)


def _unreadable(what: str, error: OSError) -> InputError:
    return InputError(f"{what} cannot be read ({error.strerror or error}).", "Check the path of the mask.")


def _by_oiio(path: Path, size: tuple[int, int], what: str) -> NDArray[Any]:
    """Returns an EXR, DPX, TGA or HDR picture as OpenCV would: (H, W), BGR or BGRA, as uint8 or float32."""
    header = oiio_pictures.read_header(path, what, lone=True)
    check_fits(header.size, size, what)
    values: NDArray[Any] = oiio_pictures.read_channels(path, what, lone=True)[0]
    if header.bits <= 8:
        values = np.asarray(np.rint(values * 255), np.uint8)
    order = {1: (0,), 2: (0, 0, 0, 1), 3: (2, 1, 0), 4: (2, 1, 0, 3)}[values.shape[2]]
    return np.ascontiguousarray(values[..., 0] if len(order) == 1 else values[..., order])


def _grey_labels(picture: NDArray[Any]) -> NDArray[Any] | None:
    """Returns the values of a grey integer picture; None for others."""
    if picture.dtype not in (np.uint8, np.uint16):
        return None
    if picture.ndim == 2:
        return picture
    opaque = picture.shape[2] == 3 or int(picture[..., 3].min()) == np.iinfo(picture.dtype).max
    alike = bool((picture[..., 0] == picture[..., 1]).all() and (picture[..., 1] == picture[..., 2]).all())
    return np.ascontiguousarray(picture[..., 0]) if opaque and alike else None


def _chunks(data: bytes) -> list[tuple[bytes, bytes]]:
    """Returns (kind, body) of a whole PNG's chunks."""
    place, found = len(SIGNATURE), []
    while place + 12 <= len(data):
        length = int.from_bytes(data[place : place + 4], "big")
        found.append((data[place + 4 : place + 8], data[place + 8 : place + 8 + length]))
        place += 12 + length
    return found


def _palette(data: bytes) -> list[tuple[int, ...]] | None:
    """Returns the colours of a palette PNG; None for other files."""
    if not data.startswith(SIGNATURE) or data[25] != _PALETTE:
        return None
    colours = next((body for kind, body in _chunks(data) if kind == b"PLTE"), b"")
    return [tuple(colours[start : start + 3]) for start in range(0, len(colours) - 2, 3)]


def _indexes(data: bytes, what: str) -> NDArray[np.uint8]:
    """Returns the indexes (H, W) of a palette PNG, decoded as the grey picture with the same bytes."""
    out = bytearray(SIGNATURE)
    for kind, body in _chunks(data):
        if kind in (b"IHDR", b"IDAT", b"IEND"):
            kept = body[:9] + bytes([_GREY]) + body[10:] if kind == b"IHDR" else body
            out += struct.pack(">I", len(kept)) + kind + kept + struct.pack(">I", zlib.crc32(kind + kept))
    grey = decode(bytes(out), cv2.IMREAD_UNCHANGED, what)
    return np.asarray(grey // {1: 255, 2: 85, 4: 17}.get(data[24], 1), np.uint8)


def _several(where: str, ids: Sequence[int]) -> InputError:
    return InputError(f"The masks in {where} hold several objects: there {_listed(ids)}.", _HINT)


def _listed(ids: Sequence[int]) -> str:
    texts = [str(label) for label in ids]
    return f"is {texts[0]}" if len(texts) == 1 else f"are {', '.join(texts[:-1])} and {texts[-1]}"
