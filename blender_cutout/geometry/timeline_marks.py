"""Places a cutout's frames on the timeline, and returns what to draw on its strip: pure maths, no Blender.

A bar along the strip has the cutout's colour where frames have a mask, is dark where they do not, and red where the
mask is in doubt, black with a grey line where the object is marked Not Here. A white line marks locked frames, a red
one rejected frames, a diamond each frame with strokes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

from .time_map import TimeMap

Run = tuple[int, int]
"""Frames as [start, stop)."""
Colour = tuple[float, float, float, float]
Corner = tuple[float, float]

EMPTY: Colour = (0.0, 0.0, 0.0, 0.5)
DOUBT: Colour = (1.0, 0.16, 0.1, 1.0)
ABSENT: Colour = (0.07, 0.07, 0.08, 1.0)
NOWHERE: Colour = (0.75, 0.75, 0.78, 1.0)
LOCKED: Colour = (1.0, 1.0, 1.0, 0.95)
DRAWN: Colour = (1.0, 0.85, 0.1, 1.0)
RIM: Colour = (0.0, 0.0, 0.0, 0.9)
HEIGHT = 7.0
"""Height of the bar, in pixels at a screen scale of 1."""
MOST = 0.4
"""Largest share of a low strip's height that the bar takes."""
LEAST = 2.0
"""Least width of a frame in pixels, so that a single one is visible however long the clip is."""


class Marks(NamedTuple):
    """Frames to mark: of the clip, or of the timeline.

    Attributes:
        done: they have a mask.
        doubtful: the network is not sure of it.
        locked: they are locked.
        drawn: they have strokes; single frames.
        absent: they are marked Not Here.
        rejected: the artist rejected their masks.
    """

    done: tuple[Run, ...] = ()
    doubtful: tuple[Run, ...] = ()
    locked: tuple[Run, ...] = ()
    drawn: tuple[int, ...] = ()
    absent: tuple[Run, ...] = ()
    rejected: tuple[Run, ...] = ()


class Lane(NamedTuple):
    """Where a strip lies on the screen.

    Attributes:
        zero: region pixel at which timeline frame 0 starts.
        wide: pixels per timeline frame.
        bottom, top: the strip's, in region pixels.
        width: the region's.
        scale: of the screen, 1 = an ordinary one.
    """

    zero: float
    wide: float
    bottom: float
    top: float
    width: float
    scale: float = 1.0

    def at(self, frame: float) -> float:
        """Returns the region pixel at which a timeline frame starts."""
        return self.zero + frame * self.wide


@lru_cache(maxsize=32)
def on_timeline(clip: Marks, times: TimeMap) -> Marks:
    """Returns clip marks as marks of the timeline frames that show them; cached for the next redraw.

    A clip frame that is shown repeatedly is marked every time, but its strokes only where each repetition begins.
    """
    frames = times.clip_frames()
    drawn = set(clip.drawn)
    pairs = pairwise((-1, *frames))
    runs = clip.done, clip.doubtful, clip.locked, clip.absent, clip.rejected
    done, doubtful, locked, absent, rejected = (_shown(each, frames, times) for each in runs)
    return Marks(
        done,
        doubtful,
        locked,
        drawn=tuple(times.left + n for n, (before, now) in enumerate(pairs) if now in drawn and now != before),
        absent=absent,
        rejected=rejected,
    )


def _shown(runs: Sequence[Run], frames: Sequence[int], times: TimeMap) -> tuple[Run, ...]:
    flags = bytearray(times.count)
    for start, stop in runs:
        start, stop = max(0, start), min(stop, times.count)
        flags[start:stop] = b"\x01" * (stop - start)
    shown = bytes(map(flags.__getitem__, frames))
    return tuple((times.left + found.start(), times.left + found.end()) for found in re.finditer(b"\x01+", shown))


def runs_of(frames: Iterable[int]) -> tuple[Run, ...]:
    """Returns sorted frames as runs."""
    found: list[list[int]] = []
    for frame in frames:
        if found and found[-1][1] == frame:
            found[-1][1] = frame + 1
        else:
            found.append([frame, frame + 1])
    return tuple((start, stop) for start, stop in found)


def bars(runs: Sequence[Run], lane: Lane) -> list[tuple[float, float]]:
    """Returns runs of timeline frames as (x0, x1) in region pixels, sorted and clipped to the region.

    Even the narrowest is visible, and touching ones are merged: there are never more than fit on the screen.
    """
    found: list[tuple[float, float]] = []
    least = LEAST * lane.scale
    for start, stop in runs:
        x0, x1 = lane.at(start), lane.at(stop)
        if x1 - x0 < least:
            middle = (x0 + x1) / 2
            x0, x1 = middle - least / 2, middle + least / 2
        x0, x1 = max(0.0, x0), min(lane.width, x1)
        if x0 >= x1:
            continue
        if found and x0 <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], x1))
        else:
            found.append((x0, x1))
    return found


def shapes(marks: Marks, span: Run, lane: Lane, colour: Sequence[float]) -> Iterator[tuple[list[Corner], Colour]]:
    """Yields what to draw, bottom first: (corners of a convex polygon in region pixels, its colour).

    Args:
        marks: of timeline frames.
        span: the timeline frames of the strip.
        lane: where the strip lies.
        colour: the cutout's, red, green and blue.
    """
    high = min(HEIGHT * lane.scale, MOST * (lane.top - lane.bottom))
    low, edge = lane.bottom + lane.scale, min(lane.scale, high / 5)
    line = high / 3.5
    own: Colour = (colour[0], colour[1], colour[2], 1.0)
    layers = (
        ((span,), EMPTY, low, low + high),
        (marks.done, own, low + edge, low + high - edge),
        (marks.doubtful, DOUBT, low + edge, low + high - edge),
        (marks.absent, ABSENT, low + edge, low + high - edge),
        (marks.absent, NOWHERE, low + high / 2 - edge, low + high / 2 + edge),
        (marks.locked, RIM, low + high, low + high + line + edge),
        (marks.locked, LOCKED, low + high, low + high + line),
        (marks.rejected, RIM, low + high, low + high + line + edge),
        (marks.rejected, DOUBT, low + high, low + high + line),
    )
    for runs, fill, y0, y1 in layers:
        for x0, x1 in bars(runs, lane):
            yield [(x0, y0), (x1, y0), (x1, y1), (x0, y1)], fill
    middle, reach = low + high / 2, 0.75 * high
    for x in _apart(marks.drawn, lane, reach):
        for size, fill in ((reach + 1.5 * lane.scale, RIM), (reach, DRAWN)):
            yield [(x, middle - size), (x + size, middle), (x, middle + size), (x - size, middle)], fill


def _apart(frames: Sequence[int], lane: Lane, reach: float) -> Iterator[float]:
    """Yields the pixels where frames start, like Blender's playhead; skips those hidden by others or out of view."""
    last = float("-inf")
    for frame in frames:
        x = lane.at(frame)
        if -reach <= x <= lane.width + reach and x - last >= lane.scale:
            last = x
            yield x


def triangles(polygons: Iterable[tuple[list[Corner], Colour]]) -> tuple[list[Corner], list[Colour]]:
    """Returns convex polygons as corners of triangles, three each, and the colour of each corner."""
    places: list[Corner] = []
    colours: list[Colour] = []
    for corners, colour in polygons:
        for second, third in pairwise(corners[1:]):
            places += (corners[0], second, third)
            colours += (colour,) * 3
    return places, colours
