"""Formats scores as tables; below each mean are the two ends of its 95 % interval."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .scores import (
    ROUNDS_SHOWN,
    TARGETS,
    ClipScore,
    GuessScore,
    ObjectScore,
    SlipScore,
    StrokeScore,
    clip_summary,
    guess_summary,
    slip_summary,
    stroke_summary,
)

_CLIP = {"J": ".3f", "F": ".3f", "J&F": ".3f", "decay": "+.3f", "flicker": ".3f", "ghost": ".2f", "again": ".3f"}


def clip_table(scores: Sequence[ClipScore], what: str = "clip") -> str:
    """Returns clips (and the objects of those that have several) with their measures, and the mean over clips."""
    lines = [f"{what:<24}" + "".join(f"{name:>9}" for name in _CLIP) + f"{'ms/frame':>10}"]
    for score in scores:
        lines.append(_clip_row(score.name, score.values()))
        if len(score.objects) > 1:
            lines += [_clip_row(f"  object {o.name}", _object_values(o)) for o in score.objects]
    m = clip_summary(scores)
    lines += [_clip_row(title, values) for title, values in _with_interval(f"mean of {m['clips']}", m)]
    return "\n".join(lines)


def stroke_table(scores: Sequence[StrokeScore], robot: str = "careful") -> str:
    """Returns the means over the rounds of strokes."""
    m = stroke_summary(scores)
    head = "".join(f"{f'IoU@{n}':>9}" for n in ROUNDS_SHOWN) + "".join(f"{f'rounds to {t:.2f}':>19}" for t in TARGETS)
    title = f"{robot} strokes, {m['pictures']}"
    lines = [f"{title:<24}{head}{'ms/round':>10}"]
    for name, values in _with_interval("mean", m):
        row = "".join(f"{_number(values[f'IoU@{n}']):>9}" for n in ROUNDS_SHOWN)
        for target in TARGETS:
            failed = f" ({m[f'not_reached_{target:.2f}']} not)" if name == "mean" else ""
            row += f"{_number(values[f'rounds_to_{target:.2f}'], '.2f') + failed:>19}"
        lines.append(f"{name:<24}{row}{_number(values['ms_per_round'], '.0f'):>10}")
    return "\n".join(lines)


def guess_table(scores: Sequence[GuessScore], what: str, other: tuple[str, Sequence[GuessScore]] | None = None) -> str:
    """Returns the means of the first guesses; below them those of another network on the same pictures.

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
    """Returns the means of the wrong strokes, by label and overall."""
    columns = ("before", "wrong", "undo", "counter", "short")
    lines = [f"{'one wrong stroke':<24}{''.join(f'{c:>9}' for c in columns)}{'within 0.03':>13}"]
    for label in (*dict.fromkeys(s.label for s in scores), ""):
        m = slip_summary([s for s in scores if s.label == (label or s.label)])
        title = f"{label or 'mean'} of {m['slips']}" if not label else f"{label}, {m['slips']} slips"
        for name, values in _with_interval(title, m):
            numbers = "".join(f"{_number(values[key]):>9}" for key in (*columns[:-1], "counter_short"))
            lines.append(f"{name:<24}{numbers}{_number(values['counter_reached'], '.0%'):>13}")
    return "\n".join(lines)


def bounds(interval: tuple[float, float] | None, form: str = ".3f") -> str:
    """Returns an interval as text: "[0.700, 0.812]"; "" for None."""
    return "" if interval is None else f"[{interval[0]:{form}}, {interval[1]:{form}}]"


def _with_interval(title: str, summary: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """Returns the rows of a mean: its title and values, then the lower and the upper ends of the intervals."""
    rows = [(title, summary)]
    for name, end in (("  95 % from", 0), ("  to", 1)):
        ends = {key: None if pair is None else pair[end] for key, pair in summary["intervals"].items()}
        rows.append((name, ends))
    return rows


def _clip_row(title: str, values: dict[str, Any]) -> str:
    cells = "".join(f"{_number(values[name], form):>9}" for name, form in _CLIP.items())
    return f"{title:<24.24}{cells}{_number(values.get('ms_per_frame'), '.0f'):>10}"


def _object_values(score: ObjectScore) -> dict[str, Any]:
    return {
        "J": score.j,
        "F": score.f,
        "J&F": (score.j + score.f) / 2,
        "decay": score.decay_j,
        "flicker": score.flicker,
        "ghost": score.ghost,
        "again": score.again,
    }


def _guess_row(name: str, m: dict[str, Any]) -> str:
    ends = m["intervals"]
    iou, error = f"{_number(m['IoU'])} {bounds(ends['IoU'])}", f"{_number(m['MAE'])} {bounds(ends['MAE'])}"
    return f"  {name:<22.22}IoU {iou}   MAE {error}   {_number(m['ms'], '.0f')} ms"


def _number(value: Any, form: str = ".3f") -> str:
    return "-" if value is None else format(value, form)
