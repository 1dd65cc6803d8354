"""Helpers for command-line tests: runs it with networks that segment by colour, and makes a clip in a folder."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from blender_cutout.cli import main
from blender_cutout.core.engine import Engine, EngineSettings
from blender_cutout.core.fakes import FakeAutomaticNet, FakePropagationNet, FakeScribbleNet, SyntheticClip, iou
from blender_cutout.core.images.matte import read_mask, write_mask
from blender_cutout.core.propagation.settings import PropagationSettings

Run = Callable[..., int]


def write_picture(path: Path, rgb: np.ndarray) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(cv2.imencode(path.suffix, cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR))[1].tobytes())
    return path


@pytest.fixture
def engine() -> Engine:
    """Returns an engine that segments by colour, at a small working size."""
    settings = EngineSettings(scribble_px=160, propagation=PropagationSettings(working_px=128))
    return Engine(
        FakeScribbleNet(), FakePropagationNet(), settings, tier="fake", weights_id="fake", automatic=FakeAutomaticNet()
    )


@pytest.fixture
def run(engine: Engine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """Runs `cutout` in an empty folder with non-ASCII letters and spaces in its name."""
    place = tmp_path / "Größe und Übermaß 日本"
    place.mkdir()
    monkeypatch.chdir(place)
    return lambda *words: main([str(w) for w in words], load=lambda tier, device: engine)


@pytest.fixture
def folder(clip: SyntheticClip, run: Run) -> Path:
    """Writes the clip as a folder of pictures, with the first mask next to it as first.png."""
    for frame in range(len(clip)):
        write_picture(Path("die Bilder") / f"{frame:05d}.png", clip[frame])
    write_mask("first.png", clip.matte(0))
    return Path("die Bilder")


def records(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def assert_tracks(clip: SyntheticClip, masks: Path, frames: range) -> None:
    assert sorted(p.name for p in masks.iterdir()) == [f"{frame:06d}.png" for frame in frames]
    for frame in frames:
        mask = read_mask(masks / f"{frame:06d}.png", clip.size)
        here = iou(mask, clip.matte(frame))
        assert here > 0.9, f"frame {frame}"
        assert here > max(iou(mask, clip.matte(f)) for f in (frame - 1, frame + 1) if 0 <= f < len(clip))
