"""Draws the curve of a run: its log as a picture next to it."""

from __future__ import annotations

import importlib.util
import logging
from collections.abc import Sequence
from pathlib import Path

from .log import read_log
from .whole_files import replacing

_LOG = logging.getLogger(__name__)
CURVE = "curve.png"
_NOT_DRAWN = ("step", "minutes", "fraction", "skipped", "norm")


def smoothed(values: Sequence[float], share: float = 0.1) -> list[float]:
    """Returns values as running means over `share` of all of them, the window cut at both ends."""
    reach = max(int(len(values) * share / 2), 0)
    out = []
    for i in range(len(values)):
        window = values[max(i - reach, 0) : i + reach + 1]
        out.append(sum(window) / len(window))
    return out


def can_draw() -> bool:
    """Returns whether curves can be drawn; warns if not."""
    if importlib.util.find_spec("matplotlib") is not None:
        return True
    _LOG.warning("No curve will be drawn: matplotlib is not installed. The package's [train] group has it.")
    return False


def draw_curve(log: Path, title: str) -> Path | None:
    """Draws losses and overlaps of a log over its steps into `curve.png` next to it.

    Returns:
        Its path; None when there is nothing to draw yet.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # only training needs it
    from matplotlib.figure import Figure

    records = read_log(log) if log.exists() else []
    if len(records) < 2:
        return None
    figure = Figure(figsize=(10, 7), dpi=90, layout="constrained")
    FigureCanvasAgg(figure)
    upper, lower = figure.subplots(2, 1, sharex=True)
    names = sorted({name for record in records for name in record} - set(_NOT_DRAWN), key=lambda n: (n != "loss", n))
    for name in names:
        axes = lower if "iou" in name else upper
        points = [(record["step"], record[name]) for record in records if name in record]
        steps, values = [p[0] for p in points], [p[1] for p in points]
        (line,) = axes.plot(steps, smoothed(values), label=name, linewidth=2.2 if name in ("loss", "iou") else 1.2)
        axes.plot(steps, values, color=line.get_color(), alpha=0.2, linewidth=0.7)
    upper.set(title=title, ylabel="loss")
    lower.set(xlabel="step", ylabel="IoU in training")
    for axes in (upper, lower):
        axes.grid(alpha=0.3)
        if axes.lines:
            axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), fontsize=8)
    target = log.with_name(CURVE)
    with replacing(target) as part:
        figure.savefig(part, format="png")
    return target
