"""The crop in which propagation looks for the object: it follows the mask of the frame before."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from ..images.crop import Crop, box_within, centre, fitted, mask_box, whole_picture

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..types import Box


MOVES = 3
"""How often at most the crop is moved for one frame: of an object that jumps, a first move may show only a part."""


def follow_crop(
    mattes: NDArray[Any],
    size_hw: tuple[int, int],
    working_px: int,
    factor: float = 2.0,
    last: Crop | None = None,
    least: float = 0.0,
) -> Crop:
    """Returns the crop in which propagation looks for the object in the next frame.

    A square of `factor` times the longer side of the objects' box, moved into the picture where it fits and cut off at
    the picture's edge where it does not; the whole picture when no object is left. The last crop is kept while it still
    has the right size and the object is well inside, so that small motions do not shake the network's view.

    Args:
        mattes: (H, W) or (N, H, W) of the frame before.
        size_hw: of the picture.
        working_px: side of the square that the network sees.
        factor: side of the square over longer side of the objects' box.
        last: crop of the frame before.
        least: side, in pixels, that the objects' box is taken to have at least: only a part of them may show.
    """
    box = mask_box(mattes)
    if box is None:
        return whole_picture(size_hw, working_px)
    side = max(factor * max(box.width, box.height, least), working_px / 4, 32.0)
    new = box_within(centre(box), side, side, size_hw)
    if last is not None and 0.8 <= math.sqrt(new.area / max(1, last.box.area)) <= 1.25:
        margin = 0.15 * (factor - 1.0) * side
        if _holds(last.box, box, margin, size_hw):
            return last
    return fitted(new, working_px)


def _holds(outer: Box, inner: Box, margin: float, size_hw: tuple[int, int]) -> bool:
    """Returns whether `inner` lies in `outer` with a margin on every side that is not the picture's edge."""
    return (
        (outer.x0 == 0 or inner.x0 - outer.x0 >= margin)
        and (outer.y0 == 0 or inner.y0 - outer.y0 >= margin)
        and (outer.x1 == size_hw[1] or outer.x1 - inner.x1 >= margin)
        and (outer.y1 == size_hw[0] or outer.y1 - inner.y1 >= margin)
    )
