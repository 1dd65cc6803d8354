"""Makes a cutout of each person on a frame."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import uuid4

import bpy

from ..client.job_queue import Job
from ..core.errors import StripError
from ..host import storage, strips
from ..scene import frame_spans, properties, selection, track_lookup
from . import jobs

if TYPE_CHECKING:
    from ..core.messages import Done

MOST = 20
"""Most people who become cutouts at once."""
_NAME = "Each Person"


def ask_each_person(scene: Any, track: Any) -> Job:
    """Asks the engine for the people on the current frame, and then for a mask of each.

    The active cutout becomes the largest person if it has no masks yet; the others get cutouts of their own.

    Raises:
        InputError: the frame is outside the strip.
    """
    from ..core.messages import FindPeople

    frame, uuid = frame_spans.here(scene, track), track.uuid
    if _is_new(track):
        track_lookup.check_unlocked(track)
        track_lookup.check_free(track, frame, scene.frame_current)
    return jobs.submit(
        scene,
        track,
        "Looking for people",
        lambda wire: FindPeople(wire, uuid, frame),
        then=lambda done: _make(uuid, frame, done),
    )


def _is_new(track: Any) -> bool:
    return not track.head and not track.keyframe_count


def _make(uuid: str, frame: int, done: Done) -> str:
    """Makes the cutouts and asks for their masks; returns a summary."""
    from ..core.messages import ApplyRound

    points = tuple(tuple(map(float, point)) for point in done.result.get("people", ()))
    found = properties.track_by_uuid(uuid)
    if found is None or not points:
        return "No person was found on this frame, so no cutout was made. Draw strokes."
    summary = "1 person. Correct the mask with strokes."
    if len(points) > 1:
        summary = f"{len(points)} people, each a cutout of its own. Correct them, then press Propagate All Objects."
    if len(points) > MOST:
        summary = f"{len(points)} people: the largest {MOST} became cutouts. Propagate All Objects does them together."
    uuids = _cutouts(found[0], found[1], len(points[:MOST]))
    for number, (one, point) in enumerate(zip(uuids, points, strict=False), start=1):
        pair = properties.track_by_uuid(one)
        if pair is None:
            raise StripError("A cutout vanished meanwhile.", "Press Each Person again.")

        def message(wire: str, one: str = one, point: tuple[float, ...] = point) -> ApplyRound:
            return ApplyRound(wire, one, frame, (), auto=True, mode="person", at=point)

        undo = _NAME if number == len(uuids) else ""  # all are one step of Blender's undo
        job = jobs.submit(*pair, "Looking for the object", message, then=lambda _: summary, undo=undo)
        job.round_on = frame
    return summary


def _cutouts(scene: Any, track: Any, count: int) -> list[str]:
    """Returns the uuids of so many cutouts of a cutout's strip without masks: itself if it has none, and new ones."""
    strip = strips.find(scene, track.strip_uuid, track.strip_name).strip
    uuids = [str(track.uuid)] if _is_new(track) else []
    while len(uuids) < count:  # beginning one invalidates references to the others
        uuid = uuid4().hex
        track_lookup.begin(scene, strip, uuid, storage.stored(storage.new_folder(uuid), bpy.data.filepath))
        uuids.append(uuid)
    selection.activate(scene, uuids[0])
    return uuids
