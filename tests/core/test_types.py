"""Tests that the values refuse invalid input, with a reason."""

from __future__ import annotations

import itertools
import json
import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from blender_cutout.core.errors import InputError, StrokeError
from blender_cutout.core.types import Box, FrameRange, Label, Stroke

ROOT = Path(__file__).resolve().parents[2]


def test_a_stroke_takes_arrays_and_keeps_plain_pairs() -> None:
    stroke = Stroke(np.array([[1, 2], [3, 4]], np.float32), 3, "remove")
    assert stroke.points == ((1.0, 2.0), (3.0, 4.0))
    assert stroke.label is Label.REMOVE
    assert hash(stroke) == hash(Stroke([(1, 2), (3, 4)], 3.0, Label.REMOVE))


def test_a_stroke_survives_its_file() -> None:
    stroke = Stroke([(0.1, 1 / 3)], 1e-3, Label.KEEP)
    assert Stroke.from_json(json.loads(json.dumps(stroke.to_json()))) == stroke


@pytest.mark.parametrize(
    ("points", "radius", "label"),
    [
        ([], 1, "keep"),
        ([(1,)], 1, "keep"),
        (["ab"], 1, "keep"),
        (5, 1, "keep"),
        ([(math.nan, 0)], 1, "keep"),
        ([(0, math.inf)], 1, "keep"),
        ([(0, 0)], 0, "keep"),
        ([(0, 0)], -1, "keep"),
        ([(0, 0)], math.nan, "keep"),
        ([(0, 0)], None, "keep"),
        ([(0, 0)], 1, "both"),
        ([(10**400, 0)], 1, "keep"),
        ([(0, 0)], 10**400, "keep"),
        ([{}], 1, "keep"),
        ([(0, 0)], 1, "both" * 10_000),
        ([(0, 0)] * 100_001, 1, "keep"),
        (itertools.repeat((0, 0)), 1, "keep"),
    ],
)
def test_an_impossible_stroke_is_refused_with_advice(points: object, radius: object, label: object) -> None:
    with pytest.raises(StrokeError) as caught:
        Stroke(points, radius, label)  # type: ignore[arg-type]
    assert caught.value.hint


@pytest.mark.parametrize("record", [None, 3, {}, {"label": "keep", "radius": 1}, "text"])
def test_a_record_that_is_no_stroke_is_refused(record: object) -> None:
    with pytest.raises(StrokeError):
        Stroke.from_json(record)


def test_a_frame_range_is_half_open() -> None:
    frames = FrameRange(2, 5)
    assert list(frames) == [2, 3, 4]
    assert len(frames) == 3
    assert 4 in frames
    assert 5 not in frames
    assert "4" not in frames


@pytest.mark.parametrize(("start", "stop"), [(-1, 3), (3, 3), (5, 2)])
def test_an_empty_or_negative_range_is_refused(start: int, stop: int) -> None:
    with pytest.raises(InputError, match="empty"):
        FrameRange(start, stop)


def test_a_box_has_no_negative_area() -> None:
    assert (Box(1, 2, 4, 6).width, Box(1, 2, 4, 6).height, Box(1, 2, 4, 6).area) == (3, 4, 12)
    assert Box(4, 0, 1, 5).area == 0


def test_what_blender_imports_needs_neither_numpy_nor_anything_else() -> None:
    code = (
        "import sys\n"
        f"sys.path.insert(0, {str(ROOT)!r})\n"
        "for name in ('numpy', 'cv2', 'torch', 'av', 'bpy'): sys.modules[name] = None\n"
        "import blender_cutout.core.types, blender_cutout.core.errors, blender_cutout.core.messages\n"
        "import blender_cutout.client.process\n"
    )
    run = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
