"""Several cutouts of one strip, the clip's objects: which belong together, which are shown, which may be changed."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import bpy

from ..core.errors import CutoutError, InputError, StripError
from ..geometry.mask_looks import PALETTE, Colour
from ..host import kept, storage, strips
from ..host.strips import places
from . import properties


def of_clip(scene: Any, track: Any) -> list[Any]:
    """All cutouts of a cutout's strip, itself too, in the list's order."""
    return [other for other in scene.cutout.tracks if other.strip_uuid == track.strip_uuid]


def unlocked(scene: Any, track: Any) -> list[Any]:
    """Those of them that may be changed."""
    return [other for other in of_clip(scene, track) if not other.locked]


def on_strip(scene: Any, strip: Any) -> list[Any]:
    """The cutouts of a strip; none of a copy of it, which Blender leaves with the same mark."""
    uuid = strip.get(strips.STRIP_KEY)
    return [track for track in scene.cutout.tracks if uuid == track.strip_uuid and _strip(scene, track) == strip]


def shown(scene: Any) -> list[Any]:
    """The objects of the active cutout's strip whose masks are to be seen: where some are solo only those."""
    if not len(scene.cutout.tracks):
        return []
    found = of_clip(scene, properties.active_track(scene))
    solo = [track for track in found if track.solo]
    return solo or [track for track in found if track.visible]


def check_unlocked(track: Any) -> None:
    """Raises InputError when the cutout is locked."""
    if track.locked:
        raise InputError(
            f"{track.name} is locked, so it is not changed.",
            "Unlock it with the padlock in the list, or select another object.",
        )


def check_free(track: Any, frame: int, timeline: int) -> None:
    """Raises InputError when a clip frame of the cutout, shown at that timeline frame, is locked."""
    if any(start <= frame < stop for start, stop in kept.ranges(track.locks, track.frame_count)):
        raise InputError(
            f"Frame {timeline} of {track.name} is locked, so its mask is not changed.",
            "Press Unlock Frame to draw on it, or go to another frame.",
        )


def forget_unopened(uuid: str) -> None:
    """Removes a cutout whose clip could never be opened: there is nothing in it yet."""
    found = properties.track_by_uuid(uuid)
    if found is None or found[1].frame_count:
        return
    scene, track = found
    data = scene.cutout
    with suppress(CutoutError):
        if sum(other.strip_uuid == track.strip_uuid for other in data.tracks) == 1:
            del strips.find(scene, track.strip_uuid, track.strip_name).strip[strips.STRIP_KEY]
    data.tracks.remove(next(i for i, t in enumerate(data.tracks) if t.uuid == uuid))
    data.active_index = max(0, min(data.active_index, len(data.tracks) - 1))


@dataclass(frozen=True, slots=True)
class Batch:
    """Cutouts of one strip that are written as one.

    Attributes:
        key: uuid by which what is written is found again: the cutout's, or for a union the strip's.
        name: for what is newly made.
        tracks: uuids of the cutouts; the first one's folder takes the files.
        is_union: several cutouts may be in it, so its files lie apart from those of the first one alone.
        composes: the clip is to be shown through it.
    """

    key: str
    name: str
    tracks: tuple[str, ...]
    is_union: bool = False
    composes: bool = True


def batches(scene: Any, track: Any) -> list[Batch]:
    """What Write Strips writes of a cutout's strip, as the scene's choice says; objects without a mask are left out.

    The clip is shown through one mask only: through several, as Blender multiplies them, nothing would be seen.
    """
    found = written(scene, track)
    if len(of_clip(scene, track)) < 2 or scene.cutout.write_objects == "ACTIVE":
        return [Batch(track.uuid, track.name, (track.uuid,))]
    uuids = tuple(one.uuid for one in found)
    whole = Batch(track.strip_uuid, f"{track.strip_name} objects", uuids, is_union=True)
    if scene.cutout.write_objects == "UNION":
        return [whole]
    return [whole, *(Batch(one.uuid, one.name, (one.uuid,), composes=False) for one in found)]


def written(scene: Any, track: Any) -> list[Any]:
    """The cutouts with masks that Write Strips writes, as the scene's choice says."""
    found = [track] if scene.cutout.write_objects == "ACTIVE" else of_clip(scene, track)
    return [one for one in found if one.done_count]


def keys(scene: Any, track: Any) -> set[str]:
    """The `Batch.key` of all that can have been written of a cutout's strip."""
    return {track.strip_uuid, *(one.uuid for one in of_clip(scene, track))}


def next_colour(scene: Any) -> Colour:
    """The palette's first colour among those that the fewest cutouts have."""
    used = [tuple(track.colour) for track in scene.cutout.tracks]

    def count(colour: Colour) -> int:
        return sum(max(abs(a - b) for a, b in zip(colour, other, strict=True)) < 1e-3 for other in used)

    return min(PALETTE, key=count)


def next_name(scene: Any, strip: Any) -> str:
    """A name for the next cutout of a strip: the strip's, then with a number."""
    taken = {track.name for track in on_strip(scene, strip)}
    name, number = str(strip.name), 1
    while name in taken:
        number += 1
        name = f"{strip.name} {number}"
    return name


def _strip(scene: Any, track: Any) -> Any:
    try:
        return strips.find(scene, track.strip_uuid, track.strip_name, anywhere=True).strip
    except StripError:
        return None


_TEXTS = ("head", "drawn", "keyframes", "mattes", "locks", "locked_frames", "confidence", "doubtful", "applied")
_ZERO = dict.fromkeys((*_TEXTS, "written_head"), "")
_COUNTS = ("frame_count", "width", "height", "keyframe_count", "done_count")


def begin_again(scene: Any, track: Any) -> str:
    """Gives a cutout a new folder without rounds; returns its new uuid.

    What it wrote into the sequencer stays until it is written again; the old folder stays on disk. Its strokes count
    as not applied.
    """
    old, track.uuid = track.uuid, uuid4().hex
    track.folder = storage.stored(storage.new_folder(track.uuid), bpy.data.filepath)
    for name, value in _ZERO.items():
        setattr(track, name, value)
    for name in _COUNTS:
        setattr(track, name, 0)
    for place in places(scene.sequence_editor):
        for key in [key for key, value in place.strip.items() if value == old]:
            place.strip[key] = track.uuid
    return str(track.uuid)
