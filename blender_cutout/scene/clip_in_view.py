"""Finds the active cutout's clip as the previews show it now, for the overlays and the brush."""

from __future__ import annotations

from typing import Any, NamedTuple

import bpy

from ..core.errors import CutoutError
from ..geometry.picture_map import PictureMap
from ..host import compat, strips
from . import frame_spans, properties


class ClipInView(NamedTuple):
    """A cutout whose clip is visible. Do not keep it: undo recreates all Blender data.

    Attributes:
        track: the cutout.
        strip: the clip's strip.
        frame: the clip frame.
        picture: maps between clip pixels and preview points.
    """

    track: Any
    strip: Any
    frame: int
    picture: PictureMap


def clip_in_view(scene: Any) -> ClipInView | None:
    """Returns the active cutout's clip at the current frame; None if there is none, or it is not open or not visible.

    Raises:
        CutoutError: its strip is gone or cannot be mapped.
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
    """Returns the clip frame that the previews show now; None if there is no definite one."""
    scene = compat.sequencer_scene(bpy.context)
    try:
        view = clip_in_view(scene) if scene is not None else None
    except CutoutError:
        return None
    return view.frame if view else None


def seen(scene: Any, space: Any) -> ClipInView | None:
    """Returns the clip in view for an overlay; None also on errors or if the artist hid overlays."""
    if scene is None or space.display_mode != "IMAGE" or not space.show_overlays:
        return None
    try:
        return clip_in_view(scene)
    except CutoutError:  # the panel says so when it matters
        return None
