"""Pure operations on mattes: checks, sharing pixels between objects, and 8-bit masks on disk."""

from __future__ import annotations

import errno
import os
import struct
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from .. import atomic
from ..errors import InputError, SizeMismatch, StoreError
from ..frame_text import FrameText
from .grey_png import SIGNATURE, pack
from .picture_files import MOST_PIXELS, check_png_unpacks, decode, most_bytes

if TYPE_CHECKING:
    from typing import TypeAlias

    from numpy.typing import NDArray

    from ..types import Image, Matte, Mattes

    Grey: TypeAlias = NDArray[np.uint8]
    """A matte (H, W) in 255ths, as stored on disk."""
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from ..types import Mattes


_STRIP = 64
"""Rows that are converted at a time."""
_HEADER_LENGTH = 13
_OPENCVS_OWN = 2**30
"""Most pixels that OpenCV decodes."""
_COLOURFUL = 24
"""Steps of 255 by which channels may differ in a grey picture: lossy movies never give exactly equal ones."""
_COLOURFUL_SHARE = 0.01
_MOST_FLOAT = 1.5
"""Filters overshoot 1 a little."""


def check_image(image: Any, what: str = "The picture") -> Image:
    """Returns `image` if it is (H, W, 3) uint8.

    Raises:
        InputError: it is anything else.
    """
    if not isinstance(image, np.ndarray) or image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
        raise InputError(
            FrameText(what, f" is {_describe(image)}, not an array (height, width, 3) of uint8."),
            "Give RGB pictures of 8 bits for each channel, without alpha.",
        )
    if 0 in image.shape:
        raise InputError(FrameText(what, " has no pixels."), "Give a picture with at least one pixel.")
    return image


def check_matte(matte: Any, size_hw: tuple[int, int] | None = None, what: str = "The matte") -> Mattes:
    """Returns `matte` as float32 (unchanged if it already is): (H, W) or (N, H, W), all values in [0, 1].

    Args:
        matte: any floating-point array.
        size_hw: the picture's height and width that it must have; None = any.
        what: its name in the message.

    Raises:
        InputError: wrong type, shape or values.
        SizeMismatch: its size differs from the picture's.
    """
    if not isinstance(matte, np.ndarray) or matte.ndim not in (2, 3) or 0 in matte.shape:
        raise InputError(
            f"{what} is {_describe(matte)}, not an array (height, width) or (objects, height, width).",
            "Give a numpy array of float32 in [0, 1].",
        )
    if not np.issubdtype(matte.dtype, np.floating):
        hint = "Divide 8-bit masks by 255." if matte.dtype == np.uint8 else "Convert it with .astype('float32')."
        raise InputError(f"{what} is of type {matte.dtype}, not float32 in [0, 1].", hint)
    if size_hw is not None:
        check_size(matte, size_hw, what)
    low, high = float(matte.min()), float(matte.max())
    if not (low >= 0.0 and high <= 1.0):  # also false for NaN
        raise InputError(f"{what} has values from {low:g} to {high:g}, not in [0, 1].", "Scale it to [0, 1].")
    return np.asarray(matte, np.float32)


def check_size(matte: NDArray[Any], size_hw: tuple[int, int], what: str = "The mask") -> None:
    """Raises SizeMismatch unless the last two axes of `matte` are `size_hw`; names both sizes."""
    if tuple(matte.shape[-2:]) != tuple(size_hw):
        raise SizeMismatch(
            f"{what} is {matte.shape[-1]} x {matte.shape[-2]} pixels, the picture {size_hw[1]} x {size_hw[0]}.",
            "Give a mask of exactly the picture's size.",
        )


def to_grey(matte: Matte | Grey) -> Grey:
    """Returns the matte in 8 bits, rounded to the nearest of 256 steps; an 8-bit matte is returned unchanged."""
    if matte.dtype == np.uint8:
        return np.asarray(matte, np.uint8)
    grey = np.empty(matte.shape, np.uint8)
    # OpenCV multiplies, rounds and saturates in one go, much faster than numpy. Strip by strip, because allocating a
    # second 4K matte would take longer than all the arithmetic.
    for start in range(0, len(matte), _STRIP):
        strip = np.s_[start : start + _STRIP]
        grey[strip] = cv2.convertScaleAbs(np.maximum(matte[strip], 0.0), alpha=255.0).reshape(matte[strip].shape)
    return grey


def from_grey(grey: Grey) -> Matte:
    """Returns an 8-bit matte as float32 in [0, 1]."""
    return np.asarray(grey / np.float32(255.0), np.float32)


