"""Reads the propagation options from the panel, and finds the frames in doubt."""

from __future__ import annotations

from typing import Any

from ..core.types import FrameRange, PropagationOptions
from . import frame_spans


def options(scene: Any) -> PropagationOptions:
    """Returns the scene's propagation options; their fields are also fields of `messages.Propagate`."""
    data = scene.cutout
    below = data.doubt_below if data.stop_in_doubt else 0.0
    return PropagationOptions(stability=data.stability, stop_at_cuts=data.stop_at_cuts, stop_below=below)


def frames(scene: Any, track: Any) -> FrameRange:
    """Returns the clip frames to propagate.

    Raises:
        InputError: the scene has no usable preview range, but only its frames are wanted.
        StripError: the strip is gone or cannot be mapped.
    """
    return frame_spans.between(scene, track) if scene.cutout.in_to_out else frame_spans.shown(scene, track)


def percents(text: str) -> dict[int, int]:
    """Decodes `TrackState.confidence` into clip frame -> percent."""
    cells = (text[at : at + 2] for at in range(0, len(text), 2))
    return {frame: int(cell) for frame, cell in enumerate(cells) if cell.isdecimal()}


def percent(track: Any, frame: int) -> int | None:
    """Returns the network's confidence in a clip frame's mask; None = drawn, locked or no mask."""
    cell = track.confidence[2 * frame : 2 * frame + 2]
    return int(cell) if cell.isdecimal() else None


def doubtful(text: str, below: float) -> tuple[int, ...]:
    """Returns the clip frames of `TrackState.confidence` below the threshold `below`, 0 to 1."""
    return tuple(frame for frame, percent in percents(text).items() if percent < 100 * below)


def judge(scene: Any, track: Any) -> None:
    """Updates the panel's list of frames in doubt, by the scene's threshold."""
    unsure = doubtful(track.confidence, scene.cutout.doubt_below)
    text = frame_spans.frame_list_text(frame_spans.timeline_frames(scene, track, unsure))
    if track.doubtful != text:
        track.doubtful = text
