"""Steadier mattes: each is mixed with its two neighbours, moved onto it by optical flow, where that can be trusted.

Only what is computed is changed: keyframes, locked frames and kept ones are neighbours like others, but stay as they
are, and nothing is mixed across a cut. What is mixed are the network's own mattes, never mixed ones: so each result
depends on three frames and nothing else, comes one frame late, and can be made again with another strength.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

import cv2
import numpy as np

from .cuts import CutFinder
from .types import MatteKind

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .ports import FrameSource
    from .types import Image, Matte, Mattes

    Floats = NDArray[np.float32]
    Flow = tuple[Floats, Floats]

Result: TypeAlias = "tuple[int, Mattes, MatteKind]"

SIDE = 427
"""Longer side of the pictures in which motion is looked for, in pixels."""
WEIGHT = 2.0
"""Weight of a neighbour that is trusted in full, against 1 of the frame itself, at strength 1.

Measured on five development clips (tier standard), J&F and flicker, 0.8067 and 0.0883 without. With half the trust
below: 0.8085 and 0.0803 with 1, 0.8089 and 0.0783 with 2, 0.8072 and 0.0850 for the median of the three. Without regard
to trust, 0.8016 and 0.0690.
"""
STRAY = 4.0 / 427
"""Where going to the neighbour and back ends so far off, motion is not trusted at all; share of the longer side."""
STRAY_COLOUR = 50.0
"""Where the moved neighbour differs by so many of 255 in red, green or blue, motion is not trusted at all.

Measured as above: 0.8103 and 0.0707 with 40, 0.8091 and 0.0672 with 60, 0.8080 and 0.0659 with 80. With grey instead of
colours, and 40, 0.8084 and 0.0687; but then a disc on a wall that is as bright loses a fifth of itself.
"""
_CHANGED = MatteKind.PROPAGATED, MatteKind.FUSED


class Steady(NamedTuple):
    """A frame's result: `raw` (H, W) or (N, H, W) as computed, and `matte` as it is to be shown."""

    frame: int
    raw: Mattes
    matte: Mattes
    kind: MatteKind


class _Seen(NamedTuple):
    frame: int
    mattes: Mattes
    kind: MatteKind


def steadied(
    results: Iterator[Result],
    frames: FrameSource,
    strength: float,
    anchor: Callable[[int], Mattes | None] = lambda frame: None,
    is_final: Callable[[int], bool] = lambda frame: False,
) -> Generator[Steady, None, None]:
    """Yields the results in their order, steadied; each when the one after it is known.

    Holds three frames' mattes and some small pictures.

    Args:
        results: (frame, matte, kind) as from `propagate`; closed at the end.
        frames: the clip.
        strength: 0 (nothing is changed) to 1.
        anchor: matte of a keyframe or locked frame, for those beside which a pass ends; None for all others.
        is_final: frames whose matte is not to be changed, beside those that their kind tells.

    Raises:
        FrameReadError: from the clip.
    """
    with closing(_Closable(results)):
        if strength <= 0:
            for frame, matte, kind in results:
                yield Steady(frame, matte, matte, kind)
            return
        motion = _Motion(frames)
        past: _Seen | None = None
        now: _Seen | None = None
        for frame, matte, kind in results:
            if kind is MatteKind.PENDING:
                yield Steady(frame, matte, matte, kind)
                continue
            coming = _Seen(frame, matte, kind)
            if now is not None:
                yield _steady(now, (past, coming), motion, strength, anchor, is_final)
            past, now = now, coming
        if now is not None:
            yield _steady(now, (past, None), motion, strength, anchor, is_final)


def _steady(
    now: _Seen,
    beside: tuple[_Seen | None, _Seen | None],
    motion: _Motion,
    strength: float,
    anchor: Callable[[int], Mattes | None],
    is_final: Callable[[int], bool],
) -> Steady:
    if now.kind not in _CHANGED or is_final(now.frame):
        return Steady(now.frame, now.mattes, now.mattes, now.kind)
    there = {seen.frame: seen.mattes for seen in beside if seen is not None}
    neighbours = []
    for frame in (now.frame - 1, now.frame + 1):
        mattes = there.get(frame)
        mattes = anchor(frame) if mattes is None else mattes
        if mattes is not None and not motion.is_cut(now.frame, frame):
            neighbours.append((mattes, *motion.between(now.frame, frame)))
    return Steady(now.frame, now.mattes, mixed(now.mattes, neighbours, strength), now.kind)


def mixed(mattes: Mattes, neighbours: list[tuple[Mattes, Floats, Floats]], strength: float) -> Mattes:
    """The mattes (H, W) or (N, H, W) mixed with neighbours' that are moved onto them; float32 in [0, 1].

    Args:
        mattes: of the frame.
        neighbours: (mattes, flow, trust) each: flow (h, w, 2) from the frame to the neighbour in pixels of its own
            size, which may be smaller, and trust (h, w) in [0, 1].
        strength: 0 to 1.
    """
    flat = mattes.ndim == 2
    own = mattes[None] if flat else mattes
    height, width = own.shape[1:]
    others = [(other[None] if flat else other, flow, trust) for other, flow, trust in neighbours]
    out = np.array(own, np.float32)
    for n in range(len(own)):
        window = _window([own[n], *(other[n] for other, _, _ in others)])
        if window is None or not others:
            continue
        total = np.array(own[n][window], np.float32)
        weights = np.ones_like(total)
        for other, flow, trust in others:
            moved, trusted = _moved(other[n], flow, trust, window, (height, width))
            total += strength * WEIGHT * trusted * moved
            weights += strength * WEIGHT * trusted
        out[n][window] = np.clip(total / weights, 0, 1)
    return out[0] if flat else out


