"""Tests that the engine's spline files are read, and nothing else is."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from blender_cutout.core.errors import StoreError
from blender_cutout.core.export.delivery import splines_to_json
from blender_cutout.core.export.splines import Spline
from blender_cutout.formats import spline_file

TEXT = splines_to_json(
    [Spline(0, False, np.arange(48.0).reshape(2, 4, 6)), Spline(1, True, np.ones((1, 3, 6)))], (120, 200), 3, True
)


def read(path: Path) -> spline_file.Splines:
    steps = spline_file.read(path)
    while True:
        try:
            next(steps)
        except StopIteration as end:
            found: spline_file.Splines = end.value
            return found


@pytest.mark.parametrize("count", [0, 1, 2])
def test_what_the_engine_writes_is_read(tmp_path: Path, count: int) -> None:
    path = tmp_path / "splines.json"
    shapes = [Spline(0, False, np.arange(48.0).reshape(2, 4, 6)), Spline(1, True, np.ones((1, 3, 6)))][:count]
    path.write_text(splines_to_json(shapes, (120, 200), 3, False))
    found = read(path)
    assert (found.width, found.height, found.frames, found.invert) == (200, 120, 3, False)
    assert [(s.first, s.hole, len(s.points), len(s.points[0])) for s in found.shapes] == [
        (0, False, 2, 4),
        (1, True, 1, 3),
    ][:count]
    assert all(s.points[0][1] == list(spline.points[0][1]) for s, spline in zip(found.shapes, shapes, strict=True))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"width":200', '"width":1e999'),
        ('"width":200', '"width":"200"'),
        ('"frames":3', '"frames":0'),
        ('"frames":3', '"frames":20000000'),
        ('"frames":3', '"frames":1'),
        ('"first":1', '"first":3'),
        ('"first":1', '"first":1' + "0" * 400),
        ('"first":1', '"first":-1'),
        ("[[1.0,1.0,1.0,1.0,1.0,1.0]", "[[1.0,1.0,1.0,1.0,1.0]"),
        ("[[1.0,1.0,1.0,1.0,1.0,1.0]", "[[1.0,1.0,1.0,1.0,1.0,NaN]"),
        ("[[1.0,1.0,1.0,1.0,1.0,1.0]", "[[1.0,1.0,1.0,1.0,1.0,1e300]"),
        ("[[1.0,1.0,1.0,1.0,1.0,1.0]", '[["a",1.0,1.0,1.0,1.0,1.0]'),
        ("[[0.0,1.0,2.0,3.0,4.0,5.0],", "["),
        ("[[0.0,", "[[" + "[" * 100_000),
        ("\n]}\n]}", ""),
    ],
)
def test_what_it_would_not_write_is_reported(tmp_path: Path, old: str, new: str) -> None:
    path = tmp_path / "splines.json"
    assert old in TEXT
    path.write_text(TEXT.replace(old, new, 1) if new else TEXT.removesuffix(old))
    with pytest.raises(StoreError, match="cannot be read"):
        read(path)


@pytest.mark.skipif(os.name == "nt", reason="there are no such pipes")
def test_a_pipe_is_refused_without_waiting(tmp_path: Path) -> None:
    path = tmp_path / "splines.json"
    os.mkfifo(path)
    with pytest.raises(StoreError, match="cannot be read"):
        read(path)
