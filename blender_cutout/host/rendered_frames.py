"""Manages a strip's rendered frames, for strips without a file that can be read frame by frame.

They are stored in a custom property of the strip, so its copies and split parts have the same ones, all of its cutouts
share them, and Blender's undo applies to them.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

import bpy

from ..core.errors import InputError, StripError
from ..core.types import Clip
from ..geometry.time_map import TimeMap
from . import compat, contents, fingerprint, kept, places, storage

KEY = "cutout_frames"
"""Custom property of a strip: its rendered frames, as JSON."""
DONE = contents.DONE
"""File in a folder with a complete set of rendered frames."""
_KINDS = {"folder": str, "mark": str, "output": bool, **dict.fromkeys(("count", "width", "height", "offset"), int)}
_MOST_SIDE = 1 << 16
_AGAIN = "Press Render Frames to render them again; then apply the strokes again."


class RenderedFrames(NamedTuple):
    """The rendered frames of a strip.

    Attributes:
        folder: folder with 000001.png and so on; "//…" = relative to the .blend.
        count: number of frames.
        width, height: of the pictures.
        offset: timeline frame of the first one, counted from the start of the strip's content.
        mark: fingerprint of the strip when they were rendered.
        output: the pictures have the scene's render size, not the file's.
    """

    folder: str
    count: int  # type: ignore[assignment]  # hides a method of tuples that nobody needs
    width: int
    height: int
    offset: int
    mark: str
    output: bool

    @property
    def path(self) -> Path:
        """Returns the absolute folder. Raises InputError if it is not the open .blend's; checked ones never raise."""
        return self.path_of(bpy.data.filepath)

    def path_of(self, blend: str) -> Path:
        """Returns the absolute folder for another .blend."""
        return storage.resolve(self.folder, blend)

    def clip(self) -> Clip:
        """Returns the frames as a clip for the engine. Raises StripError if they are gone."""
        if not (self.path / DONE).is_file():
            raise StripError(f"The strip's rendered frames are missing: {self.path}", "Press Render Frames.")
        return Clip(str(self.path), tuple(map(contents.picture_name, range(self.count))))


def rendered_frames_of(strip: Any) -> RenderedFrames | None:
    """Returns the strip's rendered frames; None if it has none or they are not the open .blend's."""
    found = read(strip)
    try:
        return found if found is not None and found.path else None
    except InputError:
        return None


def read(strip: Any) -> RenderedFrames | None:
    """Returns the rendered frames stored on a strip, unchecked; None if missing or damaged."""
    found = kept.record(strip.get(KEY), **_KINDS)
    if found is None:
        return None
    size = found["width"], found["height"]
    right = 0 < found["count"] <= kept.MOST_FRAMES and 0 < min(size) and max(size) <= _MOST_SIDE
    return RenderedFrames(**found) if right and places.is_name(Path(found["folder"][-200:]).name) else None


def keep(strip: Any, frames: RenderedFrames) -> None:
    """Stores the rendered frames on the strip."""
    strip[KEY] = json.dumps(frames._asdict())


def stale(scene: Any, strip: Any, shown: tuple[int, int] | None = None) -> str:
    """Returns why the strip's rendered frames are out of date; "" = they are current, or there are none."""
    frames = rendered_frames_of(strip)
    if frames is None:
        return ""
    if frames.mark != fingerprint.fingerprint_of(scene, strip):
        return "The strip has changed since its frames were rendered."
    left, right = shown or compat.span(strip)
    first = round(compat.time_get(strip, "frame_start")) + frames.offset
    if left < first or right > first + frames.count:
        return "The strip is now longer than its rendered frames."
    return ""


def time_map(scene: Any, strip: Any, frames: RenderedFrames, shown: tuple[int, int]) -> TimeMap:
    """Returns the rendered frame for each timeline frame of `shown`.

    Raises:
        StripError: they are out of date.
    """
    reason = stale(scene, strip, shown)
    if reason:
        raise StripError(reason, _AGAIN)
    left, right = shown
    start = round(compat.time_get(strip, "frame_start")) + frames.offset
    return TimeMap(left=left, right=right, start=start, length=frames.count, count=frames.count, rounded=False)
