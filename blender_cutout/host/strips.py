"""Finds a cutout's strip, and maps its frames and pixels to the clip."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple
from uuid import uuid4

import bpy

from ..core.clips.shown_frames import doubt_of, frames_of
from ..core.errors import StripError
from ..core.types import Clip
from ..geometry.picture_map import PictureMap
from ..geometry.time_map import TimeMap, playback_rate
from . import compat, fingerprint, movie_rate, rendered_frames, strip_source

STRIP_KEY = "cutout_strip"
"""Custom property of a clip's strip: the uuid that identifies it."""
SHOWN_KEY = "cutout_shown"
"""Custom property of a movie strip: when Blender shows which frame, see `core.clips.shown_frames`; missing = each."""


class Place(NamedTuple):
    """A strip and its container. Do not keep it: undo recreates all strips."""

    strip: Any
    siblings: Any
    meta: Any


def editor(scene: Any) -> Any:
    """Returns the scene's sequence editor. Raises StripError if it has none."""
    if scene.sequence_editor is None:
        raise StripError("The sequencer is empty.", "Add a movie or image strip and select it.")
    return scene.sequence_editor


def places(owner: Any, meta: Any = None) -> Iterator[Place]:
    """Yields every strip, including those in meta strips."""
    siblings = compat.strips(owner)
    for strip in siblings:
        yield Place(strip, siblings, meta)
        if strip.type == "META":
            yield from places(strip, strip)


def active_strip(scene: Any) -> Any:
    """Returns the active strip. Raises StripError if there is none."""
    strip = editor(scene).active_strip
    if strip is None:
        raise StripError("No strip is selected.", "Click the movie or image strip to cut out.")
    return strip


def find(scene: Any, uuid: str, name: str = "", anywhere: bool = False) -> Place:
    """Returns the strip with that uuid. Raises StripError if it is gone.

    After splitting or duplicating, several strips have the same uuid: returns the one shown at the current frame, if
    possible the one called `name`; with `anywhere` only the name counts.
    """
    found = [p for p in places(editor(scene)) if p.strip.get(STRIP_KEY) == uuid]
    if not found:
        raise StripError("The cutout's strip is no longer in this scene.", "Undo its deletion, or start a new cutout.")
    now = scene.frame_current

    def rank(place: Place) -> tuple[bool, bool]:
        left, right = compat.span(place.strip)
        return anywhere or left <= now < right, place.strip.name == name

    return max(found, key=rank)


def pieces(scene: Any, strip: Any) -> list[Place]:
    """Returns the strip and its copies and split parts, which share its cutouts."""
    uuid = strip.get(STRIP_KEY)
    found = [p for p in places(editor(scene)) if p.strip == strip or (uuid and p.strip.get(STRIP_KEY) == uuid)]
    if len(found) < 2:
        return found
    mark = fingerprint.fingerprint_of(scene, strip)
    return [p for p in found if p.strip == strip or fingerprint.fingerprint_of(scene, p.strip) == mark]


def coverage(scene: Any, strip: Any) -> tuple[int, int]:
    """Returns the first timeline frame and one past the last, as if the strip showed all its pieces."""
    start = compat.time_get(strip, "frame_start")
    spans = []
    for place in pieces(scene, strip):
        shift = round(start - compat.time_get(place.strip, "frame_start"))
        spans.append([at + shift for at in compat.span(place.strip)])
    return min(s[0] for s in spans), max(s[1] for s in spans)


def is_open(scene: Any, place: Place) -> bool:
    """Returns True if the preview shows the strip in place: False inside a closed meta strip."""
    stack = editor(scene).meta_stack
    return place.meta is None or (len(stack) > 0 and stack[len(stack) - 1] == place.meta)


def tag(strip: Any) -> str:
    """Gives a strip a new uuid and returns it."""
    uuid = uuid4().hex
    strip[STRIP_KEY] = uuid
    return uuid


def keep_shown(scene: Any, uuid: str, shown: str, turned: int = 0) -> None:
    """Stores when Blender shows which movie frame in all strips with that uuid, see `core.clips.shown_frames`.

    Args:
        scene: the strips'.
        uuid: of the clip's strips.
        shown: the frames, or why they are unknown.
        turned: degrees by which the movie asks to be rotated, which Blender 4.2 ignores.
    """
    if turned and compat.IGNORES_ROTATION:
        shown = f"!The movie is rotated by {turned}°, which this Blender does not show."
    if scene.sequence_editor is None:
        return
    for place in places(scene.sequence_editor):
        if place.strip.get(STRIP_KEY) != uuid or place.strip.get(SHOWN_KEY, "") == shown:
            continue
        if shown:
            place.strip[SHOWN_KEY] = shown
        else:
            del place.strip[SHOWN_KEY]


def shown_of(strip: Any) -> str:
    """Returns when Blender shows which frame, see `core.clips.shown_frames`; "" = each. Of pictures: only doubts."""
    text = strip.get(SHOWN_KEY, "") if strip.type in ("MOVIE", "IMAGE") else ""
    if not isinstance(text, str) or (strip.type == "IMAGE" and not doubt_of(text)):
        return ""
    return text


def unrendered(scene: Any, strip: Any) -> bool:
    """Returns True if a strip's frames must be rendered before the engine can read it.

    Raises:
        StripError: it cannot be cut out at all.
    """
    return rendered_frames.rendered_frames_of(strip) is None and bool(strip_source.source(scene, strip).reason)


