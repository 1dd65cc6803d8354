"""The crop: an invertible change of coordinates between the picture and what a network sees.

Points keep pixel centres at .5, so a point scales without any half-pixel term. Imports numpy and OpenCV only.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from ..types import Box, Label, Stroke
from .matte import from_grey, is_inside
from .resize import WIDE, resize

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..types import Matte
    from .matte import Grey

STRIDE = 16
"""Sizes for the networks are multiples of this, so that nothing is padded and feature maps align with pixels."""

EXPAND_STEPS = ((0.002, 5.0), (0.01, 3.0), (0.05, 2.0), (0.2, 1.5), (1.0, 1.2))
"""(largest share of the picture covered by the strokes' rectangle) -> expand ratio of both its sides."""

MIN_SIDE_SHARE = 0.4
"""A correction's crop is never narrower than this share of the picture's geometric mean side, at zoom 1.

Smaller and larger floors scored worse, and so did the object's own box or the whole picture as the crop.
"""

REFUSED_PARTS = 1.2
"""Growth of a part's box: a removing stroke refers to the whole part of the mask under it, so the crop holds that part.

Without this a large wrong part is removed only within the crop, and ends in a straight edge.
"""

OVERVIEW = 480
"""Least shorter side, in pixels, at which a picture is looked over, always at 1/n of its size."""

CLOSE_ZOOM = 2.0
"""Zoom from which the artist is working on a detail, and the crop stays with it."""

SECOND_LOOK = 1.4
"""Growth of the box in which the first result is refined by a second look (RITM's zoom-in ratio).

The second look improves masks with and without strokes, most when given the first mask and a tight box.
"""

AROUND = 1.5
"""How much wider than a box drawn around an object the crop is in which it is looked for."""

SECOND_LOOK_SHARE = 0.7
"""Share of the picture above which a box gets no second look, as it would show nothing new."""


@dataclass(frozen=True, slots=True)
class Crop:
    """A rectangle of the picture, and the size (height, width) at which a network sees it.

    The box may extend beyond the picture; pixels there are filled in (`to_crop`) or dropped (`from_crop`).
    """

    box: Box
    size: tuple[int, int]

    @property
    def scale(self) -> float:
        """Returns network pixels per source pixel (geometric mean of both axes)."""
        return math.sqrt(self.size[0] * self.size[1] / max(1, self.box.area))

    def within(self, other: Crop) -> tuple[float, float, float, float]:
        """Returns this crop's box (x0, y0, x1, y1) where 0 and 1 are the sides of the other crop's box."""
        mine, box = self.box, other.box
        x0, x1 = ((x - box.x0) / box.width for x in (mine.x0, mine.x1))
        y0, y1 = ((y - box.y0) / box.height for y in (mine.y0, mine.y1))
        return x0, y0, x1, y1

    def to_crop(self, array: NDArray[Any], *, fill: float | None = None, grey: bool = False) -> NDArray[Any]:
        """Returns the box cut out of `array` and resized to `size`.

        Args:
            array: (H, W) or (H, W, 3) uint8 or float32, or a stack of mattes (N, H, W) float32.
            fill: value beyond the picture; None mirrors the picture at its edge.
            grey: convert a matte (H, W) in 255ths to float32 in [0, 1].

        Returns:
            The same dtype and kind of array, with `size` for (H, W).
        """
        if is_stack(array):
            return np.stack([self.to_crop(one, fill=fill) for one in array])
        height, width = array.shape[:2]
        box = self.box
        inner = intersection(box, height, width)
        if inner is None:
            value = 0 if fill is None else fill
            return np.full((*self.size, *array.shape[2:]), value, np.float32 if grey else array.dtype)
        cut = array[inner.y0 : inner.y1, inner.x0 : inner.x1]
        if grey and cut.dtype == np.uint8:
            cut = from_grey(cut)
        if inner != box:
            edges = (inner.y0 - box.y0, box.y1 - inner.y1, inner.x0 - box.x0, box.x1 - inner.x1)
            if fill is None:
                cut = cv2.copyMakeBorder(cut, *edges, cv2.BORDER_REFLECT)
            else:
                cut = cv2.copyMakeBorder(cut, *edges, cv2.BORDER_CONSTANT, value=[fill] * 4)
        return resize(cut, self.size)

    def from_crop(self, array: NDArray[Any], full_size: tuple[int, int], *, fill: float = 0.0) -> NDArray[Any]:
        """Returns `array`, in crop space, placed back into a picture of `full_size` (height, width).

        Args:
            array: (h, w) or (N, h, w) float32, of `size`.
            full_size: height and width of the picture.
            fill: value outside the box.
        """
        shape = (*array.shape[:-2], *full_size)
        out = np.full(shape, fill, np.float32) if fill else np.zeros(shape, np.float32)  # zeros are not even written
        inner = intersection(self.box, *full_size)
        if inner is not None:
            for whole, one in zip(out, array, strict=True) if array.ndim == 3 else [(out, array)]:
                whole[inner.y0 : inner.y1, inner.x0 : inner.x1] = self.inside(one, inner)
        return out

    def inside(self, array: NDArray[Any], inner: Box) -> NDArray[Any]:
        """Returns the part of `from_crop` in `inner`, a part of the box within the picture, and computes only that."""
        whole = resize(array.astype(np.float32, copy=False), (self.box.height, self.box.width))
        np.clip(whole, array.min(), array.max(), out=whole)  # weights of a mean may add up to 1.0000001
        dy, dx = inner.y0 - self.box.y0, inner.x0 - self.box.x0
        return whole[dy : dy + inner.height, dx : dx + inner.width]

    def points_to_crop(self, points: Sequence[Sequence[float]] | NDArray[Any]) -> NDArray[np.float64]:
        """Converts points (N, 2) in source pixels to (N, 2) float64 in crop pixels."""
        xy = np.asarray(points, np.float64).reshape(-1, 2)
        scale = (self.size[1] / self.box.width, self.size[0] / self.box.height)
        return (xy - (self.box.x0, self.box.y0)) * scale


def is_stack(array: NDArray[Any]) -> bool:
    """Returns whether `array` is a stack of mattes (N, H, W), not one matte (H, W) or a picture (H, W, 3) of uint8."""
    return array.ndim == 3 and array.dtype != np.uint8


def whole_picture(size_hw: tuple[int, int], working_px: int) -> Crop:
    """Returns the crop that sees all of a picture of `size_hw`, with about working_px squared pixels and its aspect."""
    return fitted(Box(0, 0, size_hw[1], size_hw[0]), working_px)


def fitted(box: Box, working_px: int) -> Crop:
    """Returns the crop of `box` with about working_px squared pixels, its aspect, and sides multiples of the stride."""
    aspect = math.sqrt(box.width / max(1, box.height))
    return Crop(box, (_multiple(working_px / aspect), _multiple(working_px * aspect)))


def mask_box(matte: NDArray[Any], threshold: float = 0.5) -> Box | None:
    """Returns the smallest box around all pixels above `threshold` of (H, W) or (N, H, W); None when there are none."""
    hits = matte > threshold
    if hits.ndim == 3:
        hits = np.logical_or.reduce(hits, axis=0)
    x, y, width, height = cv2.boundingRect(hits.view(np.uint8))
    return Box(x, y, x + width, y + height) if width else None


def centre(box: Box) -> tuple[float, float]:
    """Returns the middle (x, y) of a box."""
    return (box.x0 + box.x1) / 2, (box.y0 + box.y1) / 2


def box_within(middle: tuple[float, float], wide: float, tall: float, size_hw: tuple[int, int]) -> Box:
    """Returns a box of about wide x tall pixels around a point (x, y), moved into the picture and cut off to fit."""
    spans = []
    for at, side, limit in ((middle[0], wide, size_hw[1]), (middle[1], tall, size_hw[0])):
        length = min(limit, max(1, round(side)))
        length -= length % 4 if length >= WIDE else 0  # so that it can be halved twice
        start = min(max(0, round(at - length / 2)), limit - length)
        spans.append((start, start + length))
    (x0, x1), (y0, y1) = spans
    return Box(x0, y0, x1, y1)


def intersection(box: Box, height: int, width: int) -> Box | None:
    """Returns the part of the box that lies in a picture of that size; None = no part."""
    cut = Box(max(0, box.x0), max(0, box.y0), min(width, box.x1), min(height, box.y1))
    return cut if cut.width > 0 and cut.height > 0 else None


def choose_crop(
    strokes: Sequence[Stroke],
    size_hw: tuple[int, int],
    previous: Matte | Grey | None,
    zoom: float,
    working_px: int,
) -> Crop:
    """Returns the adaptive local crop of a round: the strokes' rectangle, both sides grown by an expand ratio.

    The ratio falls in steps as the strokes cover more of the picture and as the artist's zoom grows. The published
    steps could not be read, so steps, floor and the treatment of a first round are our own. A first round (no previous
    mask) must see the whole object, known only by a stroke: it gets what the artist has in view. A removing stroke
    brings the whole part of the mask under it into the crop, unless the artist works close up.

    Args:
        strokes: of this round only, at least one inside the picture.
        size_hw: of the picture.
        previous: matte (H, W), float32 or in 255ths, before the round; None or empty = first round.
        zoom: magnification when drawn, 1 = the whole picture in view; smaller counts as 1.
        working_px: side, in pixels, of the square the network works on, roughly.
    """
    height, width = size_hw
    tight = _strokes_box(strokes, size_hw)
    zoom = max(1.0, zoom)
    share = tight.area / (height * width)
    if previous is None or not is_inside(previous.max()):
        if zoom <= 1.0:
            return whole_picture(size_hw, working_px)
        sides = (width / zoom, height / zoom)
        ratio = 1.5
    else:
        floor = MIN_SIDE_SHARE * math.sqrt(height * width) / zoom
        sides = (floor, floor)
        ratio = next(step for limit, step in EXPAND_STEPS if share <= limit or limit == 1.0)
        ratio = max(1.1, ratio / math.sqrt(zoom))
    wide, tall = max(tight.width * ratio, sides[0]), max(tight.height * ratio, sides[1])
    wide, tall = max(wide, tall / 2), max(tall, wide / 2)
    box = box_within(centre(tight), wide, tall, size_hw)
    if previous is not None and zoom < CLOSE_ZOOM:
        box = _with_refused_parts(box, strokes, previous)
    return fitted(box, working_px)


def overview(size_hw: tuple[int, int]) -> tuple[int, tuple[int, int]]:
    """Returns how coarsely to look over a picture to choose a crop: n, and its size (height, width) at 1/n, rounded up.

    Only a box is looked for there, so choosing takes no longer in a 4K picture than in a small one.
    """
    n = max(1, min(size_hw) // OVERVIEW)
    return n, (-(-size_hw[0] // n), -(-size_hw[1] // n))


def closer_crops(
    matte: Matte, size_hw: tuple[int, int], working_px: int, strokes: Sequence[Stroke] = ()
) -> tuple[Crop, Crop] | None:
    """Returns the crop for a second look at what was found in the whole picture: its box and the strokes', grown.

    Args:
        matte: the result, at the size of the picture's `overview`.
        size_hw: of the picture.
        working_px: side, in pixels, of the square the network works on, roughly.
        strokes: strokes that must be inside.

    Returns:
        The crop of the picture, and the same crop of `matte`; None when nothing was found, or so much that a second
        look would show nothing new.
    """
    n, small = overview(size_hw)
    box = mask_box(matte)
    if box is None:
        return None
    if strokes:
        drawn = _strokes_box(strokes, size_hw)
        x1, y1 = -(-drawn.x1 // n), -(-drawn.y1 // n)
        box = Box(min(box.x0, drawn.x0 // n), min(box.y0, drawn.y0 // n), max(box.x1, x1), max(box.y1, y1))
    wide, tall = SECOND_LOOK * box.width, SECOND_LOOK * box.height
    grown = box_within(centre(box), max(wide, tall / 2), max(tall, wide / 2), small)
    if grown.area > SECOND_LOOK_SHARE * small[0] * small[1]:
        return None
    of_matte = fitted(grown, working_px)
    whole = Box(n * grown.x0, n * grown.y0, min(size_hw[1], n * grown.x1), min(size_hw[0], n * grown.y1))
    return Crop(whole, of_matte.size), of_matte


def around_box(box: Box, size_hw: tuple[int, int], working_px: int) -> Crop:
    """Returns the crop in which a network sees the object in a box, with something around it."""
    wide, tall = AROUND * box.width, AROUND * box.height
    return fitted(box_within(centre(box), max(wide, tall / 2), max(tall, wide / 2), size_hw), working_px)


def _with_refused_parts(box: Box, strokes: Sequence[Stroke], previous: Matte | Grey) -> Box:
    """Returns the box grown to hold the connected parts of the mask (H, W) under the points of removing strokes."""
    height, width = previous.shape
    points = [
        p for s in strokes if s.label is Label.REMOVE for p in s.points if 0 <= p[0] < width and 0 <= p[1] < height
    ]
    if not points:
        return box
    n, _ = overview((height, width))
    _, parts, stats, _ = cv2.connectedComponentsWithStats(is_inside(previous[::n, ::n]).astype(np.uint8))
    for part in {int(parts[int(y) // n, int(x) // n]) for x, y in points} - {0}:
        x, y, wide, tall = (n * int(v) for v in stats[part][:4])
        dx, dy = round(wide * (REFUSED_PARTS - 1) / 2), round(tall * (REFUSED_PARTS - 1) / 2)
        box = Box(
            max(0, min(box.x0, x - dx)),
            max(0, min(box.y0, y - dy)),
            min(width, max(box.x1, x + wide + dx)),
            min(height, max(box.y1, y + tall + dy)),
        )
    return box


def _strokes_box(strokes: Sequence[Stroke], size_hw: tuple[int, int]) -> Box:
    xy = np.concatenate([np.asarray(s.points, np.float64) for s in strokes])
    radii = np.concatenate([np.full(len(s.points), s.radius) for s in strokes])[:, None]
    low, high = (xy - radii).min(axis=0), (xy + radii).max(axis=0)
    limit = (size_hw[1], size_hw[0])
    x0, y0 = np.clip(np.floor(low), 0, np.subtract(limit, 1)).astype(int).tolist()
    x1, y1 = np.clip(np.ceil(high), 1, limit).astype(int).tolist()
    return Box(x0, y0, max(x1, x0 + 1), max(y1, y0 + 1))


def _multiple(value: float) -> int:
    return max(2, round(value / STRIDE)) * STRIDE
