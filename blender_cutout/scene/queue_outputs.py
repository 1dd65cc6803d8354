"""Reads from the panel what jobs of the queue make besides masks: refined edges, the object alone, a composite."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import bpy

from ..core.errors import InputError
from . import edge_settings, frame_spans

MOVIES = {"PRORES": ".mov", "FFV1": ".mkv", "H264": ".mp4"}
"""Kind of film -> ending of the movie; the other kinds are folders of pictures."""
PICTURES = {
    "PNG": "png",
    "PNG16": "png16",
    "EXR": "exr",
    "EXR_STRAIGHT": "exr-straight",
    "CRYPTOMATTE": "exr-cryptomatte",
}
"""Kind of film -> kind of its pictures, as `cutout composite --pictures` takes it."""
NONE = "NONE"


def outputs(scene: Any, title: str) -> tuple[dict[str, Any], ...]:
    """Returns the outputs chosen for jobs, as `messages.MakeJob.outputs` holds them; `title` names their folder.

    Raises:
        InputError: the folder is relative to a file that was never saved, or the background is missing.
    """
    return tuple(_outputs(scene, title))


def _outputs(scene: Any, title: str) -> Iterator[dict[str, Any]]:
    data = scene.cutout
    if not is_any(scene):
        return
    if data.queue_folder.startswith("//") and not bpy.data.filepath:
        raise InputError("The file has no folder yet.", "Save it, or choose another folder for the results.")
    folder = Path(bpy.path.abspath(data.queue_folder)) / title
    if data.queue_edges:
        yield {"kind": "edges", "path": str(folder / "edges")}
    if data.queue_export != NONE:
        yield {"kind": "export", **_film(folder / "cutout", data.queue_export)}
    if data.queue_composite != NONE:
        film = _film(folder / "composite", data.queue_composite)
        yield {"kind": "composite", "background": background(scene), **film}


def _film(path: Path, kind: str) -> dict[str, str]:
    return {"path": f"{path}{MOVIES.get(kind, '')}", "pictures": PICTURES.get(kind, "")}


def background(scene: Any) -> str:
    """Returns what lies behind the objects in composites: a colour or a path. Raises InputError if there is no file."""
    data = scene.cutout
    if data.queue_behind == "COLOUR":
        return colour(scene)
    if not data.queue_background:
        raise InputError("No file is chosen for the background.", "Choose a picture or movie file.")
    return str(Path(bpy.path.abspath(data.queue_background)))


def colour(scene: Any) -> str:
    """Returns the background colour of the Output panel, as #rrggbb."""
    return "#" + "".join(f"{round(value * 255):02x}" for value in scene.cutout.background_colour)


def is_any(scene: Any) -> bool:
    """Returns True if jobs make more than masks; cheap."""
    data = scene.cutout
    return bool(data.queue_edges or data.queue_export != NONE or data.queue_composite != NONE)


def edges(scene: Any, track: Any, clip_frames: range) -> dict[str, Any]:
    """Returns the fields `edges` and `details` of `messages.MakeJob` for these clip frames.

    Raises:
        StripError: the strip is gone or cannot be mapped.
    """
    if not scene.cutout.queue_edges:
        return {}
    when = timeline_of(scene, track, clip_frames)
    return {"edges": edge_settings.plan(track, when), "details": edge_settings.details(track)}


def timeline_of(scene: Any, track: Any, clip_frames: Iterable[int]) -> list[int]:
    """Returns the first timeline frame that shows each clip frame; the strip's first for those that it does not show.

    Raises:
        StripError: the strip is gone or cannot be mapped.
    """
    times = frame_spans.times_of(scene, track)
    shown = {frame: at for at, frame in reversed(list(enumerate(times.clip_frames(), start=times.left)))}
    return [shown.get(frame, times.left) for frame in clip_frames]
