"""Maps preview points to source pixels of a strip and back: pure maths, no Blender.

Preview points (annotations, `View2D.region_to_view`) have their origin in the middle of the frame, x right, y up; their
unit is one pixel of the full render size, with x multiplied by the pixel aspect. Source points are (x, y) in pixels of
the picture, origin top left, y down, pixel centres at .5. Blender applies, in this order: scale and rotation about the
origin, offset, flip of the whole output frame; the crop only hides and moves nothing.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from ..core.errors import StripError

Point = tuple[float, float]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class PictureMap:
    """Where a strip's picture lies in the preview.

    Attributes:
        render_size: (width, height) of the scene's render at 100 %.
        source_size: (width, height) of the strip's picture.
        offset, scale, rotation, origin: the strip's transform; pixels, factors, radians, fractions of the picture.
        flip: the strip is mirrored (in x, in y).
        crop: source pixels hidden at the left, right, bottom and top.
        pixel_aspect: the scene's pixel aspect x / y.
        percentage: the scene's render percentage / 100.
        unscaled_origin: Blender before 5.2, which does not scale an off-centre origin with the percentage.

    Raises:
        StripError: a size or a scale is 0, so preview points cannot be mapped back.
    """

    render_size: tuple[int, int]
    source_size: tuple[int, int]
    offset: Point = (0.0, 0.0)
    scale: Point = (1.0, 1.0)
    rotation: float = 0.0
    origin: Point = (0.5, 0.5)
    flip: tuple[bool, bool] = (False, False)
    crop: tuple[int, int, int, int] = (0, 0, 0, 0)
    pixel_aspect: float = 1.0
    percentage: float = 1.0
    unscaled_origin: bool = False
    _pivot: Point = field(init=False)
    _shift: Point = field(init=False)

    def __post_init__(self) -> None:
        if min(self.source_size) <= 0:
            raise StripError("The size of the strip's picture is unknown.", "Check that the strip's file can be read.")
        if min(self.scale) <= 0:
            raise StripError("The strip is scaled to nothing.", "Give it a scale greater than 0.")
        pivot = tuple(size * (at - 0.5) for size, at in zip(self.source_size, self.origin, strict=True))
        shift = tuple(
            # Blender centres the picture with an integer division in pixels of the scaled output.
            (math.trunc((out - size) / 2) - (out - size) / 2) / self.percentage
            + (at * (1 / self.percentage - 1) if self.unscaled_origin else 0.0)
            for out, size, at in zip(self._output_size(), self.source_size, pivot, strict=True)
        )
        object.__setattr__(self, "_pivot", pivot)
        object.__setattr__(self, "_shift", (shift[0] + self.offset[0], shift[1] + self.offset[1]))

    def _output_size(self) -> tuple[int, int]:
        width, height = self.render_size
        return int(width * self.percentage + 1e-6), int(height * self.percentage + 1e-6)

    @property
    def units_per_pixel(self) -> float:
        """Preview units per source pixel; the geometric mean of both directions."""
        return math.sqrt(self.scale[0] * self.scale[1] * self.pixel_aspect)

    def to_preview(self, point: Point) -> Point:
        """Maps a source point to the preview."""
        (width, height), (px, py) = self.source_size, self._pivot
        x = (point[0] - width / 2 - px) * self.scale[0]
        y = (height / 2 - point[1] - py) * self.scale[1]
        cos, sin = math.cos(self.rotation), math.sin(self.rotation)
        x, y = cos * x - sin * y + px + self._shift[0], sin * x + cos * y + py + self._shift[1]
        x, y = (-x if self.flip[0] else x), (-y if self.flip[1] else y)
        return x * self.pixel_aspect, y

    def to_source(self, point: Point) -> Point:
        """Maps a preview point to the source; it may lie outside the picture."""
        (width, height), (px, py) = self.source_size, self._pivot
        x, y = point[0] / self.pixel_aspect, point[1]
        x, y = (-x if self.flip[0] else x), (-y if self.flip[1] else y)
        x, y = x - px - self._shift[0], y - py - self._shift[1]
        cos, sin = math.cos(self.rotation), math.sin(self.rotation)
        x, y = (cos * x + sin * y) / self.scale[0] + px, (cos * y - sin * x) / self.scale[1] + py
        return x + width / 2, height / 2 - y

    def shows(self, point: Point, margin: float = 0.0) -> bool:
        """Returns whether a source point is in the uncropped part of the picture, or within `margin` of it."""
        left, right, bottom, top = self.crop
        width, height = self.source_size
        inside_x = left - margin <= point[0] < width - right + margin
        return inside_x and top - margin <= point[1] < height - bottom + margin

    def size_in_preview(self) -> tuple[float, float]:
        """Returns (width, height) of the upright box around the shown picture, in preview units."""
        width, height = self.source_size
        corners = [self.to_preview(p) for p in ((0, 0), (width, 0), (width, height), (0, height))]
        xs, ys = [x for x, _ in corners], [y for _, y in corners]
        return max(xs) - min(xs), max(ys) - min(ys)


def source_radius(thickness: float, zoom: float, units_per_pixel: float) -> float:
    """Returns a stroke's radius in source pixels.

    Args:
        thickness: of the annotation layer, in screen pixels; it does not change with the zoom.
        zoom: screen pixels per preview unit.
        units_per_pixel: `PictureMap.units_per_pixel`.
    """
    return thickness / 2 / zoom / units_per_pixel


def picture_zoom(picture: PictureMap, zoom: float, view_size: tuple[float, float]) -> float:
    """Returns how far the artist has zoomed in: 1 = the whole picture is in view, 2 = half its width or height.

    Args:
        picture: how the picture lies in the preview.
        zoom: screen pixels per preview unit.
        view_size: (width, height) of the preview region in screen pixels; zeros = there is none, which counts as 1.
    """
    if min(view_size) <= 0:
        return 1.0
    width, height = picture.size_in_preview()
    return max(1.0, width * zoom / view_size[0], height * zoom / view_size[1])
