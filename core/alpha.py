"""A movie's frames with their alpha channel: for mattes that others made, and to read back what was written."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import av
import numpy as np

from .movie import Movie, colour_matrix

if TYPE_CHECKING:
    from numpy.typing import NDArray

ONE_THREAD: dict[str, Any] = {"threads": 1} if "threads" in (av.VideoFrame.reformat.__doc__ or "") else {}
"""For `reformat`: with several threads, the default where it can have them, FFmpeg's scaler gives some eight pixels at
the seam of two threads wrong values now and then, in alpha and colour (seen with PyAV 18.1: every third 480p frame from
RGBA to yuva444p10). RGB without alpha is not touched by that."""


class MovieWithAlpha(Movie):
    """As `Movie`, but its frames are (H, W, 4) uint8: RGB and straight alpha, 255 where the movie has none.

    Attributes:
        has_alpha: whether it has; known when a frame was read.
    """

    has_alpha = False

    def _converted(self, decoded: Any) -> NDArray[np.uint8]:
        alpha = next((component for component in decoded.format.components if component.is_alpha), None)
        self.has_alpha = alpha is not None
        if decoded.format.is_rgb:
            return np.asarray(decoded.to_ndarray(format="rgba", **ONE_THREAD), np.uint8)
        matrix = colour_matrix(decoded)
        if alpha is not None and _shares_plane(decoded, alpha):
            return np.asarray(decoded.to_ndarray(format="rgba", src_colorspace=matrix, **ONE_THREAD), np.uint8)
        # Not straight to RGBA: from 4:2:0 and 4:2:2 FFmpeg's scaler leaves out the last two or four columns where the
        # width is that much more than a multiple of 32 (seen with PyAV 18.1, libswscale 9.5); RGB alone is right.
        picture = np.empty((decoded.height, decoded.width, 4), np.uint8)
        picture[..., :3] = decoded.to_ndarray(format="rgb24", src_colorspace=matrix, **ONE_THREAD)
        picture[..., 3] = 255 if alpha is None else _plane(decoded, alpha)
        return picture


def _shares_plane(decoded: Any, component: Any) -> bool:
    return any(other.plane == component.plane and not other.is_alpha for other in decoded.format.components)


def _plane(decoded: Any, component: Any) -> NDArray[np.uint8]:
    """The values (H, W) uint8 of a component that has a plane of its own and the picture's size."""
    plane = decoded.planes[component.plane]
    wide = component.bits > 8
    values = np.frombuffer(plane, (">u2" if decoded.format.is_big_endian else "<u2") if wide else np.uint8)
    values = values.reshape(-1, plane.line_size // (1 + wide))[: decoded.height, : decoded.width]
    if component.bits == 8:
        return values
    most = 2**component.bits - 1
    return np.asarray((values.astype(np.uint32) * 255 + most // 2) // most, np.uint8)
