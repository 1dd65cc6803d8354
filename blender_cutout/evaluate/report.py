"""Scores as a table for people."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .scores import (
    ROUNDS_SHOWN,
    TARGETS,
    ClipScore,
    GuessScore,
    StrokeScore,
    clip_summary,
    guess_summary,
    stroke_summary,
)


def clip_table(scores: Sequence[ClipScore]) -> str:
    """Clips with their measures, and the mean."""
    lines = [f"{'clip':<24}{'J':>8}{'F':>8}{'J&F':>8}{'decay':>8}{'ms/frame':>10}"]
    for s in scores:
        lines.append(
            f"{s.name:<24.24}{s.j:>8.3f}{s.f:>8.3f}{s.j_and_f:>8.3f}{_number(s.decay_j, '+.3f'):>8}"
            f"{1000 * s.seconds_per_frame:>10.0f}"
        )
    m = clip_summary(scores)
    lines.append(
        f"{'mean of ' + str(m['clips']):<24}{_number(m['J']):>8}{_number(m['F']):>8}{_number(m['J&F']):>8}"
        f"{_number(m['decay'], '+.3f'):>8}{_number(m['ms_per_frame'], '.0f'):>10}"
    )
    return "\n".join(lines)


def stroke_table(scores: Sequence[StrokeScore]) -> str:
    """Means of the rounds of strokes."""
    m = stroke_summary(scores)
    head = "".join(f"{f'IoU@{n}':>9}" for n in ROUNDS_SHOWN) + "".join(f"{f'rounds to {t:.2f}':>19}" for t in TARGETS)
    row = "".join(f"{_number(m[f'IoU@{n}']):>9}" for n in ROUNDS_SHOWN)
    for target in TARGETS:
        value, failed = _number(m[f"rounds_to_{target:.2f}"], ".2f"), m[f"not_reached_{target:.2f}"]
        row += f"{f'{value} ({failed} not)':>19}"
    title = f"strokes, {m['pictures']} pictures"
    return f"{title:<24}{head}{'ms/round':>10}\n{'mean':<24}{row}{_number(m['ms_per_round'], '.0f'):>10}"


def guess_table(scores: Sequence[GuessScore], what: str) -> str:
    """Means of the first guesses."""
    m = guess_summary(scores)
    title = f"first guess, {m['pictures']} {what}"
    return f"{title:<36}IoU {_number(m['IoU'])}   MAE {_number(m['MAE'])}   {_number(m['ms'], '.0f')} ms"


def _number(value: Any, form: str = ".3f") -> str:
    return "-" if value is None else format(value, form)
