"""A stretch between a new keyframe and one that stays: walked from both, then fused with what was there."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from typing import TYPE_CHECKING

from .passes import Pass
from .spool import MatteSpool
from .types import MatteKind

if TYPE_CHECKING:
    from .types import Mattes
    from .walk import Fixed, Result, Walker


def walk_between(
    walker: Walker,
    step: Pass,
    keys: Sequence[int],
    keyframe: Callable[[int], Mattes],
    fixed: Fixed,
    before: Callable[[int], Mattes | None],
) -> Generator[Result, None, int | None]:
    """Yields the frames of the pass, fused, in walking order; returns the first beyond a cut, None = there is none.

    First the stretch is walked from the keyframe on its far side, with the new one in memory. Of that pass nothing is
    given out but that it goes on: frames of kind PENDING. It is held in a temporary file.

    Args:
        walker: does the walking.
        step: the pass from the new keyframe; `fuse_with` says where the far one is.
        keys: see `Walker.walk`.
        keyframe: see `Walker.walk`.
        fixed: see `Walker.walk`.
        before: see `Walker.walk`.

    Raises:
        StoreError: the temporary folder is full.
    """
    first = next((frame for frame in step.frames if fixed(frame, step.keep) is None), None)
    if step.fuse_with is None or first is None or before(first) is None:
        return (yield from walker.walk(step, keys, keyframe, fixed, before))
    back = -step.frames.step
    far = Pass(step.fuse_with, range(step.fuse_with + back, first + back, back))
    with MatteSpool() as spool:
        for frame, matte, _ in walker.walk(far, keys, keyframe, lambda frame, keep: None, before):
            if frame in step.frames:
                spool.add(frame, matte[None] if matte.ndim == 2 else matte)
            yield frame, matte, MatteKind.PENDING
        return (yield from walker.walk(step, keys, keyframe, fixed, before, spool.get))
