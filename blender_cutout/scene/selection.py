"""Activates the cutout of the strip that the artist clicks, and finds the cutout whose clip is in view."""

from __future__ import annotations

from typing import Any

from ..core.errors import CutoutError
from ..host import compat, strips
from ..host.output import effect, placement, rgba_strip
from . import properties

_KEYS = (
    strips.STRIP_KEY,
    placement.MASK_KEY,
    placement.COPY_KEY,
    rgba_strip.CUTOUT_KEY,
    effect.EFFECT_KEY,
    effect.MASK_OF_EFFECT,
)


class SelectionFollower:
    """Notices clicks on other strips; until then the list keeps its own choice."""

    def __init__(self) -> None:
        self._seen: Any = None
        self._last: dict[str, str] = {}
        """Clip → the cutout that was last active on it."""

    def follow(self, scene: Any) -> bool:
        """Activates the clicked strip's cutout; returns whether the active one changed. Cheap."""
        data, editor = scene.cutout, scene.sequence_editor
        if not len(data.tracks) or editor is None:
            self._seen = None
            return False
        active = properties.active_track(scene)
        self._last[active.strip_uuid] = active.uuid
        strip = editor.active_strip
        seen = (scene.session_uid, strip.name if strip is not None else "")
        seen, self._seen = self._seen, seen
        if strip is None or seen is None or seen == self._seen:
            return False
        found = cutouts_of(scene, strip)
        if not found or any(track.uuid == active.uuid for track in found):
            return False
        last = self._last.get(found[0].strip_uuid)
        chosen = next((track for track in found if track.uuid == last), found[0])
        activate(scene, chosen.uuid)
        return True


def cutouts_of(scene: Any, strip: Any) -> list[Any]:
    """Returns the cutouts that a strip belongs to: a clip, a strip written for one, or a meta strip around one."""
    ids = {strip.get(key) for key in _KEYS}
    if strip.type == "META":
        ids.update(place.strip.get(strips.STRIP_KEY) for place in strips.places(strip))
    ids.discard(None)
    return [track for track in scene.cutout.tracks if track.uuid in ids or track.strip_uuid in ids]


def activate(scene: Any, uuid: str) -> None:
    """Makes a cutout the active one."""
    index = next((i for i, track in enumerate(scene.cutout.tracks) if track.uuid == uuid), None)
    if index is not None:
        scene.cutout.active_index = index


def in_view_instead(scene: Any) -> Any:
    """Returns the cutout whose clip is shown now while the active one's is not; None if there is no such cutout."""
    if not len(scene.cutout.tracks) or _is_here(scene, active := properties.active_track(scene)):
        return None
    others = [track for track in scene.cutout.tracks if track.strip_uuid != active.strip_uuid]
    return next((track for track in others if track.frame_count and _is_here(scene, track)), None)


def closed_meta(scene: Any, track: Any) -> str:
    """Returns the name of the closed meta strip that a cutout's clip is inside, "" = none."""
    try:
        place = strips.find(scene, track.strip_uuid, track.strip_name)
        return "" if place.meta is None or strips.is_open(scene, place) else str(place.meta.name)
    except CutoutError:
        return ""


def shared_copy(scene: Any) -> str:
    """Returns the name of the active strip if it is a copy that shares another strip's cutouts, "" = it is not.

    The halves of a split clip share them too, but show different frames.
    """
    strip = scene.sequence_editor.active_strip if scene.sequence_editor is not None else None
    uuid = strip.get(strips.STRIP_KEY) if strip is not None else None
    found = [track for track in scene.cutout.tracks if uuid and track.strip_uuid == uuid]
    if strip is None or not found or strip.name == found[0].strip_name:
        return ""
    shown = _content(strip)
    others = [place.strip for place in strips.pieces(scene, strip) if place.strip != strip]
    return str(strip.name) if any(shown & _content(other) for other in others) else ""


def pasted_from_elsewhere(scene: Any) -> str:
    """Returns the name of the active strip if it shows masks of a cutout that is not in its scene, "" = it does not."""
    strip = scene.sequence_editor.active_strip if scene.sequence_editor is not None else None
    uuid = strip.get(strips.STRIP_KEY) if strip is not None else None
    if strip is None or not uuid or any(track.strip_uuid == uuid for track in scene.cutout.tracks):
        return ""
    masks = [m.input_mask_strip for m in strip.modifiers if m.type == "MASK" and m.input_mask_strip is not None]
    return str(strip.name) if any(mask.get(placement.MASK_KEY) for mask in masks) else ""


def _content(strip: Any) -> set[int]:
    """Returns which frames of its content a strip shows, counted from the content's start."""
    start = round(compat.time_get(strip, "frame_start"))
    left, right = compat.span(strip)
    return set(range(left - start, right - start))


def _is_here(scene: Any, track: Any) -> bool:
    try:
        place = strips.find(scene, track.strip_uuid, track.strip_name)
        left, right = compat.span(place.strip)
        return left <= scene.frame_current < right and strips.is_open(scene, place)
    except CutoutError:
        return False


follower = SelectionFollower()
