"""Times tiers on this machine and finds the one for `auto`: the finest that is fast enough to work with.

Only a few tiers are timed; the cost of the others is predicted (`core.tiers.ladder.predict`). The chosen tier has
always been timed itself; if it turns out too slow, the next faster one is tried.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING

from ..core.errors import OutOfMemory
from ..core.tiers.ladder import PACE, choose, ladder, predict

if TYPE_CHECKING:
    from ..core.engine import Engine
    from ..environment.tier_record import Fitted

BUDGET = 11.0
"""Seconds for all timings together; keeps `cutout doctor` short."""
WARM, COUNTED = 2, 6
"""Frames that do not count, while libraries warm up, and frames that do; every second one is remembered."""
LONGEST = 3.0
"""Seconds after which no further frame of a tier is timed."""
BUSY = 0.7
"""Share of the processor's cores in use by other programs above which timings mean little."""
_LOADING = 1.0
"""Rough number of seconds for loading a tier's networks."""


@dataclass(frozen=True, slots=True)
class Fit:
    """The tier that suits a machine.

    Attributes:
        tier: the chosen one.
        timed: tier -> seconds per frame.
        hurried: there was no time to try a finer one that might be fast enough.
    """

    tier: str
    timed: Mapping[str, float] = field(default_factory=dict)
    hurried: bool = False


def fit(
    time_one: Callable[[str], float],
    device: str = "cpu",
    free_mb: float = 0.0,
    budget: float = BUDGET,
    clock: Callable[[], float] = time.monotonic,
    pace: float = PACE,
) -> Fit:
    """Finds the tier that suits this machine.

    Args:
        time_one: tier -> seconds per frame; may raise OutOfMemory.
        device: cpu, cuda or mps.
        free_mb: free memory, 0 = not known.
        budget: seconds after which no further tier is timed.
        clock: returns seconds.
        pace: most seconds per frame.

    Raises:
        OutOfMemory: there is not enough memory even for the fastest tier.
    """
    begin, fastest = clock(), ladder()[0].name
    timed, unfit = {fastest: time_one(fastest)}, set[str]()
    while True:
        expected = predict(timed, device)
        pick = choose(expected, pace, free_mb, unfit).name
        if pick in timed:
            return Fit(pick, timed)
        wanted = _LOADING + min((1 + WARM + COUNTED) * expected[pick], 2 * LONGEST)
        if clock() - begin + wanted > budget:
            return Fit(choose(timed, pace, free_mb, unfit).name, timed, hurried=True)
        try:
            timed[pick] = time_one(pick)
        except OutOfMemory:
            names = [tier.name for tier in ladder()]
            unfit.update(names[names.index(pick) :])


def time_tier(engine: Engine, clock: Callable[[], float] = time.perf_counter) -> float:
    """Returns the seconds it takes to propagate one frame of one object at 480p.

    That is the mean of the fastest pair of neighbouring frames: other programs only ever add time, and of two frames
    one is remembered, which costs more. If a frame takes very long, one frame is enough. The clip's last frame does
    not count: stabilising delays each frame until the next, so the last two come out together.
    """
    from ..core.synthetic import MovingShape

    clip = MovingShape(frames=1 + WARM + COUNTED + 1)
    stream = engine.propagate(clip, {0: clip.matte(0)})
    next(stream)
    begin = last = clock()
    taken: list[float] = []
    for _ in stream:
        now = clock()
        taken.append(now - last)
        last = now
        if now - begin > LONGEST or len(taken) == WARM + COUNTED:
            break
    stream.close()
    counted = taken[min(WARM, max(0, len(taken) - 2)) :]
    return min((a + b) / 2 for a, b in pairwise(counted)) if len(counted) > 1 else counted[0]


def others_at_work() -> bool:
    """Returns whether other programs keep the processor busy, as far as the system can say."""
    try:
        return os.getloadavg()[0] > BUSY * (os.cpu_count() or 1)
    except (AttributeError, OSError):  # Windows
        return False


def fit_here(load: Callable[[str, str], Engine], device: str) -> tuple[Fit, Fitted]:
    """Times this machine; returns the result, and the record of it to store. Stores nothing itself.

    Args:
        load: (tier, device) -> Engine.
        device: cpu, cuda or mps.
    """
    from ..compose import card_name, free_memory_mb
    from ..environment.tier_record import Fitted, this_machine

    found = fit(lambda name: time_tier(load(name, device)), device, free_memory_mb(device))
    kept = Fitted(found.tier, found.timed[found.tier], device, this_machine(), card_name(device), found.timed)
    return found, kept
