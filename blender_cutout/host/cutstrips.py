"""The RGBA strip of a cutout: its pictures with alpha in the clip's place, the clip itself muted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from . import animation
from .sequences import copy_place, file_name, free_channel, lay, nearest_channels, span
from .strips import Place, pieces, places

CUTOUT_KEY = "cutout_pictures"
"""Custom property of an RGBA strip: the key of what was written."""
MUTED_KEY = "cutout_muted"
"""Custom property of a clip's strip that was muted for its RGBA strip: by that strip's key."""
_LOOKS = ("blend_alpha", "color_saturation", "color_multiply", "use_flip_x", "use_flip_y")


def find(scene: Any, key: str) -> list[Place]:
    """The RGBA strips of a cutout: one for each piece of its clip."""
    return [p for p in places(scene.sequence_editor) if p.strip.get(CUTOUT_KEY) == key] if scene.sequence_editor else []


def write(scene: Any, place: Place, key: str, name: str, folder: Path, pictures: int) -> bool:
    """Makes or updates the RGBA strips of a cutout, and mutes the clip; arguments and result as of `masks.write`."""
    earlier = find(scene, key)
    followed = True
    for piece in pieces(scene, place.strip):
        old = next((p for p in earlier if p.siblings == piece.siblings), None)
        if old is None:
            channel = next(nearest_channels(piece), None) or free_channel(piece)
            strip = piece.siblings.new_image(
                f"{name} cutout", str(folder / file_name(0)), channel, span(piece.strip)[0]
            )
            strip[CUTOUT_KEY] = key
        else:
            earlier.remove(old)
            strip = old.strip
        lay(piece, strip, folder, pictures)
        copy_place(piece.strip, strip)
        followed = animation.copy(scene, piece.strip, strip) and followed
        for look in _LOOKS:
            setattr(strip, look, getattr(piece.strip, look))
        strip.colorspace_settings.name = piece.strip.colorspace_settings.name
        strip.alpha_mode = "STRAIGHT"
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
    """Removes the RGBA strips of a cutout and shows the clip again; the files stay."""
    for old in find(scene, key):
        old.siblings.remove(old.strip)
    for piece in pieces(scene, place.strip) if place is not None else ():
        if piece.strip.get(MUTED_KEY) == key:
            piece.strip.mute = False
            del piece.strip[MUTED_KEY]
