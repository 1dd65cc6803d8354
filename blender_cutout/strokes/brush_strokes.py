"""Reads and writes the Cutout Brush's strokes in the .blend, and turns them into the engine's. No Blender here.

They are stored in source pixels on a clip frame. So they need no zoom, transform or layer to be interpreted, and stay
with the picture when the strip is moved.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable
from typing import Any, NamedTuple

from ..core.types import Label, Paint, Stroke
from ..geometry.picture_map import PictureMap

Touch = tuple[float, float, float]
"""x and y in source pixels, and the pressure in (0, 1]."""
_LEAST_PRESSURE = 0.1
_LEAST_RADIUS = 0.5
_ALIKE = 1.2
"""Radii that differ by no more than this factor become one engine stroke, which has a single radius."""


class Painted(NamedTuple):
    """A stroke as it was painted.

    Attributes:
        key: identifies it.
        label: keep or remove.
        frame: clip frame.
        radius: at full pressure, in source pixels.
        touches: its points.
        closed: the points are an outline, not a line.
    """

    key: str
    label: Label
    frame: int
    radius: float
    touches: tuple[Touch, ...]
    closed: bool = False

    def radii(self) -> list[float]:
        """Returns the radius at each point, in source pixels."""
        return [radius_at(self.radius, pressure) for _, _, pressure in self.touches]


def radius_at(radius: float, pressure: float) -> float:
    """Returns the radius at a pressure."""
    return max(_LEAST_RADIUS, radius * min(1.0, max(_LEAST_PRESSURE, pressure)))


def painted_on(strokes: Iterable[Any], frame: int) -> list[Painted]:
    """Returns the strokes (properties of the .blend) on a clip frame, in the order in which they were painted.

    Malformed ones, as after an edit by hand, are skipped.
    """
    found = []
    for stroke in strokes:
        if stroke.frame == frame:
            try:
                touches, label = decode(stroke.points), Label(stroke.label)
            except ValueError:
                continue
            if touches:
                found.append(Painted(stroke.key, label, frame, float(stroke.radius), touches))
    return found


def painted_frames(strokes: Iterable[Any]) -> list[int]:
    """Returns the clip frames with strokes, sorted."""
    return sorted({stroke.frame for stroke in strokes})


def encode(touches: Iterable[Touch]) -> str:
    """Returns the points as text: "x,y,pressure x,y,pressure …"."""
    return " ".join(f"{x:.2f},{y:.2f},{pressure:.3g}" for x, y, pressure in touches)


def decode(text: str) -> tuple[Touch, ...]:
    """Returns the points of a text made by `encode`. Raises ValueError for any other text."""
    touches = []
    for word in text.split():
        x, y, pressure = (float(number) for number in word.split(","))
        if not all(map(math.isfinite, (x, y, pressure))):
            raise ValueError(f"no point: {word}")
        touches.append((x, y, pressure))
    return tuple(touches)


def is_further(last: Touch, touch: Touch, gap: float) -> bool:
    """Returns whether a point is worth keeping: away from the last one, or at another pressure."""
    return math.dist(last[:2], touch[:2]) >= gap or not 0.8 < touch[2] / max(last[2], 1e-6) < 1.25


def touches_picture(stroke: Painted, picture: PictureMap) -> bool:
    """Returns whether a stroke touches the shown part of the picture."""
    return any(picture.shows((x, y), radius) for (x, y, _), radius in zip(stroke.touches, stroke.radii(), strict=True))


def to_strokes(stroke: Painted) -> list[Stroke]:
    """Returns the engine's strokes: one, or several that share their ends if the pressure varies."""
    radii, parts, first = stroke.radii(), [], 0
    for at in range(1, len(radii) + 1):
        run = radii[first:at]
        if at == len(radii) or not max(*run, radii[at]) <= _ALIKE * min(*run, radii[at]):
            radius = math.exp(sum(map(math.log, run)) / len(run))
            points = [touch[:2] for touch in stroke.touches[max(0, first - 1) : at]]
            parts.append(Stroke(points, radius, stroke.label))
            first = at
    return parts


def to_shapes(stroke: Painted, feather: float, filled: bool) -> list[Paint]:
    """Returns the engine's painted shapes: the area inside the points, or lines as in `to_strokes`.

    Raises:
        StrokeError: an outline has fewer than three points.
    """
    if filled:
        return [Paint([touch[:2] for touch in stroke.touches], 0.0, stroke.label, feather)]
    return [Paint(part.points, part.radius, part.label, feather) for part in to_strokes(stroke)]


def corners(stroke: Painted) -> tuple[float, float, float, float]:
    """Returns the upright box around a stroke's points: x0, y0, x1, y1."""
    xs, ys = [touch[0] for touch in stroke.touches], [touch[1] for touch in stroke.touches]
    return min(xs), min(ys), max(xs), max(ys)


def new_on(
    strokes: Iterable[Any], frame: int, known: Collection[str], only: Collection[str] | None = None
) -> list[Painted]:
    """Returns the strokes on a clip frame that are not applied yet; only those in `only`, if given."""
    return [p for p in painted_on(strokes, frame) if p.key not in known and (only is None or p.key in only)]
