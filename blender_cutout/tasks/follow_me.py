"""Runs Follow Me: after a round, the mask is propagated automatically, nearby frames first, then ever farther ones.

Each stretch is a propagation of its own, which reuses what the one before made. A round drawn meanwhile ends it, in the
engine if it is on the same cutout, and then starts from its own frame. Only a cutout's last stretch adds a step to
Blender's undo history.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from ..client.job_queue import Job
from ..core.errors import CutoutError
from ..core.types import FrameRange
from ..host import kept
from ..scene import doubt, properties, track_lookup
from . import jobs, propagation

if TYPE_CHECKING:
    from ..client.job_queue import Outcome

NEAR = 12
"""Frames to each side of a round that are propagated first."""
FARTHER = 4
"""Factor by which the next stretch goes farther."""


def stretches(frames: FrameRange, at: int) -> Iterator[FrameRange]:
    """Yields growing parts of `frames` around the frame `at`, the last one all of them."""
    centre, reach = min(max(at, frames.start), frames.stop - 1), NEAR
    while True:
        part = FrameRange(max(frames.start, centre - reach), min(frames.stop, centre + reach + 1))
        yield part
        if part == frames:
            return
        reach *= FARTHER


class FollowMe:
    """Follows the artist's rounds: one cutout at a time, the active one first."""

    def __init__(self) -> None:
        self._rounds: dict[str, int] = {}
        """Cutout -> the clip frame from which it is to be propagated."""
        self._ahead: dict[str, list[FrameRange]] = {}
        """Cutout -> the stretches that are left of it."""
        self._job: Job | None = None
        self._part = FrameRange(0, 1)
        self._gives_way = False
        """The job was cancelled for a round on another cutout."""

    def ended(self, job: Job, outcome: Outcome) -> None:
        """Handles a job's end: a round is followed, and whatever stopped a stretch stops the rest."""
        from ..core.messages import Cancelled, Done

        if job is self._job:
            self._job = None
            if isinstance(outcome, Cancelled) and self._gives_way:
                self._ahead.setdefault(job.track, []).insert(0, self._part)
                jobs.say("INFO", "The object that was drawn on goes first.")
            elif isinstance(outcome, Cancelled) and any(j.track == job.track for j in jobs.queue.jobs if j is not job):
                self._ahead.pop(job.track, None)  # by a round on this cutout, or an undo
            elif not isinstance(outcome, Done):
                self.stop()
            self._gives_way = False
        elif job.round_on >= 0 and isinstance(outcome, Done):
            self._follow(job.track, job.round_on)

    def _follow(self, uuid: str, frame: int) -> None:
        """Plans a cutout, and those of the same clip with rounds that were never propagated."""
        self._ahead.pop(uuid, None)
        self._rounds.pop(uuid, None)
        found = properties.track_by_uuid(uuid)
        for other in track_lookup.unlocked(*found) if found is not None else ():
            never = other.drawn if other.done_count == other.keyframe_count < other.frame_count else ""
            changed = kept.numbers(other.corrected, other.frame_count) or kept.numbers(never, other.frame_count)
            if changed and other.uuid not in self._ahead:
                self._rounds.setdefault(other.uuid, changed[0])
        self._rounds[uuid] = frame
        if self._job is not None and self._job.track != uuid:
            self._gives_way = True
            jobs.queue.cancel(self._job.track)

    def go_on(self) -> None:
        """Propagates the next stretch if there is one and nothing else is under way."""
        while (self._rounds or self._ahead) and not jobs.queue.jobs:
            uuid = self._next()
            found = properties.track_by_uuid(uuid)
            if found is None or not found[0].cutout.follow_me:
                self._drop(uuid)
                continue
            try:
                self._propagate(*found)
            except CutoutError as error:
                self.stop()
                jobs.say("ERROR", error.text, error.hint)

    def _propagate(self, scene: Any, track: Any) -> None:
        uuid = track.uuid
        track_lookup.check_unlocked(track)
        if uuid in self._rounds:
            self._ahead[uuid] = list(stretches(doubt.frames(scene, track), self._rounds.pop(uuid)))
        self._part = self._ahead[uuid].pop(0)
        undo = "" if self._ahead[uuid] else "Propagate"
        if undo:
            del self._ahead[uuid]
        self._job = propagation.propagate(scene, track, self._part, undo=undo)

    def _next(self) -> str:
        """Returns the cutout to go on with: the active one, otherwise the one drawn on last."""
        waiting = [*self._ahead, *self._rounds]
        active = {properties.active_track(scene).uuid for scene, track in properties.tracks() if track.uuid in waiting}
        return next((uuid for uuid in waiting if uuid in active), waiting[-1])

    def _drop(self, uuid: str) -> None:
        self._rounds.pop(uuid, None)
        self._ahead.pop(uuid, None)

    def stop(self) -> None:
        """Forgets what is still ahead."""
        self._rounds, self._ahead, self._job = {}, {}, None


def register() -> None:
    """Starts following."""
    follower = FollowMe()
    jobs.at_end.append(follower.ended)
    jobs.at_rest.append(follower.go_on)


def unregister() -> None:
    """Stops following; `jobs.at_rest` is cleared by the handlers."""
    jobs.at_end.clear()
