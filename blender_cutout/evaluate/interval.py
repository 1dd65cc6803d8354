"""Estimates how far chance alone can move a mean over clips: bootstrap intervals, and paired differences of two runs.

Bootstrap (Efron 1979): clips, never frames, are drawn with replacement, because the frames of a clip succeed or fail
together. The plain percentile interval is too narrow for few clips; this is the expanded one (Hesterberg, "What
Teachers Should Know about the Bootstrap", 2015). Draws are seeded: the same values give the same interval.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

RESAMPLES = 10_000
LEVEL = 0.95
SEED = 14
FEWEST = 5
"""Least number of clips for a verdict: two clips may easily agree by chance."""


@dataclass(frozen=True, slots=True)
class Difference:
    """First minus second, on the same clips.

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
        """True if the interval excludes 0, with at least `FEWEST` clips."""
        if self.interval is None or len(self.each) < FEWEST:
            return False
        return self.interval[0] > 0 or self.interval[1] < 0


def interval(values: Sequence[float | None]) -> tuple[float, float] | None:
    """Returns the 95 % interval (low, high) of the mean of one value per clip; None for fewer than two values.

    Values that are None are left out, as in the mean.
    """
    known = np.array([v for v in values if v is not None], np.float64)
    if len(known) < 2:
        return None
    drawn = np.random.default_rng(SEED).integers(0, len(known), (RESAMPLES, len(known)))
    tail = _tail(len(known))
    low, high = np.quantile(known[drawn].mean(axis=1), (tail, 1 - tail))
    return float(low), float(high)


def difference(first: Mapping[str, float | None], second: Mapping[str, float | None]) -> Difference | None:
    """Returns the paired difference over the clips that have a value in both; None if there is no such clip."""
    each = {
        name: value - other
        for name, value in first.items()
        if value is not None and (other := second.get(name)) is not None
    }
    if not each:
        return None
    return Difference(each, float(np.mean(list(each.values()))), interval(list(each.values())))


def _tail(count: int) -> float:
    """Returns the share of resampled means to cut off at either end for this number of values."""
    z, free = NormalDist().inv_cdf((1 + LEVEL) / 2), count - 1
    # Student's t by the normal distribution: Abramowitz & Stegun, 26.7.5.
    t = z + (z**3 + z) / (4 * free) + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * free**2)
    return NormalDist().cdf(-t * (count / free) ** 0.5)
