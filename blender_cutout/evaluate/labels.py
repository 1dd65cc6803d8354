"""Reads masks as numbers: grey pictures, and palette PNGs, whose colours are irrelevant."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from ..core.atomic import read_regular
from ..core.errors import InputError
from ..core.images.picture_files import PNG, decode, header_size, most_bytes

if TYPE_CHECKING:
    from numpy.typing import NDArray

_COLOUR_TYPE, _PALETTE = 25, 3


def read_labels(path: Path) -> NDArray[np.uint8]:
    """Returns the numbers (H, W) uint8 of a mask: its grey values, or the indices of a palette PNG.

    Raises:
        InputError: missing, damaged or not a picture.
    """
    what = f"The mask {path}"
    try:
        data = read_regular(path, most_bytes(None))
    except OSError as error:
        raise InputError(f"{what} cannot be read ({error.strerror or error}).", "Check the file.") from error
    if not (data.startswith(PNG) and len(data) > _COLOUR_TYPE and data[_COLOUR_TYPE] == _PALETTE):
        return np.asarray(decode(data, cv2.IMREAD_GRAYSCALE, what), np.uint8)
    size = header_size(data)
    labels = _indices(data) if size is not None else None
    if labels is None or labels.shape != size:
        raise InputError(f"{what} is damaged.", "Make it again.")
    return labels


def _indices(data: bytes) -> NDArray[np.uint8] | None:
    """Returns the indices of a palette PNG, which OpenCV would turn into colours; None if it is damaged."""
    import av

    try:
        with av.open(BytesIO(data), format="png_pipe") as container:
            frame = next(container.decode(video=0))
    except (av.FFmpegError, StopIteration):
        return None
    if frame.format.name != "pal8":
        return None
    plane = frame.planes[0]
    rows = np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)
    return rows[: frame.height, : frame.width].copy()
