"""Plans passes around frames marked Not Here. Pure Python, no pixels."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import NamedTuple

from .plan import Pass

Run = tuple[int, int]
"""Absent frames as [start, stop)."""


class Around(NamedTuple):
    """A plan, and the frames that keep an earlier result though a later frame of their pass is computed again."""

    steps: Iterable[int | Pass]
    near: frozenset[int]


def runs_of(absent: Collection[int]) -> list[Run]:
    """Returns frames as runs, ascending."""
    frames = sorted(absent)
    starts = [frame for frame in frames if frame - 1 not in absent]
    stops = [frame + 1 for frame in frames if frame + 1 not in absent]
    return list(zip(starts, stops, strict=True))


def around_absent(
    steps: Iterable[int | Pass], runs: Sequence[Run], changed: Collection[Run], new_keys: Collection[int] | None
) -> Around:
    """Returns a plan in which no pass goes through absent frames to others that the keyframe beyond them reaches.

    Args:
        steps: of `plan_passes`.
        runs: all absent frames.
        changed: those that the earlier run did not have.
        new_keys: see `plan_passes`.
    """
    planned: list[int | Pass] = []
    near: set[int] = set()
    for step in steps:
        inside = (
            [] if isinstance(step, int) else [run for run in runs if run[0] in step.frames or run[1] - 1 in step.frames]
        )
        if isinstance(step, int) or not inside or not (step.compute or step.keep):
            planned.append(step)
            continue
        forward = step.frames.step > 0
        inside = inside if forward else inside[::-1]
        parts = _parts(step, inside[-1])
        for part in parts:
            met = [run for run in inside if run in changed and (run[0] in part.frames or run is inside[-1])]
            is_new = new_keys is None or part.start in new_keys
            planned.append(
                Pass(part.start, part.frames, step.compute, keep=step.compute and not (is_new or met), redo=step.redo)
            )
            if met and not is_new and part.start == step.start:
                first = met[0][0] if forward else met[0][1] - 1
                near.update(range(part.frames.start, first, part.frames.step))
    return Around(planned, frozenset(near))


def _parts(step: Pass, last: Run) -> list[Pass]:
    """Returns the pass, divided behind its last absent frames if another keyframe reaches what is beyond them."""
    way = step.frames.step
    behind = last[1] if way > 0 else last[0] - 1
    if step.beyond is None or behind not in step.frames:
        return [step]
    here = Pass(step.start, range(step.frames.start, behind, way))
    return [here, Pass(step.beyond, range(step.beyond - way, behind - way, -way))]
