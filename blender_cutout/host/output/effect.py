"""Blurs, pixelates, desaturates or grades what a cutout's masks cover, with Blender's own strips above the whole clip.

A Mask modifier limits the visible strip to the masks; the clip itself stays as it is. Desaturating and grading take one
adjustment strip. Blurring and pixelating need the picture as an input: a muted multicam strip reads everything up to
the clip's channel, or up to the clip's next effect below. It must never read the visible strip's channel (Blender 4
would end in endless recursion), so these strips are locked against being moved by hand; they follow the clip by
themselves.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any, NamedTuple

from ...core.errors import StripError
from .. import compat, kept
from ..strips import STRIP_KEY, Place, coverage, pieces, places
from . import mask_alignment, placement
from .picture_strip import add, free_channel, lay, nearest_channels

BLUR, PIXELATE, DESATURATE, GRADE = "BLUR", "PIXELATE", "DESATURATE", "GRADE"
KINDS = (BLUR, PIXELATE, DESATURATE, GRADE)
_SIZE = 24
EFFECT_KEY = placement.EFFECT_KEY
MASK_OF_EFFECT = "cutout_effect_mask"
"""Custom property of an effect's mask strip: the key of what was written."""
CLIP_KEY = "cutout_effect_clip"
"""Custom property of the visible strip of an effect: the uuid of the clip's strip."""
MADE_KEY = "cutout_effect_made"
"""Custom property of the visible strip of an effect: the effect it was made for, as JSON."""
WANTED_KEY = "cutout_effect_wanted"
"""Custom property of a clip's strip: the effect to write, as JSON."""
ID_KEY = "cutout_effect_id"
"""Custom property of an effect's strips: `Effect.id`; strips of earlier releases have none."""
CONTENT_KEY = "cutout_effect_content"
"""Custom property of the visible strip of an effect: the part of the clip's content that it lies over."""
_MADE = {"kind": str, "size": int, "on": str}
_DARKER = (0.7, 0.7, 0.7)
_MODIFIER = "Cutout"


class Effect(NamedTuple):
    """An effect: its kind, for BLUR and PIXELATE its size in pixels of the render, and its side of the masks."""

    kind: str
    size: int = 0
    on: str = "BACKGROUND"

    @property
    def id(self) -> str:
        """What tells a clip's effects apart."""
        return f"{self.kind}-{self.on}"


class _Found(NamedTuple):
    """The strips of one piece's effect: the visible one, its inputs from the last to the first, and the mask."""

    shown: Place
    inputs: list[Any]
    mask: Any


def ask(clip: Any, effect: Effect) -> None:
    """Stores in a clip's strip which effect `wanted` returns."""
    clip[WANTED_KEY] = json.dumps(effect._asdict())


def wanted(clip: Any) -> Effect:
    """Returns the effect asked for on a clip's strip; a blur if there is no record."""
    record = kept.record(clip.get(WANTED_KEY), **_MADE)
    return Effect(**record) if record and record["kind"] in KINDS else Effect(BLUR, _SIZE)


def find(scene: Any, key: str, id: str) -> Any:
    """Returns a mask strip of one of a cutout's effects; None if there is none."""
    ours = [p for p in _places(scene) if p.strip.get(MASK_OF_EFFECT) == key]
    named = [p.strip for p in ours if p.strip.get(ID_KEY) == id]
    return next(iter([*named, *(p.strip for p in ours if ID_KEY not in p.strip and not _fed(p))]), None)


def ids(scene: Any, key: str) -> set[str]:
    """Returns the ids of a cutout's effects in the scene; "" = one of an earlier release."""
    return {str(f.shown.strip.get(ID_KEY, "")) for f in _found(scene, key)}


def shown_over(scene: Any, clip: Any) -> list[Any]:
    """Returns the visible strips of the effects of a clip and its pieces."""
    uuid = clip.get(STRIP_KEY)
    return [p.strip for p in _places(scene) if uuid and p.strip.get(CLIP_KEY) == uuid]


def is_shown(scene: Any, key: str) -> bool:
    """Returns whether a cutout's effect is in the scene, limited by its masks."""
    return any(not f.shown.strip.mute and f.mask is not None for f in _found(scene, key))


