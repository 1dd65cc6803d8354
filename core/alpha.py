"""A movie's frames with their alpha channel: for mattes that others made, and to read back what was written."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .movie import Movie, colour_matrix
from .planes import ONE_THREAD as ONE_THREAD
from .planes import has_alpha, own_alpha

if TYPE_CHECKING:
    from numpy.typing import NDArray


class MovieWithAlpha(Movie):
    """As `Movie`, but its frames are (H, W, 4) uint8: RGB and straight alpha, 255 where the movie has none.

    Attributes:
        has_alpha: whether it has; known when a frame was read.
    """

    has_alpha = False

    def _converted(self, decoded: Any) -> NDArray[np.uint8]:
        self.has_alpha = has_alpha(decoded.format)
        if decoded.format.is_rgb:
            return np.asarray(decoded.to_ndarray(format="rgba", **ONE_THREAD), np.uint8)
        matrix, plane = colour_matrix(decoded), own_alpha(decoded)
        if self.has_alpha and plane is None:
            return np.asarray(decoded.to_ndarray(format="rgba", src_colorspace=matrix, **ONE_THREAD), np.uint8)
        # Not straight to RGBA: from 4:2:0 and 4:2:2 FFmpeg's scaler leaves out the last two or four columns where the
        # width is that much more than a multiple of 32 (seen with PyAV 18.1, libswscale 9.5); RGB alone is right.
        picture = np.empty((decoded.height, decoded.width, 4), np.uint8)
        picture[..., :3] = decoded.to_ndarray(format="rgb24", src_colorspace=matrix, **ONE_THREAD)
        picture[..., 3] = 255 if plane is None else plane
        return picture
