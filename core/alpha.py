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
        self.has_alpha = any(component.is_alpha for component in decoded.format.components)
        if decoded.format.is_rgb:
            return np.asarray(decoded.to_ndarray(format="rgba", **ONE_THREAD), np.uint8)
        matrix = colour_matrix(decoded)
        return np.asarray(decoded.to_ndarray(format="rgba", src_colorspace=matrix, **ONE_THREAD), np.uint8)