def _window(mattes: list[Matte]) -> tuple[slice, slice] | None:
    """Rows and columns in which one of the mattes is above 0; None = nowhere."""
    rows = np.flatnonzero(np.any([matte.any(axis=1) for matte in mattes], axis=0))
    columns = np.flatnonzero(np.any([matte.any(axis=0) for matte in mattes], axis=0))
    if not rows.size:
        return None
    return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)


def _moved(
    matte: Matte, flow: Floats, trust: Floats, window: tuple[slice, slice], size: tuple[int, int]
) -> tuple[Matte, Floats]:
    """The neighbour's matte moved onto the frame, and how far that is to be trusted; both inside the window."""
    rows, columns = window
    scale_y, scale_x = flow.shape[0] / size[0], flow.shape[1] / size[1]
    xs = np.arange(columns.start, columns.stop, dtype=np.float32)[None, :]
    ys = np.arange(rows.start, rows.stop, dtype=np.float32)[:, None]
    shape = (rows.stop - rows.start, columns.stop - columns.start)
    map_x = np.broadcast_to((xs + 0.5) * scale_x - 0.5, shape).astype(np.float32)
    map_y = np.broadcast_to((ys + 0.5) * scale_y - 0.5, shape).astype(np.float32)
    way = cv2.remap(flow, map_x, map_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    trusted = cv2.remap(trust, map_x, map_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    moved = cv2.remap(matte, xs + way[..., 0] / scale_x, ys + way[..., 1] / scale_y, cv2.INTER_LINEAR)
    return np.asarray(moved, np.float32), np.asarray(trusted, np.float32)


class _Motion:
    """Motion between neighbouring frames, each pair looked at once."""

    def __init__(self, frames: FrameSource) -> None:
        self._frames = frames
        self._cuts = CutFinder(frames)
        self._flow = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_ULTRAFAST)
        self._small: dict[int, Image] = {}
        self._pairs: dict[tuple[int, int], Flow] = {}

    def is_cut(self, one: int, other: int) -> bool:
        """Whether there is a cut between two neighbouring frames."""
        return self._cuts.between(one, other)

    def between(self, here: int, there: int) -> Flow:
        """Flow (h, w, 2) from a frame to its neighbour, and trust (h, w) in it, 0 to 1."""
        if (here, there) not in self._pairs:
            first, second = self._picture(here), self._picture(there)
            greys = cv2.cvtColor(first, cv2.COLOR_RGB2GRAY), cv2.cvtColor(second, cv2.COLOR_RGB2GRAY)
            onward = np.asarray(self._flow.calc(*greys, None), np.float32)  # type: ignore[call-overload, unused-ignore]
            back = np.asarray(self._flow.calc(*greys[::-1], None), np.float32)  # type: ignore[call-overload, unused-ignore]
            self._pairs = {pair: flow for pair, flow in self._pairs.items() if here in pair or there in pair}
            self._pairs[here, there] = onward, _trust(first, second, onward, back)
            self._pairs[there, here] = back, _trust(second, first, back, onward)
        return self._pairs[here, there]

    def _picture(self, frame: int) -> Image:
        if frame not in self._small:
            image = self._frames[frame]
            scale = min(1.0, SIDE / max(image.shape[:2]))
            size = (max(16, round(image.shape[1] * scale)), max(16, round(image.shape[0] * scale)))
            self._small = {f: small for f, small in self._small.items() if abs(f - frame) <= 2}
            self._small[frame] = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
        return self._small[frame]


def _trust(here: Image, there: Image, onward: Floats, back: Floats) -> Floats:
    """How far flow from `here` to `there` is to be trusted: does it come back, and does it meet the same colour?"""
    height, width = here.shape[:2]
    x = np.arange(width, dtype=np.float32)[None, :] + onward[..., 0]
    y = np.arange(height, dtype=np.float32)[:, None] + onward[..., 1]
    off = onward + cv2.remap(back, x, y, cv2.INTER_LINEAR)
    moved = cv2.remap(there, x, y, cv2.INTER_LINEAR)
    colour = cv2.blur(cv2.absdiff(moved, here).max(axis=2).astype(np.float32), (5, 5))
    returns = np.clip(1 - np.hypot(off[..., 0], off[..., 1]) / (STRAY * max(height, width)), 0, 1)
    return np.asarray(returns * np.clip(1 - colour / STRAY_COLOUR, 0, 1), np.float32)


class _Closable:
    """Any iterator as something that can be closed."""

    def __init__(self, results: Iterator[Result]) -> None:
        self._results = results

    def close(self) -> None:
        """Closes a generator; others need it not."""
        if isinstance(self._results, Generator):
            self._results.close()
