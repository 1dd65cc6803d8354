"""Cuts a job into tasks that do not depend on each other, and lists what each of them needs.

A pass of a propagation ends before the next keyframe and remembers nothing of the pass before it, and a mask is mixed
with its neighbours only up to a keyframe. So a clip that is cut at keyframes needs no overlap and gives the same bits
as in one piece. A pass itself cannot be cut: each mask needs the one before.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from ..types import FrameRange
from .job_file import EDGES, ShotJob

PROPAGATE = "propagate"


@dataclass(frozen=True, slots=True)
class Task:
    """A part of a job that one process does.

    Attributes:
        kind: `PROPAGATE`, or the kind of an output.
        frames: the frames it writes.
        output: number of the output in the job, from 0; None for a propagation.
        needs: names of the tasks that must be finished before.
    """

    kind: str
    frames: FrameRange
    output: int | None = None
    needs: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """Returns its name, unique within the job: also the name of its record, and what `--task` takes."""
        if self.output is None or self.kind == EDGES:
            return f"{self.kind}-{self.frames.start:06d}-{self.frames.stop - 1:06d}"
        return f"{self.kind}-{self.output + 1}"


def tasks_of(job: ShotJob) -> tuple[Task, ...]:
    """Returns the tasks in an order in which they can be done one after the other.

    Propagations are cut at keyframes, edges anywhere; both into tasks of at least `ShotJob.task_frames` where possible.
    Locked frames take part in all stretches, so a job with some is propagated in one task.
    """
    whole = job.range
    cuts = [] if job.locked else [key.frame for key in job.keyframes]
    masks = [Task(PROPAGATE, part) for part in _parts(whole, cuts, job.task_frames)]
    tasks = list(masks)
    refined: list[Task] = []
    for number, output in enumerate(job.outputs):
        if output.kind == EDGES:
            cuts = list(range(whole.start, whole.stop, job.task_frames))
            for part in _parts(whole, cuts, job.task_frames):
                needs = tuple(task.name for task in masks if _touch(task.frames, part))
                refined.append(Task(EDGES, part, number, needs))
    tasks += refined
    for number, output in enumerate(job.outputs):
        if output.kind != EDGES:
            tasks.append(Task(output.kind, whole, number, tuple(task.name for task in refined or masks)))
    return tuple(tasks)


def _parts(whole: FrameRange, cuts: list[int], least: int) -> Iterator[FrameRange]:
    """Yields the parts of a range between cuts, at least `least` frames long unless the range is shorter."""
    ends = [whole.start]
    for cut in sorted(cut for cut in cuts if cut in whole):
        if cut - ends[-1] >= least and whole.stop - cut >= least:
            ends.append(cut)
    for start, stop in pairwise([*ends, whole.stop]):
        yield FrameRange(start, stop)


def _touch(one: FrameRange, other: FrameRange) -> bool:
    """Returns True if ranges overlap or are neighbours: edges are mixed with those of the next frames."""
    return one.start <= other.stop and other.start <= one.stop
