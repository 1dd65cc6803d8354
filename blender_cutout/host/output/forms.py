"""The forms in which a cutout is written into the sequencer; of each cutout there is one at a time.

There is no form with a compositor modifier, which Blender has from 5.0 on. Its edges are as exact as the Mask
modifier's and stay so where the clip is transformed; but a frame of 640×360 takes it 40 to 170 ms where the Mask
modifier needs 26 to 37 ms for one of 1920×1080, its Image node counts the scene's frames and so must be rebuilt after
every move of the clip, and Blender 4 loses it. The soft edge of a transformed clip is had as well by transforming a
meta strip around the clip.
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
"""Pictures that a strip is given at once: that takes 10 ms."""
_BIT = 0.01


def prepare(
    place: Callable[[], tuple[Any, Place]], key: str, name: str, folder: Path, pictures: int, form: Form
) -> Generator[float, None, None]:
    """What takes long of `write`, bit by bit, and comes before it; yields how far it is. See `maskblock.prepare`."""
    if form is Form.SPLINES:
        yield from mask_splines.prepare(place, key, folder / mask_splines.FILE)
    elif pictures > _AT_ONCE:
        yield from _stock(place, key, name, folder, pictures, form)


def write(scene: Any, place: Place, key: str, name: str, folder: Path, pictures: int, form: Form) -> bool:
    """Makes or updates a cutout's strips in one form and removes those of the others; see `masks.write`.

    `prepare` comes before.
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
    """Gives a long strip its pictures: Blender copies the whole list for each further one, seconds for thousands."""
    made = False
    try:
        while True:
            scene, found = place()
            strip = _strip(scene, key, form)
            if strip is None and made:
                raise InputError("The strip was taken back while it was made.", "Press Write Strips again.")
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
    """The strip of a cutout in that form, None when there is none."""
    if form is Form.MASK:
        return mask_strip.find(scene, key)
    return next((p.strip for p in rgba_strip.find(scene, key)), None)


def remove(scene: Any, place: Place | None, key: str) -> None:
    """Removes whatever was written of a cutout; the files stay."""
    mask_strip.remove(scene, place, key)
    rgba_strip.remove(scene, place, key)
    _remove_splines(scene, place, key)


def is_shown(scene: Any, strip: Any, key: str, form: Form) -> bool:
    """True when what was written of a cutout in that form is there, and the clip is seen through it."""
    if form is Form.MASK:
        return mask_strip.is_applied(strip, key)
    if form is Form.CUTOUT:
        return strip.mute and any(not p.strip.mute for p in rgba_strip.find(scene, key))
    mask = mask_splines.find(key)
    return mask is not None and any(
        m.type == "MASK" and m.input_mask_id == mask and not m.mute for m in strip.modifiers
    )


def parts(scene: Any, strip: Any, key: str, form: Form) -> list[Any]:
    """The strips of ours that must lie where the clip's lies; an RGBA strip may lie where the artist put it."""
    if form is not Form.MASK:
        return []
    return [m.input_mask_strip for m in strip.modifiers if m.type == "MASK" and m.input_mask_strip is not None]


def _modifier(scene: Any, clip: Any, mask: Any, key: str) -> None:
    """Shows a clip through a Mask data-block."""
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
                modifier.input_mask_id = None  # it shows the clip through a mask strip by now
    bpy.data.masks.remove(mask)
