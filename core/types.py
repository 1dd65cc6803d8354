"""The values that the engine and the add-on exchange: frozen, small, never the arrays of a whole clip.

Imported in Blender's process too, where numpy may be missing, so numpy is imported only inside functions here.

Conventions: frames are counted from 0 in the clip; points are (x, y) in source pixels, origin top-left, y down, pixel
centres at .5; sizes are (height, width); images are (H, W, 3) uint8 RGB; mattes are (H, W) float32 in [0, 1].
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

from .errors import InputError, StrokeError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Image = NDArray[np.uint8]
    Matte = NDArray[np.float32]
    Mattes = NDArray[np.float32]
    Map = NDArray[np.float32]

PICTURE_SUFFIXES = frozenset(
    {".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff", ".bmp", ".exr", ".dpx", ".tga", ".hdr"}
)
"""Extensions of the picture files that the engine reads."""
MOST_POINTS = 100_000
"""Most points in a stroke, and in all strokes of a round: a pen delivers some hundreds a second."""


WIDEST = 10_000
"""Largest radius and feather of a painted shape, in source pixels."""


class Label(str, Enum):
    """Whether a stroke keeps or removes the pixels under it."""

    KEEP = "keep"
    REMOVE = "remove"


@dataclass(frozen=True, slots=True, init=False)
class Stroke:
    """One stroke of the artist; a single point is a click.

    Attributes:
        points: (x, y) in source pixels; any sequence of pairs or an (N, 2) array, kept as a tuple of float pairs.
        radius: half the stroke's width, in source pixels, greater than 0.
        label: keep or remove.

    Raises:
        StrokeError: no points or more than `MOST_POINTS`, a point that is not a finite pair, or a radius not above 0.
    """

    points: tuple[tuple[float, float], ...]
    radius: float
    label: Label

    def __init__(self, points: Iterable[Sequence[float]], radius: float, label: Label | str) -> None:
        pairs, kind, size = _drawn("stroke", points, radius, label)
        if not size > 0:
            raise StrokeError(
                f"A stroke's radius is {radius}, but must be greater than 0.", "Set a brush radius in pixels."
            )
        object.__setattr__(self, "points", pairs)
        object.__setattr__(self, "radius", size)
        object.__setattr__(self, "label", kind)

    def to_json(self) -> dict[str, Any]:
        """Returns the stroke as in STROKES.json: {"label", "radius", "points"}."""
        return {"label": self.label.value, "radius": self.radius, "points": [list(p) for p in self.points]}

    @classmethod
    def from_json(cls, record: Any) -> Stroke:
        """Returns the stroke of a STROKES.json record. Raises StrokeError when fields are missing or wrong."""
        try:
            return cls(record["points"], record["radius"], record["label"])
        except (KeyError, TypeError) as error:
            raise StrokeError(
                f"A stroke record is not understood ({str(error)[:200]}).",
                'Each needs "label", "radius" and "points": [[x, y], …].',
            ) from error


@dataclass(frozen=True, slots=True, init=False)
class Paint:
    """A shape that sets the mask's own pixels, without a network: a line, or the area inside an outline.

    Attributes:
        points: (x, y) in source pixels, as in `Stroke`; at least three for an outline.
        radius: half the line's width, in source pixels; 0 = the area inside the outline, which closes by itself.
        label: keep adds the pixels to the mask, remove erases them.
        feather: width in source pixels of the soft rim, half of it outside; 0 = hard.

    Raises:
        StrokeError: the points are wrong as in `Stroke`, or a radius or feather is not in [0, `WIDEST`].
    """

    points: tuple[tuple[float, float], ...]
    radius: float
    label: Label
    feather: float

    def __init__(
        self, points: Iterable[Sequence[float]], radius: float, label: Label | str, feather: float = 0.0
    ) -> None:
        pairs, kind, size = _drawn("painted shape", points, radius, label)
        soft = _drawn("painted shape", ((0, 0),), feather, label)[2]
        if not (0 <= size <= WIDEST and 0 <= soft <= WIDEST):
            raise StrokeError(
                f"A painted shape has radius {radius} and feather {feather}.",
                f"Both must be from 0 to {WIDEST} pixels.",
            )
        if not size and len(pairs) < 3:
            raise StrokeError("A painted outline has fewer than three points.", "Draw around the area.")
        object.__setattr__(self, "points", pairs)
        object.__setattr__(self, "radius", size)
        object.__setattr__(self, "label", kind)
        object.__setattr__(self, "feather", soft)

    def to_json(self) -> dict[str, Any]:
        """Returns the shape as in STROKES.json: {"label", "radius", "feather", "points"}."""
        return {
            "label": self.label.value,
            "radius": self.radius,
            "feather": self.feather,
            "points": [list(p) for p in self.points],
        }

    @classmethod
    def from_json(cls, record: Any) -> Paint:
        """Returns the shape of a STROKES.json record. Raises StrokeError when fields are missing or wrong."""
        try:
            return cls(record["points"], record.get("radius", 0.0), record["label"], record.get("feather", 0.0))
        except (KeyError, TypeError, AttributeError) as error:
            raise StrokeError(
                f"A painted shape is not understood ({str(error)[:200]}).",
                'Each needs "label" and "points": [[x, y], …], a line also "radius".',
            ) from error


def _drawn(
    what: str, points: Iterable[Sequence[float]], radius: float, label: Label | str
) -> tuple[tuple[tuple[float, float], ...], Label, float]:
    """Returns points, label and radius as checked values. Raises StrokeError; the radius is only known to be finite."""
    try:
        pairs = tuple((float(p[0]), float(p[1])) for p in islice(points, MOST_POINTS + 1))
        kind = Label(label)
        size = float(radius)
    except (TypeError, ValueError, IndexError, KeyError, OverflowError) as error:
        raise StrokeError(
            f"A {what} is not understood ({str(error)[:200]}).",
            "Give points as [x, y], a radius and a label keep or remove.",
        ) from error
    if len(pairs) > MOST_POINTS:
        raise StrokeError(
            f"A {what} has more than {MOST_POINTS} points.", "Draw it as several shorter ones, round by round."
        )
    if not pairs:
        raise StrokeError(f"A {what} has no points.", "Draw a stroke or click on the object.")
    if not all(math.isfinite(v) for pair in pairs for v in pair):
        raise StrokeError(f"A {what} has a point that is not a number.", "Draw it again.")
    if not math.isfinite(size):
        raise StrokeError(f"A {what} has the radius {radius}, which is not a number.", "Set a radius in pixels.")
    return pairs, kind, size


class Hypothesis(NamedTuple):
    """One of several ways to walk the same pass; see `core.propagation.hypotheses`.

    Attributes:
        scale: side of what the network sees, relative to the tier's working size.
        mirrored: the network sees the picture flipped left to right.
        doubt: frames of lower confidence are not remembered; 0 = all are.
    """

    scale: float = 1.0
    mirrored: bool = False
    doubt: float = 0.0


@dataclass(frozen=True, slots=True)
class FrameRange:
    """Frames start … stop - 1, half-open like `range`. Raises InputError when empty or negative."""

    start: int
    stop: int

    def __post_init__(self) -> None:
        if self.start < 0 or self.stop <= self.start:
            raise InputError(
                f"The frame range {self.start}:{self.stop} is empty.", "Give the first frame and one past the last."
            )

    def __iter__(self) -> Iterator[int]:
        return iter(range(self.start, self.stop))

    def __len__(self) -> int:
        return self.stop - self.start

    def __contains__(self, frame: object) -> bool:
        return isinstance(frame, int) and self.start <= frame < self.stop


class Box(NamedTuple):
    """A rectangle in source pixels: x0 <= x < x1, y0 <= y < y1; may extend beyond the picture."""

    x0: int
    y0: int
    x1: int
    y1: int

    @property
    def width(self) -> int:
        """Returns the width in pixels."""
        return self.x1 - self.x0

    @property
    def height(self) -> int:
        """Returns the height in pixels."""
        return self.y1 - self.y0

    @property
    def area(self) -> int:
        """Returns the number of pixels inside; 0 when empty."""
        return max(0, self.width) * max(0, self.height)


def box_of(corners: Any) -> Box:
    """Returns the whole pixels that a box from corner (x0, y0) to (x1, y1) touches; the corners in any order.

    Raises:
        StrokeError: it is not four numbers, or it is empty or far outside any picture.
    """
    hint = "Draw a box around the object: two corners, x0, y0, x1, y1."
    try:
        ax, ay, bx, by = (float(v) for v in corners)
        edges = math.floor(min(ax, bx)), math.floor(min(ay, by)), math.ceil(max(ax, bx)), math.ceil(max(ay, by))
    except (TypeError, ValueError, OverflowError) as error:
        raise StrokeError(f"The box {str(corners)[:100]} is not understood.", hint) from error
    if max(map(abs, edges)) >= 2**31 or not Box(*edges).area:
        raise StrokeError("The box around the object is empty.", hint)
    return Box(*edges)


class Clip(NamedTuple):
    """A movie file or a sequence of pictures, described without pixels.

    Attributes:
        path: movie file, or folder of pictures.
        files: for pictures given one by one (a Blender image strip): file names inside `path`, in frame order;
            empty = a movie, or every picture of the folder in name order.
    """

    path: str
    files: tuple[str, ...] = ()


class Direction(str, Enum):
    """Direction of a propagation from its keyframes."""

    FORWARD = "forward"
    BACKWARD = "backward"
    BOTH = "both"


class Form(str, Enum):
    """Form in which a cutout's mattes are written for others to read; an effect takes masks."""

    MASK = "mask"
    CUTOUT = "cutout"
    SPLINES = "splines"
    EFFECT = "effect"


