"""The forms in which a cutout is written into the sequencer; each cutout has one at a time.

A compositor modifier (Blender 5.0 and later) is deliberately not among them: it is several times slower than the Mask
modifier (docs/speed.md, "Not used"), its Image node counts the scene's frames and so must be rebuilt whenever the clip
moves, and Blender 4 drops it. For a soft edge on a transformed clip, transform a meta strip around the clip instead.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import bpy

from ...core.errors import InputError
from ...core.types import Form
from .. import compat
from ..strips import Place, pieces
from . import mask_splines, mask_strip, picture_strip, rgba_strip

_AT_ONCE = 1000
"""Most pictures added to a strip in one go; more would be noticeable."""
_BIT = 0.01


def prepare(
    place: Callable[[], tuple[Any, Place]], key: str, name: str, folder: Path, pictures: int, form: Form
) -> Generator[float, None, None]:
    """Does the slow part of `write` in small steps, before it; yields the progress, 0 to 1.

    See `mask_splines.prepare`.
    """
    if form is Form.SPLINES:
        yield from mask_splines.prepare(place, key, folder / mask_splines.FILE)
    elif pictures > _AT_ONCE:
        yield from _stock(place, key, name, folder, pictures, form)


def write(scene: Any, place: Place, key: str, name: str, folder: Path, pictures: int, form: Form) -> bool:
    """Writes a cutout's strips in one form and removes those of the others; see `mask_strip.write`.

    Call `prepare` first.
    """
    if form is Form.MASK:
        followed = mask_strip.write(scene, place, key, name, folder, pictures)
    elif form is Form.CUTOUT:
        followed = rgba_strip.write(scene, place, key, name, folder, pictures)
    else:
        followed = mask_splines.put(scene, place, key, name, pictures)
        for piece in pieces(scene, place.strip):
            _modifier(scene, piece.strip, mask_splines.find(key), key)
    if form is not Form.MASK:
        mask_strip.remove(scene, place, key)
    if form is not Form.CUTOUT:
        rgba_strip.remove(scene, place, key)
    if form is not Form.SPLINES:
        _remove_splines(scene, place, key)
    return followed


def _stock(
    place: Callable[[], tuple[Any, Place]], key: str, name: str, folder: Path, pictures: int, form: Form
) -> Generator[float, None, None]:
    """Adds a long strip's pictures step by step: Blender copies the whole list each time one is added."""
    made = False
    try:
        while True:
            scene, found = place()
            strip = _strip(scene, key, form)
            if strip is None and made:
                raise InputError("The strip was undone while it was being written.", "Press Write Strips again.")
            if strip is None:
                channel, left = picture_strip.free_channel(found), picture_strip.span(found.strip)[0]
                title = f"{name} {'mask' if form is Form.MASK else 'cutout'}"
                strip = picture_strip.add(found.siblings, title, folder, channel, left)
                strip[mask_strip.MASK_KEY if form is Form.MASK else rgba_strip.CUTOUT_KEY] = key
                strip.mute = made = True
            until = time.monotonic() + _BIT
            while (count := len(strip.elements)) < pictures:
                strip.elements.append(picture_strip.file_name(count))
                if time.monotonic() > until:
                    break
            else:
                return
            yield count / pictures
    except BaseException:
        scene, found = place()
        if made and (strip := _strip(scene, key, form)) is not None:
            found.siblings.remove(strip)
        raise


def _strip(scene: Any, key: str, form: Form) -> Any:
    """Returns a cutout's strip in that form; None if there is none."""
    if form is Form.MASK:
        return mask_strip.find(scene, key)
    return next((p.strip for p in rgba_strip.find(scene, key)), None)


def remove(scene: Any, place: Place | None, key: str) -> None:
    """Removes everything written for a cutout from the scene; the files stay."""
    mask_strip.remove(scene, place, key)
    rgba_strip.remove(scene, place, key)
    _remove_splines(scene, place, key)


def is_shown(scene: Any, strip: Any, key: str, form: Form) -> bool:
    """Returns whether a cutout is written in that form and the clip is shown through it."""
    if form is Form.MASK:
        return mask_strip.is_applied(strip, key)
    if form is Form.CUTOUT:
        return strip.mute and any(not p.strip.mute for p in rgba_strip.find(scene, key))
    mask = mask_splines.find(key)
    return mask is not None and any(
        m.type == "MASK" and m.input_mask_id == mask and not m.mute for m in strip.modifiers
    )


def parts(scene: Any, strip: Any, key: str, form: Form) -> list[Any]:
    """Returns the strips of ours that must stay on the clip; an RGBA strip may be moved by the artist."""
    if form is not Form.MASK:
        return []
    return [m.input_mask_strip for m in strip.modifiers if m.type == "MASK" and m.input_mask_strip is not None]


def _modifier(scene: Any, clip: Any, mask: Any, key: str) -> None:
    """Shows a clip through a Mask data-block, by a Mask modifier."""
    compat.ensure_sequencer_scene(scene)
    ours = [m for m in clip.modifiers if m.type == "MASK" and m.input_mask_id == mask]
    modifier = ours[0] if ours else clip.modifiers.new(mask_strip.MODIFIER, "MASK")
    modifier.input_mask_type, modifier.input_mask_id, modifier.mask_time = "ID", mask, "RELATIVE"
    if clip.blend_type in ("REPLACE", "CROSS"):
        clip.blend_type = "ALPHA_OVER"
    clip.invalidate_cache("RAW")


def _remove_splines(scene: Any, place: Place | None, key: str) -> None:
    mask = mask_splines.find(key)
    if mask is None:
        return
    for piece in pieces(scene, place.strip) if place is not None else ():
        for modifier in [m for m in piece.strip.modifiers if m.type == "MASK" and m.input_mask_id == mask]:
            if modifier.input_mask_type == "ID":
                piece.strip.modifiers.remove(modifier)
            else:
                modifier.input_mask_id = None  # by now it shows the clip through a mask strip
    bpy.data.masks.remove(mask)
