"""Asks the engine for a mask without strokes, of the person or head under a stroke or the mouse where several are."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from ..client.job_queue import Job
from ..core.errors import StrokeError
from ..core.types import Label
from ..host import strips
from ..host.annotations import find as find_annotation
from ..scene import frame_spans, properties, track_lookup
from ..strokes import brush_strokes
from ..strokes.annotation_strokes import drawn_on
from . import jobs

if TYPE_CHECKING:
    from ..core.messages import Done
    from ..geometry.picture_map import Point

POINTED = ("person", "head")
"""Modes that find one of several."""
_NOTHING = {
    "foreground": "Nothing was found. Draw strokes.",
    "person": "No person was found: the mask is empty. Draw strokes.",
    "head": "No head was found: the mask is empty. Draw strokes.",
    "sky": "No sky was found: the mask is empty. Draw strokes.",
    "background": "Nothing was found. Draw strokes.",
}


def ask_first_guess(context: Any, scene: Any, track: Any, mode: str, point: Point | None = None) -> Job:
    """Asks the engine for a first guess on the current frame.

    Args:
        context: the active space's annotation is looked at first.
        scene: the cutout's scene.
        track: the cutout, with its clip open.
        mode: one of `types.AUTO_MODES`.
        point: in source pixels, on the person or head that is meant; None = under the last Keep stroke of this frame,
            or else the largest.

    Raises:
        InputError: the frame is outside the strip, or the cutout is locked.
    """
    from ..core.messages import ApplyRound

    track_lookup.check_unlocked(track)
    frame, uuid = frame_spans.here(scene, track), track.uuid
    track_lookup.check_free(track, frame, scene.frame_current)
    keys: tuple[str, ...] = ()
    if mode in POINTED and point is None:
        point, keys = _pointed_at(context, scene, track, frame)
    wanted = "" if mode == "foreground" else mode
    at = point if mode in POINTED and point is not None else ()
    job = jobs.submit(
        scene,
        track,
        "Looking for the object",
        lambda wire: ApplyRound(wire, uuid, frame, (), auto=True, mode=wanted, at=at),
        then=lambda done: _mark(job, done, mode),
        undo="Auto",
    )
    job.strokes, job.round_on = keys, frame
    return job


def _pointed_at(context: Any, scene: Any, track: Any, frame: int) -> tuple[Point | None, tuple[str, ...]]:
    """Returns the point that the frame's Keep strokes show, and the keys of the strokes that were only drawn for that.

    The last stroke counts, a new one before those that were applied; strokes of other cutouts do not.
    """
    strip = strips.find(scene, track.strip_uuid, track.strip_name).strip
    picture = strips.picture_map(scene, strip, (track.width, track.height))
    drawn: list[tuple[str, Point]] = []
    annotation = find_annotation(context)
    if annotation is not None:
        with suppress(StrokeError):  # reported when they are applied
            strokes = [d for d in drawn_on(annotation, scene.frame_current) if d.label is Label.KEEP]
            drawn += [(d.key, picture.to_source(d.points[len(d.points) // 2])) for d in strokes]
    painted = [p for p in brush_strokes.painted_on(track.strokes, frame) if p.label is Label.KEEP]
    drawn += [(p.key, p.touches[len(p.touches) // 2][:2]) for p in painted]
    others = {key for other in scene.cutout.tracks if other.uuid != track.uuid for key in other.applied.split()}
    drawn = [(key, point) for key, point in drawn if key not in others and picture.shows(point)]
    applied = set(track.applied.split())
    new = [(key, point) for key, point in drawn if key not in applied]
    chosen = new or drawn
    return (chosen[-1][1] if chosen else None), tuple(key for key, _ in new)


def _mark(job: Job, done: Done, mode: str) -> str:
    """Records the strokes that showed which one is meant, so that no round takes them; returns a summary."""
    found = properties.track_by_uuid(job.track)
    if found is not None and job.strokes:
        found[1].applied = " ".join([*found[1].applied.split(), *job.strokes])
    if done.result.get("empty"):
        return _NOTHING[mode]
    people = done.result.get("people", 0)
    if people > 1:
        return f"{people} people: the largest was taken. To take another one, draw a dot on it and press Auto again."
    return "A first guess. Correct it with strokes."
