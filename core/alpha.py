"""A movie's frames with their alpha channel: for mattes that others made, and to read back what was written."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .movie import Movie, colour_matrix

if TYPE_CHECKING:
    from numpy.typing import NDArray


class MovieWithAlpha(Movie):
    """As `Movie`, but its frames are (H, W, 4) uint8: RGB and straight alpha, 255 where the movie has none.

    Attributes:
        has_alpha: whether it has; known when a frame was read.
    """

    has_alpha = False

    def _converted(self, decoded: Any) -> NDArray[np.uint8]:
        self.has_alpha = any(component.is_alpha for component in decoded.format.components)
        if decoded.format.is_rgb:
            return np.asarray(decoded.to_ndarray(format="rgba"), np.uint8)
        return np.asarray(decoded.to_ndarray(format="rgba", src_colorspace=colour_matrix(decoded)), np.uint8)
