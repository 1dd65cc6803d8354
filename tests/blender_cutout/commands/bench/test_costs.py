"""Tests `cutout bench --costs`: the points, the growth in words, one real measurement, the plot."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from blender_cutout.cli import main
from blender_cutout.commands.bench import command, costs
from blender_cutout.commands.bench import objects as together
from blender_cutout.core.clips.opening import open_clip
from blender_cutout.core.images.matte import write_mask
from blender_cutout.core.synthetic import MovingShape, MovingShapes
from blender_cutout.core.tiers.table import TIERS
from blender_cutout.evaluate.data import find_data
from blender_cutout.evaluate.side_by_side import SideBySide


def rows(*pairs: tuple[int, float]) -> list[dict[str, Any]]:
    return [
        {"amount": a, "label": str(a), "seconds": 9.0, "processor_seconds": s, "peak_mb": 400.0, "strokes": False}
        for a, s in pairs
    ]


@pytest.mark.parametrize(
    ("last", "power", "word"),
    [(0.1, 0.0, "flat"), (0.11, 0.046, "flat"), (0.3, 0.53, "less than linear"), (0.8, 1.0, "linear"),
     (2.0, 1.44, "more than linear")],
)  # fmt: skip
def test_growth_is_a_power_and_has_a_name(last: float, power: float, word: str) -> None:
    found = costs.growth(rows((1, 0.1), (2, 0.1), (8, last)))
    assert found == pytest.approx(power, abs=0.01)
    assert costs.verdict(found) == word


def test_every_series_lets_one_thing_grow() -> None:
    assert tuple(costs.SERIES) == command.SERIES
    for name, points in costs.SERIES.items():
        amounts = [point.amount for point in points]
        assert amounts == sorted(set(amounts))
        assert len({point.strokes for point in points}) == 1
        changing = {
            field for field in ("size", "frames", "objects", "keyframes")
            if len({getattr(point, field) for point in points}) > 1
        }  # fmt: skip
        assert changing == {{"strokes": "size", "resolution": "size"}.get(name, name)}


@pytest.mark.parametrize("objects", [1, 3, 8])
def test_objects_have_places_of_their_own(objects: int) -> None:
    clip = MovingShapes(60, (240, 428), objects)
    for frame in (0, 17, 59):
        mattes = clip.mattes(frame)
        assert mattes.shape == (objects, 240, 428)
        assert mattes.sum(axis=0).max() == 1, "they never touch"
        assert len({int(matte.sum()) for matte in mattes}) == 1
        for n, matte in enumerate(mattes):
            assert len(np.unique(clip[frame][matte > 0.5], axis=0)) == 1, n
    assert not np.array_equal(clip.mattes(0), clip.mattes(30)), "they move"


def test_the_film_and_its_masks_are_written(tmp_path: Path) -> None:
    point = costs.Point(3, "3", (96, 160), frames=9, objects=2, keyframes=3, places=True)
    assert costs._write_film(point, tmp_path) == [0, 3, 5]
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        *(f"{k}-{n}.png" for k in (0, 3, 5) for n in (0, 1)),
        "film.mp4",
    ]
    with open_clip(tmp_path / "film.mp4") as clip:
        assert (len(clip), clip.size) == (9, (96, 160))


def test_a_point_is_measured_and_kept_beside_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    small = [costs.Point(n, str(n), (96, 160), frames=8, keyframes=n) for n in (1, 2)]
    monkeypatch.setitem(costs.SERIES, "keyframes", small)
    path = tmp_path / "Kosten.json"
    path.write_text(json.dumps({"objects": {"tier": "draft", "hardware": "x", "points": rows((1, 0.1))}}))
    words = ["bench", "--costs", "--only", "keyframes", "--tier", "draft", "--threads", "1", "-o", str(path)]
    picture = tmp_path / "Kosten.png"
    assert main([*words, "--picture", str(picture)]) == 0
    kept = json.loads(path.read_text(encoding="utf-8"))
    assert set(kept) == {"objects", "keyframes"}
    assert kept["keyframes"]["tier"] == "draft"
    for row in kept["keyframes"]["points"]:
        assert 0 < row["processor_seconds"] < 60
        assert 0 < row["seconds"] < 60
        assert row["peak_mb"] > 100
    assert "time is" in capsys.readouterr().out
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["Kosten.json", "Kosten.png"]


def test_several_objects_are_timed_against_one_and_clips_side_by_side_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(together, "TURNS", 2)
    monkeypatch.setattr(together, "FRAMES", 3)
    monkeypatch.setattr(together, "STARTS", (0, 1))
    for number in range(2):
        clip = MovingShape(4, (96, 160))
        for kind in ("frames", "masks"):
            (tmp_path / f"clip{number}" / kind).mkdir(parents=True)
        for frame in range(4):
            write_mask(tmp_path / f"clip{number}" / "masks" / f"{frame}.png", clip.matte(frame))
            write_mask(tmp_path / f"clip{number}" / "frames" / f"{frame}.png", clip[frame][..., 0] / np.float32(255))
    words = ["bench", str(tmp_path), "--tier", "draft", "--threads", "1", "--json"]
    assert main([*words, "--objects", "2"]) == 0
    done = json.loads(capsys.readouterr().out.strip().splitlines()[-1])
    assert done["ratio"] == pytest.approx(done["several"] / done["one"])
    assert 0 < done["j_together"] <= 1
    assert 0 < done["j_alone"] <= 1
    assert main([*words, "--objects", "3"]) != 0
    with SideBySide(find_data(tmp_path).sequences, 1, 3) as both:
        assert both[0].shape == (480, 854, 3)
        assert not both[0][240:].any(), "two clips fill the upper half"
        mattes = both.mattes(0)
        assert mattes.shape == (2, 480, 854)
        assert not mattes[0, :, 427:].any()
        assert mattes[1, :, 427:].any()


def test_memory_of_tiers_is_that_of_a_process_of_each(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(costs, "measure", lambda point, tier, *rest: {"peak_mb": 100.4 + len(tier)})
    assert main(["bench", "--memory-of-tiers", "--tier", "draft", "--json"]) == 0
    done = json.loads(capsys.readouterr().out.strip().splitlines()[-1])
    assert done["memory_mb"]["draft"] == 105
    assert len(done["memory_mb"]) == len(TIERS)
