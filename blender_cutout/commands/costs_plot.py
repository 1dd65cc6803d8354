"""The picture of `cutout bench --costs`: small multiples, time above and memory below, each with the reason."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .costs import growth, verdict
from .figures import figure, save

TITLES = {
    "frames": ("frames of the clip", "Memory holds a fixed number of frames;\ndecoded ones are kept up to 64 MB"),
    "strokes": (
        "picture, a round of strokes",
        "The network sees a crop of fixed size;\ncutting and pasting it is what grows",
    ),
    "resolution": (
        "film, a propagated frame",
        "The network sees a crop of fixed size;\nreading the film and pasting grow",
    ),
    "objects": (
        "objects, propagated together",
        "One crop and one memory for all; value\nand matte are made for each, where it is",
    ),
    "keyframes": ("keyframes in 49 frames", "Memory keeps the nearest ones, at most\nhalf of what it holds"),
}
"""Series -> (what grows, why the cost is what it is)."""


def draw(series: Mapping[str, Mapping[str, Any]], path: Path) -> None:
    """Draws them.

    Raises:
        EnvironmentMissing: matplotlib is not installed.
    """
    drawn = figure(3.1 * len(series), 5.6)
    grid = drawn.subplots(2, len(series), squeeze=False, sharex="col")
    for column, (name, found) in enumerate(series.items()):
        rows = found["points"]
        x = [row["amount"] / 1e6 if name in ("strokes", "resolution") else row["amount"] for row in rows]
        what, why = TITLES[name]
        fields = (("processor_seconds", "processor seconds"), ("peak_mb", "peak MB"))
        for axes, (field, label) in zip((grid[0][column], grid[1][column]), fields, strict=True):
            values = [row[field] for row in rows]
            axes.plot(x, values, marker="o", color="#9b5de5" if field == "peak_mb" else "#2a6f97", linewidth=1.8)
            axes.set_ylim(0, 1.25 * max(values))
            axes.grid(alpha=0.3)
            axes.set_title(f"{label}: {verdict(growth(rows, field))}", fontsize=9, loc="left")
            if column == 0:
                axes.set_ylabel(label)
        grid[0][column].annotate(why, (0.03, 0.04), xycoords="axes fraction", fontsize=7.5, color="#444444")
        grid[1][column].set_xticks(x, [row["label"] for row in rows], fontsize=8, rotation=45 if len(x) > 4 else 0)
        grid[1][column].set_xlabel(what)
    first = next(iter(series.values()))
    drawn.suptitle(f"What more work costs: tier {first['tier']} on {first['hardware']}", fontsize=10)
    save(drawn, path)
