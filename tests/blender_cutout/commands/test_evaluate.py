"""Tests `cutout evaluate`: every measure in the records, another network alongside ours, unreleased weights."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from onnx_kit import brightness_model

from blender_cutout.cli import main
from blender_cutout.core.engine import Engine
from blender_cutout.core.fakes import SyntheticClip
from blender_cutout.models import registry
from blender_cutout.models.networks.scribble_to_mask import ScribbleToMask

Run = Callable[..., int]


def write(path: Path, picture: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(cv2.imencode(".png", picture[..., ::-1] if picture.ndim == 3 else picture)[1].tobytes())


@pytest.fixture
def run(engine: Engine, clip: SyntheticClip, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """Runs `cutout evaluate` in a folder whose `data` holds a clip of six frames, and one of them as a picture."""
    monkeypatch.chdir(tmp_path)
    for frame in range(6):
        mask = np.where(clip.matte(frame) > 0.5, 255, 0).astype(np.uint8)
        write(Path(f"data/video/disc/frames/{frame}.png"), clip[frame])
        write(Path(f"data/video/disc/masks/{frame}.png"), mask)
    shutil.copytree("data/video/disc/frames", "data/stills/images")
    shutil.copytree("data/video/disc/masks", "data/stills/masks")
    return lambda *words: main(["evaluate", "data", *(str(w) for w in words)], load=lambda tier, device: engine)


def done(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    return json.loads(capsys.readouterr().out.splitlines()[-1])  # type: ignore[no-any-return]


def test_clips_have_a_flicker_and_pictures_their_slips(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--json", "--only", "video", "--only", "slips", "--limit", 2, "-o", "report") == 0
    summary = done(capsys)
    assert 0 <= summary["video"]["flicker"] < 0.2
    assert summary["slips"]["slips"] == 4
    assert summary["slips"]["undo"] == summary["slips"]["before"] > 0.95
    assert summary["slips"]["wrong"] < 0.6
    assert summary["slips"]["counter_short"] <= 0.03
    details = json.loads(Path("report/scores.json").read_text())["details"]
    assert {d["label"] for d in details["slips"]} == {"keep", "remove"}
    assert Path("report/worst-slips.png").stat().st_size > 1000
    assert run("--only", "video", "--only", "slips", "--limit", 1) == 0
    table = capsys.readouterr().out
    assert "flicker" in table
    assert "counter" in table


def test_another_network_is_measured_on_the_same_pictures(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    Path("bright.onnx").write_bytes(brightness_model())
    assert run("--json", "--only", "foreground", "--against", "bright.onnx") == 0
    summary = done(capsys)
    for kind, count in (("foreground of pictures", 6), ("foreground of first frames", 1)):
        ours, other = summary[kind], summary[kind]["against"]
        assert other["name"] == "bright.onnx"
        assert ours["pictures"] == other["pictures"] == count
        assert ours["IoU"] > 0.9 > other["IoU"]
        assert ours["MAE"] < other["MAE"]
    assert run("--only", "foreground", "--against", "bright.onnx") == 0
    assert capsys.readouterr().out.count("bright.onnx") == 2


def test_a_checkpoint_can_be_measured_without_being_installed(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    released = registry.weight_path(registry.find_entry("scribble"))
    words = ("--json", "--only", "foreground", "--limit", 1, "--tier", "draft", "--device", "cpu")
    assert run(*words, "--weights", f"scribble={released}") == 0
    trained = done(capsys)
    torch.manual_seed(0)
    average = {k: torch.zeros_like(v) for k, v in ScribbleToMask().state_dict().items()}
    torch.save({"average": average, "recipe": {"network": "scribble"}}, "last.pt")
    assert run(*words, "--weights", "scribble=last.pt") == 0
    assert done(capsys)["foreground of pictures"]["IoU"] != trained["foreground of pictures"]["IoU"]
    Path("mine").mkdir()
    shutil.move("last.pt", "mine/last.pt")
    assert run(*words[1:], "--weights", "scribble=mine/last.pt", "--against", "released") == 0
    assert "first draft with scribble mine/last.pt, second draft, released weights" in capsys.readouterr().out


def test_a_checkpoint_of_another_network_is_refused_with_both_names(
    run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    torch.save({"average": {}, "recipe": {"network": "propagation"}}, "last.pt")
    assert run("--weights", "scribble=last.pt") == 2
    printed = capsys.readouterr().err
    assert "'propagation'" in printed
    assert "'scribble'" in printed


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--weights", "scribble"), "NAME=FILE"),
        (("--weights", "fondue=last.pt"), "fondue"),
        (("--weights", "scribble=none.pt"), "none.pt"),
        (("--against", "none.onnx"), "none.onnx"),
    ],
)
def test_what_cannot_work_is_one_line(
    run: Run, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], says: str
) -> None:
    assert run(*words) == 2
    printed = capsys.readouterr().err
    assert printed.count("\n") == 1
    assert says in printed


def test_more_starts_are_more_walks_of_the_same_clips(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--json", "--only", "video", "--starts", 4, "-o", "report") == 0
    summary = done(capsys)["video"]
    names = [d["name"] for d in json.loads(Path("report/scores.json").read_text())["details"]["video"]]
    assert names == ["disc", "disc from 5 back", "disc from 2 on", "disc from 4 back"]
    assert (summary["clips"], summary["walks"]) == (1, 4)
    assert summary["J&F"] > 0.9
    assert len(list(Path("report/masks/disc").iterdir())) == 6, "the masks are those of the first walk"


def test_the_whole_picture_can_be_walked_instead_of_the_crop(
    engine: Engine, run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    sizes: list[tuple[int, int]] = []
    encode = engine._propagation.encode_key

    def seen(image: np.ndarray) -> Any:
        sizes.append(image.shape[:2])
        return encode(image)

    engine._propagation.encode_key = seen  # type: ignore[method-assign]
    assert run("--only", "video") == 0
    followed, sizes[:] = set(sizes), []
    assert run("--only", "video", "--whole-frame") == 0
    assert len(set(sizes)) == 1
    assert followed != set(sizes)