def write(scene: Any, place: Place, key: str, name: str, folder: Path, pictures: int, effect: Effect) -> bool:
    """Makes or updates the strips of an effect; arguments and result as in `mask_strip.write`.

    What the artist set in the strips stays, unless the effect is another one.

    Raises:
        StripError: there is no room directly above the clip.
    """
    compat.ensure_sequencer_scene(scene)
    earlier = [f for f in _found(scene, key) if _is(f.shown.strip, effect)]
    earlier.sort(key=lambda f: compat.span(f.shown.strip))
    theirs = [f.mask for f in _found(scene, key) if not _is(f.shown.strip, effect)]
    masks = [p.strip for p in _places(scene) if p.strip.get(MASK_OF_EFFECT) == key and p.strip not in theirs]
    followed, ours = True, [strip for one in earlier for strip in (one.shown.strip, *one.inputs, one.mask)]
    every = sorted(pieces(scene, place.strip), key=lambda p: compat.span(p.strip))
    for piece in every:
        _channel(piece, ours)  # fail before anything is changed
    for piece in every:
        old = next((f for f in earlier if f.shown.siblings == piece.siblings), None)
        mask = old.mask if old is not None and old.mask is not None else next(iter(masks), None)
        if mask is None or all(s != mask for s in piece.siblings):
            mask = add(piece.siblings, f"{name} mask", folder, free_channel(piece), compat.span(piece.strip)[0])
            mask[MASK_OF_EFFECT] = key
        mask[ID_KEY] = effect.id
        masks = [m for m in masks if m != mask]
        if old is not None:
            earlier.remove(old)
            masks = [m for m in masks if m != old.mask]
        followed = _write(scene, piece, key, name, (old, mask), (folder, pictures), effect) and followed
    for one in earlier:
        _remove(one.shown.siblings, [one.shown.strip, *one.inputs])
    for mask in [p for p in _places(scene) if p.strip in masks or (p.strip.get(MASK_OF_EFFECT) == key and not _fed(p))]:
        mask.siblings.remove(mask.strip)
    return followed


def remove(scene: Any, place: Place | None, key: str, id: str | None = None) -> None:
    """Removes all strips of a cutout's effects, or of the one with an id; the files stay."""

    def is_meant(strip: Any) -> bool:
        return id is None or strip.get(ID_KEY, "") == id

    for one in [f for f in _found(scene, key) if is_meant(f.shown.strip)]:
        _remove(one.shown.siblings, [one.shown.strip, *one.inputs])
    ours = [p for p in _places(scene) if key in (p.strip.get(MASK_OF_EFFECT), p.strip.get(EFFECT_KEY))]
    ours = [p for p in ours if is_meant(p.strip)]
    for left in sorted(ours, key=lambda p: -len(compat.chain(p.strip))):
        left.siblings.remove(left.strip)
    if id is not None:
        keep(scene)  # what lay above it now reads the clip


def keep(scene: Any) -> list[tuple[str, str]]:
    """Realigns the effects of clips that have moved; returns those it cannot, each as (what is wrong, what to do)."""
    troubles = []
    shown = [p.strip for p in _places(scene) if p.strip.get(CLIP_KEY)]
    keys = dict.fromkeys((str(s.get(EFFECT_KEY)), str(s.get(CLIP_KEY)), str(s.get(ID_KEY, ""))) for s in shown)
    for key, uuid, id in keys:
        clips = [p for p in _places(scene) if p.strip.get(STRIP_KEY) == uuid]
        found = [f for f in _found(scene, key) if f.shown.strip.get(ID_KEY, "") == id]
        trouble = _check(scene, clips, found) if clips else ""
        if trouble:
            troubles.append((trouble, placement.AGAIN))
    return troubles


def _check(scene: Any, clips: list[Place], found: list[_Found]) -> str:
    """Realigns a cutout's effect; returns why it cannot, "" if it can."""
    name = clips[0].strip.name
    if any(one.mask is None for one in found):
        return f"The mask strip of the effect on {name} is gone, so the effect covers everything."
    if len(clips) != len(found):  # split or copied: fine as long as nothing has moved
        if all(any(_covers(p.strip, one) for one in found) for p in clips):
            return ""
        return f"{name} was split or copied after its effect was written."
    clips = sorted(clips, key=lambda p: (_content(p.strip), compat.span(p.strip)))
    found = sorted(found, key=lambda one: (list(one.shown.strip.get(CONTENT_KEY, ())), compat.span(one.shown.strip)))
    for place, one in zip(clips, found, strict=True):
        if all(s != one.shown.strip for s in place.siblings):
            return f"{name} and its effect are not in the same meta strip."
        trouble = mask_alignment.align(scene, place, one.mask, (place.strip.use_flip_x, place.strip.use_flip_y))
        if trouble:
            return trouble
        _align(place, one)
    return ""


