"""Measures the automatic modes on the parts of the labelled sets that are never trained on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ..models.training.samples.class_labels import HEAD, KNOWN, PERSON, SKY
from ..models.training.samples.class_pool import HELD

if TYPE_CHECKING:
    from ..core.engine import Engine
    from ..core.types import Matte
    from ..models.training.samples.pool import Pool

BITS = {"person": PERSON, "head": HEAD, "sky": SKY}
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


def scores(engine: Engine, pool: Pool, modes: tuple[str, ...], most: int = 0) -> Iterator[ModeScore]:
    """Yields the scores of the held-out pictures of a pool, at most so many of each set (0 = all).

    Sets of several people, where all of them are the truth, are measured with all that was found.
    """
    for name in sorted(name for name in pool.by_set if name.startswith(HELD)):
        order = np.random.default_rng(0).permutation(pool.by_set[name])
        for index in order[: most or None]:
            picture = pool[int(index)]
            for mode in modes:
                known = (picture.mask & BITS[mode] << KNOWN) > 0
                truth = ((picture.mask & BITS[mode]) > 0) & known
                share = float(truth.mean())
                if 0 < share < SHOWS or known.mean() < SHOWS or (share == 0 and known.mean() < 0.5):
                    continue
                matte = found(engine, np.ascontiguousarray(picture.image), mode)
                there = (matte > 0.5) & known
                iou = float((there & truth).sum() / max((there | truth).sum(), 1)) if share else float("nan")
                empty = not share and float(there.mean()) > SHOWS
                yield ModeScore(name.removeprefix(HELD), picture.entry.name, mode, iou, empty)


def found(engine: Engine, image: np.ndarray, mode: str) -> Matte:
    """Returns what the engine finds; of people, all."""
    if mode != "person":
        return engine.automatic(image, mode)
    everything = engine.automatic(image, "background")
    return np.asarray(1 - everything) if engine.automatic(image, "person").any() else np.zeros_like(everything)
