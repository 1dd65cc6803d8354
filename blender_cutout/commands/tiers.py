"""`cutout tiers`: what can be chosen, and what it was measured to give."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from ..core.tiers import DEFAULT, TIERS
from . import arguments

if TYPE_CHECKING:
    from .context import Context


def add_parser(commands: Any) -> None:
    """Adds the sub-command."""
    arguments.command(
        commands,
        "tiers",
        run,
        "Lists the tiers: quality against time. Quality is DAVIS J&F and time that of propagation, both measured by "
        "`cutout evaluate` where the table says.",
        "cutout tiers",
    )


def run(args: argparse.Namespace, context: Context) -> int:
    """Prints the table."""
    report = context.report
    report.say(f"{'tier':<12}{'working size':>13}{'memory':>11}{'J&F':>8}{'s/frame':>9}   what you get")
    notes: dict[str, None] = {}
    for tier in TIERS.values():
        report.event("tier", default=tier.name == DEFAULT, **asdict(tier))
        quality = pace = "-"
        if tier.measured:
            quality, pace = f"{tier.measured.j_and_f:.3f}", f"{tier.measured.seconds_per_frame:.2f}"
            notes[f"measured on {tier.measured.data}, {tier.measured.hardware}"] = None
        name = tier.name + (" *" if tier.name == DEFAULT else "")
        size, memory = f"{tier.propagation_px} px", f"{tier.memory_budget} frames"
        report.say(f"{name:<12}{size:>13}{memory:>11}{quality:>8}{pace:>9}   {tier.text}")
    report.say("* what `auto` takes")
    for note in notes:
        report.say(note)
    return 0
