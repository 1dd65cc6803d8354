"""Reads the engine's file of splines bit by bit: a long clip's is megabytes, and Blender's window waits meanwhile.

No Blender. The file is JSON whose lines are its parts, see `core.delivery.splines_to_json`.
"""

from __future__ import annotations

import json
from collections.abc import Generator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..core.errors import StoreError


@dataclass
class Shape:
    """A closed spline.

    Attributes:
        first: its first frame, counted from 0 in the order of delivery.
        hole: it takes away.
        points: for each of its frames in turn [x, y, left x, left y, right x, right y] of each point, source pixels.
    """

    first: int
    hole: bool
    points: list[list[list[float]]] = field(default_factory=list)


@dataclass
class Splines:
    """A file's content: the size of the clip's pictures, how many frames, and the splines in order.

    Attributes:
        invert: they are what is removed.
    """

    width: int
    height: int
    frames: int
    invert: bool
    shapes: list[Shape] = field(default_factory=list)


def read(file: Path) -> Generator[None, None, Splines]:
    """The splines of a file; yields after each of its lines.

    Raises:
        StoreError: it is not there or damaged.
    """
    try:
        first, *lines = file.read_text(encoding="utf-8").splitlines()
        head = json.loads(first + "]}")
        found = Splines(int(head["width"]), int(head["height"]), int(head["frames"]), bool(head["invert"]))
        if lines[-1] != "]}":
            raise ValueError("cut off")
        for line in lines[:-1]:
            if line.startswith("{"):
                record: dict[str, Any] = json.loads(line + "]}")
                found.shapes.append(Shape(int(record["first"]), bool(record["hole"])))
            elif line.startswith("[["):
                found.shapes[-1].points.append(json.loads(line.rstrip(",")))
            yield
    except (OSError, ValueError, KeyError, IndexError, TypeError) as error:
        raise StoreError(f"The outlines cannot be read: {file}.", "Press Write Strips again.") from error
    return found
