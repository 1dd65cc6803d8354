"""Rounds: what may be drawn on a frame, and the matte that comes of it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

import numpy as np

from ..errors import InputError, StrokeError
from ..frame_text import FrameText
from ..images.matte import to_grey
from ..refinement.automatic import FOREGROUND
from ..refinement.paint import paint, painted_area
from ..types import MOST_POINTS, Paint
from .actions import Action, PaintRound, Round, is_automatic

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..clips.source import VideoSource
    from ..engine import Engine
    from ..images.matte import Grey
    from ..types import Matte


_MODES = " 2"
"""Increase this when the automatic modes give different mattes for the same picture and weights."""


def check_round(round_: Round | PaintRound, count: int, locked: Collection[int], absent: Collection[int]) -> None:
    """Checks a round for a clip of `count` frames.

    Raises:
        InputError: the frame is not in the clip, or locked, or the object is not there.
        StrokeError: there is nothing drawn, or too much.
    """
    frame = round_.frame
    if not 0 <= frame < count:
        raise InputError(FrameText("The clip has no ", frame, "."), f"It has {count} frames.")
    if frame in locked:
        if frame in absent:
            raise InputError(FrameText(frame, " is marked Not Here, so it has no mask."), "Press Here first.")
        raise InputError(FrameText(frame, " is locked, so its mask is not changed."), "Unlock it first.")
    drawn = round_.shapes if isinstance(round_, PaintRound) else round_.strokes
    if not drawn and not (isinstance(round_, Round) and round_.auto):
        raise StrokeError("This round has no strokes.", "Draw a stroke on the picture first.")
    if sum(len(shape.points) for shape in drawn) > MOST_POINTS:
        raise StrokeError(f"This round has more than {MOST_POINTS} points.", "Draw it in several rounds.")


class PaintedArea:
    """Where a frame is painted. Keeps the last answer: an artist goes on painting on the same frame."""

    def __init__(self) -> None:
        self._shapes: tuple[Paint, ...] = ()
        self._area: NDArray[np.bool_] | None = None

    def of(self, shapes: Sequence[Paint], size: tuple[int, int]) -> NDArray[np.bool_]:
        """Returns where a picture of that size is painted, (H, W) bool; do not modify."""
        known = len(self._shapes)
        if self._area is None or self._area.shape != size or tuple(shapes[:known]) != self._shapes:
            known, self._area = 0, np.zeros(size, np.bool_)
        if known < len(shapes):
            self._area = self._area | painted_area(shapes[known:], size)
        self._shapes = tuple(shapes)
        return self._area


def round_matte(
    engine: Engine,
    source: VideoSource,
    round_: Round | PaintRound,
    previous: Grey | None,
    painted: Sequence[Paint],
    area: PaintedArea,
) -> Matte | Grey:
    """Returns the matte (H, W) of a round, float32 in [0, 1] or uint8 in 255ths.

    Args:
        engine: refines strokes and proposes first guesses.
        source: the clip.
        round_: what was drawn.
        previous: the frame's matte before it, (H, W) uint8 in 255ths; None = it has none.
        painted: shapes painted on the frame before: their pixels stay as they are unless painted over.
        area: finds their pixels.

    Raises:
        StrokeError: the strokes lie outside the picture. FrameReadError: the frame cannot be read.
    """
    if isinstance(round_, PaintRound):
        return paint(np.zeros(source.size, np.uint8) if previous is None else previous, round_.shapes)
    image = source[round_.frame]
    if round_.auto:
        made: Matte | Grey
        if round_.box is not None or round_.mode == FOREGROUND:
            made = engine.foreground(image, round_.box)
        else:
            made = engine.automatic(image, round_.mode, round_.at)
    else:
        made = engine.refine_grey(image, tuple(round_.strokes), previous=previous, zoom=round_.zoom)
    if not painted or previous is None:
        return made
    return np.where(area.of(painted, source.size), previous, to_grey(made))


def weights_of(engine: Engine, action: Action) -> str:
    """Returns what an action's mattes are made with: the weights, and how the automatic modes use them."""
    return engine.weights_id + (engine.automatic_id + _MODES if is_automatic(action) else "")
