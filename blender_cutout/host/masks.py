"""The mask strip and the Mask modifier on the clip's strip: what makes the composite, with or without this add-on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import bpy

from ..core.errors import StripError
from . import animation, compat
from .strips import Place, places

MASK_KEY = "cutout_mask"
"""Custom property of a mask strip: the uuid of its cutout."""
MODIFIER = "Cutout"
_LAST_CHANNEL = 128


def file_name(index: int) -> str:
    """Name of the mask for the index-th timeline frame of the strip, from 0."""
    return f"{index + 1:06d}.png"


def is_applied(strip: Any, track: str) -> bool:
    """True when a clip's strip is shown through the mask strip of that cutout."""
    return any(
        modifier.type == "MASK"
        and modifier.input_mask_strip is not None
        and modifier.input_mask_strip.get(MASK_KEY) == track
        and not modifier.mute
        and getattr(modifier, "show_preview", True)
        for modifier in strip.modifiers
    )


def folder_of(track_folder: Path) -> Path:
    """The folder of the written masks inside a cutout's folder."""
    return track_folder / "matte"


def find(scene: Any, track: str) -> Any:
    """The mask strip of a cutout, None when there is none."""
    if scene.sequence_editor is None:
        return None
    return next((p.strip for p in places(scene.sequence_editor) if p.strip.get(MASK_KEY) == track), None)


def write(scene: Any, place: Place, track: str, name: str, folder: Path, pictures: int) -> bool:
    """Makes or updates the mask strip of a cutout and the clip's modifier.

    Args:
        scene: the scene with the strip.
        place: the clip's strip.
        track: uuid of the cutout.
        name: of the cutout, for a new strip.
        folder: with the mask pictures `file_name(0)` and so on.
        pictures: how many: one for each timeline frame of the clip, or 1 that stands for all of them.

    Returns:
        False when the mask may not follow the clip on every frame: a driver moves it, or a curve with modifiers.

    Raises:
        StripError: the clip's channel list is full.
    """
    clip = place.strip
    left, right = (round(compat.time_get(clip, n)) for n in ("frame_final_start", "frame_final_end"))
    mask = next((s for s in place.siblings if s.get(MASK_KEY) == track), None)
    if mask is None:
        orphan = find(scene, track)  # the clip was moved into or out of a meta strip
        if orphan is not None:
            del orphan[MASK_KEY]
        channel = _free_channel(place, None, left, right)
        mask = place.siblings.new_image(f"{name} mask", str(folder / file_name(0)), channel, left)
        mask[MASK_KEY] = track
    mask.mute = True  # muted it still feeds the modifier, but never covers the picture
    _fit_time(place, mask, left, right, pictures)
    mask.directory = stored_path(folder)
    followed = follow(scene, clip, mask)
    _modifier(scene, clip, mask)
    # Without this the preview, and from 5.0 on even the next render, go on showing the pictures of before.
    mask.invalidate_cache("RAW")
    clip.invalidate_cache("RAW")
    return followed


def follow(scene: Any, clip: Any, mask: Any) -> bool:
    """Lays the mask exactly over the clip's picture; False when the clip is moved by what cannot be copied."""
    for name in ("offset_x", "offset_y", "scale_x", "scale_y", "rotation", "origin", "filter"):
        setattr(mask.transform, name, getattr(clip.transform, name))
    for name in ("min_x", "max_x", "min_y", "max_y"):
        setattr(mask.crop, name, getattr(clip.crop, name))
    # Up to 4.5 modifiers work on the output frame; from 5.0 on in the strip's own space, before the clip's flip.
    mask.use_flip_x = clip.use_flip_x and compat.BEFORE_5_0
    mask.use_flip_y = clip.use_flip_y and compat.BEFORE_5_0
    return animation.copy(scene, clip, mask)


def stored_path(folder: Path) -> str:
    """The folder as a strip keeps it: relative to a saved .blend where possible, so that both can move together."""
    if bpy.data.filepath:
        try:
            return bpy.path.relpath(str(folder)) + "/"
        except ValueError:  # on another drive
            pass
    return str(folder) + "/"


def remove(scene: Any, place: Place | None, track: str) -> None:
    """Removes the mask strip of a cutout and the modifier that it feeds; the files stay."""
    for other in list(places(scene.sequence_editor)) if scene.sequence_editor else ():
        if other.strip.get(MASK_KEY) == track:
            if place is not None:
                for modifier in [m for m in place.strip.modifiers if _fed_by(m, other.strip)]:
                    place.strip.modifiers.remove(modifier)
            other.siblings.remove(other.strip)


def _fit_time(place: Place, mask: Any, left: int, right: int, pictures: int) -> None:
    """Gives the mask its pictures and the clip's place on the timeline."""
    while len(mask.elements) > pictures:
        mask.elements.pop(len(mask.elements) - 1)
    for index in range(len(mask.elements), pictures):
        mask.elements.append(file_name(index))
    for index, element in enumerate(mask.elements):
        if element.filename != file_name(index):
            element.filename = file_name(index)
    channel = _free_channel(place, mask, left, right)
    if channel != mask.channel:
        mask.channel = channel
    for name, value in (
        ("animation_offset_start", 0),
        ("animation_offset_end", 0),
        ("frame_offset_start", 0),
        ("frame_start", left),
        ("frame_final_duration", right - left),
    ):
        if compat.time_get(mask, name) != value:
            compat.time_set(mask, name, value)


def _modifier(scene: Any, clip: Any, mask: Any) -> None:
    compat.ensure_sequencer_scene(scene)
    modifier = next((m for m in clip.modifiers if _fed_by(m, mask)), None)
    if modifier is None:
        modifier = next(
            (m for m in clip.modifiers if m.type == "MASK" and m.name.startswith(MODIFIER) and not m.input_mask_strip),
            None,
        ) or clip.modifiers.new(MODIFIER, "MASK")
    modifier.input_mask_type = "STRIP"
    modifier.input_mask_strip = mask
    if clip.blend_type in ("REPLACE", "CROSS"):
        clip.blend_type = "ALPHA_OVER"  # those show the cut-away part as black


def _fed_by(modifier: Any, mask: Any) -> bool:
    return modifier.type == "MASK" and modifier.input_mask_strip == mask


def _free_channel(place: Place, mask: Any, left: int, right: int) -> int:
    """The mask's channel where nothing else lies in its time, else the nearest free one above the clip, then below."""
    taken = {
        s.channel
        for s in place.siblings
        if s != mask
        and compat.time_get(s, "frame_final_start") < right
        and compat.time_get(s, "frame_final_end") > left
    }
    first = place.strip.channel
    wanted = [mask.channel] if mask else []
    for channel in [*wanted, *range(first + 1, _LAST_CHANNEL + 1), *range(first - 1, 0, -1)]:
        if channel not in taken:
            return channel
    raise StripError("There is no free channel for the mask strip.", "Move or delete strips above the clip.")
