"""Finds the cutouts of one strip (the clip's objects): which exist, are shown, may change or are written."""

from __future__ import annotations

from contextlib import suppress
from typing import Any, NamedTuple
from uuid import uuid4

import bpy

from ..core.errors import CutoutError, InputError, StripError
from ..geometry.mask_looks import PALETTE, Colour
from ..host import kept, storage, strips
from ..host.output import mask_strip
from ..host.strips import places
from . import edge_settings, properties


def of_clip(scene: Any, track: Any) -> list[Any]:
    """Returns all cutouts of a cutout's strip, including itself, in list order."""
    return [other for other in scene.cutout.tracks if other.strip_uuid == track.strip_uuid]


def unlocked(scene: Any, track: Any) -> list[Any]:
    """Returns the unlocked cutouts of a cutout's strip."""
    return [other for other in of_clip(scene, track) if not other.locked]


def on_strip(scene: Any, strip: Any) -> list[Any]:
    """Returns the cutouts of a strip; none for a copy, although Blender copies the strip's id."""
    uuid = strip.get(strips.STRIP_KEY)
    return [track for track in scene.cutout.tracks if uuid == track.strip_uuid and _strip(scene, track) == strip]


def shown(scene: Any) -> list[Any]:
    """Returns the objects of the active cutout's strip whose masks are shown; if any are solo, only those."""
    if not len(scene.cutout.tracks):
        return []
    found = of_clip(scene, properties.active_track(scene))
    solo = [track for track in found if track.solo]
    return solo or [track for track in found if track.visible]


def check_unlocked(track: Any) -> None:
    """Raises InputError if the cutout is locked."""
    if track.locked:
        raise InputError(
            f"{track.name} is locked, so it does not change.",
            "Unlock it with the padlock in the list, or select another object.",
        )


def check_free(track: Any, frame: int, timeline: int) -> None:
    """Raises InputError if a clip frame of the cutout, shown at that timeline frame, is locked or marked Not Here."""
    if any(start <= frame < stop for start, stop in kept.ranges(track.absences, track.frame_count)):
        raise InputError(
            f"Frame {timeline} of {track.name} is marked Not Here, so it has no mask.",
            "Press Here to draw on it, or go to another frame.",
        )
    if any(start <= frame < stop for start, stop in kept.ranges(track.locks, track.frame_count)):
        raise InputError(
            f"Frame {timeline} of {track.name} is locked, so its mask does not change.",
            "Press Unlock Frame to draw on it, or go to another frame.",
        )


def forget_unopened(uuid: str) -> None:
    """Removes a cutout that is empty because its clip could never be opened."""
    found = properties.track_by_uuid(uuid)
    if found is None or found[1].frame_count:
        return
    scene, track = found
    data = scene.cutout
    with suppress(CutoutError):
        if sum(other.strip_uuid == track.strip_uuid for other in data.tracks) == 1:
            del strips.find(scene, track.strip_uuid, track.strip_name).strip[strips.STRIP_KEY]
    edge_settings.drop_track(scene, next(i for i, t in enumerate(data.tracks) if t.uuid == uuid))
    data.active_index = max(0, min(data.active_index, len(data.tracks) - 1))


class Batch(NamedTuple):
    """Cutouts of one strip that are written together.

    Attributes:
        key: uuid that identifies the written strips: the cutout's, or for a union the strip's.
        name: for newly made strips.
        tracks: uuids of the cutouts; the first one's folder takes the files.
        is_union: it may hold several cutouts, so its files are separate from those of the first cutout.
        composes: the clip is shown through it.
    """

    key: str
    name: str
    tracks: tuple[str, ...]
    is_union: bool = False
    composes: bool = True


def batches(scene: Any, track: Any) -> list[Batch]:
    """Returns the batches that Write Strips writes for a cutout's strip; objects without a mask are skipped.

    The clip is shown through one mask only: Blender multiplies several masks, which would hide everything.
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
    """Returns the cutouts with masks that Write Strips writes, by the scene's choice."""
    found = [track] if scene.cutout.write_objects == "ACTIVE" else of_clip(scene, track)
    return [one for one in found if one.done_count]


def keys(scene: Any, track: Any) -> set[str]:
    """Returns every possible `Batch.key` of a cutout's strip."""
    return {track.strip_uuid, *(one.uuid for one in of_clip(scene, track))}


def begin(scene: Any, strip: Any, uuid: str, folder: str) -> Any:
    """Adds a cutout of a strip, makes it the active one and returns it; `folder` as stored in the .blend."""
    data, name, colour = scene.cutout, next_name(scene, strip), next_colour(scene)
    others = on_strip(scene, strip)
    if not others:
        mask_strip.part(strip)  # from the strip it was copied from
    strip_uuid = others[0].strip_uuid if others else strips.tag(strip)
    for other in others:
        other.strip_name = strip.name  # the artist may have renamed the strip
    track = data.tracks.add()  # invalidates references to the other tracks
    track.uuid, track.name, track.colour, track.folder = uuid, name, colour, folder
    track.strip_uuid, track.strip_name = strip_uuid, strip.name
    edge_settings.choose(track, edge_settings.NEW)
    data.active_index = len(data.tracks) - 1
    return track


def next_colour(scene: Any) -> Colour:
    """Returns the least used colour of the palette, the first one if several are equal."""
    used = [tuple(track.colour) for track in scene.cutout.tracks]

    def count(colour: Colour) -> int:
        return sum(max(abs(a - b) for a, b in zip(colour, other, strict=True)) < 1e-3 for other in used)

    return min(PALETTE, key=count)


def next_name(scene: Any, strip: Any) -> str:
    """Returns a name for the next cutout of a strip: the strip's name, with a number if taken."""
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


_TEXTS = (
    "head",
    "drawn",
    "keyframes",
    "mattes",
    "locks",
    "locked_frames",
    "absences",
    "absent_frames",
    "rejected",
    "rejected_frames",
    "confidence",
    "doubtful",
    "applied",
)
_ZERO = dict.fromkeys((*_TEXTS, "written_head"), "")
_COUNTS = ("frame_count", "width", "height", "keyframe_count", "done_count")


def begin_again(scene: Any, track: Any) -> str:
    """Resets a cutout to a new folder without rounds; returns its new uuid.

    Its written strips stay until they are written again, and the old folder stays on disk. Its strokes count as not
    applied.
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
