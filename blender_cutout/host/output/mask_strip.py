"""Writes mask strips and the clip's Mask modifiers: they show the composite, with or without this add-on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from .. import compat
from ..strips import Place, coverage, pieces, places
from . import mask_alignment, placement
from .picture_strip import add, free_channel, lay, taken

MASK_KEY, COPY_KEY = placement.MASK_KEY, placement.COPY_KEY
MODIFIER = "Cutout"


def is_applied(strip: Any, track: str) -> bool:
    """Returns whether a clip's strip is shown through the mask strip of that cutout."""
    return any(
        modifier.type == "MASK"
        and modifier.input_mask_strip is not None
        and track in (modifier.input_mask_strip.get(MASK_KEY), modifier.input_mask_strip.get(COPY_KEY))
        and not modifier.mute
        and getattr(modifier, "show_preview", True)
        for modifier in strip.modifiers
    )


def folder_of(track_folder: Path) -> Path:
    """Returns the folder of the written masks inside a cutout's folder."""
    return track_folder / "matte"


def find(scene: Any, track: str) -> Any:
    """Returns the mask strip of a cutout; None if there is none."""
    if scene.sequence_editor is None:
        return None
    return next((p.strip for p in places(scene.sequence_editor) if p.strip.get(MASK_KEY) == track), None)


def write(scene: Any, place: Place, track: str, name: str, folder: Path, pictures: int) -> bool:
    """Makes or updates a cutout's mask strip and the clip's modifier.

    Args:
        scene: the scene with the strip.
        place: the clip's strip.
        track: uuid of the cutout.
        name: the cutout's, for a new strip.
        folder: holds the mask pictures `contents.picture_name(0)` and so on.
        pictures: how many: one for each timeline frame of the clip, or 1 for all of them.

    Returns:
        False if the mask may not follow the clip on every frame, because a driver or a curve with modifiers moves it.

    Raises:
        StripError: there is no free channel.
    """
    clip = place.strip
    ours = [s for s in place.siblings if s.get(MASK_KEY) == track]
    mask = next((s for s in ours if any(_fed_by(m, s) for m in clip.modifiers)), ours[0] if ours else None)
    channels = _channels(scene, clip, track)
    _clear(scene, track, mask)
    if mask is None:
        channel, left = free_channel(place), compat.span(clip)[0]
        mask = add(place.siblings, f"{name} mask", folder, channel, left)
        mask[MASK_KEY] = track
    followed = _cover(scene, place, mask, folder, pictures)
    for piece in [p for p in pieces(scene, clip) if p.strip != clip]:
        wanted, left = channels.get(piece.strip.name, 0), compat.span(piece.strip)[0]
        channel = wanted if wanted and wanted not in taken(piece) else free_channel(piece)
        copy = add(piece.siblings, f"{name} mask", folder, channel, left)
        copy[COPY_KEY] = track
        for modifier in [m for m in piece.strip.modifiers if _fed_by(m, mask)]:
            modifier.input_mask_strip = None  # it was copied with the strip
        followed = _cover(scene, piece, copy, folder, pictures) and followed
    return followed


def _cover(scene: Any, place: Place, mask: Any, folder: Path, pictures: int) -> bool:
    """Lays a mask strip over a clip's strip and shows the clip through it; returns what `follow` does."""
    mask.mute = True  # a muted strip still feeds the modifier, but never covers the picture
    mask.use_float = True  # 4.2 treats an 8-bit mask on a 16-bit clip as linear light
    lay(place, mask, folder, pictures)
    mask_alignment.note(scene, place, mask, coverage(scene, place.strip)[0], pictures)
    followed = follow(scene, place.strip, mask)
    _modifier(scene, place.strip, mask)
    # Otherwise the preview, and from 5.0 on even the next render, keeps showing the old pictures.
    mask.invalidate_cache("RAW")
    place.strip.invalidate_cache("RAW")
    return followed


def _channels(scene: Any, clip: Any, track: str) -> dict[str, int]:
    """Returns piece -> channel of the mask strip that it is shown through: where the artist may have put it."""
    return {
        piece.strip.name: modifier.input_mask_strip.channel
        for piece in pieces(scene, clip)
        for modifier in piece.strip.modifiers
        if modifier.type == "MASK" and modifier.input_mask_strip is not None
        if _key(modifier.input_mask_strip) == track
    }


def _clear(scene: Any, track: str, keep: Any) -> None:
    """Removes all mask strips of a cutout but one: those of other pieces, and Blender's copies."""
    found = [p for p in places(scene.sequence_editor) if track in (p.strip.get(MASK_KEY), p.strip.get(COPY_KEY))]
    for place in found:
        if place.strip != keep:
            place.siblings.remove(place.strip)


def part(strip: Any) -> None:
    """Removes our mask modifiers from a strip, a copy that gets a cutout of its own."""
    for modifier in [m for m in strip.modifiers if m.type == "MASK" and m.name.startswith(MODIFIER)]:
        mask = modifier.input_mask_strip
        if mask is None or mask.get(MASK_KEY) or mask.get(COPY_KEY):
            strip.modifiers.remove(modifier)


def follow(scene: Any, clip: Any, mask: Any) -> bool:
    """Lays the mask exactly over the clip's picture; returns False if the clip's animation cannot be copied."""
    return mask_alignment.lay_over(scene, clip, mask, mask_alignment.clip_flips(clip))


def remove(scene: Any, place: Place | None, track: str) -> None:
    """Removes a cutout's mask strips and the modifiers they feed; the files stay."""
    if scene.sequence_editor is None:
        return
    for piece in pieces(scene, place.strip) if place is not None else ():
        for modifier in [m for m in piece.strip.modifiers if m.type == "MASK" and m.input_mask_strip is not None]:
            if track in (modifier.input_mask_strip.get(MASK_KEY), modifier.input_mask_strip.get(COPY_KEY)):
                piece.strip.modifiers.remove(modifier)
    _clear(scene, track, None)


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
        clip.blend_type = "ALPHA_OVER"  # those would show the removed part as black


def _fed_by(modifier: Any, mask: Any) -> bool:
    return modifier.type == "MASK" and modifier.input_mask_strip == mask


def show_through(scene: Any, place: Place, key: str, composes: bool) -> None:
    """Keeps only one of our mask strips on a clip's strip and its other pieces, or removes just that one.

    Args:
        scene: the scene with the strip.
        place: the clip's strip.
        key: of the mask strip, as in `write`.
        composes: True = removes our other Mask modifiers, False = removes its own.
    """
    for piece in pieces(scene, place.strip):
        for modifier in [m for m in piece.strip.modifiers if m.type == "MASK" and m.input_mask_strip is not None]:
            fed_by = _key(modifier.input_mask_strip)
            if fed_by and (fed_by != key) == composes:
                piece.strip.modifiers.remove(modifier)


def _key(mask: Any) -> str:
    return str(mask.get(MASK_KEY) or mask.get(COPY_KEY) or "")
