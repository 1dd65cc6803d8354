"""Tests `cutout session`, `cutout import`, other programs' masks as keyframes, and the disk space of a run."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from blender_cutout.cli import main
from blender_cutout.commands import arguments, files
from blender_cutout.core.engine import Engine, EngineSettings
from blender_cutout.core.fakes import FakePropagationNet, FakeScribbleNet, SyntheticClip, iou
from blender_cutout.core.images.matte import read_mask, write_mask
from blender_cutout.core.propagation.settings import PropagationSettings
from blender_cutout.core.session.actions import Round
from blender_cutout.core.session.track_session import TrackSession
from blender_cutout.core.types import Clip, Direction, FrameRange, Label, Stroke

FILM = SyntheticClip(length=10, height=60, width=100, radius=10)
Run = Callable[..., int]


@pytest.fixture
def engine() -> Engine:
    settings = EngineSettings(96, PropagationSettings(working_px=96))
    return Engine(FakeScribbleNet(), FakePropagationNet(), settings, tier="fake", weights_id="fake")


@pytest.fixture
def run(engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.chdir(tmp_path)
    Path("clip").mkdir()
    Path("alte masken").mkdir()
    for frame in range(len(FILM)):
        cv2.imwrite(f"clip/{frame:03d}.png", cv2.cvtColor(FILM[frame], cv2.COLOR_RGB2BGR))
        write_mask(f"alte masken/{frame}.png", FILM.matte(frame))
    return lambda *words: main([str(w) for w in words], load=lambda tier, device: engine)


@pytest.fixture
def track(run: Run, engine: Engine) -> Path:
    """A cutout's folder as the add-on leaves it, with an undone propagation."""
    folder = Path("film_cutout/spur").absolute()
    with TrackSession.open(Clip(str(Path("clip").absolute())), folder, engine) as session:
        session.apply_round(Round(2, (Stroke([FILM.centre(2)], 3, Label.KEEP),)))
        list(session.propagate(FrameRange(0, 10), Direction.BOTH))
        session.undo()
        session.apply_round(Round(2, (Stroke([FILM.centre(2)], 4, Label.KEEP),)))
    return folder


