"""Asks the engine to propagate a cutout."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from ..client.job_queue import Job
from ..core.types import Direction, FrameRange
from ..scene import doubt, frame_spans, properties, rejected
from . import jobs
from .apply_strokes import unapplied


def propagate(scene: Any, track: Any, frames: FrameRange, direction: Direction = Direction.BOTH, undo: str = "") -> Job:
    """Asks the engine to propagate a cutout's mask through these clip frames, with the scene's options.

    Raises:
        StripError: the strip is gone, or its files.
        EnvironmentMissing: the engine is not installed.
    """
    from ..core.messages import Propagate

    chosen, uuid = options(scene, [track], frames), track.uuid
    return jobs.submit(
        scene,
        track,
        jobs.PROPAGATING,
        lambda job: Propagate(job, uuid, frames.start, frames.stop, direction.value, **chosen),
        then=lambda done: summary((uuid,), f"{done.result.get('frames', len(frames))} frames propagated"),
        undo=undo,
    )


def options(scene: Any, tracks: Sequence[Any], frames: FrameRange) -> dict[str, Any]:
    """Returns what the artist has set for these cutouts, as keyword arguments of Propagate and PropagateGroup."""
    redo = tuple(pair for track in tracks for pair in rejected.within(track, frames))
    return {**asdict(doubt.options(scene)), "redo": redo}


def summary(uuids: tuple[str, ...], text: str) -> str:
    """Returns the summary of a propagation; warns about strokes that it did not use."""
    for uuid in uuids:
        found = properties.track_by_uuid(uuid)
        frames = unapplied(*found) if found is not None else []
        if frames:
            where = f"{'frame' if len(frames) == 1 else 'frames'} {frame_spans.frame_list_text(frames)}"
            jobs.say(
                "WARNING", f"{text}, without the strokes on {where}.", "Apply Strokes there, then propagate again."
            )
    return f"{text}."