def is_inside(matte: Any) -> Any:
    """Returns where a matte, in [0, 1] or in 255ths, is above a half."""
    return matte > (127 if matte.dtype == np.uint8 else 0.5)


def to_png(matte: Matte | Grey) -> bytes:
    """Returns the matte, converted by `to_grey`, as an 8-bit grey PNG; see `grey_png`."""
    return pack(to_grey(matte)).png()


def to_deep_png(matte: Matte) -> bytes:
    """Returns the matte (H, W) in [0, 1], rounded to the nearest of 65,536 steps, as a 16-bit grey PNG."""
    deep = np.rint(matte * np.float32(65535)).astype(np.uint16)
    return bytes(cv2.imencode(".png", deep, [cv2.IMWRITE_PNG_COMPRESSION, 3])[1].tobytes())


def is_whole_png(data: bytes, size: tuple[int, int] | None = None) -> bool:
    """Returns True for a PNG of that height and width with no bit missing or flipped, without decoding it.

    OpenCV returns what it could decode of a torn file in some versions, and None in others.
    """
    if not data.startswith(SIGNATURE):
        return False
    place, ended = len(SIGNATURE), False
    while not ended and place + 12 <= len(data):
        length = int.from_bytes(data[place : place + 4], "big")
        kind, end = data[place + 4 : place + 8], place + 8 + length
        if zlib.crc32(data[place + 4 : end]) != int.from_bytes(data[end : end + 4], "big"):
            return False
        if kind == b"IHDR" and length != _HEADER_LENGTH:
            return False
        if kind == b"IHDR" and size is not None:
            width, height = struct.unpack(">II", data[place + 8 : place + 16])
            if (height, width) != tuple(size):
                return False
        place, ended = end + 4, kind == b"IEND"
    return ended


def from_png(data: bytes) -> Matte:
    """Returns the matte (H, W) float32 in [0, 1] of `to_png`'s bytes. Raises InputError when it is no picture."""
    return from_grey(grey_of_png(data, most=_OPENCVS_OWN))


def grey_of_png(
    data: bytes, size: tuple[int, int] | None = None, what: str = "The mask", most: int = MOST_PIXELS
) -> Grey:
    """Returns the matte (H, W) uint8 in 255ths of a picture file's bytes; see `grey_of_picture`.

    Args:
        data: PNG, JPEG, WebP, TIFF or BMP.
        size: (height, width) that it must have; checked before decoding.
        what: its name in messages.
        most: most pixels that it may have.

    Raises:
        InputError: no picture, damaged, too large, or a colour picture; SizeMismatch: its size is not `size`.
    """
    if data.startswith(SIGNATURE) and not is_whole_png(data):
        raise InputError(f"{what} is empty, damaged or not a picture.", "Make it again.")
    if data.startswith(SIGNATURE):
        check_png_unpacks(data, what)
    return grey_of_picture(decode(data, cv2.IMREAD_UNCHANGED, what, size, most), what)


def grey_of_picture(picture: NDArray[Any], what: str = "The mask") -> Grey:
    """Returns a picture's matte: its alpha where that holds anything, otherwise its brightness; 16 bits become 8.

    Args:
        picture: (H, W), (H, W, 3) BGR or (H, W, 4) BGRA, of uint8, uint16 or floats in [0, 1].
        what: its name in messages.

    Raises:
        InputError: a colour picture without transparency, surely a mistake, or numbers of another type.
    """
    grey = _in_8_bits(picture, what)
    if grey.ndim == 3 and grey.shape[2] == 4 and grey[..., 3].min() < 255:
        return np.ascontiguousarray(grey[..., 3])
    if grey.ndim == 2:
        return grey
    colours = grey[..., :3].astype(np.int16)
    spread = colours.max(axis=-1) - colours.min(axis=-1)
    coloured = np.count_nonzero(spread > _COLOURFUL)
    if coloured > _COLOURFUL_SHARE * spread.size or 2 * coloured > np.count_nonzero(colours.max(axis=-1) > _COLOURFUL):
        raise InputError(
            f"There is no mask in {what[0].lower()}{what[1:]}: it is a colour picture without transparency.",
            "Choose black-and-white masks, or pictures with an alpha channel.",
        )
    return np.ascontiguousarray(grey[..., 1])


