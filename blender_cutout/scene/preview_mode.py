"""Chooses what the preview shows of the active cutout's clip: the clip, its written result, or the clip with its mask.

The clip is also shown by itself while the artist corrects a written cutout, and the result again afterwards.
"""

from __future__ import annotations

from typing import Any

from ..core.errors import CutoutError
from ..host import strips
from ..host.output import clip_view
from . import properties, written
from .panel_settings import SHOWS_BOTH, SHOWS_CLIP, SHOWS_RESULT

ORDER = (SHOWS_CLIP, SHOWS_RESULT, SHOWS_BOTH)


def choose(scene: Any, mode: str) -> None:
    """Shows what the artist chose."""
    scene.cutout.preview_shows, scene.cutout.preview_back = mode, False
    apply(scene)


def correct(scene: Any) -> None:
    """Shows the clip with its mask if only the written result is visible, which `go_back` ends, or only the clip."""
    data = scene.cutout
    if data.preview_shows == SHOWS_CLIP:  # the artist must see what the stroke does
        choose(scene, SHOWS_BOTH)
    strip = _strip(scene)
    if data.preview_shows == SHOWS_RESULT and strip is not None:
        if any(written.is_shown(strip, track) for track in data.tracks):
            data.preview_shows, data.preview_back = SHOWS_BOTH, True
            apply(scene)


def go_back(scene: Any) -> None:
    """Shows the result again if the clip is shown only because of a correction."""
    if scene.cutout.preview_back:
        choose(scene, SHOWS_RESULT)


def apply(scene: Any) -> bool:
    """Makes the strips show what was chosen; returns whether anything changed."""
    strip = _strip(scene) if scene.cutout.preview_shows != SHOWS_RESULT else None
    if strip is None:
        return clip_view.show_results(scene)
    changed = clip_view.show_results(scene, without=strip.get(strips.STRIP_KEY, ""))
    return clip_view.show_clip(scene, strip) or changed


def reveal(scene: Any) -> bool:
    """Shows all results until the next `apply`, for saving, rendering and writing; returns whether anything changed."""
    return clip_view.show_results(scene)


def _strip(scene: Any) -> Any:
    """Returns the strip of the active cutout; None if there is none."""
    if not len(scene.cutout.tracks):
        return None
    track = properties.active_track(scene)
    try:
        return strips.find(scene, track.strip_uuid, track.strip_name).strip
    except CutoutError:
        return None
