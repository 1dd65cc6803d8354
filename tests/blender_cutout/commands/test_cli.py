"""Tests the command line with networks that segment by colour: files, output, exit codes."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cli_kit
import cv2
import numpy as np
import pytest
from cli_kit import Run, assert_tracks, records, write_picture

from blender_cutout.cli import main
from blender_cutout.core.engine import Engine, EngineSettings
from blender_cutout.core.errors import OutOfMemory
from blender_cutout.core.fakes import FakePropagationNet, FakeScribbleNet, SyntheticClip, iou
from blender_cutout.core.images.matte import read_mask, write_mask
from blender_cutout.core.propagation.settings import PropagationSettings
from blender_cutout.core.tiers.table import DEFAULT, TIERS

pytestmark = pytest.mark.libraries

engine, folder, run = cli_kit.engine, cli_kit.folder, cli_kit.run


def test_foreground_writes_the_mask_of_the_object(run: Run, clip: SyntheticClip) -> None:
    write_picture(Path("in.png"), clip[3])
    assert run("foreground", "in.png", "-o", "neu/mask.png") == 0
    grey = cv2.imdecode(np.fromfile("neu/mask.png", np.uint8), cv2.IMREAD_UNCHANGED)
    assert grey.shape == clip.size
    assert grey.dtype == np.uint8
    assert iou(grey / 255, clip.matte(3)) > 0.9
    assert os.listdir("neu") == ["mask.png"]


def test_refine_takes_strokes_and_an_earlier_mask(run: Run, clip: SyntheticClip) -> None:
    write_picture(Path("in.png"), clip[0])
    x, y = clip.centre(0)
    stroke = {"label": "keep", "radius": 4, "points": [[x - 6, y], [x + 6, y]]}
    Path("keep.json").write_text(json.dumps({"strokes": [stroke]}), encoding="utf-8")
    assert run("refine", "in.png", "--strokes", "keep.json", "-o", "a.png") == 0
    assert iou(read_mask("a.png"), clip.matte(0)) > 0.9
    Path("remove.json").write_text(json.dumps({"strokes": [{**stroke, "label": "remove"}]}), encoding="utf-8")
    assert run("refine", "in.png", "--strokes", "remove.json", "--previous", "a.png", "-o", "b.png") == 0
    assert read_mask("b.png").max() < 0.5


def test_refine_paints_exact_pixels_after_the_strokes_or_alone(run: Run, clip: SyntheticClip) -> None:
    write_picture(Path("in.png"), clip[0])
    x, y = clip.centre(0)
    stroke = {"label": "keep", "radius": 4, "points": [[x - 6, y], [x + 6, y]]}
    wire = {"label": "remove", "radius": 1.5, "points": [[0, 60.5], [200, 60.5]]}
    square = {"label": "keep", "points": [[2, 2], [12, 2], [12, 12], [2, 12]]}
    Path("both.json").write_text(json.dumps({"strokes": [stroke], "paint": [wire, square]}), encoding="utf-8")
    assert run("refine", "in.png", "--strokes", "both.json", "-o", "a.png") == 0
    found = read_mask("a.png")
    assert not found[59:62].any()
    assert (found[2:12, 2:12] == 1).all()
    assert iou(found[62:], clip.matte(0)[62:]) > 0.9
    Path("paint.json").write_text(json.dumps({"paint": [square]}), encoding="utf-8")
    assert run("refine", "in.png", "--strokes", "paint.json", "-o", "b.png") == 0
    assert read_mask("b.png").sum() == 100


def test_foreground_within_a_box_finds_nothing_outside(run: Run, clip: SyntheticClip) -> None:
    write_picture(Path("in.png"), clip[3])
    x, y = (int(v) for v in clip.centre(3))
    assert run("foreground", "in.png", "--box", f"{x - 40},{y - 40},{x},{y + 40}", "-o", "mask.png") == 0
    found = read_mask("mask.png")
    assert not found[:, x:].any()
    assert iou(found[:, :x], clip.matte(3)[:, :x]) > 0.9
    assert run("foreground", "in.png", "--box", "1,2,3", "-o", "mask.png") == 2


def test_foreground_of_a_mode_finds_a_person_the_sky_or_nothing(
    run: Run, clip: SyntheticClip, capsys: pytest.CaptureFixture[str]
) -> None:
    write_picture(Path("in.png"), clip[3])
    assert run("foreground", "in.png", "--mode", "person", "-o", "mask.png") == 0
    assert iou(read_mask("mask.png"), clip.matte(3)) > 0.9
    assert run("foreground", "in.png", "--mode", "person", "--at", "5,5", "-o", "mask.png") == 0
    assert run("foreground", "in.png", "--mode", "background", "-o", "mask.png") == 0
    assert iou(1 - read_mask("mask.png"), clip.matte(3)) > 0.9
    capsys.readouterr()
    assert run("foreground", "in.png", "--mode", "sky", "-o", "mask.png") == 0
    assert "empty: nothing was found" in capsys.readouterr().out
    assert not read_mask("mask.png").any()
    for wrong in (("--mode", "dog"), ("--at", "5"), ("--mode", "sky", "--box", "1,2,30,40"), ("--each",)):
        assert run("foreground", "in.png", *wrong, "-o", "mask.png") == 2


def test_foreground_of_each_person_writes_a_mask_of_each(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    image = np.full((120, 200, 3), 90, np.uint8)
    write_picture(Path("none.png"), image)
    large, small = np.s_[20:110, 20:60], np.s_[40:90, 120:145]
    image[large], image[small] = (220, 40, 40), (220, 40, 40)
    write_picture(Path("in.png"), image)
    assert run("foreground", "in.png", "--mode", "person", "--each", "-o", "mask.png") == 0
    for number, part in ((1, large), (2, small)):
        truth = np.zeros(image.shape[:2], np.float32)
        truth[part] = 1
        assert iou(read_mask(f"mask-{number}.png"), truth) > 0.85
    assert sorted(path.name for path in Path().glob("mask*.png")) == ["mask-1.png", "mask-2.png"]
    capsys.readouterr()
    assert run("foreground", "none.png", "--mode", "person", "--each", "-o", "no.png") == 0
    assert "nothing was written" in capsys.readouterr().out
    assert not list(Path().glob("no.png")) + list(Path().glob("no-*.png"))


def test_json_gives_one_record_for_each_event(run: Run, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("propagate", folder, "--keyframe", "0=first.png", "--range", "0:4", "-o", "out", "--json") == 0
    found = records(capsys)
    assert [r["event"] for r in found] == ["start", "frame", "frame", "frame", "frame", "done"]
    assert [r["frame"] for r in found[1:5]] == [0, 1, 2, 3]
    assert found[1]["kind"] == "drawn"
    assert all(Path(r["path"]).is_file() for r in found[1:5])
    assert run("propagate", "missing", "--keyframe", "0=first.png", "-o", "out", "--json") == 2
    (error,) = records(capsys)
    assert (error["event"], error["code"]) == ("error", "FrameReadError")
    assert error["hint"]


def test_nothing_goes_to_standard_error_in_a_pipe(run: Run, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("propagate", folder, "--keyframe", "0=first.png", "-o", "out") == 0
    assert capsys.readouterr().err == ""


def test_progress_is_a_bar_on_a_terminal(
    run: Run, folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    import sys

    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    assert run("propagate", folder, "--keyframe", "0=first.png", "-o", "out") == 0
    assert "propagating" in capsys.readouterr().err


def test_composite_over_a_colour_into_a_folder(run: Run, clip: SyntheticClip, folder: Path) -> None:
    assert run("propagate", folder, "--keyframe", "0=first.png", "-o", "masks") == 0
    assert run("composite", folder, "--masks", "masks", "--background", "#00ff00", "-o", "out") == 0
    assert len(list(Path("out").iterdir())) == 24
    for frame in (0, 11, 23):
        bgr = cv2.imdecode(np.fromfile(f"out/{frame:06d}.png", np.uint8), cv2.IMREAD_UNCHANGED)
        inside = read_mask(f"masks/{frame:06d}.png") > 0.999
        outside = read_mask(f"masks/{frame:06d}.png") < 0.001
        assert np.array_equal(bgr[inside][:, ::-1], clip[frame][inside])
        assert (bgr[outside] == (0, 255, 0)).all()


@pytest.mark.parametrize("digits", [1, 5, 8])
def test_masks_may_be_named_with_any_number_of_digits(run: Run, folder: Path, digits: int) -> None:
    assert run("propagate", folder, "--keyframe", "0=first.png", "--range", "0:4", "-o", "masks") == 0
    assert run("composite", folder, "--masks", "masks", "--rgba", "--range", "0:4", "-o", "right") == 0
    for mask in Path("masks").iterdir():
        mask.rename(mask.with_name(f"{int(mask.stem):0{digits}d}.png"))
    assert run("composite", folder, "--masks", "masks", "--rgba", "--range", "0:4", "-o", "out") == 0
    for picture in sorted(Path("right").iterdir()):
        assert (Path("out") / picture.name).read_bytes() == picture.read_bytes()


@pytest.mark.parametrize("kind", ["picture", "movie"])
def test_composite_over_a_file_into_a_movie(
    run: Run, clip: SyntheticClip, folder: Path, kind: str, write_movie: Callable[..., Path]
) -> None:
    from blender_cutout.core.clips.opening import open_clip

    assert run("propagate", folder, "--keyframe", "0=first.png", "--range", "0:8", "-o", "masks") == 0
    shades = [np.full((64, 64, 3), value, np.uint8) for value in (40, 200, 120)]
    behind = write_picture(Path("behind.png"), shades[0]) if kind == "picture" else write_movie(shades, "behind.mp4")
    words = ("--masks", "masks", "--background", behind, "--range", "0:8", "--edge-shrink", 1, "--fps", 24)
    assert run("composite", folder, *words, "-o", "out.mkv") == 0
    with open_clip("out.mkv") as movie:
        assert (len(movie), movie.size, movie.fps) == (8, clip.size, 24)
        for frame in range(8):
            shade = 40 if kind == "picture" else (40, 200, 120)[frame % 3]
            assert abs(int(movie[frame][2, 2, 0]) - shade) <= 3, "frame and background belong together"
            x, y = clip.centre(frame)
            assert movie[frame][int(y), int(x)].tolist() == [220, 40, 40]


def test_composite_with_alpha(run: Run, clip: SyntheticClip, folder: Path) -> None:
    assert run("propagate", folder, "--keyframe", "0=first.png", "-o", "masks") == 0
    assert run("composite", folder, "--masks", "masks", "--rgba", "-o", "out") == 0
    bgra = cv2.imdecode(np.fromfile("out/000007.png", np.uint8), cv2.IMREAD_UNCHANGED)
    assert np.array_equal(bgra[..., 2::-1], clip[7])
    assert np.array_equal(bgra[..., 3] / np.float32(255), read_mask("masks/000007.png"))
    assert run("composite", folder, "--masks", "masks", "--rgba", "-o", "out.mp4") == 2


def test_a_command_that_runs_out_of_memory_says_so_and_not_that_it_is_broken(
    run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(*_: object) -> None:
        raise MemoryError

    assert run("propagate", folder, "--keyframe", "0=first.png", "-o", "masks") == 0
    capsys.readouterr()
    monkeypatch.setattr("blender_cutout.core.export.film.over", full)
    assert run("composite", folder, "--masks", "masks", "--background", "#00ff00", "-o", "out") == 2
    assert "There is not enough memory. Choose a smaller tier" in capsys.readouterr().err


@pytest.fixture
def run_short(run: Run, monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """Runs `cutout` with too little memory for these tiers, either when loading or after some frames."""

    def run_it(full: list[str], *words: object, after: int = 0, fault: type[Exception] = MemoryError) -> int:
        class Net(FakePropagationNet):
            def __init__(self, tier: str) -> None:
                super().__init__()
                self.left = after if tier in full else 10**9

            def segment(self, *given: Any) -> Any:
                self.left -= 1
                if self.left < 0:
                    raise fault("CUDA out of memory")
                return super().segment(*given)

        def load(tier: str, device: str) -> Engine:
            chosen = DEFAULT if tier == "auto" else tier
            if not after and chosen in full:
                raise OutOfMemory("The networks need more memory than there is.", "Close other programs.")
            settings = EngineSettings(160, PropagationSettings(working_px=128))
            return Engine(FakeScribbleNet(), Net(chosen), settings, tier=chosen)

        return main([str(w) for w in words], load=load)

    return run_it


@pytest.mark.parametrize(("after", "fault"), [(0, MemoryError), (7, MemoryError), (7, RuntimeError), (7, OutOfMemory)])
def test_where_memory_is_short_the_next_faster_tier_does_it_and_says_so(
    run_short: Callable[..., int], clip: SyntheticClip, folder: Path, capsys: pytest.CaptureFixture[str],
    after: int, fault: type[Exception],
) -> None:  # fmt: skip
    *_, below, finest = TIERS
    words = ("propagate", folder, "--keyframe", "0=first.png", "-o", "out", "--tier", finest)
    assert run_short([finest], *words, after=after, fault=fault) == 0
    assert_tracks(clip, Path("out"), range(24))
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert f"not enough memory for the tier {finest}; using {below}" in said
    assert run_short(list(TIERS), *words, after=after, fault=fault) == 2, "even the fastest needs too much"
    capsys.readouterr()
    assert run_short([finest], *words, "--json", after=after, fault=fault) == 0
    (fallback,) = [r for r in records(capsys) if r["event"] == "fallback"]
    assert (fallback["tier"], fallback["instead"]) == (finest, below)


def test_a_picture_too_and_auto_has_a_faster_tier(
    run_short: Callable[..., int], clip: SyntheticClip, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_short([DEFAULT], "foreground", folder / "00003.png", "-o", "m.png") == 0
    assert iou(read_mask("m.png"), clip.matte(3)) > 0.9
    assert "not enough memory" in capsys.readouterr().err


def test_what_measures_never_takes_another_tier(
    run_short: Callable[..., int], clip: SyntheticClip, capsys: pytest.CaptureFixture[str]
) -> None:
    for frame in range(len(clip)):
        write_picture(Path("data/video/disc/frames") / f"{frame:05d}.png", clip[frame])
        Path("data/video/disc/masks").mkdir(parents=True, exist_ok=True)
        write_mask(f"data/video/disc/masks/{frame:05d}.png", clip.matte(frame))
    finest = list(TIERS)[-1]
    assert run_short([finest], "evaluate", "data", "--only", "video", "--tier", finest) == 2
    assert "more memory than there is" in capsys.readouterr().err
    assert run_short([], "evaluate", "data", "--only", "video", "--json") == 0
    assert records(capsys)[0]["tier"] == DEFAULT


def test_tiers_lists_all_and_says_which_one_auto_takes(
    run: Run, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from blender_cutout.environment import tier_record

    monkeypatch.setenv("CUTOUT_HOME", str(tmp_path))
    assert run("tiers") == 0
    lines = capsys.readouterr().out.splitlines()
    rows = [line for line in lines if line.split()[0] in TIERS]
    assert [line.split()[0] for line in rows] == list(TIERS)
    assert [line.split()[0] for line in rows if " * " in line] == [DEFAULT]
    assert any("not been timed yet" in line for line in lines)
    for tier, row in zip(TIERS.values(), rows, strict=True):
        assert f"{tier.measured.j_and_f:.3f}" in row
        assert f"{tier.measured.seconds_per_frame:.3f}" in row
    last = list(TIERS)[-1]
    tier_record.keep(tier_record.Fitted(last, 0.17, "cpu", tier_record.this_machine()))
    assert run("tiers", "--json") == 0
    found = [record for record in records(capsys) if record["event"] == "tier"]
    assert [r["name"] for r in found] == list(TIERS)
    assert [r["name"] for r in found if r["default"]] == [last]


def test_evaluate_scores_and_draws_what_it_is_given(
    run: Run, clip: SyntheticClip, capsys: pytest.CaptureFixture[str]
) -> None:
    for frame in range(len(clip)):
        write_picture(Path("data/video/disc/frames") / f"{frame:05d}.png", clip[frame])
        Path("data/video/disc/masks").mkdir(parents=True, exist_ok=True)
        write_mask(f"data/video/disc/masks/{frame:05d}.png", clip.matte(frame))
    write_picture(Path("data/stills/images/a.png"), clip[5])
    Path("data/stills/masks").mkdir()
    write_mask("data/stills/masks/a.png", clip.matte(5))
    assert run("evaluate", "data", "-o", "report", "--json") == 0
    found = records(capsys)
    done = found[-1]
    assert done["event"] == "done"
    assert done["video"]["J&F"] > 0.9
    assert done["video"]["clips"] == 1
    assert done["strokes"]["IoU@1"] > 0.9
    assert done["strokes"]["rounds_to_0.90"] == 1
    assert done["foreground of pictures"]["IoU"] > 0.9
    assert done["foreground of first frames"]["MAE"] < 0.05
    assert json.loads(Path("report/scores.json").read_text())["summary"] == {
        key: value for key, value in done.items() if key != "event"
    }
    assert sorted(p.name for p in Path("report/masks/disc").iterdir()) == [f"{f:05d}.png" for f in range(24)]
    sheet = cv2.imdecode(np.fromfile("report/worst-video.png", np.uint8), cv2.IMREAD_COLOR)
    assert sheet.shape[1] > 3 * 360
    assert run("evaluate", "data", "--only", "stills") == 0
    table = capsys.readouterr().out
    assert "IoU@3" in table
    assert "decay" not in table


def test_a_wrong_mask_gives_a_low_score(run: Run, clip: SyntheticClip, capsys: pytest.CaptureFixture[str]) -> None:
    """The score is computed from the result alone."""
    Path("d/masks").mkdir(parents=True)
    for frame in range(8):
        write_picture(Path("d/frames") / f"{frame}.png", clip[frame])
        truth = clip.matte(frame) if frame == 0 else np.roll(clip.matte(frame), 60, axis=1)
        write_mask(f"d/masks/{frame}.png", truth)
    assert run("evaluate", "d", "--only", "video", "--json") == 0
    assert records(capsys)[-1]["video"]["J"] == 0.0
