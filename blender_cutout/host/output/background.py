"""Puts a background under a clip: a colour, a picture or a movie, as long as the clip.

The background goes into a free channel directly below the clip, with nothing visible in between. If there is none, the
clip moves up, along with any of our own strips that are in the way; the artist's strips never move.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ...core.errors import StripError
from .. import compat
from ..strips import Place, places
from . import rgba_strip
from .effect import MASK_OF_EFFECT
from .mask_strip import COPY_KEY, MASK_KEY
from .picture_strip import LAST_CHANNEL, nearest_channels, taken

BACKGROUND_KEY = "cutout_background"
"""Custom property of a background: the uuid of the clip's strip."""
COLOUR, IMAGE, MOVIE = "COLOR", "IMAGE", "MOVIE"


def find(scene: Any, key: str) -> Place | None:
    """Returns the background of the strip with that uuid; None if it has none."""
    if scene.sequence_editor is None:
        return None
    return next((p for p in places(scene.sequence_editor) if p.strip.get(BACKGROUND_KEY) == key), None)


def put(scene: Any, place: Place, key: str, kind: str, colour: tuple[float, float, float], file: Path | None) -> bool:
    """Puts a background under a clip, replacing the one that is there.

    Args:
        scene: the scene with the strip.
        place: the clip's strip.
        key: the uuid of the clip's strip.
        kind: COLOUR, IMAGE or MOVIE.
        colour: for COLOUR, as displayed.
        file: for IMAGE and MOVIE.

    Returns:
        True if the clip had to move up.

    Raises:
        StripError: the file cannot be read, or there is no room.
    """
    old = find(scene, key)
    new = _make(place, kind, colour, file, compat.span(place.strip)[0])
    try:
        base = _lowest(scene, place)
        without = [new, *([old.strip] if old else [])]
        below = [c for c in nearest_channels(base, without) if c < base.strip.channel]
        channel, moved = (below[0], False) if below else (_make_room(base, without), True)
    except StripError:
        place.siblings.remove(new)
        raise
    if old is not None:
        old.siblings.remove(old.strip)
    new.channel = channel
    new[BACKGROUND_KEY] = key
    new.name = f"{place.strip.name} background"
    return moved


def _make(place: Place, kind: str, colour: tuple[float, float, float], file: Path | None, left: int) -> Any:
    """Returns a new strip as long as the clip, in a channel out of the way."""
    strips, length = place.siblings, compat.span(place.strip)[1] - left
    full = taken(place)
    channel = next((c for c in range(LAST_CHANNEL, 0, -1) if c not in full), None)
    if channel is None:
        raise StripError("There is no free channel for the background.", "Delete a strip above the clip.")
    if kind == COLOUR:
        end = {"frame_end": left + length} if compat.BEFORE_5_0 else {"length": length}
        new = strips.new_effect("background", "COLOR", channel, left, **end)
        new.color = colour
        return new
    if file is None or not file.is_file():
        raise StripError(f"The background file does not exist: {file or ''}", "Choose a picture or movie file.")
    make = strips.new_movie if kind == MOVIE else strips.new_image
    try:
        new = make("background", str(file), channel, left, fit_method="FILL")
    except RuntimeError as error:
        raise StripError(f"The background file cannot be read: {file}", "Choose a picture or movie file.") from error
    if min(_size(new)) <= 0:
        strips.remove(new)
        raise StripError(f"The background file cannot be read: {file}", "Choose a picture or movie file.")
    # A movie that is too short holds its last frame.
    compat.time_set(new, "frame_final_duration", length)
    return new


def _size(strip: Any) -> tuple[int, int]:
    element = strip.elements[0] if len(strip.elements) else None
    return (element.orig_width, element.orig_height) if element else (0, 0)


def _lowest(scene: Any, place: Place) -> Place:
    """Returns the strip that the background goes under: the clip's, or its RGBA strip."""
    shown = [
        p
        for p in places(scene.sequence_editor)
        if p.siblings == place.siblings
        and p.strip.get(rgba_strip.CUTOUT_KEY)
        and p.strip.get(rgba_strip.CUTOUT_KEY) == place.strip.get(rgba_strip.MUTED_KEY)
    ]
    return shown[0] if shown else place


def _make_room(base: Place, without: list[Any]) -> int:
    """Moves the clip up, and our own invisible strips out of its way; returns the channel it was in."""
    channel = base.strip.channel
    left, right = compat.span(base.strip)
    ours = [
        s
        for s in base.siblings
        if (s.get(MASK_KEY) or s.get(COPY_KEY) or s.get(MASK_OF_EFFECT))
        and compat.span(s)[0] < right
        and compat.span(s)[1] > left
    ]
    above = [c for c in nearest_channels(base, [*without, *ours]) if c > channel]
    if not above:
        raise StripError(
            "There is no room for a background below the clip.",
            "Move the strips above the clip up one channel, then press Replace Background again.",
        )
    in_the_way = [s for s in ours if s.channel == above[0]]
    full = taken(base, without) | {above[0]}
    for strip in in_the_way:
        free = next((c for c in range(above[0] + 1, LAST_CHANNEL + 1) if c not in full), None)
        if free is None:
            raise StripError("There is no free channel for the mask strip.", "Move or delete strips above the clip.")
        strip.channel = free
        full.add(free)
    base.strip.channel = above[0]
    return int(channel)
