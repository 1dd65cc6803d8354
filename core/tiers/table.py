"""The tiers the user chooses from, as plain numbers. Imports nothing heavy, so that `cutout tiers` is instant.

A tier is named after what the user gets, and fixes networks, working sizes and memory.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

from ..errors import InputError
from ..types import Hypothesis

AUTO = "auto"
DEFAULT = "standard"
"""The tier that `auto` means until the machine is timed."""


class Measured(NamedTuple):
    """Results of `cutout evaluate` for a tier.

    Attributes:
        j_and_f: DAVIS J&F, in [0, 1], of runs from the first mask of each clip.
        seconds_per_frame: of propagation, everything included; processor time of one core.
        data: the data it was measured on.
        hardware: the machine it was measured on.
        stroke_iou: IoU after one round of strokes; None = not measured, as for all fields below.
        memory_mb: peak memory of a process that propagates one object, the program included.
        card_seconds_per_frame: of propagation on a graphics card; `card` names it.
        card: that graphics card.
    """

    j_and_f: float
    seconds_per_frame: float
    data: str
    hardware: str
    stroke_iou: float | None = None
    memory_mb: int | None = None
    card_seconds_per_frame: float | None = None
    card: str = ""


class Tier(NamedTuple):
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
        mirrored_strokes: whether a round of strokes looks twice, the second time at the mirrored picture.
        presence: whether what is found is compared with the object. At coarse sizes features mix the object with what
            surrounds it, and the comparison rejects more objects than ghosts.
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
    precision: Literal["full", "half"] = "half"
    mirrored_strokes: bool = False
    presence: bool = True
    hypotheses: tuple[Hypothesis, ...] = (Hypothesis(),)
    measured: Measured | None = None


_DATA = "sixteen clips never trained on"
_HARDWARE = "one core of an AMD EPYC"

TIERS: dict[str, Tier] = {
    tier.name: tier
    for tier in (
        Tier(
            "sketch",
            "Shows where the object is, with rough edges; for very weak machines.",
            scribble_px=192,
            propagation_px=128,
            memory_budget=8,
            propagation_weights="propagation",
            presence=False,
            measured=Measured(0.657, 0.033, _DATA, _HARDWARE, 0.862, 403),
        ),
        Tier(
            "quick",
            "Quick masks, coarse edges.",
            scribble_px=192,
            propagation_px=160,
            memory_budget=8,
            presence=False,
            measured=Measured(0.720, 0.042, _DATA, _HARDWARE, 0.862, 420),
        ),
        Tier(
            "draft",
            "For a quick look; most masks hold up.",
            scribble_px=256,
            propagation_px=224,
            memory_budget=8,
            presence=False,
            measured=Measured(0.761, 0.05, _DATA, _HARDWARE, 0.873, 434),
        ),
        Tier(
            "standard",
            "Good masks at a working pace.",
            scribble_px=320,
            propagation_px=288,
            memory_budget=8,
            measured=Measured(0.796, 0.061, _DATA, _HARDWARE, 0.875, 451),
        ),
        Tier(
            "fine",
            "Looks at every picture twice, once mirrored, and follows the surer answer.",
            scribble_px=320,
            propagation_px=320,
            memory_budget=16,
            growth=4.0,
            mirrored_strokes=True,
            hypotheses=(Hypothesis(), Hypothesis(mirrored=True)),
            measured=Measured(0.819, 0.121, _DATA, _HARDWARE, 0.879, 520),
        ),
        Tier(
            "patient",
            "Four propagations at once, mixed by how sure each is; for masks that can wait.",
            scribble_px=320,
            propagation_px=320,
            memory_budget=16,
            growth=4.0,
            mirrored_strokes=True,
            hypotheses=(
                Hypothesis(),
                Hypothesis(doubt=0.85),
                Hypothesis(mirrored=True),
                Hypothesis(mirrored=True, doubt=0.85),
            ),
            measured=Measured(0.821, 0.178, _DATA, _HARDWARE, 0.879, 535),
        ),
    )
}


PUBLISHED_TIERS: dict[str, Tier] = {
    tier.name: tier
    for tier in (
        Tier(
            "cutie",
            "A published network, trained for weeks on large machines; needs a graphics card or patience.",
            scribble_px=320,
            propagation_px=480,
            memory_budget=8,
            memory_megabytes=512,
            propagation_weights="cutie",
            growth=4.0,
            precision="full",
        ),
    )
}
"""Tiers with networks of others (`published.PUBLISHED`), which work once their package and weights are there.

Not on the ladder: `auto` never takes one, and none is timed.
"""


ALIASES = {
    "trace": "sketch",
    "rough": "sketch",
    "coarse": "quick",
    "brisk": "quick",
    "light": "draft",
    "swift": "standard",
    "good": "fine",
}
"""Tiers of earlier releases -> the one that takes about as long; preferences, scripts and records may name them."""


def current_name(name: str) -> str | None:
    """Returns the name that a tier has in this release, `auto` included; None if there is no such tier."""
    name = ALIASES.get(name, name)
    return name if name == AUTO or is_tier(name) else None


def is_tier(name: str) -> bool:
    """Returns whether a tier has this name now; `auto` is none."""
    return name in TIERS or name in PUBLISHED_TIERS


def find_tier(name: str) -> Tier:
    """Returns the tier of that name, or of its name in an earlier release; `auto` = the default one.

    Raises:
        InputError: there is no such tier; the message lists the names.
    """
    name = current_name(name) or name
    tier = TIERS.get(DEFAULT if name == AUTO else name) or PUBLISHED_TIERS.get(name)
    if tier is None:
        names = ", ".join((AUTO, *TIERS, *PUBLISHED_TIERS))
        raise InputError(f"There is no tier {name!r}.", f"Choose one of: {names}.")
    return tier
