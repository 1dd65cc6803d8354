"""Finds the clip frames for a command: all that the strip shows, or only those between the in and out points.

The in and out points are Blender's preview range, which artists know from looping a part of the timeline.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from ..core.errors import CutoutError, InputError
from ..core.frame_text import FrameText, clip_frames
from ..core.types import FrameRange
from ..geometry.time_map import TimeMap
from ..host import kept, strips

MOST = 2**31
"""Beyond every timeline frame."""


def shown(scene: Any, track: Any) -> FrameRange:
    """Returns the clip frames that a cutout's strip shows. Raises StripError if it is gone or cannot be mapped."""
    frames = times_of(scene, track).clip_frames()
    return FrameRange(min(frames), max(frames) + 1)


def between(scene: Any, track: Any) -> FrameRange:
    """Returns the clip frames that the strip shows between the in and out points.

    Raises:
        InputError: there is no preview range, or the strip lies outside it.
        StripError: the strip is gone or cannot be mapped.
    """
    if not scene.use_preview_range:
        raise InputError(
            "There are no in and out points.",
            "Set the preview range: press P over the timeline and drag, or use its header.",
        )
    times = times_of(scene, track)
    first, last = scene.frame_preview_start, scene.frame_preview_end
    frames = [
        f for f in map(times.clip_frame, range(max(first, times.left), min(last + 1, times.right))) if f is not None
    ]
    if not frames:
        raise InputError(
            f"The strip lies outside the preview range, {first} to {last}.", "Set the preview range to cover the strip."
        )
    return FrameRange(min(frames), max(frames) + 1)


def shown_now(scene: Any, strip: Any, track: Any) -> int | None:
    """Returns the clip frame that a cutout's strip shows now; None outside it. Raises StripError if not mappable."""
    return strips.time_map(scene, strip, track.frame_count).clip_frame(scene.frame_current)


def here(scene: Any, track: Any) -> int:
    """Returns the current clip frame. Raises InputError outside the strip."""
    times = times_of(scene, track)
    frame = times.clip_frame(scene.frame_current)
    if frame is None:
        raise InputError(
            f"The current frame {scene.frame_current} is outside the strip.",
            f"Go to a frame from {times.left} to {times.right - 1}.",
        )
    return frame


def timeline_frames(scene: Any, track: Any, clip_frames: Iterable[int]) -> list[int]:
    """Returns the first timeline frame of each clip frame; empty if the strip is gone or cannot be mapped.

    After a split each frame counts where its own half is now.
    """
    try:
        every = pieces_times(scene, track)
    except CutoutError:
        return []
    shown: dict[int, int] = {}
    for timeline, clip in _pairs(every):
        shown.setdefault(clip, timeline)
    return sorted(shown[f] for f in clip_frames if f in shown)


def in_timeline(scene: Any, track: Any, text: str) -> str:
    """Returns an engine message with its clip frames (see `core.frame_text`) numbered as in the timeline.

    A frame that is shown several times gets its first number; a frame that the strip does not show stays a clip frame.
    """
    if not isinstance(text, FrameText):
        return text
    try:
        every = pieces_times(scene, track)
    except CutoutError:
        return str(text)

    def name(first: int, last: int) -> str:
        shown = [timeline for timeline, clip in _pairs(every) if first <= clip <= last]
        if not shown:
            return f"{clip_frames(first, last)} (which the strip does not show)"
        return f"frame {shown[0]}" if first == last or len(shown) == 1 else f"frames {shown[0]} to {shown[-1]}"

    return text.with_names(name)


def relabel(scene: Any, track: Any) -> None:
    """Updates the panel's lists of frames with strokes, locked and rejected frames to where the strip is now."""
    drawn = kept.numbers(track.drawn, track.frame_count)
    absent = kept.frames(track.absences, track.frame_count)
    locked = kept.frames(track.locks, track.frame_count) - absent
    rejected = kept.frames(track.rejected, track.frame_count)
    lists = {"keyframes": drawn, "locked_frames": locked, "absent_frames": absent, "rejected_frames": rejected}
    for name, frames in lists.items():
        text = frame_list_text(timeline_frames(scene, track, frames))
        if getattr(track, name) != text:
            setattr(track, name, text)


def correction_reach(scene: Any, track: Any, every: tuple[TimeMap, ...]) -> str:
    """Returns the timeline frames that propagating the artist's corrections will change, for reading; "" = none.

    Args:
        scene: the cutout's.
        track: the cutout.
        every: its `pieces_times`.
    """
    if track.corrected in ("", "[]"):
        return ""
    limits = (scene.frame_preview_start, scene.frame_preview_end)
    limited = scene.cutout.in_to_out and scene.use_preview_range
    texts = track.corrected, track.drawn, track.locks, track.absences
    return _reach(*texts, track.frame_count, every, limits if limited else None)


@lru_cache(maxsize=16)
def _reach(
    corrected: str,
    drawn: str,
    locks: str,
    absences: str,
    count: int,
    every: tuple[TimeMap, ...],
    limits: tuple[int, int] | None,
) -> str:
    """Returns the frames between the corrected ones and the next ones that must not change; cached for the timer."""
    keys, absent = kept.numbers(drawn, count), kept.frames(absences, count)
    firm = set(keys)
    firm.update(f for start, stop in kept.ranges(locks, count) for f in range(start, stop))
    ordered = sorted(firm)
    changed: set[int] = set()
    for frame in kept.numbers(corrected, count):
        at = bisect_left(ordered, frame)
        before = ordered[at - 1] if at else -1
        after = next((f for f in ordered[at:] if f > frame), count)
        if frame in absent:  # what is before the mark, seen from a keyframe, stays
            before, after = (frame, after) if any(f < frame for f in keys) else (before, frame)
        changed.update(range(before + 1, after))
    changed -= firm
    low, high = limits or (-MOST, MOST)
    return frame_list_text(sorted({t for t, clip in _pairs(every) if clip in changed and low <= t <= high}))


def _pairs(every: Iterable[TimeMap]) -> list[tuple[int, int]]:
    """Returns (timeline frame, clip frame) of all pieces, in the timeline's order."""
    return sorted(pair for t in every for pair in zip(range(t.left, t.right), t.clip_frames(), strict=True))


def frame_list_text(frames: list[int]) -> str:
    """Formats frame numbers for reading: runs as "3 to 7"."""
    runs: list[list[int]] = []
    for frame in frames:
        if runs and runs[-1][1] == frame - 1:
            runs[-1][1] = frame
        else:
            runs.append([frame, frame])
    return ", ".join(str(a) if a == b else f"{a:d} to {b:d}" for a, b in runs)


def times_of(scene: Any, track: Any) -> TimeMap:
    """Returns the time map of a cutout's strip. Raises StripError if it is gone or cannot be mapped."""
    strip = strips.find(scene, track.strip_uuid, track.strip_name).strip
    return strips.time_map(scene, strip, track.frame_count)


def pieces_times(scene: Any, track: Any) -> tuple[TimeMap, ...]:
    """Returns the time map of each piece of a cutout's strip. Raises StripError if it is gone or cannot be mapped."""
    strip = strips.find(scene, track.strip_uuid, track.strip_name).strip
    found = (strips.time_map(scene, p.strip, track.frame_count, alone=True) for p in strips.pieces(scene, strip))
    return tuple(sorted(found, key=lambda times: (times.left, times.right)))
