"""Runs Follow Me: after a round, the mask is propagated automatically, nearby frames first, then ever farther ones.

Each stretch is a propagation of its own, which reuses what the one before made. A round drawn meanwhile ends it in the
engine, and then starts from its own frame. Only the last stretch adds a step to Blender's undo history.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from ..client.job_queue import Job
from ..core.errors import CutoutError
from ..core.types import FrameRange
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
    """Follows the artist's rounds, one cutout at a time."""

    def __init__(self) -> None:
        self._uuid = ""
        self._round_on = -1
        self._job: Job | None = None
        self._ahead: list[FrameRange] = []

    def ended(self, job: Job, outcome: Outcome) -> None:
        """Handles a job's end: a round is followed, and whatever stopped a stretch stops the rest."""
        from ..core.messages import Done

        if job is self._job and not isinstance(outcome, Done):
            self._ahead = []
        elif job.round_on >= 0 and isinstance(outcome, Done):
            self._uuid, self._round_on, self._ahead = job.track, job.round_on, []

    def go_on(self) -> None:
        """Propagates the next stretch if there is one and nothing else is under way."""
        found = properties.track_by_uuid(self._uuid) if self._round_on >= 0 or self._ahead else None
        if found is None or jobs.queue.jobs:
            return
        scene, track = found
        if not scene.cutout.follow_me:
            self.stop()
            return
        try:
            track_lookup.check_unlocked(track)
            if self._round_on >= 0:
                self._ahead = list(stretches(doubt.frames(scene, track), self._round_on))
                self._round_on = -1
            part = self._ahead.pop(0)
            self._job = propagation.propagate(scene, track, part, undo="" if self._ahead else "Propagate")
        except CutoutError as error:
            self.stop()
            jobs.say("ERROR", error.text, error.hint)

    def stop(self) -> None:
        """Forgets what is still ahead."""
        self._round_on, self._ahead, self._job = -1, [], None


def register() -> None:
    """Starts following."""
    follower = FollowMe()
    jobs.at_end.append(follower.ended)
    jobs.at_rest.append(follower.go_on)


def unregister() -> None:
    """Stops following; `jobs.at_rest` is cleared by the handlers."""
    jobs.at_end.clear()
