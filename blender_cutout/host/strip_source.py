"""Decides which strips the engine can read, which must be rendered first, and which cannot be cut out."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import bpy

from ..core.errors import StripError
from ..core.types import PICTURE_SUFFIXES
from ..formats import movie_rotation
from . import compat, movie_rate

RENDER = "Press Render Frames: the strip's frames are rendered once for the cutout to work on."
OTHER_RATE = "The clip's frame rate differs from the scene's, so Blender 5.0 and later may show a different frame."
_REFUSED = {
    "SOUND": ("A sound strip has no pictures.", "Choose a strip with pictures."),
    "ADJUSTMENT": (
        "An adjustment layer shows the strips below it.",
        "Put it and the strips below into a meta strip (Ctrl G), and cut that out.",
    ),
    "MULTICAM": (
        "A multicam selector shows strips of other channels.",
        "Put it and its cameras into a meta strip (Ctrl G), and cut that out.",
    ),
}
_PLAIN = frozenset({".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff", ".bmp"})
"""Extensions of pictures that every Blender loads."""
_CHANGES_PICTURE = ("SPEED", "TRANSFORM")
"""Effects that change which frame of their input shows, or where."""


class Source(NamedTuple):
    """The picture that a strip shows.

    Attributes:
        reason: why its frames must be rendered first, a sentence; "" = its file can be read.
        size: (width, height) of its picture; zeros = not known.
        output: its picture has the scene's render size.
    """

    reason: str
    size: tuple[int, int]
    output: bool = False


def source(scene: Any, strip: Any, files: bool = True) -> Source:
    """Returns what the engine can read of a strip.

    Args:
        scene: the strip's.
        strip: any strip.
        files: check that its files exist.

    Raises:
        StripError: it cannot be cut out, not even from rendered frames.
    """
    if strip.type in _REFUSED:
        raise StripError(*_REFUSED[strip.type])
    if strip.type in ("MOVIE", "IMAGE"):
        if files:
            check_files(strip)
        _check_not_fed(scene, strip)
        _check_loaded(strip)
        reason = "The strip is retimed." if is_retimed(strip) else ""
        if not reason and strip.type == "MOVIE" and compat.IGNORES_ROTATION:
            turned = movie_rotation.rotation_of(Path(bpy.path.abspath(strip.filepath)))
            reason = f"The movie is rotated by {turned}°, which this Blender does not show." if turned else ""
        reason = reason or _unread(strip, files)
        first = strip.elements[0] if len(strip.elements) else None
        return Source(reason, (first.orig_width, first.orig_height) if first else (0, 0))
    render = scene.render
    size, output = (render.resolution_x, render.resolution_y), True
    kind = strip.type.replace("_", " ").lower()
    reason = f"A strip of type {kind} has no file of its own."
    if strip.type == "META":
        reason = "A meta strip has no file of its own."
    elif strip.type == "SCENE":
        if strip.scene is None:
            raise StripError("The strip's scene is missing.", "Choose its scene in the strip's properties.")
        reason = "A scene strip has no file of its own."
        if strip.scene_input != "SEQUENCER":
            if (strip.scene_camera or strip.scene.camera) is None:  # Blender would silently render black
                raise StripError(
                    f"The strip's scene {strip.scene.name} has no camera.",
                    "Add a camera to that scene, or choose one in the strip's properties.",
                )
            size, output = _scene_size(strip.scene), False
    elif strip.type == "MOVIECLIP" and strip.clip is not None:
        size, output = (int(strip.clip.size[0]), int(strip.clip.size[1])), False
    return Source(reason, size, output)


def rate_matters(scene: Any, strip: Any) -> bool:
    """Returns True if the strip, or one inside it, may play at a speed other than frame by frame."""
    rate = scene.render.fps / scene.render.fps_base
    if (
        strip.type == "SPEED"
        or is_retimed(strip)
        or (strip.type == "MOVIE" and abs(movie_rate.fps(strip) - rate) > 1e-3)
    ):
        return True
    if strip.type == "SCENE" and strip.scene is not None and strip.scene.sequence_editor is not None:
        return any(rate_matters(strip.scene, s) for s in compat.strips(strip.scene.sequence_editor))
    inputs = [getattr(strip, name, None) for name in ("input_1", "input_2")]
    inside = compat.strips(strip) if strip.type == "META" else ()
    return any(rate_matters(scene, s) for s in (*inside, *inputs) if s is not None)


def check_files(strip: Any) -> None:
    """Raises StripError if a movie or image strip's files are missing."""
    if strip.type == "MOVIE":
        path = Path(bpy.path.abspath(strip.filepath))
        if not strip.filepath or not path.is_file():
            raise StripError(f"The strip's movie is missing: {path}", "Locate it with File > External Data.")
        return
    folder, names = Path(bpy.path.abspath(strip.directory)), [e.filename for e in strip.elements]
    missing = next((n for n in names if not (folder / n).is_file()), None)
    if missing is not None or not names:
        raise StripError(
            f"The strip's picture is missing: {folder / (missing or '')}", "Locate it with File > External Data."
        )


def is_retimed(strip: Any) -> bool:
    """Returns True for a retimed strip; image strips of 4.2 have no key list, so the length is compared."""
    if hasattr(strip, "retiming_keys"):
        return len(strip.retiming_keys) > 0
    if strip.type != "IMAGE" or len(strip.elements) < 2:
        return False
    parts = ("frame_final_duration", "frame_offset_start", "frame_offset_end")
    trims = ("animation_offset_start", "animation_offset_end")
    length = sum(compat.time_get(strip, n) for n in parts) + sum(compat.time_get(strip, n) for n in trims)
    return abs(length - len(strip.elements)) > 0.5


def _check_not_fed(scene: Any, strip: Any) -> None:
    """Raises StripError if a speed or transform effect shows other frames or places than the strip's own."""
    for other in getattr(scene.sequence_editor, "strips_all", None) or scene.sequence_editor.sequences_all:
        if other.type in _CHANGES_PICTURE and strip in (other.input_1, getattr(other, "input_2", None)):
            raise StripError(
                f"The strip is shown through the effect strip {other.name}.", "Select that effect strip and cut it out."
            )


def _check_loaded(strip: Any) -> None:
    """Raises StripError if Blender shows nothing of a picture of an unusual kind, such as EXR with layers in 4.2."""
    first = strip.elements[0] if strip.type == "IMAGE" and len(strip.elements) else None
    if first is not None and not first.orig_width and Path(first.filename).suffix.lower() not in _PLAIN:
        raise StripError(
            f"This Blender shows nothing of the strip's picture {first.filename}.",
            "Save them as PNG, or EXR as one layer with ZIP; if they are new, reload the strip.",
        )


def _unread(strip: Any, every: bool) -> str:
    """Returns why the engine cannot read the strip's files, a sentence; "" = it can.

    Args:
        strip: a movie or image strip.
        every: check the names of all pictures, possibly thousands, not only the first.
    """
    if strip.type == "MOVIE":
        stream = getattr(strip, "stream_index", 0)
        return (
            f"The strip shows video stream {stream} of its movie, but the engine reads only the first."
            if stream
            else ""
        )
    elements = strip.elements if every else strip.elements[:1]
    suffixes = {Path(element.filename).suffix.lower() for element in elements} - PICTURE_SUFFIXES
    return f"The engine cannot read {', '.join(sorted(suffixes))} pictures." if suffixes else ""


def _scene_size(scene: Any) -> tuple[int, int]:
    render = scene.render
    share = render.resolution_percentage / 100
    return int(render.resolution_x * share), int(render.resolution_y * share)
