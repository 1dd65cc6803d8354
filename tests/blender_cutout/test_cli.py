"""The command line with networks that work by colour: what lands on disk, what is printed, how it ends."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from blender_cutout.cli import main
from blender_cutout.core.engine import Engine, EngineSettings
from blender_cutout.core.errors import OutOfMemory
from blender_cutout.core.fakes import FakePropagationNet, FakeScribbleNet, SyntheticClip, iou
from blender_cutout.core.matte import read_mask, write_mask
from blender_cutout.core.propagate import PropagationSettings
from blender_cutout.core.tiers import DEFAULT, TIERS

Run = Callable[..., int]


def write_picture(path: Path, rgb: np.ndarray) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(cv2.imencode(path.suffix, cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR))[1].tobytes())
    return path


@pytest.fixture
def engine() -> Engine:
    """An engine that works by colour, at a small working size."""
    settings = EngineSettings(scribble_px=160, propagation=PropagationSettings(working_px=128))
    return Engine(FakeScribbleNet(), FakePropagationNet(), settings, tier="fake", weights_id="fake")


@pytest.fixture
def run(engine: Engine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """Runs `cutout` in an empty folder with non-ASCII letters and spaces in its name."""
    place = tmp_path / "Größe und Übermaß 日本"
    place.mkdir()
    monkeypatch.chdir(place)
    return lambda *words: main([str(w) for w in words], load=lambda tier, device: engine)


@pytest.fixture
def folder(clip: SyntheticClip, run: Run) -> Path:
    """The clip as a folder of pictures, with the first mask beside it as first.png."""
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


def test_propagate_writes_one_mask_for_each_frame(run: Run, clip: SyntheticClip, folder: Path) -> None:
    assert run("propagate", folder, "--keyframe", "0=first.png", "-o", "out") == 0
    assert_tracks(clip, Path("out"), range(24))


def test_propagate_goes_backward_and_keeps_to_its_range(run: Run, clip: SyntheticClip, folder: Path) -> None:
    write_mask("late.png", clip.matte(17))
    assert run("propagate", folder, "--keyframe", "17=late.png", "--range", "4:21", "-o", "out") == 0
    assert_tracks(clip, Path("out"), range(4, 21))
    assert run("propagate", folder, "--keyframe", "17=late.png", "--range", "15:", "-o", "tail") == 0
    assert_tracks(clip, Path("tail"), range(15, 24))


def test_the_mask_of_a_keyframe_comes_out_as_it_went_in(run: Run, folder: Path) -> None:
    grey = np.random.default_rng(0).random((120, 200), np.float32)
    write_mask("grey.png", grey)
    assert run("propagate", folder, "--keyframe", "5=grey.png", "--range", "5:6", "-o", "out") == 0
    assert np.array_equal(read_mask("out/000005.png"), read_mask("grey.png"))


def test_earlier_masks_are_fused_with_and_locked_ones_stay(run: Run, clip: SyntheticClip, folder: Path) -> None:
    assert run("propagate", folder, "--keyframe", "0=first.png", "-o", "old") == 0
    odd = np.zeros(clip.size, np.float32)
    odd[:7, :9] = 1
    for frame in (3, 12):
        write_mask(f"old/{frame:06d}.png", odd)
    write_mask("new.png", clip.matte(8))
    words = ("--keyframe", "0=first.png", "--keyframe", "8=new.png", "--previous", "old")
    write_mask("old/000008.png", odd)  # what the artist corrects
    assert run("propagate", folder, *words, "--lock", 12, "-o", "new") == 0
    assert np.array_equal(read_mask("new/000012.png"), odd)
    assert iou(read_mask("new/000003.png"), odd) < 0.5
    # The same into the folder of the earlier masks itself.
    assert run("propagate", folder, *words, "--lock", 12, "-o", "old") == 0
    for frame in range(24):
        assert Path(f"old/{frame:06d}.png").read_bytes() == Path(f"new/{frame:06d}.png").read_bytes(), frame


def test_an_interrupted_run_keeps_what_it_finished_and_goes_on(
    run: Run, clip: SyntheticClip, folder: Path, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = type(engine).propagate_detailed

    def interrupted(self: Engine, *args: Any, **more: Any) -> Any:
        for number, step in enumerate(whole(self, *args, **more)):
            if number == 10:
                raise KeyboardInterrupt
            yield step

    monkeypatch.setattr(type(engine), "propagate_detailed", interrupted)
    words = ("propagate", folder, "--keyframe", "0=first.png", "-o", "out")
    assert run(*words) == 130
    assert_tracks(clip, Path("out"), range(10))
    monkeypatch.setattr(type(engine), "propagate_detailed", whole)
    times = {p.name: p.stat().st_mtime_ns for p in Path("out").iterdir()}
    assert run(*words, "--resume") == 0
    assert_tracks(clip, Path("out"), range(24))
    assert {name: Path("out", name).stat().st_mtime_ns for name in times} == times


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


@pytest.mark.parametrize("kind", ["picture", "movie"])
def test_composite_over_a_file_into_a_movie(
    run: Run, clip: SyntheticClip, folder: Path, kind: str, write_movie: Callable[..., Path]
) -> None:
    from blender_cutout.core.video import open_clip

    assert run("propagate", folder, "--keyframe", "0=first.png", "--range", "0:8", "-o", "masks") == 0
    shades = [np.full((64, 64, 3), value, np.uint8) for value in (40, 200, 120)]
    behind = write_picture(Path("behind.png"), shades[0]) if kind == "picture" else write_movie(shades, "behind.mp4")
    words = ("--masks", "masks", "--background", behind, "--range", "0:8", "--edge-shrink", 1, "--fps", 12)
    assert run("composite", folder, *words, "-o", "out.mkv") == 0
    with open_clip("out.mkv") as movie:
        assert (len(movie), movie.size, movie.fps) == (8, clip.size, 12)
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


@pytest.fixture
def run_short(run: Run, monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """Runs `cutout` where the memory does not suffice for these tiers: loading, or after some frames."""

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
def test_where_memory_is_short_the_next_faster_tier_does_it_and_that_is_told(
    run_short: Callable[..., int], clip: SyntheticClip, folder: Path, capsys: pytest.CaptureFixture[str],
    after: int, fault: type[Exception],
) -> None:  # fmt: skip
    *_, below, finest = TIERS
    words = ("propagate", folder, "--keyframe", "0=first.png", "-o", "out", "--tier", finest)
    assert run_short([finest], *words, after=after, fault=fault) == 0
    assert_tracks(clip, Path("out"), range(24))
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert f"memory does not suffice for the tier {finest}: {below}" in said
    assert run_short(list(TIERS), *words, after=after, fault=fault) == 2, "even the fastest needs too much"
    capsys.readouterr()
    assert run_short([finest], *words, "--json", after=after, fault=fault) == 0
    (told,) = [r for r in records(capsys) if r["event"] == "fallback"]
    assert (told["tier"], told["instead"]) == (finest, below)


def test_a_picture_too_and_auto_has_a_faster_tier(
    run_short: Callable[..., int], clip: SyntheticClip, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_short([DEFAULT], "foreground", folder / "00003.png", "-o", "m.png") == 0
    assert iou(read_mask("m.png"), clip.matte(3)) > 0.9
    assert "does not suffice" in capsys.readouterr().err


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
    from blender_cutout import fitted

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
    fitted.keep(fitted.Fitted(last, 0.17, "cpu", fitted.this_machine()))
    assert run("tiers", "--json") == 0
    found = records(capsys)
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
    """The score comes from the result and not from anywhere else."""
    Path("d/masks").mkdir(parents=True)
    for frame in range(8):
        write_picture(Path("d/frames") / f"{frame}.png", clip[frame])
        truth = clip.matte(frame) if frame == 0 else np.roll(clip.matte(frame), 60, axis=1)
        write_mask(f"d/masks/{frame}.png", truth)
    assert run("evaluate", "d", "--only", "video", "--json") == 0
    assert records(capsys)[-1]["video"]["J"] == 0.0


def test_masks_end_at_a_cut_which_is_told_or_go_across(
    run: Run, clip: SyntheticClip, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rng = np.random.default_rng(3)
    wall = cv2.resize(rng.integers(0, 90, (6, 10, 3), np.uint8), clip.size[::-1], interpolation=cv2.INTER_CUBIC)
    shot = Path("two shots")
    shot.mkdir()
    for frame in range(12):
        image = clip[frame] if frame < 7 else np.where(clip.matte(frame)[..., None] > 0.5, clip[frame], wall)
        write_picture(shot / f"{frame:03d}.png", image.astype(np.uint8))
    assert run("propagate", shot, "--keyframe", "0=first.png", "-o", "out") == 0
    assert_tracks(clip, Path("out"), range(7))
    assert "Another shot begins at clip frame 7, so clip frames 7 to 11 got no mask" in capsys.readouterr().err
    assert run("propagate", shot, "--keyframe", "0=first.png", "--across-cuts", "-o", "all") == 0
    assert len(os.listdir("all")) == 12


def test_direction_stability_and_locked_ranges_are_taken(run: Run, clip: SyntheticClip, folder: Path) -> None:
    write_mask("late.png", clip.matte(17))
    words = ("propagate", folder, "--keyframe", "17=late.png", "--stability", 0)
    assert run(*words, "--direction", "forward", "-o", "out") == 0
    assert_tracks(clip, Path("out"), range(17, 24))
    assert run(*words, "-o", "old") == 0
    odd = np.zeros(clip.size, np.float32)
    odd[:7, :9] = 1
    for frame in range(5, 9):
        write_mask(f"old/{frame:06d}.png", odd)
    write_mask("new.png", np.maximum(clip.matte(14), odd))
    assert run(*words, "--keyframe", "14=new.png", "--previous", "old", "--lock", "5:9", "-o", "new") == 0
    assert all(np.array_equal(read_mask(f"new/{frame:06d}.png"), odd) for frame in range(5, 9))
    for frame in range(5):  # beyond the locked frames nothing is done again
        assert Path(f"new/{frame:06d}.png").read_bytes() == Path(f"old/{frame:06d}.png").read_bytes()
