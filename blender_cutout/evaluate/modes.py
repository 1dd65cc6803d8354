"""Measures the automatic modes on the parts of the labelled sets that are never trained on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from ..core.engine import Engine
    from ..core.types import Matte

MODES = ("person", "head", "sky")
SHOWS = 0.003
"""Share of a picture from which something counts as shown."""


class ModeScore(NamedTuple):
    """A mode on one picture.

    Attributes:
        set: of the picture.
        name: of the picture.
        mode: person, head or sky.
        iou: where it is known; NaN where the picture shows none.
        false: it shows none, and something was found.
    """

    set: str
    name: str
    mode: str
    iou: float
    false: bool


def scores(engine: Engine, pictures: Iterable[Any]) -> Iterator[ModeScore]:
    """Yields the scores of held-out pictures.

    Sets of several people, where all of them are the truth, are measured with all that was found.
    """
    for picture in pictures:
        for mode in MODES:
            known, truth = picture.known[mode], picture.truth[mode]
            share = float(truth.mean())
            if 0 < share < SHOWS or known.mean() < SHOWS or (share == 0 and known.mean() < 0.5):
                continue
            there = (found(engine, picture.image, mode) > 0.5) & known
            iou = float((there & truth).sum() / max((there | truth).sum(), 1)) if share else float("nan")
            yield ModeScore(picture.set, picture.name, mode, iou, not share and float(there.mean()) > SHOWS)


def found(engine: Engine, image: np.ndarray, mode: str) -> Matte:
    """Returns what the engine finds; of people, all."""
    if mode != "person":
        return engine.automatic(image, mode)
    everything = engine.automatic(image, "background")
    return np.asarray(1 - everything) if engine.automatic(image, "person").any() else np.zeros_like(everything)
