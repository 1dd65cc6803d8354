"""Finds the clip frames for a command: all that the strip shows, or only those between the in and out points.

The in and out points are Blender's preview range, which artists know from looping a part of the timeline.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..core.errors import CutoutError, InputError
from ..core.frame_text import FrameText, clip_frames
from ..core.types import FrameRange
from ..geometry.time_map import TimeMap
from ..host import strips


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
    """Returns the first timeline frame of each clip frame; empty if the strip is gone or cannot be mapped."""
    try:
        times = times_of(scene, track)
    except CutoutError:
        return []
    shown: dict[int, int] = {}
    for timeline, clip in zip(range(times.left, times.right), times.clip_frames(), strict=True):
        shown.setdefault(clip, timeline)
    return sorted(shown[f] for f in clip_frames if f in shown)


def in_timeline(scene: Any, track: Any, text: str) -> str:
    """Returns an engine message with its clip frames (see `core.frame_text`) numbered as in the timeline.

    A frame that is shown several times gets its first number; a frame that the strip does not show stays a clip frame.
    """
    if not isinstance(text, FrameText):
        return text
    try:
        times = times_of(scene, track)
    except CutoutError:
        return str(text)

    def name(first: int, last: int) -> str:
        wanted = range(first, last + 1)
        shown = [at for at in range(times.left, times.right) if times.clip_frame(at) in wanted]
        if not shown:
            return f"{clip_frames(first, last)} (which the strip does not show)"
        return f"frame {shown[0]}" if first == last or len(shown) == 1 else f"frames {shown[0]} to {shown[-1]}"

    return text.with_names(name)


def frame_list_text(frames: list[int]) -> str:
    """Formats frame numbers for reading: runs as "3 to 7"."""
    runs: list[list[int]] = []
    for frame in frames:
        if runs and runs[-1][1] == frame - 1:
            runs[-1][1] = frame
        else:
            runs.append([frame, frame])
    return ", ".join(str(a) if a == b else f"{a} to {b}" for a, b in runs)


def times_of(scene: Any, track: Any) -> TimeMap:
    """Returns the time map of a cutout's strip. Raises StripError if it is gone or cannot be mapped."""
    strip = strips.find(scene, track.strip_uuid, track.strip_name).strip
    return strips.time_map(scene, strip, track.frame_count)
