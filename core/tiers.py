"""The tiers: what the user chooses between, as plain numbers. Imports nothing heavy, so that `cutout tiers` is instant.

A tier is named by what the user gets and fixes networks, working sizes and memory.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from .errors import InputError

AUTO = "auto"
DEFAULT = "standard"
"""What `auto` means: the middle one, until the machine is timed."""


@dataclass(frozen=True, slots=True)
class Measured:
    """What `cutout evaluate` measured for a tier.

    Attributes:
        j_and_f: DAVIS J&F over the sequences, in [0, 1].
        seconds_per_frame: of propagation, everything included; processor time of one core.
        data: what it was measured on.
        hardware: where it was measured.
        stroke_iou: IoU after one round of strokes; None = not measured, as with all that follow.
        j_and_f_starts: J&F where the walks begin at four frames of each clip, not only at the first.
        memory_mb: largest memory of a process that propagates one object, the program included.
        card_seconds_per_frame: of propagation on a graphics card; `card` says which one.
        card: that graphics card.
    """

    j_and_f: float
    seconds_per_frame: float
    data: str
    hardware: str
    stroke_iou: float | None = None
    j_and_f_starts: float | None = None
    memory_mb: int | None = None
    card_seconds_per_frame: float | None = None
    card: str = ""


@dataclass(frozen=True, slots=True)
class Look:
    """One of the answers that a tier's propagation is the mean of.

    Attributes:
        weights: name of the network in the registry of weights.
        scale: sides of what it sees, as a share of the working size.
        mirrored: it sees the picture with left and right exchanged.
    """

    weights: str
    scale: float = 1.0
    mirrored: bool = False


@dataclass(frozen=True, slots=True)
class Tier:
    """One tier.

    Attributes:
        name: what the user types.
        text: what the user gets, in a sentence.
        scribble_px: the stroke network sees about this many pixels squared.
        propagation_px: the propagation network sees about this many pixels squared.
        memory_every: every n-th frame stays in memory.
        memory_budget: largest number of remembered frames.
        scribble_weights, fusion_weights: names in the registry of weights; no fusion weights = old and new results are
            fused by formula.
        looks: what propagation is made of; several answer together.
        precision: of propagation. "full" is 32 bits on a processor, "half" bfloat16 where it multiplies these itself
            (others imitate that, and are slower). A graphics card computes in 16 bits in either case.
        measured: None = not measured yet.
    """

    name: str
    text: str
    scribble_px: int
    propagation_px: int
    memory_every: int = 5
    memory_budget: int = 12
    scribble_weights: str = "scribble"
    looks: tuple[Look, ...] = (Look("propagation-large"),)
    precision: Literal["full", "half"] = "full"
    fusion_weights: str = ""
    measured: Measured | None = None


_DATA = "five DAVIS 2016 validation clips"
_HARDWARE = "one core of an AMD EPYC"

TIERS: dict[str, Tier] = {
    tier.name: tier
    for tier in (
        Tier(
            "draft",
            "Quick look on a weak machine; coarser edges.",
            scribble_px=256,
            propagation_px=224,
            memory_budget=8,
            measured=Measured(0.812, 0.06, _DATA, _HARDWARE),
        ),
        Tier(
            "standard",
            "Good masks at a pace to work with.",
            scribble_px=320,
            propagation_px=288,
            memory_budget=8,
            measured=Measured(0.835, 0.10, _DATA, _HARDWARE),
        ),
        Tier(
            "fine",
            "Two networks that answer together and see more: finer edges, at a third of the pace.",
            scribble_px=384,
            propagation_px=384,
            looks=(Look("propagation"), Look("propagation-large")),
            measured=Measured(0.846, 0.28, _DATA, _HARDWARE),
        ),
    )
}


def find_tier(name: str) -> Tier:
    """The tier of that name, `auto` = the default one.

    Raises:
        InputError: there is none; the message lists those there are.
    """
    tier = TIERS.get(DEFAULT if name == AUTO else name)
    if tier is None:
        raise InputError(f"There is no tier {name!r}.", f"Choose one of: {', '.join((AUTO, *TIERS))}.")
    return tier
