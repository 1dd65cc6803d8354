"""The picture of `cutout bench --against`: a bar for each, time of a frame and peak memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from .figures import figure, save

OURS, THEIRS = "#2a6f97", "#b0b7bd"


def draw(rows: Sequence[Mapping[str, Any]], title: str, path: Path) -> None:
    """Draws the rows that `versus` tells of; the first is ours.

    Raises:
        EnvironmentMissing: matplotlib is not installed.
    """
    drawn = figure(8.6, 0.7 + 0.5 * len(rows))
    left, right = drawn.subplots(1, 2, sharey=True, width_ratios=(3, 2))
    names = [row["name"] for row in rows]
    colours = [OURS if number == 0 else THEIRS for number in range(len(rows))]
    times = [1000 * row["median_processor_seconds"] for row in rows]
    bars = left.barh(names, times, color=colours)
    ratios = [f"{time:.0f}" + (f" ({row['times_ours_processor']:.0f} x)" if n else "") for n, (time, row) in
              enumerate(zip(times, rows, strict=True))]  # fmt: skip
    left.bar_label(bars, ratios, padding=3, fontsize=9)
    left.set_xlim(0, 1.25 * max(times))
    left.set_xlabel("processor ms a frame, median")
    peaks = [row["peak_mb"] for row in rows]
    right.bar_label(right.barh(names, peaks, color=colours), [f"{peak:.0f}" for peak in peaks], padding=3, fontsize=9)
    right.set_xlim(0, 1.25 * max(*peaks, 1.0))
    right.set_xlabel("peak MB")
    left.invert_yaxis()
    for axes in (left, right):
        axes.spines[["top", "right"]].set_visible(False)
    drawn.suptitle(title, fontsize=9)
    save(drawn, path)