@dataclass(frozen=True, slots=True, kw_only=True)
class PropagationOptions:
    """Where a propagation stops and how steady its masks are; chosen by the artist, not the tier. Keyword-only.

    Attributes:
        stop_at_cuts: do not propagate across a cut.
        stop_below: end a pass after a frame whose confidence is below this, 0 to 1; 0 = never.
        stability: how strongly mattes are mixed with their neighbours', 0 (not at all) to 1; see
            `core.propagation.stabilise`.
    """

    stop_at_cuts: bool = True
    stop_below: float = 0.0
    stability: float = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.stop_below <= 1:
            raise InputError(f"The confidence {self.stop_below} is out of range.", "Give a number from 0 to 1.")
        if not 0 <= self.stability <= 1:
            raise InputError(f"The stability {self.stability} is out of range.", "Give a number from 0 to 1.")


AUTO_MODES = ("foreground", "person", "head", "sky", "background")
"""What a mask without strokes can be of; the background is all but the people, or all but the foreground."""


def size_text(size: float) -> str:
    """Formats a number of bytes for people: "740 KB", "1.2 GB"."""
    for unit in ("bytes", "KB", "MB", "GB"):
        if size < 999.5 or unit == "GB":
            return f"{size:.1f} {unit}" if size < 9.95 and unit != "bytes" else f"{size:.0f} {unit}"
        size /= 1000
    raise AssertionError
