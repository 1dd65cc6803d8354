"""Our own picture strips: aligned with a clip's strip in time and in the frame, in a free channel."""

from __future__ import annotations

import struct
import tempfile
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import bpy

from ...core.errors import StripError
from .. import compat, contents
from ..strips import Place, coverage

LAST_CHANNEL = 128


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


_DOT = (
    b"\x89PNG\r\n\x1a\n"
    + _chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0))
    + _chunk(b"IDAT", zlib.compress(b"\0\0"))
    + _chunk(b"IEND", b"")
)
"""A grey PNG of one pixel."""


def suffix_in(folder: Path) -> str:
    """Returns the extension of the pictures in a folder: .exr for cutouts of clips in linear light."""
    return ".exr" if (folder / contents.picture_name(0, ".exr")).is_file() else ".png"


def add(siblings: Any, name: str, folder: Path, channel: int, left: int) -> Any:
    """Adds a strip whose first picture is the first one in `folder`; returns it.

    It is made with a one-pixel picture first: Blender decodes the picture at once just to find its size, which would
    hold up the window with large pictures, and finds the size again when it shows them.
    """
    with tempfile.TemporaryDirectory() as scratch:
        dot = Path(scratch) / contents.picture_name(0)
        dot.write_bytes(_DOT)
        strip = siblings.new_image(name, str(dot), channel, left)
    strip.directory = stored_path(folder)
    return strip


def stored_path(folder: Path) -> str:
    """Returns the folder as a strip stores it: relative to a saved .blend if possible, so that both move together."""
    if bpy.data.filepath:
        try:
            return bpy.path.relpath(str(folder)) + "/"
        except ValueError:  # on another drive
            pass
    return str(folder) + "/"


def lay(place: Place, strip: Any, folder: Path, pictures: int, first: int | None = None) -> None:
    """Gives our strip its pictures in `folder`, and the clip's place on the timeline.

    The first picture is for timeline frame `first`, by default the first one of the clip's `coverage`; a single picture
    lasts throughout.
    """
    left, right = compat.span(place.strip)
    if first is None:
        first = coverage(place.strip.id_data, place.strip)[0]
    skipped = left - first if pictures > 1 else 0
    suffix = suffix_in(folder) if folder.is_dir() else Path(strip.elements[0].filename).suffix
    names = [contents.picture_name(n, suffix) for n in range(skipped, min(pictures, skipped + right - left))]
    while len(strip.elements) > len(names):
        strip.elements.pop(len(strip.elements) - 1)
    for name in names[len(strip.elements) :]:
        strip.elements.append(name)
    for name, element in zip(names, strip.elements, strict=True):
        if element.filename != name:
            element.filename = name
    channel = free_channel(place, strip)
    if channel != strip.channel:
        strip.channel = channel
    for name, value in (
        ("animation_offset_start", 0),
        ("animation_offset_end", 0),
        ("frame_offset_start", 0),
        ("frame_start", left),
        ("frame_final_duration", right - left),
    ):
        if compat.time_get(strip, name) != value:
            compat.time_set(strip, name, value)
    strip.directory = stored_path(folder)


def copy_place(clip: Any, strip: Any) -> None:
    """Gives our strip the clip's transform and crop; the caller handles animation and flips."""
    for name in ("offset_x", "offset_y", "scale_x", "scale_y", "rotation", "origin", "filter"):
        setattr(strip.transform, name, getattr(clip.transform, name))
    for name in ("min_x", "max_x", "min_y", "max_y"):
        setattr(strip.crop, name, getattr(clip.crop, name))


def taken(place: Place, without: Iterable[Any] = ()) -> set[int]:
    """Returns the channels that are occupied during the clip, not counting some strips."""
    left, right = compat.span(place.strip)
    left_out = list(without)
    return {
        s.channel
        for s in place.siblings
        if s not in left_out and compat.span(s)[0] < right and compat.span(s)[1] > left
    }


def free_channel(place: Place, strip: Any = None) -> int:
    """Returns the strip's channel if it is free, else the nearest free one above the clip, then below.

    Raises:
        StripError: no channel is free.
    """
    full = taken(place, [strip] if strip is not None else ())
    first = place.strip.channel
    wanted = [strip.channel] if strip is not None else []
    for channel in [*wanted, *range(first + 1, LAST_CHANNEL + 1), *range(first - 1, 0, -1)]:
        if channel not in full:
            return channel
    raise StripError("There is no free channel for the mask strip.", "Move or delete strips above the clip.")


def nearest_channels(place: Place, without: Iterable[Any] = ()) -> Iterator[int]:
    """Yields free channels above and below a clip with nothing visible in between, nearest first.

    A strip there takes the clip's place in the stack. Muted strips, sounds and `without` do not count as visible.
    """
    left, right = compat.span(place.strip)
    left_out = [*without, place.strip]
    inside = [s for s in place.siblings if s not in left_out and compat.span(s)[0] < right and compat.span(s)[1] > left]
    full = {s.channel for s in inside}
    seen = {s.channel for s in inside if not s.mute and s.type != "SOUND"}
    for way in (range(place.strip.channel + 1, LAST_CHANNEL + 1), range(place.strip.channel - 1, 0, -1)):
        for channel in way:
            if channel in seen:
                break
            if channel not in full:
                yield channel