def _content(clip: Any) -> list[int]:
    """Returns which part of its content a clip's strip shows: first and one past the last, from the content's start."""
    start = round(compat.time_get(clip, "frame_start"))
    return [at - start for at in compat.span(clip)]


def _covers(clip: Any, one: _Found) -> bool:
    """Returns whether an effect lies over a whole piece of a clip, where it was written for it."""
    (left, right), (first, last) = compat.span(clip), compat.span(one.shown.strip)
    return (
        first <= left and right <= last and mask_alignment.fits(clip, one.mask, mask_alignment.shown_on(clip, one.mask))
    )


def _align(place: Place, one: _Found) -> None:
    """Lays the strips of an effect over the clip in time, directly above it."""
    clip, shown = place.strip, one.shown.strip
    generator = one.inputs[-1] if one.inputs else shown
    changed = compat.span(generator) != compat.span(clip)
    if changed:
        left, right = compat.span(clip)
        compat.time_set(generator, "frame_start", left)
        compat.time_set(generator, "frame_final_duration", right - left)
    if shown.channel <= clip.channel:
        shown.channel = _channel(place, [shown, *one.inputs, one.mask])
        changed = True
    for strip in one.inputs:
        if strip.channel <= clip.channel:
            strip.channel = free_channel(place)
            changed = True
    if one.inputs and generator.multicam_source != (below := _below(place, shown)):
        generator.multicam_source = below
        changed = True
    if list(shown.get(CONTENT_KEY, ())) != _content(clip):
        shown[CONTENT_KEY] = _content(clip)
    if changed:
        for strip in (generator, shown):
            strip.invalidate_cache("RAW")


def _write(
    scene: Any,
    piece: Place,
    key: str,
    name: str,
    have: tuple[_Found | None, Any],
    written: tuple[Path, int],
    effect: Effect,
) -> bool:
    """Writes the effect of one piece of the clip; `have`: what is there, and the mask strip to use."""
    (old, mask), (folder, pictures) = have, written
    mask.mute = mask.use_float = True
    lay(piece, mask, folder, pictures)
    mask_alignment.note(scene, piece, mask, coverage(scene, piece.strip)[0], pictures)
    followed = mask_alignment.lay_over(scene, piece.strip, mask, (piece.strip.use_flip_x, piece.strip.use_flip_y))
    if old is None or _made(old.shown.strip) != effect:
        shown = _make(scene, piece, name, effect, old)
        shown[EFFECT_KEY], shown[CLIP_KEY] = key, piece.strip.get(STRIP_KEY)
        shown[MADE_KEY] = json.dumps(effect._asdict())
        for strip in compat.chain(shown):
            strip[EFFECT_KEY] = key
        for strip in (shown, *compat.chain(shown)):
            strip[ID_KEY] = effect.id
    else:
        shown = old.shown.strip
    modifier = next((m for m in shown.modifiers if m.type == "MASK"), None) or shown.modifiers.new(_MODIFIER, "MASK")
    modifier.input_mask_type, modifier.input_mask_strip = "STRIP", mask
    modifier.mute = False
    shown.mute = False
    _align(piece, _Found(Place(shown, piece.siblings, piece.meta), compat.chain(shown), mask))
    for strip in (mask, shown, piece.strip):
        strip.invalidate_cache("RAW")
    return followed


