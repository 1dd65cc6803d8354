"""Reads masks by their numbers: grey pictures, and palette PNGs, whose colours mean nothing."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from ..core.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

_PNG, _COLOUR_TYPE, _PALETTE = b"\x89PNG\r\n\x1a\n", 25, 3


def read_labels(path: Path) -> NDArray[np.uint8]:
    """Returns the numbers (H, W) uint8 of a mask: grey values, or the palette's indices of a palette PNG.

    Raises:
        InputError: missing, damaged or not a picture.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"The mask {path} cannot be read ({error.strerror}).", "Check the file.") from error
    if data.startswith(_PNG) and len(data) > _COLOUR_TYPE and data[_COLOUR_TYPE] == _PALETTE:
        labels = _indices(data)
    else:
        flags = cv2.IMREAD_GRAYSCALE | cv2.IMREAD_IGNORE_ORIENTATION
        grey = cv2.imdecode(np.frombuffer(data, np.uint8), flags) if data else None
        labels = None if grey is None else np.asarray(grey, np.uint8)
    if labels is None:
        raise InputError(f"The mask {path} is not a picture.", "Make it again.")
    return labels


def _indices(data: bytes) -> NDArray[np.uint8] | None:
    """Returns the indices of a palette PNG, which OpenCV turns into colours; None when it is damaged."""
    import av

    try:
        with av.open(BytesIO(data), format="png_pipe") as container:
            frame = next(container.decode(video=0))
    except (av.FFmpegError, StopIteration):
        return None
    plane = frame.planes[0]
    rows = np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)
    return rows[: frame.height, : frame.width].copy()
