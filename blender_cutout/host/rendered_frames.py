"""Rendered frames of a strip: what its cutouts work on where the strip has no file that could be read frame by frame.

The strip itself remembers them, in a custom property: so its copies and halves have the same ones, all cutouts of it
share them, and Blender's undo takes them back.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import bpy

from ..core.errors import InputError, StripError
from ..core.types import Clip
from ..geometry.time_map import TimeMap
from . import compat, contents, fingerprint, kept, places, storage

KEY = "cutout_frames"
"""Custom property of a strip: its rendered frames, as JSON."""
DONE = contents.DONE
"""File in a folder of rendered frames that are all there."""
_KINDS = {"folder": str, "mark": str, "output": bool, **dict.fromkeys(("count", "width", "height", "offset"), int)}
_MOST_SIDE = 1 << 16
_AGAIN = "Press Render RenderedFrames: its frames are rendered anew, and the strokes can be applied again."


@dataclass(frozen=True, slots=True)
class RenderedFrames:
    """The rendered frames of a strip.

    Attributes:
        folder: where they lie: 000001.png and so on; "//…" = relative to the .blend.
        count: how many.
        width, height: of their pictures.
        offset: the first one's timeline frame, counted from the start of the strip's content.
        mark: `fingerprint.of` the strip when they were rendered.
        output: the pictures are as large as the scene's render, not as the strip's file.
    """

    folder: str
    count: int
    width: int
    height: int
    offset: int
    mark: str
    output: bool

    @property
    def path(self) -> Path:
        """The folder as an absolute path. Raises InputError when it is not the open .blend's; not after `of`."""
        return self.path_of(bpy.data.filepath)

    def path_of(self, blend: str) -> Path:
        """As `path`, for another .blend."""
        return storage.resolve(self.folder, blend)

    def clip(self) -> Clip:
        """Them as the engine's clip. Raises StripError when they are gone."""
        if not (self.path / DONE).is_file():
            raise StripError(f"The strip's rendered frames are missing: {self.path}", "Press Render RenderedFrames.")
        return Clip(str(self.path), tuple(map(file_name, range(self.count))))


def file_name(index: int) -> str:
    """Name of the index-th frame's picture, from 0."""
    return f"{index + 1:06d}.png"


def rendered_frames_of(strip: Any) -> RenderedFrames | None:
    """The strip's rendered frames; None when it has none, or what it says of them is not true of the open .blend."""
    found = read(strip)
    try:
        return found if found is not None and found.path else None
    except InputError:
        return None


def read(strip: Any) -> RenderedFrames | None:
    """What a strip says of its rendered frames, wherever they lie; None when it says nothing that makes sense."""
    found = kept.record(strip.get(KEY), **_KINDS)
    if found is None:
        return None
    size = found["width"], found["height"]
    right = 0 < found["count"] <= kept.MOST_FRAMES and 0 < min(size) and max(size) <= _MOST_SIDE
    return RenderedFrames(**found) if right and places.is_name(Path(found["folder"][-200:]).name) else None


def keep(strip: Any, frames: RenderedFrames) -> None:
    """Has the strip remember its rendered frames."""
    strip[KEY] = json.dumps(asdict(frames))


def forget(strip: Any) -> None:
    """Has the strip work on its own file again."""
    if KEY in strip:
        del strip[KEY]


def span(strip: Any) -> tuple[int, int]:
    """First timeline frame that the strip shows, and one past the last."""
    left, right = (round(compat.time_get(strip, n)) for n in ("frame_final_start", "frame_final_end"))
    return left, right


def stale(scene: Any, strip: Any, shown: tuple[int, int] | None = None) -> str:
    """Why the strip's rendered frames are not what it shows any more; "" = they are, or it has none."""
    frames = rendered_frames_of(strip)
    if frames is None:
        return ""
    if frames.mark != fingerprint.fingerprint_of(scene, strip):
        return "The strip has changed since its frames were rendered."
    left, right = shown or span(strip)
    first = round(compat.time_get(strip, "frame_start")) + frames.offset
    if left < first or right > first + frames.count:
        return "The strip is longer now than the frames that were rendered."
    return ""


def time_map(scene: Any, strip: Any, frames: RenderedFrames, shown: tuple[int, int]) -> TimeMap:
    """Which rendered frame the strip shows when: one for each timeline frame of `shown`.

    Raises:
        StripError: they are not what the strip shows any more.
    """
    reason = stale(scene, strip, shown)
    if reason:
        raise StripError(reason, _AGAIN)
    left, right = shown
    start = round(compat.time_get(strip, "frame_start")) + frames.offset
    return TimeMap(left=left, right=right, start=start, length=frames.count, count=frames.count, rounded=False)
