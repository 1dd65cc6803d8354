"""Reads one picture file as Blender's sequencer shows it, with 8 bits or all its bits."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from .. import atomic
from ..errors import FrameReadError, InputError
from ..images import oiio_pictures
from ..images.picture_files import (
    PNG,
    decode,
    is_float_tiff,
    is_multiplied_tiff,
    is_tiff,
    may_have_alpha,
    most_bytes,
    tiff_bits,
)  # fmt: skip
from ..types import PICTURE_SUFFIXES

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..types import Image, Matte

_LOOKED_AT = 24


class DamagedPicture(FrameReadError):
    """Raised when a picture file is empty or cannot be decoded; callers that can do without it may go on."""

    @property
    def code(self) -> str:
        """Returns the code of any frame that cannot be read."""
        return FrameReadError.__name__


def read_picture(path: Path) -> Image:
    """Returns a picture file as (H, W, 3) uint8 RGB; drops alpha, reduces 16 bits to 8, ignores EXIF, as in Blender.

    Raises:
        FrameReadError: missing or damaged.
    """
    if path.suffix.lower() not in PICTURE_SUFFIXES and path.suffix:
        raise FrameReadError(f"{path} is not a supported kind of picture.", "Export it as .png, .jpg, .tif or .exr.")
    if oiio_pictures.is_ours(path):
        return np.asarray(_by_oiio(oiio_pictures.read_colours, path), np.uint8)
    data = _bytes_of(path)
    if is_float_tiff(data):
        return _in_8_bits(_decoded(path, data, cv2.IMREAD_UNCHANGED))
    if is_multiplied_tiff(data):
        deep = _decoded(path, data, cv2.IMREAD_UNCHANGED)
        if deep.ndim == 3 and deep.shape[2] == 4:
            return _in_8_bits(deep[..., :3] / np.maximum(deep[..., 3:], 1).astype(np.float32))
    picture = _decoded(path, data, cv2.IMREAD_COLOR)
    return np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB), np.uint8)


def read_deep(path: Path) -> NDArray[np.float32]:
    """Returns a picture file as (H, W, 3) float32 RGB with all its bits, as sRGB; of EXR and HDR beyond 0 to 1 too.

    Raises:
        FrameReadError: missing or damaged.
    """
    if oiio_pictures.is_ours(path):
        light, _ = _by_oiio(oiio_pictures.read_light, path)
        return light if oiio_pictures.is_srgb(path) else oiio_pictures.to_srgb(light)
    data = _bytes_of(path)
    flags = cv2.IMREAD_UNCHANGED if is_float_tiff(data) or is_multiplied_tiff(data) else cv2.IMREAD_COLOR
    picture = _decoded(path, data, flags | cv2.IMREAD_ANYDEPTH)
    if is_multiplied_tiff(data) and picture.ndim == 3 and picture.shape[2] == 4:
        return _colours(picture[..., :3] / np.maximum(picture[..., 3:], 1).astype(np.float32))
    most = np.float32(np.iinfo(picture.dtype).max if picture.dtype.kind == "u" else 1)
    return _colours(picture / most)


def bits_of(path: Path) -> int:
    """Returns the bits of a channel of a picture file, 16 and 32 for floats.

    Raises:
        FrameReadError: missing or damaged.
    """
    if oiio_pictures.is_ours(path):
        return int(_by_oiio(oiio_pictures.read_header, path).bits)
    data = _bytes_of(path)
    if data.startswith(PNG) and len(data) > 24:
        return data[24]
    return tiff_bits(data) if is_tiff(data) else 8


def picture_notes(path: Path) -> list[str]:
    """Returns what is ignored in an EXR, as sentences: other layers, and pixels outside its data window."""
    if path.suffix.lower() != ".exr":
        return []
    try:
        header = oiio_pictures.read_header(path, path.name)
    except (InputError, OSError):
        return []  # whoever reads it says so
    notes = []
    if header.others:
        name = header.layer or "with the plain names R, G and B"
        notes.append(f"{path.name} has several layers or parts: the one {name} is used, as in Blender.")
    if header.size != header.whole:
        (height, width), (all_height, all_width) = header.size, header.whole
        notes.append(
            f"Only the data window of {path.name}, {width} x {height} of {all_width} x {all_height} pixels, is used, "
            "as in Blender."
        )
    return notes


def size_doubt(paths: Sequence[Path]) -> str:
    """Returns a sentence if the EXR pictures of a sequence differ in size, "" otherwise; looks at some of them only."""
    sizes = set()
    for path in paths[:: max(1, len(paths) // _LOOKED_AT)]:
        try:
            sizes |= {oiio_pictures.read_header(path, path.name).size} if path.suffix.lower() == ".exr" else set()
        except (InputError, OSError):
            continue
    return "The EXR pictures have data windows of different sizes." if len(sizes) > 1 else ""


def read_alpha(path: Path) -> Matte | None:
    """Returns the straight alpha (H, W) float32 in [0, 1] of a picture file; None when it has none.

    Raises:
        FrameReadError: missing or damaged.
    """
    if oiio_pictures.is_ours(path):
        found: Matte | None = _by_oiio(oiio_pictures.read_light, path)[1]
        return found
    data = _bytes_of(path)
    if not may_have_alpha(data):
        return None
    picture = _decoded(path, data, cv2.IMREAD_UNCHANGED)
    if picture.ndim != 3 or picture.shape[2] != 4:
        return None
    most = np.iinfo(picture.dtype).max if picture.dtype.kind == "u" else 1
    return np.asarray(np.clip(picture[..., 3] / np.float32(most), 0, 1), np.float32)


def _bytes_of(path: Path) -> bytes:
    try:
        data = atomic.read_regular(path, most_bytes(None))
    except OSError as error:
        raise _unreadable(path, error) from error
    if not data:
        raise DamagedPicture(f"The picture {path} is an empty file.", "Copy or render it again.")
    return data


def _by_oiio(read: Any, path: Path) -> Any:
    try:
        return read(path, f"The picture {path}")
    except OSError as error:
        raise _unreadable(path, error) from error
    except InputError as error:
        raise DamagedPicture(error.text, error.hint) from error


def _unreadable(path: Path, error: OSError) -> FrameReadError:
    return FrameReadError(
        f"The picture {path} cannot be read ({error.strerror or error}).", "Check the path and its permissions."
    )


def _in_8_bits(picture: NDArray[Any]) -> Image:
    """Returns blue, green, red floats, or one channel, as (H, W, 3) uint8 RGB: taken as sRGB, as Blender does."""
    return np.asarray(np.rint(np.clip(_colours(picture), 0, 1) * 255), np.uint8)


def _colours(picture: NDArray[Any]) -> NDArray[np.float32]:
    """Returns blue, green, red (and alpha), or one channel, as (H, W, 3) float32 RGB; non-finite values become 0."""
    planes = picture[..., None] if picture.ndim == 2 else picture
    colours = planes[..., 2::-1] if planes.shape[2] >= 3 else np.repeat(planes[..., :1], 3, axis=2)
    return np.ascontiguousarray(np.nan_to_num(colours), np.float32)


def _decoded(path: Path, data: bytes, flags: int) -> NDArray[Any]:
    try:
        return decode(data, flags, f"The picture {path}")
    except InputError as error:
        raise DamagedPicture(error.text, "Copy or render it again.") from error
