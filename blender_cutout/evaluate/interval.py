"""How far chance alone can move a mean over clips: bootstrap intervals, and paired differences of two runs.

Percentile bootstrap (Efron 1979): clips, never frames, are drawn with replacement, because the frames of a clip succeed
or fail together. The draws are seeded: the same values always give the same interval.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

RESAMPLES = 10_000
LEVEL = 0.95
SEED = 14


@dataclass(frozen=True, slots=True)
class Difference:
    """First less second, on the same clips.

    Attributes:
        each: clip -> difference.
        mean: over the clips.
        interval: (low, high) of the mean; None for fewer than two clips.
    """

    each: dict[str, float]
    mean: float
    interval: tuple[float, float] | None

    @property
    def clear(self) -> bool:
        """Whether the interval leaves 0 out."""
        return self.interval is not None and (self.interval[0] > 0 or self.interval[1] < 0)


def interval(values: Sequence[float | None]) -> tuple[float, float] | None:
    """Returns the 95 % interval (low, high) of the mean of one value per clip; None for fewer than two values.

    Values that are None are left out, as from the mean.
    """
    known = np.array([v for v in values if v is not None], np.float64)
    if len(known) < 2:
        return None
    drawn = np.random.default_rng(SEED).integers(0, len(known), (RESAMPLES, len(known)))
    tail = 50 * (1 - LEVEL)
    low, high = np.percentile(known[drawn].mean(axis=1), (tail, 100 - tail))
    return float(low), float(high)


def difference(first: Mapping[str, float | None], second: Mapping[str, float | None]) -> Difference | None:
    """Returns the paired difference over the clips that have a value in both; None when there is no such clip."""
    each = {
        name: value - other
        for name, value in first.items()
        if value is not None and (other := second.get(name)) is not None
    }
    if not each:
        return None
    return Difference(each, float(np.mean(list(each.values()))), interval(list(each.values())))
