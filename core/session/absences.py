"""Ranges of frames decided by the newest of several steps: locks, and the mark Not Here."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import TypeVar

from ..errors import InputError
from ..frame_text import FrameText
from ..types import FrameRange
from .actions import Absence, Operation

_T = TypeVar("_T")


def absent_frames(operations: Iterable[Operation], count: int) -> dict[int, str]:
    """Returns frame below `count` -> id of the operation that marked it Not Here.

    Args:
        operations: newest first.
        count: frames of the clip.
    """
    marks = [(op.action.frames, op) for op in operations if isinstance(op.action, Absence)]
    if not marks:
        return {}
    found = decided(marks, count)
    return {frame: op.id for frame, op in found.items() if isinstance(op.action, Absence) and op.action.absent}


def decided(ranges: Iterable[tuple[FrameRange, _T]], count: int) -> dict[int, _T]:
    """Returns frame below `count` -> what the first of the ranges that covers it says.

    Every frame is decided once and skipped from then on.
    """
    found: dict[int, _T] = {}
    onward = list(range(count + 1))
    for frames, says in ranges:
        frame = _undecided(onward, min(frames.start, count))
        while frame < min(frames.stop, count):
            found[frame] = says
            onward[frame] = frame + 1
            frame = _undecided(onward, frame + 1)
    return found


def check_absence(frames: FrameRange, absent: bool, count: int, there: Collection[int]) -> None:
    """Checks a mark for a clip of `count` frames of which those in `there` are marked.

    Raises:
        InputError: a frame is not in the clip, or there is no mark to take off.
    """
    if frames.stop > count:
        raise InputError(FrameText("The clip has no ", frames.stop - 1, "."), f"It has {count} frames.")
    if not absent and not any(frame in there for frame in frames):
        raise InputError("No frame here is marked Not Here.", "")


def ranges_of(frames: Iterable[int]) -> tuple[tuple[int, int], ...]:
    """Returns sorted frames as [start, stop) pairs."""
    found: list[tuple[int, int]] = []
    for frame in frames:
        if found and found[-1][1] == frame:
            found[-1] = (found[-1][0], frame + 1)
        else:
            found.append((frame, frame + 1))
    return tuple(found)


def _undecided(onward: list[int], frame: int) -> int:
    """Returns the first undecided frame from here on, shortening the paths it walks."""
    end = frame
    while onward[end] != end:
        end = onward[end]
    while onward[frame] != end:
        onward[frame], frame = end, onward[frame]
    return end
