"""Caches movie frame rates, because Blender reopens the file each time `strip.fps` is read, which is slow."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import bpy

_Mark = tuple[str, int, int]


class Rates:
    """Caches the frame rates of movie files."""

    def __init__(self) -> None:
        self._known: dict[_Mark, float] = {}

    def of(self, strip: Any) -> float:
        """Returns the frame rate of a movie strip's file as Blender reads it; 0 = unknown."""
        mark = _mark(strip)
        if mark is None:
            return float(strip.fps)
        if mark not in self._known:
            self._known[mark] = float(strip.fps)
        return self._known[mark]


def _mark(strip: Any) -> _Mark | None:
    """Returns the file's path and state; None if it is missing."""
    path = Path(bpy.path.abspath(strip.filepath))
    try:
        state = path.stat()
    except OSError:
        return None
    return str(path), state.st_size, state.st_mtime_ns


_rates = Rates()


def fps(strip: Any) -> float:
    """Returns the frame rate of a movie strip's file as Blender reads it; 0 = unknown."""
    return _rates.of(strip)
