"""Measures what a wrong stroke costs: a slip after good rounds, then one undo, or one stroke against it."""

from __future__ import annotations

import tempfile
from typing import TYPE_CHECKING

import numpy as np

from ..core.session.actions import Round
from ..core.session.track_session import TrackSession
from ..core.types import Clip, Label
from . import metrics, robot
from .measure import usable
from .metrics import as_mask
from .scores import SlipScore
from .sheet import Row, Worst

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..core.engine import Engine
    from ..core.types import Stroke
    from .data import Still

    Mask = NDArray[np.bool_]

ROUNDS_BEFORE = 3


def measure_slips(engine: Engine, still: Still, worst: Worst) -> list[SlipScore]:
    """Makes one slip of each label after three good rounds; returns no score if the picture's mask is unusable.

    Works in a track of its own, so that undo is the artist's.
    """
    with (
        tempfile.TemporaryDirectory(prefix="cutout-slips-") as folder,
        TrackSession.open(Clip(str(still.image.parent), (still.image.name,)), folder, engine) as session,
    ):
        image = session.source[0]
        known = usable(still.mask, image)
        if known is None:
            return []
        truth, counted = known
        stroke = robot.first_stroke(truth)
        for _ in range(ROUNDS_BEFORE):
            if stroke is not None:
                session.apply_round(Round(0, (stroke,)))
            stroke = robot.next_stroke(_shown(session), truth, counted)
        return [
            score
            for label in (Label.KEEP, Label.REMOVE)
            if (score := _slip(session, still.name, label, truth, counted, worst)) is not None
        ]


def _slip(session: TrackSession, name: str, label: Label, truth: Mask, counted: Mask, worst: Worst) -> SlipScore | None:
    """Makes one slip and tries both ways back; leaves the session as it was."""
    before = _shown(session)
    wrong = robot.wrong_stroke(before, truth, counted, label)
    if wrong is None:
        return None
    slipped, _ = session.apply_round(Round(0, (wrong,)))
    after = _shown(session)
    session.undo()
    undone = _shown(session)
    session.checkout(slipped)
    # The artist paints over what the slip has spoiled.
    against = robot.next_stroke(after, truth, counted & (after != before))
    strokes: list[Stroke] = [wrong]
    if against is not None:
        session.apply_round(Round(0, (against,)))
        strokes.append(against)
    last = session.matte(0)
    assert last is not None
    ious = [metrics.iou(mask, truth, counted) for mask in (before, after, undone, as_mask(last))]
    text = "{} slip, IoU before {:.2f}, after {:.2f}, undo {:.2f}, counter-stroke {:.2f}".format(label.value, *ious)
    row = Row(name, text, session.source[0], truth, last, tuple(strokes), counted)
    worst.offer(ious[3] - ious[0], row)
    while session.head != slipped:
        session.undo()
    session.undo()
    return SlipScore(name, label.value, *ious)


def _shown(session: TrackSession) -> Mask:
    matte = session.matte(0)
    assert matte is not None
    return as_mask(matte)
