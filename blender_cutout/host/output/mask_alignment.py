"""Keeps mask strips aligned with their clips when these are moved, trimmed or transformed; reports those it cannot."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import bpy

from .. import animation, compat, fingerprint, kept
from ..contents import picture_name
from ..strips import STRIP_KEY, Place, places
from . import picture_strip, placement
from .placement import AGAIN, COPY_KEY, CROPS, MASK_KEY, MOVES

LAID_KEY = "cutout_laid"
"""Custom property of a mask strip: the frames of the clip's content that its pictures were written for."""
_MOST = 1000
"""Longer clips are not given a mask strip while the artist works: adding the pictures would hold up the window."""
_LAID = {"first": int, "count": int, "mark": str}


def note(scene: Any, place: Place, mask: Any, first: int, pictures: int) -> None:
    """Stores in a mask strip what it was written for.

    Args:
        scene: the scene.
        place: the clip's strip.
        mask: its mask strip.
        first: timeline frame of the first picture.
        pictures: how many; 1 = the same one at any time.
    """
    start = round(compat.time_get(place.strip, "frame_start"))
    laid = {"first": first - start, "count": pictures, "mark": fingerprint.fingerprint_of(scene, place.strip)}
    mask[LAID_KEY] = json.dumps(laid)


def keep(scene: Any) -> list[tuple[str, str]]:
    """Realigns all mask strips; returns those it cannot, each as (what is wrong, what to do).

    Changes nothing that is already right, so it can be called at any time.
    """
    if scene.sequence_editor is None:
        return []
    troubles = []
    clips = [p for p in places(scene.sequence_editor) if p.strip.get(STRIP_KEY)]
    for place in clips:
        for mask in _masks(place.strip):
            if mask is None:
                troubles.append((f"The mask strip of {place.strip.name} is gone, so the clip is shown uncut.", AGAIN))
                continue
            fellows = [p for p in clips if mask in list(_masks(p.strip))]
            trouble = align(scene, place, mask, clip_flips(place.strip), alone=len(fellows) == 1)
            if trouble:
                troubles.append((trouble, AGAIN))
    return troubles


def _masks(strip: Any) -> Iterator[Any]:
    """Yields the mask strips of ours that a clip is shown through; None for one that is gone."""
    viewed = placement.VIEW_KEY in strip
    for modifier in strip.modifiers:
        if modifier.type == "MASK" and modifier.input_mask_type == "STRIP" and (not modifier.mute or viewed):
            mask = modifier.input_mask_strip
            if (mask is None and modifier.name.startswith("Cutout")) or (mask is not None and mask.get(LAID_KEY)):
                yield mask


def lay_over(scene: Any, clip: Any, mask: Any, flips: tuple[bool, bool]) -> bool:
    """Lays a mask strip over the clip's picture; returns what `animation.copy` does."""
    picture_strip.copy_place(clip, mask)
    mask.use_flip_x, mask.use_flip_y = flips
    return animation.copy(scene, clip, mask)


def clip_flips(clip: Any) -> tuple[bool, bool]:
    """Returns the flips of a mask strip that a modifier of the clip uses.

    Up to 4.5 modifiers work on the output frame; from 5.0 on, in the strip's own space, before the clip's flip.
    """
    return (clip.use_flip_x, clip.use_flip_y) if compat.BEFORE_5_0 else (False, False)


def align(scene: Any, place: Place, mask: Any, flips: tuple[bool, bool], alone: bool = True) -> str:
    """Realigns a mask strip; returns why it cannot, "" if it can.

    Args:
        scene: the scene.
        place: the clip's strip.
        mask: its mask strip.
        flips: of the mask strip, over x and y.
        alone: no other piece of the clip uses it.
    """
    clip, laid = place.strip, kept.record(mask.get(LAID_KEY), **_LAID)
    if laid is None:
        return f"The mask strip of {clip.name} has lost the record of what it was written for."
    if all(s != mask for s in place.siblings):
        return f"{clip.name} and its mask strip are not in the same meta strip."
    if laid["mark"] != fingerprint.fingerprint_of(scene, clip):
        return f"{clip.name} has changed since its masks were written: they may not fit."
    left, right = compat.span(clip)
    first = round(compat.time_get(clip, "frame_start")) + laid["first"]
    if laid["count"] > 1 and not first <= left <= right <= first + laid["count"]:
        return f"{clip.name} is longer than its masks and is shown uncut or wrong past their end."
    if not alone:  # split or copied: the masks belong to the other piece
        if fits(clip, mask, left - first):
            return ""
        if laid["count"] > _MOST:
            return f"{clip.name} is part of a split clip and has no masks of its own yet."
        mask = _own(scene, place, mask, laid, first)
    changed = compat.span(mask) != (left, right) or (laid["count"] > 1 and _shows(mask, left) != left - first)
    if changed:
        folder = Path(bpy.path.abspath(mask.directory))
        picture_strip.lay(place, mask, folder, laid["count"], first)
    if _placed(clip) != _placed(mask):
        changed = True
        picture_strip.copy_place(clip, mask)
        animation.copy(scene, clip, mask)
    if (mask.use_flip_x, mask.use_flip_y) != flips:
        changed = True
        mask.use_flip_x, mask.use_flip_y = flips
    if changed:  # a drag has cached the clip with the mask where it was
        mask.invalidate_cache("RAW")
        clip.invalidate_cache("RAW")
    return ""


def fits(clip: Any, mask: Any, shows: int) -> bool:
    """Returns whether a mask strip lies over a clip's strip and shows picture `shows`, from 0, on its first frame."""
    left, right = compat.span(clip)
    covers = compat.span(mask)[0] <= left and right <= compat.span(mask)[1]
    return covers and _shows(mask, left) == shows and _placed(clip) == _placed(mask)


def shown_on(clip: Any, mask: Any) -> int:
    """Returns which picture of a mask strip, from 0, belongs on a clip's first frame; -1 = there is no record."""
    laid = kept.record(mask.get(LAID_KEY), **_LAID)
    first = round(compat.time_get(clip, "frame_start")) + laid["first"] if laid else 0
    return compat.span(clip)[0] - first if laid and laid["count"] > 1 else 0 if laid else -1


def _own(scene: Any, place: Place, mask: Any, laid: dict[str, Any], first: int) -> Any:
    """Gives a piece of a split or copied clip a mask strip of its own, from the same pictures; returns it."""
    clip, folder = place.strip, Path(bpy.path.abspath(mask.directory))
    own = picture_strip.add(place.siblings, mask.name, folder, picture_strip.free_channel(place), compat.span(clip)[0])
    own[COPY_KEY] = mask.get(MASK_KEY) or mask.get(COPY_KEY)
    own[LAID_KEY] = mask.get(LAID_KEY)
    own.mute, own.use_float = True, mask.use_float
    picture_strip.lay(place, own, folder, laid["count"], first)
    for modifier in [m for m in clip.modifiers if m.type == "MASK" and m.input_mask_strip == mask]:
        modifier.input_mask_strip = own
    clip.invalidate_cache("RAW")
    return own


def _shows(mask: Any, frame: int) -> int:
    """Returns the number, from 0, of the picture that a mask strip shows at a timeline frame; -1 = none."""
    element = mask.strip_elem_from_frame(frame)
    number = element.filename[:-4] if element is not None else ""
    return int(number) - 1 if number.isdecimal() and picture_name(int(number) - 1) == element.filename else -1


def _placed(strip: Any) -> tuple[Any, ...]:
    move, crop = strip.transform, strip.crop
    return (*(getattr(move, n) for n in MOVES), *move.origin, *(getattr(crop, n) for n in CROPS))
