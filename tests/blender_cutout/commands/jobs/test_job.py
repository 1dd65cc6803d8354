"""Tests `cutout job`: the files it leaves, against those of the commands that do the same in one piece."""

from __future__ import annotations

import errno
import json
import shutil
from pathlib import Path
from typing import Any

import job_kit
import numpy as np
import pytest
from cli_kit import Run, records, write_picture
from job_kit import FILM, JOB, colour_engine, contents, keyframes, run_with

from blender_cutout.cli import main
from blender_cutout.core import atomic
from blender_cutout.core.engine import Engine
from blender_cutout.core.images.matte import read_mask, write_mask
from blender_cutout.core.session.actions import Round
from blender_cutout.core.session.track_session import TrackSession
from blender_cutout.core.types import Clip, Direction, FrameRange, Label, Paint, PropagationOptions, Stroke
from blender_cutout.version import __version__

run = job_kit.run


def make(run: Run, *more: object, clip: str = "die Bilder", job: Path = JOB) -> None:
    assert run("job", "make", clip, *keyframes(), "--task-frames", 5, *more, "-o", job) == 0


def edit(**changes: Any) -> None:
    JOB.write_text(json.dumps(json.loads(JOB.read_text("utf-8")) | changes), "utf-8")


def task_names(run: Run, capsys: pytest.CaptureFixture[str]) -> list[str]:
    capsys.readouterr()
    assert run("job", "tasks", JOB, "--json") == 0
    return [record["name"] for record in records(capsys)]


