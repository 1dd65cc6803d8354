"""Reads the engine's spline file line by line: a long clip's is megabytes, and Blender's window waits meanwhile.

No Blender. The file is JSON with one part per line, see `core.export.delivery.splines_to_json`.
"""

from __future__ import annotations

import json
from collections.abc import Generator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..core import atomic
from ..core.errors import StoreError

_MOST_FRAMES, _MOST_PIXELS = 10**7, 10**7
"""More than any clip has, and small enough for Blender's numbers."""
_MOST_BYTES = 1 << 29


@dataclass
class Shape:
    """A closed spline.

    Attributes:
        first: its first frame, counted from 0 in the exported frames.
        hole: it is subtracted.
        points: for each of its frames, for each point: [x, y, left x, left y, right x, right y] in source pixels.
    """

    first: int
    hole: bool
    points: list[list[list[float]]] = field(default_factory=list)


@dataclass
class Splines:
    """The content of a file: the size of the clip's pictures, the number of frames, and the splines in order.

    Attributes:
        invert: the splines outline what is removed.
    """

    width: int
    height: int
    frames: int
    invert: bool
    shapes: list[Shape] = field(default_factory=list)


def read(file: Path) -> Generator[None, None, Splines]:
    """Returns the splines of a file; yields after each line.

    Raises:
        StoreError: it is missing or damaged, or holds something that the engine would not write.
    """
    try:
        first, *lines = atomic.read_regular(file, _MOST_BYTES).decode().splitlines()
        head = json.loads(first + "]}")
        found = Splines(
            _count(head["width"], _MOST_PIXELS),
            _count(head["height"], _MOST_PIXELS),
            _count(head["frames"], _MOST_FRAMES),
            bool(head["invert"]),
        )
        if lines[-1] != "]}":
            raise ValueError("cut off")
        for line in lines[:-1]:
            if line.startswith("{"):
                record: dict[str, Any] = json.loads(line + "]}")
                found.shapes.append(Shape(_count(record["first"], found.frames), bool(record["hole"])))
            elif line.startswith("[["):
                shape = found.shapes[-1]
                shape.points.append(_points(json.loads(line.rstrip(","))))
                if len(shape.points[-1]) != len(shape.points[0]) or shape.first + len(shape.points) > found.frames:
                    raise ValueError("another number of points or frames")
            yield
        if not all(shape.points for shape in found.shapes):
            raise ValueError("a spline without points")
    except (OSError, ValueError, KeyError, IndexError, TypeError, OverflowError, RecursionError) as error:
        raise StoreError(f"The outlines cannot be read: {file}.", "Press Write Strips again.") from error
    return found


def _count(value: Any, most: int) -> int:
    if type(value) is not int or not 0 <= value <= most:
        raise ValueError("no number of this kind")
    return value


def _points(value: Any) -> list[list[float]]:
    """Returns a frame's points after checking that each is six finite numbers."""
    for point in value:
        if len(point) != 6 or not all(type(v) in (int, float) and -_MOST_PIXELS <= v <= _MOST_PIXELS for v in point):
            raise ValueError("no point")
    return value  # type: ignore[no-any-return]
