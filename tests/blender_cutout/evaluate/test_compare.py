"""Tests `cutout evaluate --against`: tiers, saved results and other builds, only on exactly the same walks."""

from __future__ import annotations

import json
import sys
import textwrap
import venv
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from blender_cutout.cli import main
from blender_cutout.core.engine import Engine, EngineSettings
from blender_cutout.core.fakes import FakePropagationNet, FakeScribbleNet, SyntheticClip
from blender_cutout.core.propagation.settings import PropagationSettings

Run = Callable[..., int]

OTHER_BUILD = """
    from types import SimpleNamespace
    import numpy as np
    __version__ = "0.0.7"

    class Stroke(SimpleNamespace):
        pass

    class Engine:
        def __init__(self, tier, device):
            self.tier, self.device, self.weights_id = tier, "cpu", "old-weights"

        def propagate(self, frames, keyframes, frame_range=None, previous=None, locked=(), stability=1.0):
            print("an old build may print what it likes")
            for frame in range(*frame_range):
                seen = frames[frame]
                assert seen.shape == (*frames.size, 3) and len(frames) > frame
                found = (seen[..., 0] > 180) & (seen[..., 1] < 90)
                yield frame, np.float32(found & (np.arange(frames.size[1]) % 10 > 2))

        def refine(self, image, strokes, previous=None, zoom=1.0):
            assert strokes[0].label in ("keep", "remove") and len(strokes[0].points[0]) == 2
            return np.float32((image[..., 0] > 180) & (image[..., 1] < 90))

        def foreground(self, image):
            return self.refine(image, [SimpleNamespace(label="keep", points=[(0, 0)])])

    def load_engine(tier="auto", device="auto", weights=None):
        return Engine(tier, device)
"""


class Blind(FakePropagationNet):
    """Finds nothing."""

    def segment(self, query: Any, memory: Any, previous: Any = None) -> Any:
        return 0 * super().segment(query, memory, previous)


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """Runs `cutout evaluate data` on five clips and five pictures; the tier draft has a worse network."""
    monkeypatch.chdir(tmp_path)
    for n, name in enumerate("abcde"):
        clip = SyntheticClip(length=6, radius=14 + 4 * n)
        for frame in range(6):
            write(Path(f"data/video/{name}/frames/{frame}.png"), clip[frame])
            write(Path(f"data/video/{name}/masks/{frame}.png"), (255 * clip.matte(frame)).astype(np.uint8))
        write(Path(f"data/stills/images/{name}.png"), clip[2])
        write(Path(f"data/stills/masks/{name}.png"), (255 * clip.matte(2)).astype(np.uint8))
    settings = EngineSettings(scribble_px=160, propagation=PropagationSettings(working_px=128))

    def load(tier: str, device: str) -> Engine:
        net = Blind() if tier == "draft" else FakePropagationNet()
        return Engine(FakeScribbleNet(), net, settings, tier=tier, weights_id=f"weights of {tier}")

    return lambda *words: main(["evaluate", "data", *(str(w) for w in words)], load=load)


