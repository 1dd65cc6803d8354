"""Tests the plot of `cutout bench --against`."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from blender_cutout.commands.bench.against import draw


def test_bars_are_as_long_as_the_times_and_ours_is_on_top(tmp_path: Path) -> None:
    path = tmp_path / "versus.png"
    rows = [
        {"name": name, "median_processor_seconds": seconds, "times_ours_processor": seconds / 0.1, "peak_mb": 0.0}
        for name, seconds in (("Blender Cutout", 0.1), ("another", 0.4))
    ]
    draw(rows, "two", path)
    picture = cv2.imread(str(path)).astype(int)
    ours, theirs = (np.all(np.abs(picture - bgr) < 8, axis=2) for bgr in ((151, 111, 42), (189, 183, 176)))
    bars = [np.flatnonzero(colour.sum(axis=1) > 20) for colour in (ours, theirs)]  # letters have fewer such pixels
    assert bars[0].max() < bars[1].min()
    assert abs(theirs.sum(axis=1).max() / ours.sum(axis=1).max() - 4) < 0.3
    assert [file.name for file in tmp_path.iterdir()] == ["versus.png"]
