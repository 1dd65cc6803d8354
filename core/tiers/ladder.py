"""The tiers as a ladder: finds the next faster or finer one, and picks a tier for a machine.

Pure functions over `TIERS`, which is ordered from fast to fine. Imports nothing heavy: the add-on uses it too.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from .table import AUTO, DEFAULT, PUBLISHED_TIERS, TIERS, Tier

PACE = 0.2
"""Seconds that a propagated frame of one object at 480p may take under `auto`: ten seconds of film (250 frames) then
take under a minute, about as long as people wait before they turn to something else."""
SHARE = 0.5
"""Share of the free memory that a tier may take under `auto`; Blender, and the clip in its cache, need the rest."""


def ladder(tiers: Mapping[str, Tier] = TIERS) -> tuple[Tier, ...]:
    """Returns the tiers from the fastest to the finest."""
    return tuple(tiers.values())


def faster(name: str, tiers: Mapping[str, Tier] = TIERS) -> Tier | None:
    """Returns the next faster tier; None if there is none, or the name is unknown. `auto` is the default tier.

    Below a published network comes the finest tier of the ladder.
    """
    if name in PUBLISHED_TIERS and name not in tiers:
        return ladder(tiers)[-1]
    return _beside(name, -1, tiers)


def finer(name: str, tiers: Mapping[str, Tier] = TIERS) -> Tier | None:
    """Returns the next finer tier; None if there is none, or the name is unknown. `auto` is the default tier."""
    return _beside(name, 1, tiers)


def cost(tier: Tier, device: str = "cpu") -> float | None:
    """Returns the seconds a frame takes with a tier on the machine it was measured on; None = not measured.

    Only ratios between tiers are useful: they are nearly the same on every machine, but differ between a processor and
    a graphics card.
    """
    if tier.measured is None:
        return None
    card = tier.measured.card_seconds_per_frame
    return card if device == "cuda" and card is not None else tier.measured.seconds_per_frame


def predict(timed: Mapping[str, float], device: str = "cpu", tiers: Mapping[str, Tier] = TIERS) -> dict[str, float]:
    """Returns the seconds per frame of every tier on a machine where some were timed; timed ones are kept as they are.

    A single timing scales the measured table. With several, the cheapest and the most expensive define a line: on a
    fast device part of a frame's time is the same for all tiers. Tiers neither measured nor timed are left out.

    Args:
        timed: tier -> seconds per frame; at least one, otherwise nothing can be predicted.
        device: cpu, cuda or mps.
        tiers: the ladder.
    """
    costs = {tier.name: value for tier in ladder(tiers) if (value := cost(tier, device)) is not None}
    points = sorted((costs[name], seconds) for name, seconds in timed.items() if name in costs)
    found: dict[str, float] = {}
    if points:
        (low, first), (high, last) = points[0], points[-1]
        # Neither steeper than proportional nor falling: both would be timing noise.
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
    """Returns the finest tier that keeps the pace and fits into memory; the fastest that fits when none keeps it.

    Args:
        seconds: tier -> seconds per frame on this machine, timed or predicted; a missing tier is not chosen.
        pace: most seconds per frame.
        free_mb: free memory in MB; 0 = unknown. Tiers whose need is unknown count as fitting.
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