def write(path: Path, picture: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(cv2.imencode(".png", picture[..., ::-1] if picture.ndim == 3 else picture)[1].tobytes())


def done(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    return json.loads(capsys.readouterr().out.splitlines()[-1])  # type: ignore[no-any-return]


def test_two_tiers_are_compared_clip_by_clip(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--json", "--only", "video", "--against", "draft") == 0
    found = done(capsys)["comparison"]["video"]["J&F"]
    assert found["verdict"] == "first better"
    assert set(found["each"]) == set("abcde")
    assert found["difference"] == pytest.approx(np.mean(list(found["each"].values())))
    assert 0 < found["interval"][0] <= found["difference"] <= found["interval"][1]
    assert run("--only", "video", "--against", "draft") == 0
    printed = capsys.readouterr().out
    assert "first standard (weights ), second draft, released weights" in printed
    assert "first better" in printed


def test_the_same_network_twice_is_no_difference(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--against", "released") == 0
    printed = capsys.readouterr().out
    assert "better" not in printed
    assert printed.count("no difference") >= 6
    for kind in ("video", "strokes", "foreground of pictures", "foreground of first frames", "slips"):
        assert f"{kind}: first standard" in printed


def test_saved_results_are_compared_with_a_later_run(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    words = ("--json", "--only", "video", "--only", "stills", "--robot", "sloppy", "--starts", 2)
    assert run(*words, "--tier", "draft", "--save", "old.json") == 0
    old = done(capsys)
    assert run(*words, "--against", "old.json") == 0
    new = done(capsys)
    found = new["comparison"]["video"]["J&F"]
    assert found["second"] == pytest.approx(old["video"]["J&F"])
    assert found["first"] == pytest.approx(new["video"]["J&F"])
    assert found["verdict"] == "first better"
    strokes = new["comparison"]["strokes"]["IoU@1"]
    assert (strokes["difference"], strokes["verdict"]) == (0, "no difference")


@pytest.mark.parametrize(
    ("changed", "words", "says"),
    [
        ("", ("--starts", "2"), "other walks for video: a was measured from 0 over 0-5, now from 0 over 0-5, from 5"),
        ("", ("--robot", "sloppy"), "other walks for strokes: a was measured careful robot, 10 rounds, now sloppy"),
        ("", ("--limit", "4"), "other data for video: with e"),
        ("", ("--only", "slips"), "no measure 'slips', only video, strokes"),
        ("data/video/b/masks/3.png", (), "other data for video: the files of b differ"),
        ("data/stills/images/c.png", (), "other data for strokes: the files of c differ"),
    ],
)
def test_results_of_other_data_or_walks_are_refused_before_anything_is_measured(
    run: Run, capsys: pytest.CaptureFixture[str], changed: str, words: tuple[str, ...], says: str
) -> None:
    kinds = ("--only", "video", "--only", "stills")
    assert run(*kinds, "--save", "old.json") == 0
    capsys.readouterr()
    if changed:
        picture = cv2.imread(changed, cv2.IMREAD_UNCHANGED)
        picture[60:64, 90:94] = 255 - picture[60:64, 90:94]
        cv2.imwrite(changed, picture)
    assert run(*(words if "--only" in words else (*kinds, *words)), "--against", "old.json") == 2
    printed = capsys.readouterr()
    assert says in printed.err
    assert printed.err.count("\n") == 1
    assert printed.out == ""


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("no JSON", "damaged"),
        ("[1, 2]", "no saved results"),
        ('{"tier": "fine"}', "no saved results"),
        ('{"cutout evaluate": 99}', "another version"),
        ('{"cutout evaluate": 1, "name": "x", "about": {}, "identity": {"video": [1]}, "units": {}}', "incomplete"),
        (
            '{"cutout evaluate": 1, "name": "x", "about": {}, "identity": {}, "units": {"video": {"a": {"J": "?"}}}}',
            "inc",
        ),
    ],
)
def test_a_file_that_is_something_else_is_refused(
    run: Run, capsys: pytest.CaptureFixture[str], text: str, says: str
) -> None:
    Path("old.json").write_text(text)
    assert run("--only", "video", "--against", "old.json") == 2
    printed = capsys.readouterr().err
    assert says in printed
    assert printed.count("\n") == 1


def test_another_build_is_measured_by_its_public_functions_alone(
    run: Run, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    package = tmp_path / "an old checkout" / "blender_cutout" / "__init__.py"
    package.parent.mkdir(parents=True)
    package.write_text(textwrap.dedent(OTHER_BUILD))
    kinds = ("--only", "video", "--only", "stills", "--only", "foreground", "--only", "slips")
    assert run("--json", *kinds, "--starts", 2, "--against", package.parent.parent) == 0
    found = done(capsys)["comparison"]
    assert found["video"]["J"]["second"] == pytest.approx(0.7, abs=0.05), "three columns in ten are missing"
    assert found["video"]["J"]["verdict"] == "first better"
    assert found["strokes"]["IoU@1"]["second"] == 1
    assert found["foreground of pictures"]["IoU"]["second"] == 1
    assert "slips" not in found


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("raise RuntimeError('half a checkout')", "half a checkout"),
        (
            "Stroke, __version__ = dict, '1'\ndef load_engine(*_):\n    raise ValueError('no such weights')",
            "no such weights",
        ),
    ],
)
def test_a_build_that_does_not_work_is_one_line(
    run: Run, capsys: pytest.CaptureFixture[str], source: str, says: str
) -> None:
    Path("old/blender_cutout").mkdir(parents=True)
    Path("old/blender_cutout/__init__.py").write_text(source)
    assert run("--only", "video", "--against", "old") == 2
    printed = capsys.readouterr().err
    assert says in printed
    assert printed.count("\n") == 1


def test_a_build_that_fails_on_every_clip_ends_in_its_own_words(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    Path("old/blender_cutout").mkdir(parents=True)
    broken = textwrap.dedent(OTHER_BUILD).replace("seen = frames[frame]", "raise ValueError('no memory of that')")
    Path("old/blender_cutout/__init__.py").write_text(broken)
    assert run("--only", "video", "--save", "ours.json", "--against", "old") == 2
    printed = capsys.readouterr().err
    assert printed.count("no memory of that") == 5
    assert "standard of old could not measure anything" in printed.splitlines()[-1]
    assert "video" in json.loads(Path("ours.json").read_text())["units"], "what was measured is kept"


@pytest.mark.parametrize("other", ["fine-ish", "data", "missing.json", "data/video/a/masks/0.png"])
def test_what_is_no_other_side_is_one_line(run: Run, capsys: pytest.CaptureFixture[str], other: str) -> None:
    assert run("--only", "video", "--against", other) == 2
    printed = capsys.readouterr().err
    assert other in printed
    assert printed.count("\n") == 1


def test_a_python_without_the_package_is_one_line(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    venv.create("bare", with_pip=False)
    python = Path("bare") / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    assert run("--only", "video", "--against", python) == 2
    printed = capsys.readouterr().err
    assert "ModuleNotFoundError" in printed
    assert printed.count("\n") == 1


def test_a_clip_with_a_damaged_frame_is_named_and_left_out_of_every_mean(
    run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("--json", "--only", "video", "--only", "stills") == 0
    whole = done(capsys)
    Path("data/video/b/frames/3.png").write_bytes(b"torn")
    Path("data/stills/images/c.png").write_bytes(b"torn")
    assert run("--json", "--only", "video", "--only", "stills", "-o", "report") == 0
    printed = capsys.readouterr()
    summary = json.loads(printed.out.splitlines()[-1])
    assert "The clip b is skipped" in printed.err
    assert "The picture c is skipped" in printed.err
    assert (summary["video"]["clips"], summary["strokes"]["pictures"]) == (4, 4)
    assert summary["video"]["J&F"] > 0.9, "it did not count as zero"
    record = json.loads(Path("report/scores.json").read_text())
    assert [d["clip"] for d in record["details"]["video"]] == ["a", "c", "d", "e"]
    assert whole["video"]["clips"] == 5


def test_a_half_is_measured_and_the_halves_are_all(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    counts = []
    for which in ("choose", "report"):
        code = run("--json", "--only", "foreground", "--half", which)
        last = done(capsys)
        counts.append(last["foreground of pictures"]["pictures"] if code == 0 else 0)
    assert sum(counts) == 5
    assert run("--half", "both") == 2


def test_the_ghost_is_in_the_table_and_the_record(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    clip = SyntheticClip(length=40)
    for frame in range(40):
        write(Path(f"data/video/long/frames/{frame}.png"), clip[frame])
        write(Path(f"data/video/long/masks/{frame}.png"), (255 * clip.matte(frame)).astype(np.uint8))
    assert run("--json", "--only", "hidden") == 0
    summary = done(capsys)["hidden"]
    assert summary["clips"] == 1
    assert summary["ghost"] == pytest.approx(0, abs=0.02)
    assert summary["again"] > 0.8
    assert run("--only", "hidden") == 0
    head, row, *_ = capsys.readouterr().out.splitlines()
    assert row.split()[0] == "long"
    assert row.split()[head.replace("behind a board", "clip").split().index("ghost")] == "0.00"


def test_the_sloppy_robot_draws_other_strokes_in_the_same_run(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    pictures = []
    for robot in ("careful", "sloppy", "sloppy"):
        assert run("--only", "stills", "--robot", robot, "-o", "report") == 0
        assert f"{robot} strokes" in capsys.readouterr().out
        pictures.append(cv2.imread("report/worst-strokes.png"))
    assert not np.array_equal(pictures[0], pictures[1])
    assert np.array_equal(pictures[1], pictures[2])


def test_the_rounds_of_a_clip_are_saved_and_compared(
    run: Run, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from blender_cutout.commands.studies import interactive

    nets = iter((Blind(), FakePropagationNet(), FakePropagationNet()))
    settings = EngineSettings(128, replace(PropagationSettings(), working_px=128))
    monkeypatch.setattr(
        interactive, "load_engine", lambda *_: Engine(FakeScribbleNet(), next(nets), settings, tier="t", weights_id="w")
    )
    words = ("data", "--rounds", "2", "--robot", "sloppy")
    assert interactive.main([*words, "--save", "old.json"]) == 0
    table = capsys.readouterr().out
    assert [line.split()[0] for line in table.splitlines()[-4:-1]] == ["mean", "95", "to"]
    assert interactive.main([*words, "--against", "old.json"]) == 0
    assert "AUC" in capsys.readouterr().out.split("rounds on clips: first")[1]
    with pytest.raises(Exception, match="sloppy robot, 2 rounds, now careful robot, 2 rounds"):
        interactive.main(["data", "--rounds", "2", "--against", "old.json"])
