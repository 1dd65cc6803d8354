"""Finds the part of a large mask to read in full: what is in view, if the mask's small copy would look coarse there.

Pure maths, no Blender.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from .picture_map import PictureMap, Point

SMALL = "small"
"""Folder of the small copies, next to the masks; the engine's `core/images/preview.py` writes them."""
_COARSE = 1.5
"""Most screen pixels that one pixel of a small copy may cover."""
_MOST = 2_100_000
"""Most pixels of a part: more would take the graphics card too long."""
_GRID = 256
"""Parts begin and end on multiples of this, so that not every pan of the view needs a new one."""


_FAINT = 12
"""Mask value, of 255, up to which a tint is invisible."""
_RIM = 2
"""Pixels around a mask that its soft edge may reach."""

Box = tuple[float, float, float, float]
"""Left, top, right and bottom, as fractions of a picture's width and height."""
EVERYTHING: Box = (0.0, 0.0, 1.0, 1.0)


class MaskPart(NamedTuple):
    """A rectangle [x0, x1) by [y0, y1) of source pixels, using every `step`-th row and column."""

    x0: int
    y0: int
    x1: int
    y1: int
    step: int = 1

    def share(self, point: Point) -> Point:
        """Maps a source point to a texture of the part's pixels, in fractions of its width and height."""
        wide, high = -(-(self.x1 - self.x0) // self.step), -(-(self.y1 - self.y0) // self.step)
        # Pixel centres are at .5, in the picture as in the texture.
        return (
            ((point[0] - self.x0 - 0.5) / self.step + 0.5) / wide,
            ((point[1] - self.y0 - 0.5) / self.step + 0.5) / high,
        )


def small_copy(mask: Path) -> Path:
    """Returns the path of a mask's small copy, which may not exist."""
    return mask.parent / SMALL / mask.name


def whole(picture: PictureMap) -> MaskPart:
    """Returns the part that is the whole picture."""
    width, height = picture.source_size
    return MaskPart(0, 0, width, height)


def used(grey: Any) -> Box | None:
    """Returns the box in which a mask (H, W) uint8 is more than faint; None = nowhere.

    Most objects cover a small part of their picture, and the rest need not be painted.
    """
    seen = grey > _FAINT
    found = []
    for axis in (0, 1):
        (at,) = seen.any(axis=axis).nonzero()
        if not len(at):
            return None
        size = seen.shape[1 - axis]
        found.append((max(0.0, (at[0] - _RIM) / size), min(1.0, (at[-1] + 1 + _RIM) / size)))
    (left, right), (top, bottom) = found
    return float(left), float(top), float(right), float(bottom)


def part_in_view(picture: PictureMap, view: Sequence[Point], zoom: float, small_width: int) -> MaskPart | None:
    """Returns the part to read in full; None if the small copy is enough.

    Args:
        picture: how the picture lies in the preview.
        view: corners of what is in view, in preview points.
        zoom: screen pixels per preview unit.
        small_width: width of the mask's small copy.
    """
    width, height = picture.source_size
    on_screen = zoom * picture.units_per_pixel
    if on_screen * width / small_width <= _COARSE:
        return None
    seen = [picture.to_source(point) for point in view]
    xs, ys = [x for x, _ in seen], [y for _, y in seen]
    x0, x1 = _outwards(min(xs), max(xs), width)
    y0, y1 = _outwards(min(ys), max(ys), height)
    if x0 >= x1 or y0 >= y1:
        return None
    step = math.ceil(math.sqrt((x1 - x0) * (y1 - y0) / _MOST))
    return MaskPart(x0, y0, x1, y1, step) if width / step > small_width else None


def _outwards(low: float, high: float, size: int) -> tuple[int, int]:
    return (
        max(0, math.floor(low / _GRID) * _GRID),
        min(size, math.ceil(high / _GRID) * _GRID),
    )