def clip_of(strip: Any) -> Clip:
    """Returns a strip's files, or its rendered frames.

    Raises:
        StripError: it cannot be cut out, or its frames must be rendered first; says what to do.
    """
    rendered = rendered_frames.rendered_frames_of(strip)
    if rendered is not None:
        return rendered.clip()
    reason = strip_source.source(strip.id_data, strip).reason
    if reason:
        raise StripError(reason, strip_source.RENDER)
    if strip.type == "MOVIE":
        return Clip(str(Path(bpy.path.abspath(strip.filepath))))
    return Clip(str(Path(bpy.path.abspath(strip.directory))), tuple(e.filename for e in strip.elements))


def time_map(scene: Any, strip: Any, frame_count: int, alone: bool = False) -> TimeMap:
    """Returns the time map between the timeline and the clip's `frame_count` frames.

    Args:
        scene: the strip's.
        strip: a strip with a cutout.
        frame_count: of the clip.
        alone: only what the strip itself shows; otherwise its copies and split parts count too.

    Raises:
        StripError: its frames must be rendered, for the first time or again.
    """
    rendered = rendered_frames.rendered_frames_of(strip)
    if rendered is not None:
        return rendered_frames.time_map(scene, strip, rendered, compat.span(strip) if alone else coverage(scene, strip))
    reason = strip_source.source(scene, strip, files=False).reason or doubt_of(shown_of(strip))
    times = None if reason else file_times(scene, strip, frame_count)
    if times is not None and compat.RATE_BY_CACHE and abs(times.rate - 1) > 1e-4:
        reason = strip_source.OTHER_RATE
    if times is None or reason:
        raise StripError(reason, strip_source.RENDER)
    left, right = compat.span(strip) if alone else coverage(scene, strip)
    return times._replace(left=left, right=right)


def file_times(scene: Any, strip: Any, frame_count: int) -> TimeMap:
    """Returns the time map of a movie or image strip to its file, unless it is retimed."""
    left, right = (round(compat.time_get(strip, n)) for n in ("frame_final_start", "frame_final_end"))
    cut = sum(compat.time_get(strip, n) for n in ("frame_offset_start", "frame_offset_end"))
    length = compat.time_get(strip, "frame_final_duration") + cut
    trim = (
        int(compat.time_get(strip, "animation_offset_start")),
        int(compat.time_get(strip, "animation_offset_end")),
    )
    movie, shown = strip.type == "MOVIE", shown_of(strip)
    count = (len(frames_of(shown)) or frame_count) - sum(trim)
    scene_fps = scene.render.fps / scene.render.fps_base
    return TimeMap(
        left=left,
        right=right,
        start=compat.time_get(strip, "frame_start"),
        length=length,
        count=frame_count,
        trim=trim,
        # Within its frames it plays frame by frame, so the movie need not be opened for its rate.
        rate=1.0 if not movie or length == count else playback_rate(movie_rate.fps(strip), scene_fps, length, count),
        reverse=strip.use_reverse_frames,
        strobe=strip.strobe,
        rounded=movie,
        shown=shown,
    )


def source_size(strip: Any) -> tuple[int, int]:
    """Returns (width, height) of the strip's pictures as Blender sees them; zeros if not known yet."""
    rendered = rendered_frames.rendered_frames_of(strip)
    if rendered is not None:
        return rendered.width, rendered.height
    first = strip.elements[0] if len(strip.elements) else None
    return (first.orig_width, first.orig_height) if first else (0, 0)


def picture_map(scene: Any, strip: Any, size: tuple[int, int]) -> PictureMap:
    """Returns the map from clip pixels to the preview at the current frame.

    Args:
        scene: the scene that shows it.
        strip: a movie or image strip.
        size: (width, height) of the pictures as the engine reads them.

    Raises:
        StripError: Blender and the engine see different sizes, the strip's frames must be rendered first, or it is
            scaled to nothing.
    """
    if min(size) <= 0 and (reason := strip_source.source(scene, strip, files=False).reason):
        raise StripError(reason, strip_source.RENDER)
    seen = source_size(strip)
    if min(seen) > 0 and seen != size:
        raise StripError(
            f"Blender reads the pictures as {seen[0]}×{seen[1]}, the engine as {size[0]}×{size[1]}.",
            "The file may have a rotation tag or pictures of several sizes: convert it to a plain movie.",
        )
    render, transform, crop, rendered = (
        scene.render,
        strip.transform,
        strip.crop,
        rendered_frames.rendered_frames_of(strip),
    )
    return PictureMap(
        render_size=(render.resolution_x, render.resolution_y),
        source_size=size,
        offset=(transform.offset_x, transform.offset_y),
        scale=(transform.scale_x, transform.scale_y),
        rotation=transform.rotation,
        origin=(transform.origin[0], transform.origin[1]),
        flip=(strip.use_flip_x, strip.use_flip_y),
        crop=(crop.min_x, crop.max_x, crop.min_y, crop.max_y),
        pixel_aspect=render.pixel_aspect_x / render.pixel_aspect_y,
        # A picture as large as the render shrinks with it.
        percentage=1.0 if rendered is not None and rendered.output else render.resolution_percentage / 100,
        unscaled_origin=compat.BEFORE_5_2,
    )
