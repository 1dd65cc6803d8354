"""The tiers as a ladder: which is the next faster or finer one, whether the table is sound, which one fits a machine.

Pure functions over `TIERS`, whose order is from faster to finer. Imports nothing heavy: the add-on uses it too.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from itertools import pairwise

from .tiers import AUTO, DEFAULT, TIERS, Tier

PACE = 0.2
"""Seconds that a propagated frame of one object at 480p may take for `auto`: ten seconds of film (250 frames) are then
through in under a minute, about as long as one waits without beginning something else."""
SHARE = 0.5
"""Of the free memory that a tier may take for `auto`: Blender, and the clip in its cache, need some as well."""


def ladder(tiers: Mapping[str, Tier] = TIERS) -> tuple[Tier, ...]:
    """The tiers from the fastest to the finest."""
    return tuple(tiers.values())


def faster(name: str, tiers: Mapping[str, Tier] = TIERS) -> Tier | None:
    """The next faster tier; None when there is none, or no tier has that name. `auto` counts as the default one."""
    return _beside(name, -1, tiers)


def finer(name: str, tiers: Mapping[str, Tier] = TIERS) -> Tier | None:
    """The next finer tier; None when there is none, or no tier has that name. `auto` counts as the default one."""
    return _beside(name, 1, tiers)


def faults(tiers: Mapping[str, Tier] = TIERS) -> list[str]:
    """What is wrong with the table, in sentences; none when it is sound.

    Sound is: a finer tier takes longer, is in no measured quality worse, and is in at least one better; so none is
    dominated. Tiers that were not measured are passed over.
    """
    found = []
    known = [(tier.name, tier.measured) for tier in ladder(tiers) if tier.measured is not None]
    for (low, less), (high, more) in pairwise(known):
        if more.seconds_per_frame <= less.seconds_per_frame:
            found.append(f"{high} is finer than {low} but takes no longer.")
        gains = [more.j_and_f - less.j_and_f]
        if less.stroke_iou is not None and more.stroke_iou is not None:
            gains.append(more.stroke_iou - less.stroke_iou)
        if min(gains) < 0:
            found.append(f"{high} is finer than {low} but worse.")
        elif max(gains) == 0:
            found.append(f"{high} takes longer than {low} and is no better.")
    return found


def cost(tier: Tier, device: str = "cpu") -> float | None:
    """What a frame costs with a tier, in seconds on the machine that it was measured on; None = not measured.

    Only ratios are of use: they are nearly the same everywhere. On a graphics card they are others than on a processor.
    """
    if tier.measured is None:
        return None
    card = tier.measured.card_seconds_per_frame
    return card if device == "cuda" and card is not None else tier.measured.seconds_per_frame


def predict(timed: Mapping[str, float], device: str = "cpu", tiers: Mapping[str, Tier] = TIERS) -> dict[str, float]:
    """Seconds a frame of every tier on a machine on which some were timed; these as they were timed.

    One timing gives the ratio to the measured ones. With several the cheapest and the dearest give a line: on a fast
    device part of a frame's time is the same for all tiers. Tiers that were not measured are left out, if not timed.

    Args:
        timed: tier -> seconds a frame; at least one, else nothing is known.
        device: cpu, cuda or mps.
        tiers: the ladder.
    """
    costs = {tier.name: value for tier in ladder(tiers) if (value := cost(tier, device)) is not None}
    points = sorted((costs[name], seconds) for name, seconds in timed.items() if name in costs)
    found: dict[str, float] = {}
    if points:
        (low, first), (high, last) = points[0], points[-1]
        # Never steeper than in proportion, nor falling: both would be noise of the timing.
        slope = min(max((last - first) / (high - low), 0.0), last / high) if high > low else first / low
        found = {name: last + slope * (value - high) for name, value in costs.items()}
    return {**found, **timed}


def choose(
    seconds: Mapping[str, float],
    pace: float = PACE,
    free_mb: float = 0.0,
    unfit: Collection[str] = (),
    tiers: Mapping[str, Tier] = TIERS,
) -> Tier:
    """The finest tier that keeps the pace and fits into memory; the fastest that fits when none keeps it.

    Args:
        seconds: tier -> seconds a frame on this machine, timed or predicted; one that is missing is not chosen.
        pace: most seconds a frame.
        free_mb: memory that is free, in MB; 0 = not known. Tiers of unknown need count as fitting.
        unfit: tiers that ran out of memory here.
        tiers: the ladder.
    """
    fitting = [tier for tier in ladder(tiers) if tier.name not in unfit and _fits(tier, free_mb)] or ladder(tiers)[:1]
    quick = [tier for tier in fitting if seconds.get(tier.name, pace + 1.0) <= pace]
    return quick[-1] if quick else fitting[0]


def _fits(tier: Tier, free_mb: float) -> bool:
    need = tier.measured.memory_mb if tier.measured is not None else None
    return need is None or free_mb <= 0 or need <= SHARE * free_mb


def _beside(name: str, step: int, tiers: Mapping[str, Tier]) -> Tier | None:
    names: Sequence[str] = tuple(tiers)
    name = DEFAULT if name == AUTO else name
    if name not in names:
        return None
    place = names.index(name) + step
    return tiers[names[place]] if 0 <= place < len(names) else None
