"""Writes RGBA strips: the cutout's pictures with alpha in place of the clip, which is muted.

An RGBA strip follows its clip when that is moved, trimmed or transformed. If the artist moves it, it stays there until
the clip moves.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import bpy

from .. import animation, compat, fingerprint, kept
from ..strips import STRIP_KEY, Place, coverage, pieces, places
from . import placement
from .picture_strip import add, copy_place, free_channel, lay, nearest_channels, suffix_in

CUTOUT_KEY = "cutout_pictures"
"""Custom property of an RGBA strip: the key of what was written."""
MUTED_KEY = "cutout_muted"
"""Custom property of a clip's strip that was muted for an RGBA strip: that strip's key."""
LAID_KEY = "cutout_pictures_laid"
"""Custom property of an RGBA strip: the frames of the clip's content it was written for, and the clip's placement."""
_LOOKS = ("blend_alpha", "color_saturation", "color_multiply", "use_flip_x", "use_flip_y")


def find(scene: Any, key: str) -> list[Place]:
    """Returns a cutout's RGBA strips: one for each piece of its clip."""
    return [p for p in places(scene.sequence_editor) if p.strip.get(CUTOUT_KEY) == key] if scene.sequence_editor else []


def write(scene: Any, place: Place, key: str, name: str, folder: Path, pictures: int) -> bool:
    """Makes or updates a cutout's RGBA strips, and mutes the clip; arguments and result as in `mask_strip.write`."""
    earlier = find(scene, key)
    followed = True
    for piece in pieces(scene, place.strip):
        old = next((p for p in earlier if p.siblings == piece.siblings), None)
        if old is None:
            channel = next(nearest_channels(piece), None) or free_channel(piece)
            strip = add(piece.siblings, f"{name} cutout", folder, channel, compat.span(piece.strip)[0])
            strip[CUTOUT_KEY] = key
        else:
            earlier.remove(old)
            strip = old.strip
        lay(piece, strip, folder, pictures)
        followed = _follow(scene, piece, strip, coverage(scene, piece.strip)[0], pictures) and followed
        for look in _LOOKS:
            setattr(strip, look, getattr(piece.strip, look))
        strip.colorspace_settings.name = piece.strip.colorspace_settings.name
        strip.alpha_mode = "PREMUL" if suffix_in(folder) == ".exr" else "STRAIGHT"
        strip.blend_type = "ALPHA_OVER"
        strip.mute = False
        if not piece.strip.mute:
            piece.strip.mute = True
            piece.strip[MUTED_KEY] = key
        strip.invalidate_cache("RAW")
    for old in earlier:
        old.siblings.remove(old.strip)
    return followed


def remove(scene: Any, place: Place | None, key: str) -> None:
    """Removes a cutout's RGBA strips and unmutes the clip; the files stay."""
    for old in find(scene, key):
        old.siblings.remove(old.strip)
    for piece in pieces(scene, place.strip) if place is not None else ():
        if piece.strip.get(MUTED_KEY) == key:
            piece.strip.mute = False
            del piece.strip[MUTED_KEY]


def keep(scene: Any) -> list[tuple[str, str]]:
    """Realigns the RGBA strips of clips that have moved; returns those it cannot, each as (what is wrong, what to do).

    Changes nothing unless a clip has moved, so it can be called at any time.
    """
    troubles = []
    every = list(places(scene.sequence_editor)) if scene.sequence_editor is not None else []
    muted = [p.strip.get(MUTED_KEY) for p in every if p.strip.get(STRIP_KEY)]
    for key in {key for key in muted if key and isinstance(key, str)}:
        clips = [p for p in every if p.strip.get(MUTED_KEY) == key]
        ours = [p.strip for p in every if p.strip.get(CUTOUT_KEY) == key and p.strip.get(LAID_KEY)]
        trouble = _check(scene, clips, ours)
        if trouble:
            troubles.append((trouble, placement.AGAIN))
    return troubles


def _check(scene: Any, clips: list[Place], ours: list[Any]) -> str:
    """Realigns a cutout's RGBA strips; returns why it cannot, "" if it can."""
    place, clip = clips[0], clips[0].strip
    if not ours:
        return f"The RGBA strip of {clip.name} is gone, and {clip.name} itself is muted." if clip.mute else ""
    known = [laid for strip in ours if (laid := _laid(strip)) is not None]
    if len(known) < len(ours):
        return f"The RGBA strip of {clip.name} has lost the record of what it was written for."
    if len(clips) > 1 or len(ours) > 1:  # split or copied: fine as long as nothing has moved
        starts, stands = {one["time"][0] for one in known}, [one["stands"] for one in known]
        whole = {at for p in clips for at in range(*compat.span(p.strip))} <= {
            at for s in ours for at in range(*compat.span(s))
        }
        fits = all(
            round(compat.time_get(p.strip, "frame_start")) in starts
            and any(placement.same(stand, placement.in_frame(scene, p.strip)) for stand in stands)
            for p in clips
        )
        return "" if whole and fits else f"{clip.name} was split or copied after its RGBA strip was written."
    strip, laid = ours[0], known[0]
    time, stands = placement.in_time(clip), placement.in_frame(scene, clip)
    if laid["mark"] != fingerprint.fingerprint_of(scene, clip):
        return f"{clip.name} has changed since its RGBA strip was written: it may not fit."
    if laid["time"] == time and placement.same(laid["stands"], stands):
        return ""
    if all(s != strip for s in place.siblings):
        return f"{clip.name} and its RGBA strip are not in the same meta strip."
    first = time[0] + laid["first"]
    if laid["count"] > 1 and not first <= time[1] <= time[2] <= first + laid["count"]:
        return f"{clip.name} is longer than its RGBA strip."
    lay(place, strip, Path(bpy.path.abspath(strip.directory)), laid["count"], first)
    strip.use_flip_x, strip.use_flip_y = clip.use_flip_x, clip.use_flip_y
    _follow(scene, place, strip, first, laid["count"])
    strip.invalidate_cache("RAW")
    return ""


def _laid(strip: Any) -> dict[str, Any] | None:
    """Returns an RGBA strip's stored record; None if it is missing or malformed."""
    laid = kept.record(strip.get(LAID_KEY), first=int, count=int, mark=str, time=list, stands=str)
    return laid if laid and len(laid["time"]) == 3 and all(type(at) is int for at in laid["time"]) else None


def _follow(scene: Any, place: Place, strip: Any, first: int, pictures: int) -> bool:
    """Aligns an RGBA strip with the clip and records that; returns what `animation.copy` does."""
    copy_place(place.strip, strip)
    followed = animation.copy(scene, place.strip, strip)
    time = placement.in_time(place.strip)
    laid = {
        "first": first - time[0],
        "count": pictures,
        "mark": fingerprint.fingerprint_of(scene, place.strip),
        "time": time,
        "stands": json.dumps(placement.in_frame(scene, place.strip)),
    }
    strip[LAID_KEY] = json.dumps(laid)
    return followed
