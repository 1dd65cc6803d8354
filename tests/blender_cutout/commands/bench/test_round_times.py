"""Tests `cutout bench --rounds`: rounds really go through the engine's process, with journal and files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from blender_cutout.cli import main
from blender_cutout.commands.bench import costs, round_times
from blender_cutout.core.synthetic import MovingShape
from blender_cutout.core.types import Label


def test_small_and_large_pictures_take_turns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(round_times, "SIZES", ("480p", "1080p"))
    monkeypatch.setattr(round_times, "FRAMES", 2)
    monkeypatch.setattr(round_times, "LATER", 1)
    monkeypatch.setattr(round_times, "WARM", 1)
    monkeypatch.setitem(costs.SIZES, "480p", (96, 160))
    monkeypatch.setitem(costs.SIZES, "1080p", (720, 1280))
    drawn: list[tuple[str, int]] = []
    real = round_times.Desk.draw

    def draw(desk: Any, track: str, frame: int, strokes: Any) -> Any:
        drawn.append((track, frame))
        return real(desk, track, frame, strokes)

    monkeypatch.setattr(round_times.Desk, "draw", draw)
    assert main(["bench", "--rounds", "--tier", "draft", "--threads", "1", "--json"]) == 0
    done = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert drawn == [(name, frame) for frame in (0, 1) for _ in range(2) for name in ("480p", "1080p")]
    assert [(row["round"], row["size"], row["rounds"]) for row in done["rounds"]] == [
        (kind, name, 1) for kind in ("first", "later") for name in ("480p", "1080p")
    ]
    for row in done["rounds"]:
        assert 0 < row["shown_seconds"] < row["stored_seconds"] < 30
        assert 0 < row["processor_seconds"] < 30


def test_the_first_stroke_lies_on_the_object_and_later_ones_about_its_rim() -> None:
    matte = MovingShape(1, (480, 854)).matte(0)
    (first,) = round_times.strokes_on(matte, 0)
    assert first.label is Label.KEEP
    assert all(matte[int(y), int(x)] for x, y in first.points)
    centre = np.mean(np.nonzero(matte)[::-1], axis=1)
    for number in (1, 2, 3):
        (later,) = round_times.strokes_on(matte, number)
        away = np.hypot(*(np.mean(later.points, axis=0) - centre))
        assert 0.3 < away / np.sqrt(matte.sum()) < 0.8
