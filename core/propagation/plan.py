"""Plans a propagation: decides which keyframe each frame is reached from. Pure Python, no pixels."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from ..types import Direction, FrameRange


@dataclass(frozen=True, slots=True)
class Pass:
    """A walk from a keyframe towards the next one, or towards one end of the clip.

    Attributes:
        start: keyframe it starts from; itself not part of the walk.
        frames: the frames in walking order, including any on the way before the requested range.
        compute: False = compute nothing and yield only frames with an earlier result.
        keep: frames with an earlier result keep it.
        fuse_with: old keyframe at the far end, towards which earlier results count more; None = new results win.
        beyond: keyframe at the far end that also reaches these frames; None = there is none.
        redo: results reached from `beyond` replace earlier ones too.
    """

    start: int
    frames: range
    compute: bool = True
    keep: bool = False
    fuse_with: int | None = None
    beyond: int | None = None
    redo: bool = True

    def rest(self, at: int, has_previous: bool) -> Pass:
        """Returns the pass that replaces this one from frame `at` on, which it does not reach."""
        left = self.frames[self.frames.index(at) :]
        if self.beyond is None or not self.compute:
            return Pass(self.start, left, compute=False, keep=has_previous)
        step = -self.frames.step
        return Pass(self.beyond, range(self.beyond + step, at + step, step), keep=not self.redo)


def plan_passes(
    keys: Sequence[int],
    length: int,
    frame_range: FrameRange,
    direction: Direction,
    new_keys: Collection[int] | None = None,
) -> Iterator[int | Pass]:
    """Yields the steps of a propagation: keyframes (int) to yield, and passes; every frame of the range once.

    A pass stops before the next keyframe. Given `new_keys` (there is an earlier result, and these keyframes changed
    since), only stretches next to one of them are computed, starting at it; all others keep their results.

    Args:
        keys: all keyframes, ascending, at least one; those outside the range still start passes.
        length: frames of the clip.
        frame_range: frames to yield.
        direction: frames that cannot be reached in it are left out (or keep their earlier result).
        new_keys: None = no earlier result.
    """
    gaps: list[tuple[int | None, int | None]] = [*pairwise(keys), (keys[-1], None)]
    if direction is Direction.BACKWARD:
        for left, right in reversed([(None, keys[0]), *gaps]):
            if right is not None and right in frame_range:
                yield right
            yield from _stretch(left, right, length, frame_range, direction, new_keys)
        return
    for left, right in gaps:
        if left is not None and left in frame_range:
            yield left
        yield from _stretch(left, right, length, frame_range, direction, new_keys)
    yield from _stretch(None, keys[0], length, frame_range, direction, new_keys)


def _stretch(
    left: int | None,
    right: int | None,
    length: int,
    frame_range: FrameRange,
    direction: Direction,
    new_keys: Collection[int] | None,
) -> Iterator[Pass]:
    """Yields the pass through the frames between two keyframes (None = the clip's end) if the range has any of them."""
    low = max(frame_range.start, 0 if left is None else left + 1)
    high = min(frame_range.stop, length if right is None else right)
    if low >= high:
        return
    can_forward = left is not None and direction is not Direction.BACKWARD
    can_backward = right is not None and direction is not Direction.FORWARD
    if new_keys is not None:
        can_forward, can_backward = can_forward and left in new_keys, can_backward and right in new_keys
    if not (can_forward or can_backward):
        yield from _kept(left, right, low, high, direction, new_keys is not None)
    elif can_forward and left is not None:
        old = right if new_keys is not None and right not in new_keys else None
        beyond = right if direction is Direction.BOTH else None
        yield Pass(left, range(left + 1, high), fuse_with=old, beyond=beyond, redo=old is None)
    elif right is not None:
        old = left if new_keys is not None and left not in new_keys else None
        beyond = left if direction is Direction.BOTH else None
        yield Pass(right, range(right - 1, low - 1, -1), fuse_with=old, beyond=beyond, redo=old is None)


def _kept(
    left: int | None, right: int | None, low: int, high: int, direction: Direction, has_previous: bool
) -> Iterator[Pass]:
    """Yields the pass for a stretch that no new keyframe reaches: keeps earlier results, computes missing frames."""
    if not has_previous:
        return
    if left is not None and direction is not Direction.BACKWARD:
        beyond = right if direction is Direction.BOTH else None
        yield Pass(left, range(left + 1, high), keep=True, beyond=beyond, redo=False)
    elif right is not None and direction is not Direction.FORWARD:
        yield Pass(right, range(right - 1, low - 1, -1), keep=True)
    else:
        start = left if left is not None else right
        if start is not None:
            yield Pass(start, range(low, high), compute=False, keep=True)
