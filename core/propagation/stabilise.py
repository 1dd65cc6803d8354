"""Stabilises mattes: mixes each with its two neighbours, moved onto it by optical flow where that can be trusted.

Only computed mattes change: keyframes, locked frames and kept ones serve as neighbours but stay as they are, and
nothing is mixed across a cut. Mixing uses the network's own mattes, never mixed ones, so each result depends on three
frames only, comes one frame late, and can be made again with another strength.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

import numpy as np

from ..images.crop import mask_box
from ..types import Box
from .optical_flow import Motion
from .outcome import MatteKind

if TYPE_CHECKING:
    from ..ports import FrameSource
    from ..types import Matte, Mattes
    from .optical_flow import Step, Window

Result: TypeAlias = "tuple[int, Mattes, MatteKind]"

FAINT = 0.5 / 255
"""Where all mattes are fainter than this nothing is mixed: in 8 bits that is 0 before and after."""
WEIGHT = 2.0
"""Weight of a fully trusted neighbour at strength 1, relative to 1 for the frame itself.

It stabilises without costing accuracy; a median of the three stabilises less, and ignoring trust costs accuracy. See
docs/experiments.md, "Stability".
"""
BAND = 128
"""Rows that are mixed at a time."""
_CHANGED = MatteKind.PROPAGATED, MatteKind.FUSED


class StableFrame(NamedTuple):
    """A frame's result: `raw` (H, W) or (N, H, W) as computed, and `matte` as shown."""

    frame: int
    raw: Mattes
    matte: Mattes
    kind: MatteKind


class _Seen(NamedTuple):
    frame: int
    mattes: Mattes
    kind: MatteKind


def stabilised(
    results: Iterator[Result],
    frames: FrameSource,
    strength: float,
    anchor: Callable[[int], Mattes | None] = lambda frame: None,
    is_final: Callable[[int], bool] = lambda frame: False,
) -> Generator[StableFrame, None, None]:
    """Yields the results in order, stabilised, each as soon as the next one is known.

    Holds three frames' mattes and some small pictures.

    Args:
        results: (frame, matte, kind) as from `propagate`; closed at the end.
        frames: the clip.
        strength: 0 (nothing is changed) to 1.
        anchor: matte of a keyframe or locked frame, for those where a pass ends; None for all others.
        is_final: frames whose matte must not change, in addition to those whose kind says so.

    Raises:
        FrameReadError: from the clip.
    """
    with closing(_Closable(results)):
        if strength <= 0:
            for frame, matte, kind in results:
                yield StableFrame(frame, matte, matte, kind)
            return
        past: _Seen | None = None
        now: _Seen | None = None
        with closing(Motion(frames)) as motion:
            for frame, matte, kind in results:
                if kind is MatteKind.PENDING:
                    yield StableFrame(frame, matte, matte, kind)
                    continue
                coming = _Seen(frame, matte, kind)
                if now is not None:
                    yield _stabilise(now, (past, coming), motion, strength, anchor, is_final)
                past, now = now, coming
                if past is not None and abs(frame - past.frame) == 1 and kind in _CHANGED:
                    # While the network works on the next frame.
                    motion.begin(frame, 2 * frame - past.frame)
            if now is not None:
                yield _stabilise(now, (past, None), motion, strength, anchor, is_final)


def _stabilise(
    now: _Seen,
    beside: tuple[_Seen | None, _Seen | None],
    motion: Motion,
    strength: float,
    anchor: Callable[[int], Mattes | None],
    is_final: Callable[[int], bool],
) -> StableFrame:
    if now.kind not in _CHANGED or is_final(now.frame):
        return StableFrame(now.frame, now.mattes, now.mattes, now.kind)
    there = {seen.frame: seen.mattes for seen in beside if seen is not None and seen.kind is not MatteKind.ABSENT}
    neighbours = []
    for frame in (now.frame - 1, now.frame + 1):
        mattes = there.get(frame)
        mattes = anchor(frame) if mattes is None else mattes
        if mattes is not None and not motion.is_cut(now.frame, frame):
            neighbours.append((mattes, motion.between(now.frame, frame)))
    return StableFrame(now.frame, now.mattes, mixed(now.mattes, neighbours, strength), now.kind)


def mixed(mattes: Mattes, neighbours: list[tuple[Mattes, Step]], strength: float) -> Mattes:
    """Returns the mattes (H, W) or (N, H, W) mixed with their neighbours' moved onto them; float32 in [0, 1].

    Args:
        mattes: of the frame.
        neighbours: (mattes, motion from the frame to the neighbour) each.
        strength: 0 to 1.
    """
    flat = mattes.ndim == 2
    own = mattes[None] if flat else mattes
    others = [(other[None] if flat else other, step) for other, step in neighbours]
    out = np.array(own, np.float32)
    for n in range(len(own) if others else 0):
        window = _window(own[n], [(other[n], step) for other, step in others])
        for band in () if window is None else _bands(window):
            total = np.array(own[n][band], np.float32)
            weights = np.ones_like(total)
            for other, step in others:
                moved, trusted = step.moved(other[n], band)
                trusted *= strength * WEIGHT
                weights += trusted
                moved *= trusted
                total += moved
            total /= weights
            np.clip(total, 0, 1, out=out[n][band])
    return out[0] if flat else out


def _bands(window: Window) -> Iterator[Window]:
    """Yields the window in bands of `BAND` rows: they stay in the processor's cache, and take little memory."""
    rows, columns = window
    for start in range(rows.start, rows.stop, BAND):
        yield slice(start, min(start + BAND, rows.stop)), columns


def _window(own: Matte, others: list[tuple[Matte, Step]]) -> Window | None:
    """Returns the rows and columns outside which the matte and its moved neighbours are faint; None = everywhere.

    Never larger than the box around all nonzero pixels of the mattes.
    """
    wholes = [mask_box(matte, 0.0) for matte in (own, *(other for other, _ in others))]
    boxes = [_faint_box(own, wholes[0])]
    whole = _union(wholes)
    for (other, step), there in zip(others, wholes[1:], strict=True):
        box = _faint_box(other, there)
        boxes.append(None if box is None else step.reached(box, (own.shape[0], own.shape[1])))
    window = _union(boxes)
    if window is None or whole is None:
        return None
    rows = slice(max(window.y0, whole.y0), min(window.y1, whole.y1))
    columns = slice(max(window.x0, whole.x0), min(window.x1, whole.x1))
    return (rows, columns) if rows.start < rows.stop and columns.start < columns.stop else None


def _faint_box(matte: Matte, whole: Box | None) -> Box | None:
    """Returns the box of what is not faint, searched only within `whole`, the box of all nonzero pixels."""
    found = None if whole is None else mask_box(matte[whole.y0 : whole.y1, whole.x0 : whole.x1], FAINT)
    if whole is None or found is None:
        return None
    return Box(found.x0 + whole.x0, found.y0 + whole.y0, found.x1 + whole.x0, found.y1 + whole.y0)


def _union(boxes: list[Box | None]) -> Box | None:
    """Returns the smallest box around all boxes; None = there are none."""
    found = [box for box in boxes if box is not None]
    if not found:
        return None
    return Box(
        min(box.x0 for box in found),
        min(box.y0 for box in found),
        max(box.x1 for box in found),
        max(box.y1 for box in found),
    )


class _Closable:
    """Wraps any iterator so that it can be closed."""

    def __init__(self, results: Iterator[Result]) -> None:
        self._results = results

    def close(self) -> None:
        """Closes a generator; other iterators need no closing."""
        if isinstance(self._results, Generator):
            self._results.close()