@pytest.mark.parametrize("more", [(), ("--stability", 0), ("--absent", "9:11"), ("--direction", "backward")])
def test_stretches_in_any_order_give_the_masks_of_one_propagation(
    run: Run, more: tuple[object, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("propagate", "die Bilder", *keyframes(), *more, "-o", "whole") == 0
    make(run, *more)
    names = task_names(run, capsys)
    assert names == ["propagate-000000-000005", "propagate-000006-000012", "propagate-000013-000019"]
    for name in reversed(names):
        assert run("job", "run", JOB, "--task", name) == 0
    assert contents("shot-masks") == contents("whole")


def test_stretches_fused_with_earlier_masks_give_those_of_one_propagation(run: Run) -> None:
    assert run("propagate", "die Bilder", "--keyframe", "0=key0.png", "--keyframe", "13=key13.png", "-o", "old") == 0
    corrected = FILM.matte(6)
    corrected[:9, :9] = 1
    write_mask("key6.png", corrected)
    more = ("--previous", "old", "--range", "2:18")
    assert run("propagate", "die Bilder", *keyframes(), *more, "-o", "whole") == 0
    make(run, *more)
    assert run("job", "run", JOB) == 0
    assert contents("shot-masks") == contents("whole")
    assert contents("shot-masks")["000008.png"] != contents("old")["000008.png"]


def test_a_job_with_locked_frames_gives_the_masks_of_one_propagation(run: Run) -> None:
    assert run("propagate", "die Bilder", "--keyframe", "0=key0.png", "-o", "old") == 0
    write_mask("old/000009.png", np.zeros(FILM.size, np.float32))
    more = ("--previous", "old", "--lock", "9")
    assert run("propagate", "die Bilder", *keyframes(), *more, "-o", "whole") == 0
    make(run, *more)
    assert run("job", "run", JOB) == 0
    assert contents("shot-masks") == contents("whole")
    assert not read_mask("shot-masks/000009.png").any()


def test_edges_in_parts_and_a_composite_equal_those_of_the_whole(run: Run) -> None:
    assert run("propagate", "die Bilder", *keyframes(), "-o", "whole") == 0
    edge = ("--edge-feather", 3)
    assert run("edges", "die Bilder", "--masks", "whole", "--foreground", *edge, "-o", "alpha") == 0
    assert run("composite", "die Bilder", "--masks", "alpha", "--background", "#00b140", "-o", "over") == 0
    assert run("composite", "die Bilder", "--masks", "alpha", "--rgba", "-o", "cut") == 0
    outputs = ("--edges", "a", "--foreground", *edge, "--export", "e", "--composite", "c", "--background", "#00b140")
    make(run, *outputs)
    assert run("job", "run", JOB) == 0
    colours = contents(Path("alpha") / "foreground")
    assert contents(Path("a") / "foreground") == colours
    shutil.rmtree("a/foreground")
    shutil.rmtree("alpha/foreground")
    assert contents("a") == contents("alpha")
    assert contents("c") == contents("over")
    assert contents("e") == contents("cut")


def test_a_job_moves_with_its_clip_to_another_folder(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(run, "--composite", "cut", "--background", "white")
    assert run("job", "run", JOB) == 0
    here = contents("shot-masks"), contents("cut")
    shutil.rmtree("shot-masks")
    shutil.rmtree("cut")
    shutil.rmtree("shot.job/finished")
    there = tmp_path / "elsewhere"
    Path.cwd().rename(there)
    monkeypatch.chdir(tmp_path)
    for mask in there.glob("key*.png"):
        mask.unlink()
    assert run("job", "check", there / JOB) == 0
    assert run("job", "run", there / JOB) == 0
    assert (contents(there / "shot-masks"), contents(there / "cut")) == here


def test_a_job_runs_where_the_clip_has_another_path(run: Run, tmp_path: Path) -> None:
    make(run)
    drive = tmp_path / "drive"
    Path("die Bilder").rename(drive)
    record = json.loads(JOB.read_text("utf-8"))
    record["clip"]["path"] = "S:\\films\\shot"
    JOB.write_text(json.dumps(record), "utf-8")
    assert run("job", "check", JOB) == 2
    for action in ("check", "run"):
        assert run("job", action, JOB, "--map", f"S:/films/shot={drive}") == 0
    assert len(contents("shot-masks")) == 20


def test_what_is_finished_is_not_done_again_unless_the_job_was_edited(run: Run) -> None:
    make(run)
    assert run("job", "run", JOB) == 0
    mark = Path("shot-masks/000010.png")
    mark.write_bytes(b"touched")
    assert run("job", "run", JOB) == 0
    assert mark.read_bytes() == b"touched"
    edit(stability=0.5)
    assert run("job", "run", JOB) == 0
    assert mark.read_bytes() != b"touched"
    mark.write_bytes(b"touched")
    assert run("job", "run", JOB, "--again") == 0
    assert mark.read_bytes() != b"touched"


def test_an_interrupted_job_ends_as_if_nothing_had_happened(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run("propagate", "die Bilder", *keyframes(), "-o", "whole") == 0
    make(run)
    whole = Engine.propagate_detailed

    def interrupted(self: Engine, *args: Any, **more: Any) -> Any:
        for frame, matte, kind in whole(self, *args, **more):
            if frame == 10:
                raise KeyboardInterrupt
            yield frame, matte, kind

    monkeypatch.setattr(Engine, "propagate_detailed", interrupted)
    assert run("job", "run", JOB) == 130
    assert sorted(contents("shot-masks")) == [f"{frame:06d}.png" for frame in range(10)]
    monkeypatch.setattr(Engine, "propagate_detailed", whole)
    assert run("job", "run", JOB) == 0
    assert contents("shot-masks") == contents("whole")


def stroke(frame: int, radius: float) -> Round:
    return Round(frame, (Stroke([FILM.centre(frame)], radius, Label.KEEP),))


def test_a_job_of_a_cutout_gives_the_masks_that_it_would_get_itself(run: Run) -> None:
    folder = Path("film_cutout/spur").absolute()
    clip = Clip(str(Path("die Bilder").absolute()))
    with TrackSession.open(clip, folder, colour_engine()) as session:
        session.apply_round(stroke(2, 3))
        list(session.propagate(FrameRange(0, 20), Direction.BOTH, PropagationOptions(stability=1.0)))
        session.apply_round(stroke(12, 4))
        session.lock(FrameRange(15, 17))
        session.mark_absent(FrameRange(18, 19))
    assert run("job", "make", "--session", folder, "-o", JOB) == 0
    assert run("job", "run", JOB) == 0
    with TrackSession.open(clip, folder, colour_engine()) as session:
        list(session.propagate(FrameRange(0, 20), Direction.BOTH, PropagationOptions(stability=1.0)))
        for frame in range(20):
            assert np.array_equal(read_mask(f"shot-masks/{frame:06d}.png"), session.matte(frame)), frame


def test_a_cutout_takes_the_masks_of_its_job_as_its_own(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    folder = Path("film_cutout/spur").absolute()
    clip = Clip(str(Path("die Bilder").absolute()))
    with TrackSession.open(clip, folder, colour_engine()) as session:
        session.apply_round(stroke(2, 3))
        drawn = session.head
    assert run("job", "make", "--session", folder, "-o", JOB) == 0
    assert run("job", "take", JOB, "--session", folder) == 2
    assert "is not finished" in capsys.readouterr().err
    assert run("job", "run", JOB) == 0
    assert run("job", "take", JOB, "--session", folder) == 0
    with TrackSession.open(clip, folder, colour_engine()) as session:
        assert session.done_ranges() == ((0, 20),)
        for frame in range(20):
            assert np.array_equal(read_mask(f"shot-masks/{frame:06d}.png"), session.matte(frame)), frame
        taken = session.head
        list(session.propagate(FrameRange(0, 20), Direction.BOTH, PropagationOptions(stability=1.0)))
        assert session.head == taken
        assert session.undo() == drawn
        session.apply_round(stroke(9, 3))
    assert run("job", "take", JOB, "--session", folder) == 2
    assert "was changed after the job was made" in capsys.readouterr().err


def test_a_full_disk_fails_one_task_and_the_others_stay(
    run: Run, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("propagate", "die Bilder", *keyframes(), "-o", "whole") == 0
    make(run)
    write = atomic.write

    def full(path: Any, data: bytes, durable: bool = False) -> None:
        if Path(path).name == "000008.png":
            raise OSError(errno.ENOSPC, "No space left on device", str(path))
        write(path, data, durable)

    monkeypatch.setattr(atomic, "write", full)
    assert run("job", "run", JOB) == 2
    assert "disk is full" in capsys.readouterr().err
    assert sorted(contents("shot.job/finished")) == ["propagate-000000-000005.json"]
    monkeypatch.setattr(atomic, "write", write)
    assert run("job", "run", JOB) == 0
    assert contents("shot-masks") == contents("whole")


def test_paint_of_a_keyframe_is_in_its_mask(run: Run) -> None:
    make(run)
    record = json.loads(JOB.read_text("utf-8"))
    record["keyframes"][0]["paint"] = [Paint([(0, 0), (20, 0), (20, 9), (0, 9)], 0, Label.KEEP).to_json()]
    JOB.write_text(json.dumps(record), "utf-8")
    assert run("job", "run", JOB, "--task", "propagate-000000-000005") == 0
    assert read_mask("shot-masks/000000.png")[:8, :19].all()


def test_another_clip_is_refused_and_nothing_is_written(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    make(run)
    Path("die Bilder/00019.png").unlink()
    for action in ("check", "run"):
        assert run("job", action, JOB) == 2
        assert "frames 19, not 20" in capsys.readouterr().err
    write_picture(Path("die Bilder/00019.png"), FILM[3])
    assert run("job", "run", JOB) == 2
    assert "is not the one that the job was made for" in capsys.readouterr().err
    assert not Path("shot-masks").exists()


def test_other_weights_are_refused_with_both_versions(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    make(run)
    other = run_with(colour_engine("newer"))
    edit(program="0.0.7")
    for action in ("check", "run"):
        assert other("job", action, JOB) == 2
        said = capsys.readouterr().err
        assert "version 0.0.7 (weights colour" in said
        assert f"version {__version__} (weights newer" in said
    make(run, job=Path("other.job.json"))
    Path("other.job.json").replace(JOB)
    edit(algorithm=1)
    assert run("job", "run", JOB) == 2
    assert "method 1)" in capsys.readouterr().err


def test_a_machine_without_the_weights_is_refused_with_both_versions(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from blender_cutout.models import registry

    make(run)
    edit(program="0.0.7")
    monkeypatch.setattr(registry, "FOLDER", tmp_path / "no weights")
    for action in ("check", "run"):
        assert main(["job", action, str(JOB)]) == 2
        said = capsys.readouterr().err
        assert "no weights" in said
        assert "is missing. The job was made by version 0.0.7 (weights colour)" in said
        assert f"this machine has version {__version__}." in said
    assert not list(Path("shot-masks").iterdir())


def test_another_library_for_the_networks_is_refused(
    run: Run, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CUTOUT_ENGINE", "torch")
    make(run)
    monkeypatch.setenv("CUTOUT_ENGINE", "onnx")
    for action in ("check", "run"):
        assert run("job", action, JOB) == 2
        assert "made with the engine torch, and this machine uses onnx" in capsys.readouterr().err
    assert not list(Path("shot-masks").iterdir())


def test_a_task_does_not_start_before_those_it_needs(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    make(run, "--edges", "alpha")
    assert run("job", "run", JOB, "--task", "edges-000000-000004") == 2
    assert "needs propagate-000000-000005, which is not finished" in capsys.readouterr().err
    assert run("job", "run", JOB, "--task", "sing") == 2
    assert "no task 'sing'" in capsys.readouterr().err
