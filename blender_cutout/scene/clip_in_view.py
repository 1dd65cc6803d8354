"""The active cutout's clip as the previews show it now: what every overlay and the brush begin with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import bpy

from ..core.errors import CutoutError
from ..geometry.picture_map import PictureMap
from ..host import compat, strips
from . import frame_spans, properties


@dataclass(frozen=True, slots=True)
class ClipInView:
    """A cutout whose clip is seen. Not to be kept: undo makes all of it anew.

    Attributes:
        track: the cutout.
        strip: its clip's.
        frame: the clip frame.
        picture: how it lies in the preview.
    """

    track: Any
    strip: Any
    frame: int
    picture: PictureMap


def clip_in_view(scene: Any) -> ClipInView | None:
    """The active cutout's clip at the current frame; None when there is none, or it is not opened or not seen.

    Raises:
        CutoutError: its strip is gone, or cannot be mapped.
    """
    if not len(scene.cutout.tracks):
        return None
    track = properties.active_track(scene)
    if not track.frame_count:
        return None
    place = strips.find(scene, track.strip_uuid, track.strip_name)
    if place.strip.mute or not strips.is_open(scene, place):
        return None
    frame = frame_spans.shown_now(scene, place.strip, track)
    if frame is None:
        return None
    picture = strips.picture_map(scene, place.strip, (track.width, track.height))
    return ClipInView(track, place.strip, frame, picture)


def frame_in_view() -> int | None:
    """The clip frame that the previews show now; None when that is not clear."""
    scene = compat.sequencer_scene(bpy.context)
    try:
        view = clip_in_view(scene) if scene is not None else None
    except CutoutError:
        return None
    return view.frame if view else None


def seen(scene: Any, space: Any) -> ClipInView | None:
    """The same for an overlay in a preview: None also where it cannot be drawn, or the artist hid overlays."""
    if scene is None or space.display_mode != "IMAGE" or not space.show_overlays:
        return None
    try:
        return clip_in_view(scene)
    except CutoutError:  # the panel says so when it matters
        return None
