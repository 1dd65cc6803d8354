"""Stores which frames of a cutout the artist rejected; the next propagation makes their masks again."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from ..geometry.timeline_marks import runs_of
from ..host import kept
from . import frame_spans


def frames_of(track: Any) -> set[int]:
    """Returns the rejected clip frames of a cutout."""
    return {frame for start, stop in kept.ranges(track.rejected, track.frame_count) for frame in range(start, stop)}


def within(track: Any, frames: Iterable[int]) -> tuple[tuple[int, int], ...]:
    """Returns the rejected clip frames among `frames`, as [start, stop) pairs."""
    return runs_of(sorted(frames_of(track).intersection(frames)))


def reject(scene: Any, track: Any, frames: Iterable[int]) -> None:
    """Marks clip frames as rejected."""
    _set(scene, track, frames_of(track).union(frames))


def clear(scene: Any, track: Any, frames: Iterable[int]) -> int:
    """Clears the mark from clip frames; returns how many had it. Cheap if none did."""
    before = frames_of(track) if track.rejected else set()
    after = before.difference(frames)
    if after != before:
        _set(scene, track, after)
    return len(before) - len(after)


def _set(scene: Any, track: Any, frames: set[int]) -> None:
    track.rejected = json.dumps(runs_of(sorted(frames)), separators=(",", ":")) if frames else ""
    frame_spans.relabel(scene, track)
