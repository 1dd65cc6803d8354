"""Runs `cutout tiers`: lists the tiers and their measured quality and speed."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from ..core.tiers.ladder import ladder
from . import arguments

if TYPE_CHECKING:
    from ..core.tiers.table import Tier
    from .context import Context

_COLUMNS = (
    ("J&F", "j_and_f", 3),
    ("stroke IoU", "stroke_iou", 3),
    ("s/frame", "seconds_per_frame", 3),
    ("on card", "card_seconds_per_frame", 3),
    ("MB", "memory_mb", 0),
)
"""(title, field of `Measured`, digits); columns without any value are left out."""


def add_parser(commands: Any) -> None:
    """Adds the sub-command."""
    arguments.command(
        commands,
        "tiers",
        run,
        "Lists the tiers from fastest to finest. J&F is the DAVIS measure, from the first mask of each clip; stroke "
        "IoU is measured after one round of strokes on a picture; time is per propagated frame; MB is the peak memory "
        "of the process. All were measured with `cutout evaluate` and `cutout bench` on the hardware named below the "
        "table.",
        "cutout tiers",
    )


def run(args: argparse.Namespace, context: Context) -> int:
    """Prints the table."""
    from ..core.tiers.published import PUBLISHED
    from ..environment.tier_record import fitting_tier, recall
    from ..environment.weight_files import lacks, usable_tiers

    report = context.report
    found, taken = recall(), fitting_tier("auto").name
    tiers = (*ladder(), *usable_tiers().values())
    columns = [column for column in _COLUMNS if any(_cell(tier, *column[1:]) != "-" for tier in tiers)]
    width = max(len(tier.name) for tier in tiers) + 3
    titles = "".join(f"{title:>{_wide(title)}}" for title, _, _ in columns)
    report.say(f"{'tier':<{width}}{'working size':>12}{titles}   what you get")
    notes: dict[str, None] = {}
    for tier in tiers:
        measured = tier.measured._asdict() if tier.measured else None
        report.event("tier", default=tier.name == taken, **{**tier._asdict(), "measured": measured})
        if tier.measured:
            notes[f"measured on {tier.measured.data}, {tier.measured.hardware}"] = None
            if tier.measured.card:
                notes[f"on card: {tier.measured.card}"] = None
        cells = "".join(f"{_cell(tier, name, digits):>{_wide(title)}}" for title, name, digits in columns)
        name = tier.name + (" *" if tier.name == taken else "")
        report.say(f"{name:<{width}}{tier.propagation_px:>9} px{cells}   {tier.text}")
    if found is None:
        report.say("* used by `auto` here: this machine has not been timed yet; run `cutout doctor`")
    else:
        report.say(
            f"* used by `auto` here: timed on {found.card or found.machine.processor}, {found.seconds:.2g} s per frame"
        )
    for note in notes:
        report.say(note)
    for network in PUBLISHED.values():
        steps = lacks(network)
        report.event("published", name=network.name, credit=network.credit, lacks=steps)
        report.say(f"{network.name}: {' '.join((network.credit + '.', *steps))}")
    return 0


def _wide(title: str) -> int:
    return max(len(title), 5) + 2


def _cell(tier: Tier, name: str, digits: int) -> str:
    value = getattr(tier.measured, name, None)
    return "-" if value is None else f"{value:.{digits}f}"