def _in_8_bits(picture: NDArray[Any], what: str) -> Grey:
    if picture.dtype == np.uint8:
        return np.asarray(picture, np.uint8)
    if picture.dtype == np.uint16:
        return np.asarray((picture.astype(np.uint32) + 128) // 257, np.uint8)
    if np.issubdtype(picture.dtype, np.floating):
        values = np.nan_to_num(picture)
        if (most := float(values.max())) > _MOST_FLOAT:
            raise InputError(
                f"{what} has values up to {most:g}, not from 0 to 1.", "Export it as 8 or 16 bits, or from 0 to 1."
            )
        return np.asarray(np.rint(np.clip(values, 0, 1) * 255), np.uint8)
    raise InputError(f"{what} has pixels of type {picture.dtype}.", "Give a picture of 8 or 16 bits a channel.")


def read_mask(path: str | os.PathLike[str], size: tuple[int, int] | None = None) -> Matte:
    """Reads a mask file as a matte (H, W) float32; see `read_grey`."""
    return from_grey(read_grey(path, size))


def read_grey(path: str | os.PathLike[str], size: tuple[int, int] | None = None) -> Grey:
    """Reads a mask file as a matte (H, W) uint8 in 255ths.

    Args:
        path: picture file; see `grey_of_png`.
        size: height and width that it must have.

    Raises:
        InputError: missing, empty, not a picture, or a colour picture.
        SizeMismatch: its size is not `size`.
    """
    try:
        data = atomic.read_regular(path, most_bytes(size))
    except OSError as error:
        if error.errno == errno.EFBIG:
            raise InputError(f"The file of the mask {path} is far too large.", "Make it again.") from None
        raise InputError(
            f"The mask {path} cannot be read ({error.strerror or error}).", "Check the path of the mask."
        ) from error
    return grey_of_png(data, size, f"The mask {path}")


def write_mask(path: str | os.PathLike[str], matte: Matte | Grey) -> None:
    """Writes the matte, converted by `to_grey`, as an 8-bit grey PNG, complete or not at all; see `write_png`."""
    write_png(path, to_png(matte))


def write_png(path: str | os.PathLike[str], data: bytes) -> None:
    """Writes the bytes of a mask file, complete or not at all.

    Raises:
        StoreError: the folder is missing, read-only or full.
    """
    target = Path(path)
    try:
        atomic.write(target, data)
    except OSError as error:
        raise StoreError(
            f"The mask {target} cannot be written ({error.strerror or error}).",
            "Choose another folder or free some space.",
        ) from error


def _describe(value: Any) -> str:
    if isinstance(value, np.ndarray):
        return f"an array {value.shape} of {value.dtype}"
    return f"a {type(value).__name__}"


_HALF = 127.0 / 255.0
"""Largest value that rounds to an 8-bit value which does not own its pixel."""


def share(mattes: Mattes, drawn: Sequence[bool]) -> Mattes:
    """Returns the mattes (N, H, W) float32 sharing pixels: their sum is at most 1, and at most one is above one half.

    Mattes that the artist drew on this frame take precedence; the others get the rest. Equal claims are scaled down
    alike. Mattes that already share (up to the rounding of 8-bit files) are returned as they are, so sharing twice
    equals sharing once. This is not `matte.aggregate`, which weighs independent guesses of a network.
    """
    if len(mattes) == 1:
        return np.asarray(mattes, np.float32)
    first = np.asarray(drawn, bool)
    out = np.array(mattes, np.float32)
    crowded = out.sum(axis=0) > 1 + len(out) / 255.0
    if crowded.any():
        claims = out[:, crowded]  # (N, P)
        room = np.ones(claims.shape[1], np.float32)
        for group in (first, ~first):
            total = claims[group].sum(axis=0)
            claims[group] *= np.minimum(1.0, room / np.maximum(total, 1e-6))
            room = np.maximum(room - total, 0)
        out[:, crowded] = claims
    twice = (np.round(out * 255.0) > 127).sum(axis=0) > 1
    if twice.any():
        out[:, twice] = np.minimum(out[:, twice], _HALF)
    return out


def contested(mattes: Mattes) -> float:
    """Returns the greatest share of an object's own area (N, H, W) that another one claims too; 0 = no overlap."""
    owned = mattes > 0.5
    twice = owned.sum(axis=0) > 1
    areas = owned.sum(axis=(1, 2))
    return float(((owned & twice).sum(axis=(1, 2)) / np.maximum(areas, 1)).max(initial=0.0))


def stacked(mattes: Sequence[Matte | None]) -> Mattes | None:
    """Returns the mattes stacked to (N, H, W); None when one is missing."""
    found = [matte for matte in mattes if matte is not None]
    if len(found) < len(mattes) or not found:
        return None
    return found[0][None] if len(found) == 1 else np.stack(found)