def test_session_tells_what_a_folder_holds(run: Run, track: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("session", track) == 0
    out = capsys.readouterr().out
    assert "10 frames, 1 with masks" in out
    assert "Keyframes: 2." in out
    assert "Masks on disk: 45 KB" in out
    assert run("session", track, "--json") == 0
    record = json.loads(capsys.readouterr().out)
    assert (record["used"], record["freed"], record["keyframes"]) == (11 * 4096, 0, [2])


def test_a_limit_removes_what_was_undone_and_says_what_it_cannot(
    run: Run, track: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("session", track, "--limit", "30K") == 0
    assert "of unused masks" in capsys.readouterr().out
    assert len(list(track.rglob("mattes/*/*.png"))) <= 7
    assert run("session", track, "--limit", "1K") == 0
    assert "more than 1.0 KB, and are kept" in capsys.readouterr().err
    assert len(list(track.rglob("mattes/*/*.png"))) == 2, "rounds stay"


def test_import_into_a_session_is_seen_by_the_add_ons_engine(
    run: Run, track: Path, engine: Engine, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("import", "alte masken", "--session", track, "--every", 4) == 0
    assert "3 masks imported as keyframes" in capsys.readouterr().out
    with TrackSession.open(Clip(str(Path("clip").absolute())), track, engine) as session:
        assert session.keyframes() == (0, 2, 4, 8)
        assert np.array_equal(session.matte(8), FILM.matte(8))  # type: ignore[arg-type]
        session.undo()
        assert session.keyframes() == (2,)


def test_import_of_one_mask_and_of_chosen_frames(run: Run, track: Path, engine: Engine) -> None:
    assert run("import", "alte masken/7.png", "--session", track, "--at", 7) == 0
    assert run("import", "alte masken", "--session", track, "--frame", 3, "--frame", 5) == 0
    with TrackSession.open(Clip(str(Path("clip").absolute())), track, engine) as session:
        assert session.keyframes() == (2, 3, 5, 7)


def test_a_moved_clip_is_given_again(run: Run, track: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("clip").rename("woanders")
    assert run("session", track) == 2
    assert "does not exist" in capsys.readouterr().err
    assert run("session", track, "--clip", Path("woanders").absolute()) == 0
    assert run("session", track) == 0, "the new place is remembered"


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["session", "clip"], "not a cutout's folder"),
        (["import", "none", "--session", "TRACK"], "do not exist"),
        (["import", "alte masken/7.png", "--session", "TRACK"], "1 mask, but the clip has 10 frames"),
        (["import", "clip", "--session", "TRACK"], "colour picture"),
        (["session", "TRACK", "--limit", "much"], "not a size"),
        (["propagate", "clip", "-o", "out"], "no keyframe"),
        (["propagate", "clip", "--keyframes", "alte masken", "--at", "4", "-o", "out"], "do not fit"),
    ],
)
def test_wrong_input_is_one_line(
    run: Run, track: Path, capsys: pytest.CaptureFixture[str], words: list[str], text: str
) -> None:
    assert run(*(str(track) if word == "TRACK" else word for word in words)) == 2
    error = capsys.readouterr().err
    assert text in error
    assert error.count("\n") == 1


def test_a_session_in_use_is_respected(
    run: Run, track: Path, engine: Engine, capsys: pytest.CaptureFixture[str]
) -> None:
    with TrackSession.open(Clip(str(Path("clip").absolute())), track, engine):
        assert run("import", "alte masken", "--session", track) == 2
    assert "in use by process" in capsys.readouterr().err


def test_masks_of_another_program_are_keyframes_of_a_propagation(run: Run) -> None:
    assert run("propagate", "clip", "--keyframes", "alte masken", "--every", 5, "-o", "out") == 0
    assert len(list(Path("out").iterdir())) == 10
    for frame in range(10):
        assert iou(read_mask(f"out/{frame:06d}.png"), FILM.matte(frame)) > 0.9
    for frame in (0, 5):
        assert np.array_equal(read_mask(f"out/{frame:06d}.png"), FILM.matte(frame))


def test_what_a_run_takes_is_said_before_and_holds(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("propagate", "clip", "--keyframe", "0=alte masken/0.png", "-o", "out", "--json") == 0
    record: dict[str, Any] = json.loads(capsys.readouterr().out.splitlines()[0])
    assert record["event"] == "start"
    assert record["disk_free"] > record["disk_needed"]
    assert record["disk_needed"] == sum(-(-p.stat().st_size // 4096) * 4096 for p in Path("out").iterdir())


def test_a_disk_that_is_too_small_is_refused_before_anything_is_done(
    run: Run, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ("propagate", "clip", "--keyframe", "0=alte masken/0.png", "-o", "out")
    monkeypatch.setattr("blender_cutout.core.session.disk_limit.free_bytes", lambda folder: 10_000)
    assert run(*words) == 2
    error = capsys.readouterr().err
    assert "10 masks take about 41 KB, but only 10 KB are free" in error
    assert "--range" in error
    assert error.count("\n") == 1
    assert not Path("out").exists()
    assert run(*words, "--range", "0:2") == 0
    assert len(list(Path("out").iterdir())) == 2


def test_masks_that_are_there_need_no_more_room(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    words = ("propagate", "clip", "--keyframe", "0=alte masken/0.png", "-o", "out")
    assert run(*words, "--range", "0:8") == 0
    monkeypatch.setattr("blender_cutout.core.session.disk_limit.free_bytes", lambda folder: 10_000)
    before = {path: path.read_bytes() for path in Path("out").iterdir()}
    assert run(*words, "--resume") == 0
    assert len(list(Path("out").iterdir())) == 10
    assert all(path.read_bytes() == data for path, data in before.items())


def test_sizes_are_read() -> None:
    assert [arguments.size(text) for text in ("12", "500M", "1.5 GB", "2t")] == [12, 5 * 10**8, 15 * 10**8, 2 * 10**12]
    assert files.mask_name(3) == "000003.png"


def test_versions_are_kept_returned_to_and_deleted(
    run: Run, track: Path, engine: Engine, capsys: pytest.CaptureFixture[str]
) -> None:
    def heads() -> tuple[str, dict[str, str]]:
        capsys.readouterr()
        assert run("session", track, "--json") == 0
        record = json.loads(capsys.readouterr().out)
        return record["head"], record["versions"]

    first, none = heads()
    assert none == {}
    assert run("session", track, "--keep-version", "to the client") == 0
    with TrackSession.open(Clip(str(Path("clip").absolute())), track, engine) as session:
        session.undo()
    assert run("session", track, "--return-to", "to the client") == 0
    assert "Versions: to the client, Before Return." in capsys.readouterr().out
    assert heads()[0] == first
    assert run("session", track, "--delete-version", "Before Return") == 0
    assert heads() == (first, {"to the client": first})
    assert run("session", track, "--return-to", "nothing") == 2