def _make(scene: Any, place: Place, name: str, effect: Effect, old: _Found | None) -> Any:
    """Makes the strips of an effect in the place of old ones; returns the visible one."""
    siblings, (left, right) = place.siblings, compat.span(place.strip)
    gone = [old.shown.strip, *old.inputs] if old is not None else []
    channel = _channel(place, gone)
    if old is not None:
        channel = old.shown.strip.channel if old.shown.strip.channel > place.strip.channel else channel
        _remove(siblings, gone)

    def new(kind: str, source: Any = None, where: int = 0) -> Any:
        title = f"{name} {effect.kind.lower()}"
        return compat.new_effect(siblings, title, kind, where or free_channel(place), left, right - left, source)

    if effect.kind in (DESATURATE, GRADE):
        shown = new("ADJUSTMENT", where=channel)
        if effect.kind == DESATURATE:
            shown.color_saturation = 0.0
        else:
            shown.modifiers.new("Grade", "COLOR_BALANCE").color_balance.gain = _DARKER
    else:
        source = new("MULTICAM")
        source.mute, source.multicam_source = True, place.strip.channel
        last = source
        if effect.kind == PIXELATE:
            last = new("GAUSSIAN_BLUR", source)
            last.mute, last.size_x, last.size_y = True, 0.0, 0.0
            _set_blocks(scene, source, last, effect.size)
        shown = new("GAUSSIAN_BLUR", last, channel)
        shown.size_x = shown.size_y = float(effect.size) if effect.kind == BLUR else 0.0
        for strip in (source, last, shown):
            strip.lock = True
    shown.blend_type = "ALPHA_OVER"
    return shown


def _set_blocks(scene: Any, small: Any, large: Any, size: int) -> None:
    """Shrinks the picture to one pixel for each block, and enlarges it again.

    As many blocks fit exactly; as the shrunk picture lies in the middle, their number is odd or even as the render's
    width and height are, so that blocks meet whole pixels and the frame's border.
    """
    small.transform.filter, large.transform.filter = "BOX", "NEAREST"
    for axis in ("x", "y"):
        full = getattr(scene.render, f"resolution_{axis}")
        blocks = min(full, max(1, math.ceil(full / size)))
        blocks += (full - blocks) % 2
        setattr(small.transform, f"scale_{axis}", blocks / full)
        setattr(large.transform, f"scale_{axis}", full / blocks)


def _made(shown: Any) -> Effect | None:
    """Returns the effect that a visible strip was made for; those of earlier releases say nothing about the side."""
    record = kept.record(shown.get(MADE_KEY), **_MADE)
    return Effect(**record) if record else None


def _is(shown: Any, effect: Effect) -> bool:
    """Returns whether a visible strip is of this effect, or of its kind and from a release that had only one."""
    if ID_KEY in shown:
        return bool(shown[ID_KEY] == effect.id)
    record = kept.record(shown.get(MADE_KEY), kind=str)
    return record is not None and record["kind"] == effect.kind


def _others(place: Place, without: list[Any]) -> list[Any]:
    """Returns the visible strips of the clip's other effects, over any part of this piece."""
    left, right = compat.span(place.strip)
    uuid = place.strip.get(STRIP_KEY)
    found = [s for s in place.siblings if uuid and s.get(CLIP_KEY) == uuid and s not in without]
    return [s for s in found if compat.span(s)[0] < right and compat.span(s)[1] > left]


def _below(place: Place, shown: Any) -> int:
    """Returns the channel up to which an effect's input reads: that of the clip, or of the next effect below."""
    under = [s.channel for s in _others(place, [shown]) if s.channel < shown.channel]
    return int(max([place.strip.channel, *under]))


def _channel(place: Place, without: list[Any]) -> int:
    """Returns the nearest free channel above the clip and its other effects with nothing else visible in between."""
    others = _others(place, without)
    lowest = max([place.strip.channel, *(s.channel for s in others)])
    found = next((c for c in nearest_channels(place, [*without, *others]) if c > lowest), None)
    if found is None:
        raise StripError(
            "There is no room for the effect directly above the clip.",
            "Move the strips above the clip up one channel, then press Apply Effect again.",
        )
    return found


def _places(scene: Any) -> list[Place]:
    return list(places(scene.sequence_editor)) if scene.sequence_editor is not None else []


def _found(scene: Any, key: str) -> list[_Found]:
    return [
        _Found(place, compat.chain(place.strip), _mask_of(place.strip))
        for place in _places(scene)
        if place.strip.get(CLIP_KEY) and place.strip.get(EFFECT_KEY) == key
    ]


def _mask_of(shown: Any) -> Any:
    return next((m.input_mask_strip for m in shown.modifiers if m.type == "MASK" and not m.mute), None)


def _fed(mask: Place) -> bool:
    """Returns whether a mask strip feeds a visible strip of ours."""
    return any(_mask_of(s) == mask.strip for s in mask.siblings if s.get(CLIP_KEY))


def _remove(siblings: Any, strips: list[Any]) -> None:
    """Removes strips, each before its input: Blender removes an input's effects along with it."""
    for strip in strips:
        siblings.remove(strip)
