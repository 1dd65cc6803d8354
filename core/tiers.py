"""The tiers the user chooses from, as plain numbers. Imports nothing heavy, so that `cutout tiers` is instant.

A tier is named after what the user gets, and fixes networks, working sizes and memory.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

from .errors import InputError
from .propagation.settings import Hypothesis

AUTO = "auto"
DEFAULT = "standard"
"""The tier that `auto` means until the machine is timed."""


class Measured(NamedTuple):
    """Results of `cutout evaluate` for a tier.

    Attributes:
        j_and_f: DAVIS J&F, in [0, 1], the mean over runs from four frames of each clip (first, last, two between) and
            over two measurements, with this engine and the one before, which differ by less than 0.01.
        seconds_per_frame: of propagation, everything included; processor time of one core.
        data: the data it was measured on.
        hardware: the machine it was measured on.
        stroke_iou: IoU after one round of strokes; None = not measured, as for all fields below.
        j_and_f_first: J&F of the runs from the first frame alone, as in DAVIS.
        memory_mb: peak memory of a process that propagates one object, the program included.
        card_seconds_per_frame: of propagation on a graphics card; `card` names it.
        card: that graphics card.
    """

    j_and_f: float
    seconds_per_frame: float
    data: str
    hardware: str
    stroke_iou: float | None = None
    j_and_f_first: float | None = None
    memory_mb: int | None = None
    card_seconds_per_frame: float | None = None
    card: str = ""


@dataclass(frozen=True, slots=True)
class Tier:
    """One tier.

    Attributes:
        name: what the user types.
        text: what the user gets, in a sentence.
        scribble_px: side, in pixels, of the square the stroke network works on, roughly.
        propagation_px: the same for the propagation network.
        memory_every: every n-th frame stays in memory.
        memory_budget: largest number of remembered frames.
        memory_megabytes: device memory they may take; fewer frames are remembered where several objects in a large
            crop make them large.
        scribble_weights: name in the registry of weights.
        propagation_weights: name in the registry of weights.
        growth: for several objects, the network sees at most this many times the pixels it sees for one.
        precision: of propagation. "full" is 32 bits on a processor, "half" bfloat16 where the processor multiplies it
            natively (others emulate it, and are slower). A graphics card computes in 16 bits in either case.
        hypotheses: the ways in which every stretch is propagated; their results are mixed.
        measured: None = not measured yet.
    """

    name: str
    text: str
    scribble_px: int
    propagation_px: int
    memory_every: int = 5
    memory_budget: int = 12
    memory_megabytes: int = 128
    scribble_weights: str = "scribble"
    propagation_weights: str = "propagation-large"
    growth: float = 1.3
    precision: Literal["full", "half"] = "full"
    hypotheses: tuple[Hypothesis, ...] = (Hypothesis(),)
    measured: Measured | None = None


_DATA = "five DAVIS 2016 validation clips"
_HARDWARE = "one core of an AMD EPYC"

TIERS: dict[str, Tier] = {
    tier.name: tier
    for tier in (
        Tier(
            "trace",
            "Shows where the object is, for the weakest machines; prefer sketch wherever it is fast enough.",
            scribble_px=160,
            propagation_px=112,
            memory_budget=8,
            propagation_weights="propagation",
            precision="half",
            measured=Measured(0.638, 0.021, _DATA, _HARDWARE, 0.844, 0.637, 398),
        ),
        Tier(
            "sketch",
            "Shows where the object is, with rough edges; for very weak machines.",
            scribble_px=192,
            propagation_px=128,
            memory_budget=8,
            propagation_weights="propagation",
            precision="half",
            measured=Measured(0.718, 0.023, _DATA, _HARDWARE, 0.862, 0.727, 398),
        ),
        Tier(
            "rough",
            "Rough masks for weak machines.",
            scribble_px=192,
            propagation_px=160,
            memory_budget=8,
            propagation_weights="propagation",
            precision="half",
            measured=Measured(0.757, 0.025, _DATA, _HARDWARE, 0.862, 0.765, 401),
        ),
        Tier(
            "coarse",
            "The large network in a small crop: fewer mistakes, coarse edges.",
            scribble_px=192,
            propagation_px=128,
            memory_budget=8,
            precision="half",
            measured=Measured(0.775, 0.027, _DATA, _HARDWARE, 0.862, 0.77, 413),
        ),
        Tier(
            "quick",
            "Quick masks, coarse edges.",
            scribble_px=192,
            propagation_px=160,
            memory_budget=8,
            precision="half",
            measured=Measured(0.818, 0.03, _DATA, _HARDWARE, 0.862, 0.796, 415),
        ),
        Tier(
            "brisk",
            "Shows the network a little more.",
            scribble_px=192,
            propagation_px=176,
            memory_budget=8,
            precision="half",
            measured=Measured(0.821, 0.031, _DATA, _HARDWARE, 0.862, 0.798, 418),
        ),
        Tier(
            "light",
            "Better strokes, for twice the memory.",
            scribble_px=224,
            propagation_px=192,
            memory_budget=16,
            precision="half",
            measured=Measured(0.838, 0.034, _DATA, _HARDWARE, 0.872, 0.818, 422),
        ),
        Tier(
            "draft",
            "A quick look, with masks that mostly hold.",
            scribble_px=256,
            propagation_px=224,
            memory_budget=8,
            precision="half",
            measured=Measured(0.85, 0.039, _DATA, _HARDWARE, 0.873, 0.84, 426),
        ),
        Tier(
            "swift",
            "Nearly as good as standard, computed in 16 bits.",
            scribble_px=288,
            propagation_px=272,
            memory_budget=16,
            precision="half",
            measured=Measured(0.857, 0.048, _DATA, _HARDWARE, 0.874, 0.837, 436),
        ),
        Tier(
            "standard",
            "Good masks at a working pace.",
            scribble_px=320,
            propagation_px=288,
            memory_budget=8,
            measured=Measured(0.858, 0.068, _DATA, _HARDWARE, 0.878, 0.841, 458),
        ),
        Tier(
            "good",
            "Finer edges; the network sees more.",
            scribble_px=320,
            propagation_px=320,
            memory_budget=8,
            measured=Measured(0.866, 0.086, _DATA, _HARDWARE, 0.878, 0.862, 476),
        ),
        Tier(
            "fine",
            "Twice the memory; several objects are seen as large as a single one.",
            scribble_px=320,
            propagation_px=320,
            memory_budget=16,
            growth=4.0,
            measured=Measured(0.87, 0.092, _DATA, _HARDWARE, 0.878, 0.878, 470),
        ),
    )
}


def find_tier(name: str) -> Tier:
    """Returns the tier of that name, `auto` = the default one.

    Raises:
        InputError: there is no such tier; the message lists the names.
    """
    tier = TIERS.get(DEFAULT if name == AUTO else name)
    if tier is None:
        raise InputError(f"There is no tier {name!r}.", f"Choose one of: {', '.join((AUTO, *TIERS))}.")
    return tier
