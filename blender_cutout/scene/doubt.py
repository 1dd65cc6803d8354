"""How propagations go about their work, as the panel has it; and the frames of which the network is least sure."""

from __future__ import annotations

from typing import Any

from ..core.types import FrameRange, PropagationOptions
from . import frame_spans


def options(scene: Any) -> PropagationOptions:
    """The scene's propagation options; their fields are also fields of `messages.Propagate`."""
    data = scene.cutout
    below = data.doubt_below if data.stop_in_doubt else 0.0
    return PropagationOptions(stability=data.stability, stop_at_cuts=data.stop_at_cuts, stop_below=below)


def frames(scene: Any, track: Any) -> FrameRange:
    """The clip frames that are to be propagated.

    Raises:
        InputError: only those between the in and out points are wanted, and there are none.
        StripError: the strip is gone or cannot be mapped.
    """
    return frame_spans.between(scene, track) if scene.cutout.in_to_out else frame_spans.shown(scene, track)


def percents(text: str) -> dict[int, int]:
    """Clip frame -> percent, of `TrackState.confidence`."""
    cells = (text[at : at + 2] for at in range(0, len(text), 2))
    return {frame: int(cell) for frame, cell in enumerate(cells) if cell.isdecimal()}


def percent(track: Any, frame: int) -> int | None:
    """How sure the network is of a clip frame's mask; None = it was drawn or locked, or there is none."""
    cell = track.confidence[2 * frame : 2 * frame + 2]
    return int(cell) if cell.isdecimal() else None


def doubtful(text: str, below: float) -> tuple[int, ...]:
    """The clip frames of `TrackState.confidence` of which the network is less sure than `below`, 0 to 1."""
    return tuple(frame for frame, percent in percents(text).items() if percent < 100 * below)


def judge(scene: Any, track: Any) -> None:
    """Has the panel tell which frames are in doubt, by what the scene counts as such."""
    unsure = doubtful(track.confidence, scene.cutout.doubt_below)
    track.doubtful = frame_spans.frame_list_text(frame_spans.timeline_frames(scene, track, unsure))
