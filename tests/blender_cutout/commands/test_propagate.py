"""Tests `cutout propagate` with networks that segment by colour: files on disk, and resuming after a stop."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import cli_kit
import cv2
import numpy as np
import pytest
from cli_kit import Run, assert_tracks, write_picture

from blender_cutout.core.engine import Engine
from blender_cutout.core.export.movie_writer import MovieWriter
from blender_cutout.core.fakes import SyntheticClip, iou
from blender_cutout.core.images.matte import read_mask, write_mask

engine, folder, run = cli_kit.engine, cli_kit.folder, cli_kit.run


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


def test_absent_frames_are_empty(run: Run, clip: SyntheticClip, folder: Path) -> None:
    words = ("--keyframe", "0=first.png", "--absent", "5", "--absent", "8:10", "--range", "0:14")
    assert run("propagate", folder, *words, "-o", "out") == 0
    for frame in range(14):
        found = read_mask(f"out/{frame:06d}.png")
        assert not found.any() if frame in (5, 8, 9) else iou(found, clip.matte(frame)) > 0.8
    assert run("propagate", folder, *words, "--absent", "900", "-o", "out") == 2


def test_earlier_masks_of_half_the_size_are_resized_and_it_is_said(
    run: Run, clip: SyntheticClip, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    height, width = clip.size
    odd = np.zeros((height // 2, width // 2), np.float32)
    odd[:7, :9] = 1
    Path("old").mkdir()
    for frame in range(24):
        write_mask(f"old/{frame:06d}.png", odd)
    words = ("--keyframe", "0=first.png", "--previous", "old", "--lock", 12)
    assert run("propagate", folder, *words, "-o", "new") == 0
    assert f"Masks of {width // 2} x {height // 2} pixels are resized" in capsys.readouterr().err
    locked = read_mask("new/000012.png")
    assert locked[5, 5] == 1
    assert abs(float(locked.sum()) - 4 * 63) < 30
    Path("keep.json").write_text('{"strokes": [{"label": "keep", "radius": 4, "points": [[100, 60]]}]}', "utf-8")
    picture = sorted(folder.iterdir())[0]
    assert run("refine", picture, "--strokes", "keep.json", "--previous", "old/000000.png", "-o", "a.png") == 0
    assert "pixels are resized" in capsys.readouterr().err


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


def test_masks_end_at_a_cut_with_a_message_or_go_across(
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


def test_a_colour_photo_is_refused_wherever_a_mask_is_given(
    run: Run, clip: SyntheticClip, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    photo = write_picture(Path("masks") / "000000.png", clip[0])
    ways = [
        ("propagate", folder, "--keyframe", f"3={photo}", "-o", "out"),
        ("propagate", folder, "--keyframes", photo, "--at", 0, "-o", "out"),
        ("composite", folder, "--masks", "masks", "--range", "0:1", "--rgba", "-o", "out"),
    ]
    for way in ways:
        assert run(*way) == 2
        assert "colour picture without transparency" in capsys.readouterr().err
        assert not list(Path("out").glob("*"))


def test_label_masks_and_half_size_serve_every_command_and_are_reported(
    run: Run, clip: SyntheticClip, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    small = (clip.size[1] // 2, clip.size[0] // 2)
    for name, ids in (("one", (1,)), ("two", (1, 2))):
        Path(name).mkdir()
        for frame in range(3):
            disc = (clip.matte(frame) > 0.5).astype(np.uint8)
            picture = disc if len(ids) == 1 else disc + 2 * (np.arange(clip.size[1]) < 4) * (1 - disc)
            half = cv2.resize(picture.astype(np.uint8), small, interpolation=cv2.INTER_NEAREST)
            cv2.imwrite(f"{name}/{frame:06d}.png", half)
    for name, choice in (("one", ()), ("two", ("--object", 1))):
        ways = [
            ("propagate", folder, "--keyframe", f"0={name}/000000.png", "--range", "0:1", "-o", f"a{name}"),
            ("propagate", folder, "--keyframes", name, "--at", 0, "--range", "0:1", "-o", f"b{name}"),
            ("composite", folder, "--masks", name, "--range", "0:1", "--rgba", "-o", f"c{name}"),
        ]
        for way in ways:
            if choice:
                assert run(*way) == 2
                assert "there are 1 and 2" in capsys.readouterr().err
            assert run(*way, *choice) == 0
            assert "resized to the clip's" in capsys.readouterr().err
            found = cv2.imread(f"{way[-1]}/000000.png", cv2.IMREAD_UNCHANGED)
            alpha = found[..., 3] if found.ndim == 3 else found
            assert iou(alpha / 255, clip.matte(0)) > 0.9


def test_masks_of_a_composite_may_be_whatever_keyframes_may_be(
    run: Run, clip: SyntheticClip, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    count = len(clip)
    names = {
        "from 1": [f"{frame + 1:04d}.png" for frame in range(count)],
        "shot": [f"shot_{1001 + frame}.tif" for frame in range(count)],
        "some": [f"matte.{frame:05d}.bmp" for frame in range(3)],
        "plain": [f"{frame}.jpg" for frame in range(3)] + ["notes.png"],
    }
    for name, files in names.items():
        Path(name).mkdir()
        for frame, file in enumerate(files):
            write_picture(Path(name) / file, np.repeat(np.uint8(clip.matte(frame % count)[..., None] * 255), 3, axis=2))
    with MovieWriter(Path("masks.mkv"), clip.size, 25) as movie:
        for frame in range(3):
            movie.write(np.repeat(np.uint8(clip.matte(frame)[..., None] * 255), 3, axis=2))
    for name in (*names, "masks.mkv"):
        assert (
            run("composite", folder, "--masks", name, "--rgba", "--range", "1:3", "-o", f"out {Path(name).stem}") == 0
        )
        for frame in (1, 2):
            alpha = cv2.imread(f"out {Path(name).stem}/{frame:06d}.png", cv2.IMREAD_UNCHANGED)[..., 3]
            assert iou(alpha / 255, clip.matte(frame)) > 0.95
    assert run("composite", folder, "--masks", "some", "--rgba", "-o", "no") == 2
    assert "have no mask" in capsys.readouterr().err
