"""Scores as a table for people."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .scores import (
    ROUNDS_SHOWN,
    TARGETS,
    ClipScore,
    GuessScore,
    SlipScore,
    StrokeScore,
    clip_summary,
    guess_summary,
    slip_summary,
    stroke_summary,
)


def clip_table(scores: Sequence[ClipScore]) -> str:
    """Clips with their measures, and the mean."""
    lines = [f"{'clip':<24}{'J':>8}{'F':>8}{'J&F':>8}{'decay':>8}{'flicker':>9}{'ms/frame':>10}"]
    for s in scores:
        lines.append(
            f"{s.name:<24.24}{s.j:>8.3f}{s.f:>8.3f}{s.j_and_f:>8.3f}{_number(s.decay_j, '+.3f'):>8}"
            f"{_number(s.flicker):>9}{1000 * s.seconds_per_frame:>10.0f}"
        )
    m = clip_summary(scores)
    lines.append(
        f"{'mean of ' + str(m['clips']):<24}{_number(m['J']):>8}{_number(m['F']):>8}{_number(m['J&F']):>8}"
        f"{_number(m['decay'], '+.3f'):>8}{_number(m['flicker']):>9}{_number(m['ms_per_frame'], '.0f'):>10}"
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


def guess_table(scores: Sequence[GuessScore], what: str, other: tuple[str, Sequence[GuessScore]] | None = None) -> str:
    """Means of the first guesses; below them those of another network on the same pictures.

    Args:
        scores: ours.
        what: the pictures' name.
        other: its name and scores.
    """
    m = guess_summary(scores)
    lines = [f"first guess, {m['pictures']} {what}", _guess_row("ours", m)]
    if other is not None:
        lines.append(_guess_row(other[0], guess_summary(other[1])))
    return "\n".join(lines)


def slip_table(scores: Sequence[SlipScore]) -> str:
    """Means of the wrong strokes, by what they were and in all."""
    columns = ("before", "wrong", "undo", "counter", "short")
    lines = [f"{'one wrong stroke':<24}{''.join(f'{c:>9}' for c in columns)}{'within 0.03':>13}"]
    for label in (*dict.fromkeys(s.label for s in scores), ""):
        m = slip_summary([s for s in scores if s.label == (label or s.label)])
        title = f"{label or 'mean'} of {m['slips']}" if not label else f"{label}, {m['slips']} slips"
        numbers = "".join(f"{_number(m[key]):>9}" for key in ("before", "wrong", "undo", "counter", "counter_short"))
        lines.append(f"{title:<24}{numbers}{_number(m['counter_reached'], '.0%'):>13}")
    return "\n".join(lines)


def _guess_row(name: str, m: dict[str, Any]) -> str:
    return f"  {name:<22.22}IoU {_number(m['IoU'])}   MAE {_number(m['MAE'])}   {_number(m['ms'], '.0f')} ms"


def _number(value: Any, form: str = ".3f") -> str:
    return "-" if value is None else format(value, form)
