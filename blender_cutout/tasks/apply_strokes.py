"""Sends the current frame's new strokes to the engine."""

from collections.abc import Collection
from typing import Any

import bpy

from ..client.job_queue import Job
from ..core.errors import CutoutError, InputError, StrokeError
from ..core.types import Stroke
from ..geometry.picture_map import PictureMap, picture_zoom
from ..host import annotations, strips
from ..scene import frame_spans, preview_mode, properties, selection, track_lookup
from ..strokes import brush_strokes
from ..strokes.annotation_strokes import Drawn, drawn_on, layer_frames, pick_new, to_source
from ..strokes.brush_strokes import Painted
from . import jobs


def send_strokes(context: Any, scene: Any, track: Any, only: Collection[str] | None = None) -> Job:
    """Asks the engine to apply the new strokes on the current frame.

    Args:
        context: of a preview if possible: its zoom gives the stroke width.
        scene: the cutout's scene.
        track: the cutout, with its clip open.
        only: keys of the strokes to send; None = all.

    Raises:
        StrokeError: there are none, or they lie outside the picture.
        InputError: the frame is outside the strip, or the cutout is locked.
        StripError: the strip is gone or cannot be mapped.
    """
    from ..core.messages import ApplyRound

    track_lookup.check_unlocked(track)
    preview_mode.correct(scene)
    strip = strips.find(scene, track.strip_uuid, track.strip_name)
    check_clip_here(scene, track)
    timeline, frame = scene.frame_current, frame_spans.here(scene, track)
    track_lookup.check_free(track, frame, timeline)
    annotation, known = annotations.find(context), known_strokes(scene)
    painted = brush_strokes.new_on(track.strokes, frame, known, only)
    drawn: list[Drawn] = []
    if not (painted and only is not None and len(painted) == len(only)):  # otherwise there is nothing to look for
        drawn = _drawn(scene, track, strip.strip, annotation, bool(painted), only)
    if annotation:
        annotations.end_strokes(annotation, timeline)
    zoom, view = annotations.view(context)
    picture = strips.picture_map(scene, strip.strip, (track.width, track.height))
    strokes, outside = _to_source(drawn, painted, picture, zoom)
    records = tuple(stroke.to_json() for stroke in strokes)
    every = [*(d.key for d in drawn), *(p.key for p in painted)]
    keys, uuid = tuple(key for key in every if key not in outside), track.uuid
    level = picture_zoom(picture, zoom, view)
    job = jobs.submit(
        scene,
        track,
        "Refining",
        lambda wire: ApplyRound(wire, uuid, frame, records, level),
        then=lambda _: _mark_applied(job, timeline, len(outside)),
        undo="Apply Strokes",
    )
    job.strokes, job.round_on = keys, frame
    return job


def known_strokes(scene: Any, under_way: bool = True) -> set[str]:
    """Returns the keys of strokes that were applied or are being applied.

    A stroke belongs to the cutout it was first applied to: all cutouts, of all scenes, share the two layers. Those of
    the Cutout Brush belong to one; a copied scene has copies, which are applied there on their own.
    """
    known = {key for other in bpy.data.scenes if other != scene for key in _applied_in(other)}
    known.difference_update(stroke.key for track in scene.cutout.tracks for stroke in track.strokes)
    sent = {key for job in jobs.queue.jobs for key in job.strokes} if under_way else set()
    return known.union(_applied_in(scene), sent)


def _applied_in(scene: Any) -> list[str]:
    return [key for track in scene.cutout.tracks for key in track.applied.split()]


def unapplied(scene: Any, track: Any) -> list[int]:
    """Returns the timeline frames of a cutout's strip with strokes that were not applied, sorted; [] if it is gone."""
    known = known_strokes(scene)
    painted = [stroke.frame for stroke in track.strokes if stroke.key not in known]
    frames = set(frame_spans.timeline_frames(scene, track, painted))
    annotation = annotations.find(bpy.context)
    if annotation is not None:
        try:
            spans = [(times.left, times.right) for times in frame_spans.pieces_times(scene, track)]
            for frame in {frame.frame_number for _, frame in layer_frames(annotation)}:
                if any(left <= frame < right for left, right in spans):
                    frames.update([frame] if any(d.key not in known for d in drawn_on(annotation, frame)) else [])
        except CutoutError:  # the strip is gone, or strokes cannot be read: reported when they are applied
            pass
    return sorted(frames)


def _drawn(
    scene: Any, track: Any, strip: Any, annotation: Any, painted: bool, only: Collection[str] | None
) -> list[Drawn]:
    """Returns the new strokes of the two layers; with `painted` there may be none, as the Cutout Brush has some."""
    frame, times = scene.frame_current, strips.time_map(scene, strip, track.frame_count)
    frames = [times.timeline_frame(f) for f in brush_strokes.painted_frames(track.strokes)] if not painted else []
    shown = [f for f in frames if f is not None]
    try:
        drawn = pick_new(annotation, frame, known_strokes(scene), frame in shown, shown)
    except StrokeError:
        if not painted:
            raise
        drawn = []
    return [d for d in drawn if only is None or d.key in only]


def _to_source(
    drawn: list[Drawn], painted: list[Painted], picture: PictureMap, zoom: float
) -> tuple[list[Stroke], list[str]]:
    """Returns strokes in source pixels, and the keys of those outside the picture. Raises StrokeError if all are."""
    inside = [p for p in painted if brush_strokes.touches_picture(p, picture)]
    strokes, outside = (
        [s for p in inside for s in brush_strokes.to_strokes(p)],
        [p.key for p in painted if p not in inside],
    )
    if drawn or not strokes:
        try:
            more, beside = to_source(drawn, picture, zoom)
        except StrokeError:
            if not strokes:
                raise
            more, beside = [], [d.key for d in drawn]
        strokes, outside = more + strokes, beside + outside
    return strokes, outside


def check_clip_here(scene: Any, track: Any) -> None:
    """Raises InputError if strokes now would be for a clip that the preview does not show in place."""
    meta = selection.closed_meta(scene, track)
    if meta:
        raise InputError(
            f"The clip of {track.name} is inside the closed meta strip {meta}.",
            f"Tab into the meta strip: click {meta}, press Tab over the timeline, and draw there.",
        )
    other = selection.in_view_instead(scene)
    if other is not None:
        raise InputError(
            f"These strokes would be for {track.name}, but its clip is not here: this is the clip of {other.name}.",
            f"Press Select {other.name}, then draw again, or go to a frame of {track.name}.",
        )


def _mark_applied(job: Job, timeline: int, outside: int) -> str:
    """Records the applied strokes, so that the next round takes only new ones; returns a summary."""
    from ..core.messages import Undo

    found = properties.track_by_uuid(job.track)
    count = len(job.strokes)
    if found is not None:
        scene, track = found
        annotation = annotations.find(bpy.context)
        there = {d.key for d in drawn_on(annotation, timeline)} if annotation else set()
        there.update(stroke.key for stroke in track.strokes)
        if not there.intersection(job.strokes):
            # Blender's undo removed the strokes while the engine applied them: undo the round too.
            job.undo, uuid = "", job.track
            jobs.submit(scene, track, "Undoing", lambda wire: Undo(wire, uuid))
            return "The strokes were undone."
        track.applied = " ".join([*track.applied.split(), *job.strokes])
    text = f"{count} {'stroke' if count == 1 else 'strokes'} applied."
    return text + (f" {outside} outside the picture skipped." if outside else "")
