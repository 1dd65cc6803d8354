"""Windows around the objects that share one crop: where they lie. Needs no network.

The crop of several objects is large, and each of them fills a small part of it. Values and mattes far from an object do
not depend on it: the value there is that of a picture with only other objects, and the matte is empty.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

STRIDE = 16
"""Pixels along a place's side."""
REACH = 1.8
"""Side of a window over the longer side of the object's box: what its own crop would show, and an eighth more."""
LEAST = 6
"""Least number of places (of `STRIDE` pixels) along a side."""
WORTH = 0.7
"""Windows are used when together they have less than this share of all objects' places."""
FAR = -20.0
"""Logit of an object outside its window."""


class Window(NamedTuple):
    """A part of the maps at `STRIDE`, in places."""

    y0: int
    y1: int
    x0: int
    x1: int

    def of(self, maps: Any, stride: int) -> Any:
        """Returns the part (..., h, w) of maps in which a place has STRIDE / `stride` pixels a side, as a view."""
        n = STRIDE // stride
        return maps[..., self.y0 * n : self.y1 * n, self.x0 * n : self.x1 * n]

    def within(self, height: int, width: int, rim: int = 1) -> Window:
        """Returns the window without `rim` places on each side that is not at the picture's border."""
        return Window(
            self.y0 + rim * (self.y0 > 0),
            self.y1 - rim * (self.y1 < height),
            self.x0 + rim * (self.x0 > 0),
            self.x1 - rim * (self.x1 < width),
        )


def windows_around(mattes: NDArray[np.float32]) -> list[Window] | None:
    """Returns each object's window in maps of (N, H, W) mattes; None = not worth it, or an object is nowhere."""
    count, height, width = mattes.shape
    rows, columns = -(-height // STRIDE), -(-width // STRIDE)
    if count < 2:
        return None
    found = []
    for hits in mattes > 0.5:
        ys, xs = np.flatnonzero(hits.any(axis=1)), np.flatnonzero(hits.any(axis=0))
        if not ys.size:
            return None
        side = max(LEAST, REACH * max(ys[-1] - ys[0], xs[-1] - xs[0]) / STRIDE)
        y0, y1 = _span((ys[0] + ys[-1] + 1) / 2 / STRIDE, side, rows)
        x0, x1 = _span((xs[0] + xs[-1] + 1) / 2 / STRIDE, side, columns)
        found.append(Window(y0, y1, x0, x1))
    places = sum((w.y1 - w.y0) * (w.x1 - w.x0) for w in found)
    return found if places < WORTH * count * rows * columns else None


def _span(middle: float, side: float, limit: int) -> tuple[int, int]:
    """Returns about `side` places around `middle`, moved inside the map; objects of one size get equal windows."""
    length = min(limit, math.ceil(side))
    start = min(max(0, round(middle - length / 2)), limit - length)
    return start, start + length
