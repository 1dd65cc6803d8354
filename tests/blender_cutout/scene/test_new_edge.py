"""Tests that a new cutout starts with a natural edge, and that cutouts of earlier files keep what they have."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import bpy_kit as kit
import numpy as np
import pytest
from edge_preview_kit import settle, shown

pytestmark = pytest.mark.bpy

Project = Callable[..., tuple[Any, Any]]
OLD = Path(__file__).resolve().parents[2] / "fixtures" / "0bf7e4d"
NATURAL = {"detail": 1.0, "decontaminate": 1.0}


@pytest.fixture
def new_edge() -> str:
    return ""


@pytest.fixture
def refining(blender: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Blender with an engine that finds the object's exact alpha wherever it is asked to look."""
    from blender_cutout.tasks import jobs

    monkeypatch.setattr(jobs, "engine_command", lambda python="": kit.fake_engine("--edge", "0"))
    return blender


def settings(track: Any) -> dict[str, float]:
    from blender_cutout.scene import edge_settings

    return edge_settings.settings_now(track).to_json()


def written(track: Any) -> list[np.ndarray]:
    from blender_cutout.formats.png import read_grey
    from blender_cutout.host import storage

    return [np.asarray(read_grey(path)) for path in sorted((storage.track_folder(track) / "matte").iterdir())]


def test_from_new_cutout_to_the_written_strips_the_edge_is_natural(refining: Any, project: Project) -> None:
    from blender_cutout.formats.png import read_grey
    from blender_cutout.tasks import jobs

    scene, _ = project()
    assert refining.ops.cutout.new() == {"FINISHED"}
    track = scene.cutout.tracks[0]
    assert settings(track) == NATURAL
    for step in ("apply_strokes", "propagate"):
        assert getattr(refining.ops.cutout, step)() == {"FINISHED"}
    plain = shown(scene)
    settle()
    assert not np.array_equal(shown(scene), plain), "the preview shows it"
    assert refining.ops.cutout.write_strips() == {"FINISHED"}
    own = [np.asarray(read_grey(jobs.matte_file(track, frame))) for frame in range(kit.LENGTH)]
    found = written(track)
    wrong = [int((mask != 255 * kit.truth(frame)).sum()) for frame, mask in enumerate(found)]
    rough = [int((mask != 255 * kit.truth(frame)).sum()) for frame, mask in enumerate(own)]
    assert sum(wrong) < 0.5 * sum(rough), "the strips hold it"
    refining.ops.cutout.edge_preset(preset="OFF")
    assert refining.ops.cutout.write_strips() == {"FINISHED"}
    assert all(np.array_equal(a, b) for a, b in zip(written(track), own, strict=True)), "Reset gives the masks"


def test_in_an_earlier_file_only_new_cutouts_have_it(blender: Any, tmp_path: Path) -> None:
    for name in ("blend-4.2", "film"):
        shutil.copytree(OLD / name, tmp_path / name)
    blender.ops.wm.open_mainfile(filepath=str(tmp_path / "blend-4.2" / "project.blend"))
    scene = blender.context.scene
    before = len(scene.cutout.tracks)
    assert blender.ops.cutout.new() == {"FINISHED"}
    *old, new = scene.cutout.tracks
    assert len(old) == before == 2
    assert [settings(track) for track in old] == [{}, {}]
    assert settings(new) == NATURAL
