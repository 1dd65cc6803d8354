"""Propagates mattes from keyframes to all other frames of a clip with the space-time memory network.

A generator: frames come out as they are made; the caller may stop at any time and stores what it wants to keep. Held at
any time: the last matte, the current keyframe, and the bounded memory.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Generator, Iterator, Mapping
from operator import index
from typing import TYPE_CHECKING

import numpy as np

from ..clips.cuts import CutFinder
from ..errors import InputError
from ..frame_text import FrameText
from ..images.matte import check_matte
from ..types import Direction, FrameRange, PropagationOptions
from .absent import Around, around_absent, runs_of
from .far_side import walk_between
from .hypotheses import walker_of
from .outcome import MatteKind, Stop
from .plan import Pass, plan_passes
from .settings import PropagationSettings
from .stops import follow_pass

if TYPE_CHECKING:
    from ..ports import FrameSource, PropagationNet
    from ..types import Mattes

    Lookup = Callable[[int], Mattes | None]

CHANGED = 1.0 / 255.0
"""A keyframe is new when a pixel differs by more than this from the earlier run: more than 8-bit rounding."""


def propagate(
    net: PropagationNet,
    frames: FrameSource,
    keyframes: Mapping[int, Mattes],
    *,
    frame_range: FrameRange | None = None,
    direction: Direction = Direction.BOTH,
    previous: Mapping[int, Mattes] | Lookup | None = None,
    locked: Collection[int] = (),
    known: Lookup | None = None,
    settings: PropagationSettings | None = None,
    options: PropagationOptions | None = None,
    notice: Callable[[Stop], None] | None = None,
    absent: Collection[int] = (),
) -> Generator[tuple[int, Mattes, MatteKind], None, None]:
    """Yields (frame, matte, kind) for every frame of the range once.

    Passes go forward from each keyframe to the next one and on to the clip's end, then backward from the first. All
    keyframes (the nearest ones, when there are very many) are permanent memory in every pass. With `previous`, only
    stretches next to keyframes that changed are computed again, from the changed keyframe; when an unchanged keyframe
    or a locked frame bounds them, from there too, and the results are fused with the earlier one. Until then the frames
    are yielded once as PENDING, with what is known of them so far. All other frames yield the earlier result. When
    every keyframe is empty, so is every frame.

    Args:
        net: propagation network.
        frames: the clip.
        keyframes: frame -> matte (H, W), or (N, H, W) for N objects; yielded unchanged. One outside the range still
            starts a pass. May be lazy.
        frame_range: None = the whole clip.
        direction: frames that cannot be reached in it are left out (unless `previous` has them).
        previous: frame -> matte of an earlier run; a mapping or a function, may be lazy.
        locked: frames which yield their matte of `previous` (or `known`) unchanged. They count as known results, and
            with `previous` as unchanged keyframes: recomputed stretches end at them.
        known: frame -> matte that this same run has already made, or None: yielded, not computed again.
        settings: see `PropagationSettings`.
        options: where to stop; None = nowhere. Frames beyond a stop are reached from the next keyframe if there is one
            and the direction allows it; otherwise they are left out (or keep what `previous` has).
        notice: called with each stop that left frames without a matte.
        absent: frames without the object, whose mattes are empty. A stretch that holds some and lies between two
            keyframes is reached from both, each up to the absent frames. Without a keyframe beyond, the object is
            looked for behind them as where it was lost. With `previous`, marks that are new have the frames behind
            them computed again, not those before them.

    Raises:
        InputError: no keyframes, outside the clip, or of different kinds; a range outside the clip; a locked frame
            without a matte. SizeMismatch: a keyframe differs in size from the picture. FrameReadError: from `frames`.
    """
    length = len(frames)
    bounds = _checked_range(frame_range, length)
    keys = _checked_keys(keyframes, length)
    size = _frame_size(frames, keys[0])
    first = check_matte(keyframes[keys[0]], size, f"The mask of keyframe {keys[0]}")
    shape = first.shape
    holds_object: dict[int, bool] = {}
    for key in keys:
        holds_object[key] = bool((_checked(keyframes[key], shape, f"The mask of keyframe {key}") > 0.5).any())
    before = _lookup(previous, shape, "The previous matte")
    done = _lookup(known, shape, "The matte")
    gone = frozenset(index(frame) for frame in absent)
    if not gone.isdisjoint(keys):
        raise InputError(f"Keyframe {min(gone.intersection(keys))} is marked absent.", "Take it out of one of the two.")
    fixed = frozenset(index(frame) for frame in locked) - set(keys) - gone
    new_keys = None
    if previous is not None:
        new_keys = {k for k in keys if _is_new(before(k), check_matte(keyframes[k]))}
    settings = (settings or PropagationSettings()).for_objects(shape[0] if len(shape) == 3 else 1)
    options = options or PropagationOptions(stop_at_cuts=False)
    cuts = CutFinder(frames) if options.stop_at_cuts else None
    walker = walker_of(net, frames, size, settings, cuts)

    def approved(frame: int) -> Mattes:
        """Returns the matte of a locked frame."""
        found = before(frame)
        found = done(frame) if found is None else found
        if found is None:
            raise InputError(FrameText(frame, " is locked but has no mask."), "Unlock it, or provide its earlier mask.")
        return found

    def keyframe(frame: int) -> Mattes:
        return approved(frame) if frame in fixed else _checked(keyframes[frame], shape, f"The mask of keyframe {frame}")

    def result(frame: int, keep: bool) -> tuple[Mattes, MatteKind] | None:
        """Returns the matte that a frame already has and keeps."""
        if frame in gone:
            return np.zeros(shape, np.float32), MatteKind.ABSENT
        if frame in fixed:
            return approved(frame), MatteKind.LOCKED
        found = done(frame)
        if found is not None:
            return found, MatteKind.PROPAGATED
        found = before(frame) if keep or frame in plan.near else None
        return None if found is None else (found, MatteKind.KEPT)

    anchors = keys
    ends = [frame for frame in _ends(fixed) if frame in bounds]
    for frame in ends:
        holds_object[frame] = bool((approved(frame) > 0.5).any())
    if new_keys is not None:
        anchors = sorted({*keys, *ends})
    planned = plan_passes(anchors, length, bounds, direction, new_keys)
    runs = runs_of(gone)
    changed = {run for run in runs if any(_is_there(before(frame)) for frame in (run[0], run[1] - 1))}
    plan = around_absent(planned, runs, changed, new_keys) if runs else Around(planned, frozenset())
    is_empty = not any(holds_object.values())
    stop_below = 0.0 if is_empty else options.stop_below

    def walk(step: Pass) -> Generator[tuple[int, Mattes, MatteKind], None, int | None]:
        if step.compute and is_empty:
            return walker.nothing(step, result, shape)
        if step.fuse_with is not None:
            return walk_between(walker, step, anchors, keyframe, result, before)
        return walker.walk(step, anchors, keyframe, result, before)

    def run() -> Generator[tuple[int, Mattes, MatteKind], None, None]:
        for step in plan.steps:
            if isinstance(step, int):
                yield step, keyframe(step), MatteKind.LOCKED if step in fixed else MatteKind.DRAWN
                continue
            yield from follow_pass(step, walk, bounds, new_keys is not None, stop_below, notice)

    return run()


def _checked_range(frame_range: FrameRange | None, length: int) -> FrameRange:
    if length == 0:
        raise InputError("The clip has no frames.", "Choose a clip with at least one frame.")
    if frame_range is None:
        return FrameRange(0, length)
    if frame_range.stop > length:
        raise InputError(
            f"The frame range {frame_range.start}:{frame_range.stop} goes beyond the clip's {length} frames.",
            f"Frames are counted from 0; the range may end at {length}.",
        )
    return frame_range


def _checked_keys(keyframes: Mapping[int, Mattes], length: int) -> list[int]:
    if not isinstance(keyframes, Mapping):
        raise InputError("The keyframes are not a mapping.", "Give a dictionary from frame to matte.")
    try:
        keys = sorted(index(key) for key in keyframes)
    except TypeError as error:
        raise InputError("A keyframe number is not a whole number.", "Count frames from 0.") from error
    if not keys:
        raise InputError("There is no keyframe to start from.", "Draw on at least one frame first.")
    for key in keys:
        if not 0 <= key < length:
            raise InputError(
                f"Keyframe {key} lies outside the clip, which has {length} frames.",
                f"Frames are counted from 0 to {length - 1}.",
            )
    return keys


def _ends(locked: Collection[int]) -> Iterator[int]:
    """Yields the first and the last frame of each run of locked frames."""
    return (frame for frame in sorted(locked) if not (frame - 1 in locked and frame + 1 in locked))


def _frame_size(frames: FrameSource, frame: int) -> tuple[int, int]:
    size = getattr(frames, "size", None)
    if isinstance(size, tuple) and len(size) == 2:
        return size
    shape = np.shape(frames[frame])
    return int(shape[0]), int(shape[1])


def _checked(matte: Mattes, shape: tuple[int, ...], what: str) -> Mattes:
    """Returns the matte as float32; raises InputError unless it has the shape of the first keyframe."""
    checked = check_matte(matte, (shape[-2], shape[-1]), what)
    if checked.shape != shape:
        raise InputError(
            f"{what} has shape {checked.shape}, the first keyframe {shape}.",
            "Give mattes for the same number of objects on every frame.",
        )
    return checked


def _lookup(source: Mapping[int, Mattes] | Lookup | None, shape: tuple[int, ...], what: str) -> Lookup:
    """Returns a function from frame to checked matte or None."""
    if source is None:
        return lambda frame: None
    get: Lookup = source.get if isinstance(source, Mapping) else source

    def look(frame: int) -> Mattes | None:
        matte = get(frame)
        return None if matte is None else _checked(matte, shape, f"{what} of frame {frame}")

    return look


def _is_there(matte: Mattes | None) -> bool:
    return matte is not None and bool((matte > 0.5).any())


def _is_new(old: Mattes | None, new: Mattes) -> bool:
    return old is None or float(np.abs(old - new).max()) > CHANGED
