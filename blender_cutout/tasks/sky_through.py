"""Finds the sky on every k-th frame of a strip: propagated over many seconds it drifts, and there is only one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..client.job_queue import Job
from ..core.errors import InputError
from ..host import kept
from ..scene import doubt, track_lookup
from . import jobs

if TYPE_CHECKING:
    from ..core.messages import ApplyRound, Done


def ask_sky_through(scene: Any, track: Any, every: int) -> Job:
    """Asks the engine for the sky on every k-th frame that Propagate would reach; returns the last job.

    Frames that are locked or have a keyframe nearby are left out, so the artist's work stays.

    Raises:
        InputError: there is no such frame, or the cutout is locked.
        StripError: the strip is gone or cannot be mapped.
    """
    track_lookup.check_unlocked(track)
    wanted = doubt.frames(scene, track)
    drawn, locked = kept.numbers(track.drawn, track.frame_count), kept.frames(track.locks, track.frame_count)
    frames = [
        frame
        for frame in range(wanted.start, wanted.stop, every)
        if frame not in locked and all(2 * abs(frame - other) >= every for other in drawn)
    ]
    if not frames:
        raise InputError("Every frame here is near one with a mask of its own.", "Press Propagate.")
    found: list[int] = []
    job = None
    for frame in frames:
        job = _ask(scene, track, frame, found, frames[-1])
    assert job is not None
    return job


def _ask(scene: Any, track: Any, frame: int, found: list[int], last: int) -> Job:
    from ..core.messages import ApplyRound

    uuid = track.uuid

    def message(wire: str) -> ApplyRound:
        return ApplyRound(wire, uuid, frame, (), auto=True, mode="sky")

    def then(done: Done) -> str:
        found.extend([] if done.result.get("empty") else [frame])
        if not found:
            return "No sky was found: the masks are empty. Draw strokes."
        return f"The sky was found on {len(found)} {'frame' if len(found) == 1 else 'frames'}. Press Propagate."

    # All are one step of Blender's undo.
    return jobs.submit(scene, track, "Looking for the sky", message, then, "Sky Through Clip" if frame == last else "")
