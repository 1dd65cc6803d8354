"""Stops a pass at a cut, or where the network is in doubt, and decides what becomes of the frames beyond."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import TYPE_CHECKING, TypeAlias

from ..types import FrameRange
from .confidence import confidence
from .outcome import Cause, MatteKind, Stop

if TYPE_CHECKING:
    from ..types import Mattes
    from .plan import Pass

    Result: TypeAlias = tuple[int, Mattes, MatteKind]
    Results: TypeAlias = Generator[Result, None, int | None]
    Ended: TypeAlias = tuple[Cause, int, int]


def follow_pass(
    step: Pass,
    walk: Callable[[Pass], Results],
    bounds: FrameRange,
    has_previous: bool,
    stop_below: float = 0.0,
    notice: Callable[[Stop], None] | None = None,
) -> Generator[Result, None, None]:
    """Yields the frames of a pass that lie in `bounds`; beyond a stop, those reached from the other side.

    Args:
        step: the pass.
        walk: its frames; returns the first one beyond a cut, None = there was none.
        bounds: the requested frames.
        has_previous: unreached frames keep the result of an earlier run.
        stop_below: end the pass after a frame of lower confidence, 0 = never.
        notice: called when frames were left out, or kept because of doubt.
    """
    stop = yield from _watched(step, walk, bounds, stop_below)
    if stop is None:
        return
    cause, at, onward = stop
    left = {frame for frame in step.frames[step.frames.index(onward) :] if frame in bounds}
    while stop is not None:
        step = step.rest(stop[2], has_previous)
        stream = _watched(step, walk, bounds, stop_below)
        while True:
            try:
                result = next(stream)
            except StopIteration as end:
                stop = end.value
                break
            if cause is Cause.CUT or result[2] is not MatteKind.KEPT:
                left.discard(result[0])
            yield result
    if left and notice is not None:
        notice(Stop(cause, at, min(left), max(left)))


def _watched(
    step: Pass, walk: Callable[[Pass], Results], bounds: FrameRange, stop_below: float
) -> Generator[Result, None, Ended | None]:
    """Yields the frames of a pass; returns why it stopped, where, and the first frame it did not reach."""
    stream = walk(step)
    while True:
        try:
            frame, matte, kind = next(stream)
        except StopIteration as end:
            return None if end.value is None else (Cause.CUT, end.value, end.value)
        if frame in bounds:
            yield frame, matte, kind
        made = step.compute and kind in (MatteKind.PROPAGATED, MatteKind.FUSED)
        if made and stop_below > 0 and frame != step.frames[-1] and confidence(matte) < stop_below:
            stream.close()
            return Cause.DOUBT, frame, frame + step.frames.step
