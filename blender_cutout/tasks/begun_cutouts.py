"""Finds cutouts that were begun after the open .blend was saved and are missing from it.

Their folders lie next to the .blend like the others'. One is offered if it was worked on after the .blend was written
and a strip shows its clip; a cutout that was removed before saving is not.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import bpy

from ..core.errors import CutoutError
from ..core.types import Clip
from ..host import contents, kept, places, storage, strips
from ..scene import properties, track_lookup
from . import jobs

_MOST = 100
_DAY = 86400.0


class _Begun(NamedTuple):
    """A cutout's folder: its uuid, path, clip, and when it was last worked on, in seconds since the epoch."""

    uuid: str
    folder: Path
    clip: Clip
    time: float


def after_load() -> None:
    """Records in each scene of the newly opened file which of its cutouts are missing."""
    found = sorted(_unknown(), key=lambda one: one.time)
    for scene in [scene for scene in bpy.data.scenes if scene.library is None]:
        mine = [one for one in found if _strip(scene, one.clip) is not None]
        found = [one for one in found if one not in mine]
        text = json.dumps([one.uuid for one in mine]) if mine else ""
        if scene.cutout.begun != text:
            scene.cutout.begun = text
        if (shown := _text(mine)) != scene.cutout.begun_text:
            scene.cutout.begun_text = shown


def waiting(scene: Any) -> bool:
    """Returns whether the artist has yet to decide about cutouts begun after saving; cheap."""
    return bool(scene.cutout.begun_text)


def leave() -> int:
    """Stops offering them; returns how many there were. Their folders stay on disk."""
    count = 0
    for scene in bpy.data.scenes:
        if scene.library is None and scene.cutout.begun_text:
            count += len(_uuids(scene))
            scene.cutout.begun = scene.cutout.begun_text = ""
    return count


def take(scene: Any) -> list[Any]:
    """Adds the cutouts to their scene again, as they are on disk; returns the jobs that open them.

    Raises CutoutError if there is no engine.
    """
    jobs.queue.ensure_engine()  # fail before anything is changed
    wanted, found = _uuids(scene), []
    for one in sorted(_unknown(), key=lambda one: one.time):
        strip = _strip(scene, one.clip) if one.uuid in wanted else None
        if strip is not None:
            track = track_lookup.begin(scene, strip, one.uuid, storage.stored(one.folder, bpy.data.filepath))
            found.append(jobs.submit(scene, track, "Taking later rounds", undo="Take Later Rounds"))
    scene.cutout.begun = scene.cutout.begun_text = ""
    return found


def _unknown() -> Iterator[_Begun]:
    """Yields the folders next to the .blend that are newer than it and whose cutouts it lacks."""
    blend = bpy.data.filepath
    if not blend:
        return
    known = {track.uuid for _, track in properties.tracks()}
    with suppress(OSError):
        saved = Path(blend).stat().st_mtime
        beside = Path(blend).with_name(f"{Path(blend).stem}{places.SUFFIX}")
        names = sorted(entry.name for entry in os.scandir(beside) if entry.name not in known)
        for name in [name for name in names if places.is_track(name)][:_MOST]:
            with suppress(OSError, CutoutError):
                if (one := _begun(storage.folder_beside(blend, name), name)) is not None and one.time > saved:
                    yield one


def _begun(folder: Path, name: str) -> _Begun | None:
    from ..core.session.folder import recorded_clip

    if not contents.is_session(folder):
        return None
    clip = recorded_clip(folder / contents.SESSION)
    return _Begun(name, folder, clip, (folder / contents.ROUNDS).stat().st_mtime) if clip is not None else None


def _strip(scene: Any, clip: Clip) -> Any:
    """Returns the first strip that shows the clip; None if there is none."""
    for place in strips.places(scene.sequence_editor) if scene.sequence_editor is not None else ():
        if place.strip.type in ("MOVIE", "IMAGE"):
            with suppress(CutoutError):
                shown = strips.clip_of(place.strip)
                if Path(shown.path) == Path(clip.path) and shown.files == clip.files:
                    return place.strip
    return None


def _uuids(scene: Any) -> list[str]:
    return [uuid for uuid in kept.texts(scene.cutout.begun) if places.is_track(uuid)]


def _text(found: list[_Begun]) -> str:
    if not found:
        return ""
    last = found[-1].time
    at = time.strftime("%H:%M" if abs(time.time() - last) < _DAY / 2 else "%Y-%m-%d %H:%M", time.localtime(last))
    if len(found) == 1:
        return f"1 cutout on disk, last changed at {at}, was begun after this file was saved."
    return f"{len(found)} cutouts on disk, the last changed at {at}, were begun after this file was saved."
