"""Tests wrong input: exit code 2, one clear line that says what to do, no traceback, nothing written."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from blender_cutout.cli import main
from blender_cutout.core.engine import Engine
from blender_cutout.core.fakes import SyntheticClip
from blender_cutout.core.images.matte import write_mask

Fail = Callable[..., str]


def write_picture(path: Path, rgb: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(cv2.imencode(path.suffix, cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR))[1].tobytes())


@pytest.fixture
def fail(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str],
    clip: SyntheticClip,
) -> Fail:  # fmt: skip
    """Runs `cutout` next to a good clip, picture and mask, expects it to fail, and returns its one line of output."""
    monkeypatch.chdir(tmp_path)
    for frame in range(4):
        write_picture(Path("clip") / f"{frame}.png", clip[frame])
    write_picture(Path("in.png"), clip[0])
    write_mask("first.png", clip.matte(0))
    write_mask("small.png", np.zeros((50, 70), np.float32))
    Path("empty.mp4").touch()
    Path("text.mp4").write_text("not a movie at all, but a text of some length\n" * 50)
    Path("empty folder").mkdir()
    Path("empty.png").touch()
    Path("broken.json").write_text("{")
    Path("other.json").write_text("[1, 2]")
    for name, strokes in {
        "none.json": [],
        "outside.json": [{"label": "keep", "radius": 3, "points": [[900, 900]]}],
        "label.json": [{"label": "maybe", "radius": 3, "points": [[9, 9]]}],
        "nan.json": [{"label": "keep", "radius": 3, "points": [[float("nan"), 9]]}],
        "good.json": [{"label": "keep", "radius": 3, "points": [[22, 60]]}],
    }.items():
        Path(name).write_text(json.dumps({"strokes": strokes}))

    def run(*words: str) -> str:
        before = sorted(str(p) for p in tmp_path.rglob("*"))
        code = main([str(w) for w in words], load=lambda tier, device: engine)
        out, err = capsys.readouterr()
        assert code == 2, err
        assert out == ""
        assert err.count("\n") == 1, err
        assert "Traceback" not in err
        assert len(err) < 400
        assert sorted(str(p) for p in tmp_path.rglob("*")) == before, "nothing is left behind"
        return err

    return run


PROPAGATE = ("--keyframe", "0=first.png", "-o", "out")


@pytest.mark.parametrize(
    ("clip_path", "says"),
    [
        ("missing.mp4", "does not exist"),
        ("empty.mp4", "empty"),
        ("text.mp4", "text.mp4"),
        ("empty folder", "no pictures"),
        ("none.json", "none.json"),
    ],
)
def test_a_clip_that_cannot_be_read(fail: Fail, clip_path: str, says: str) -> None:
    assert says in fail("propagate", clip_path, *PROPAGATE)
    assert says in fail("composite", clip_path, "--masks", "clip", "--rgba", "-o", "out")


def test_a_truncated_movie_is_reported_or_gives_only_frames_that_decode(
    fail: Fail, clip: SyntheticClip, write_movie: Callable[..., Path]
) -> None:
    path = write_movie([clip[f] for f in range(24)])
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    assert "clip.mp4" in fail("propagate", path, *PROPAGATE)


def test_a_mask_of_another_size_names_both_sizes(fail: Fail) -> None:
    said = fail("propagate", "clip", "--keyframe", "0=small.png", "-o", "out")
    assert "70 x 50" in said
    assert "200 x 120" in said
    said = fail("refine", "in.png", "--strokes", "good.json", "--previous", "small.png", "-o", "m.png")
    assert "70 x 50" in said
    assert "200 x 120" in said


def test_earlier_masks_of_another_size_are_found_before_any_work(fail: Fail) -> None:
    Path("old").mkdir()
    write_mask("old/000000.png", np.zeros((120, 200), np.float32))
    write_mask("old/000003.png", np.zeros((50, 70), np.float32))
    for words in (("propagate", "clip", "--previous", "old", *PROPAGATE),
                  ("composite", "clip", "--masks", "old", "--rgba", "-o", "out")):  # fmt: skip
        said = fail(*words)
        assert "70 x 50" in said
        assert "000003.png" in said


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--keyframe", "0=missing.png"), "missing.png"),
        (("--keyframe", "0=empty.png"), "empty.png"),
        (("--keyframe", "0=broken.json"), "not a picture"),
        (("--keyframe", "4=first.png"), "4 frames"),
        (("--keyframe", "-1=first.png"), "--keyframe"),
        (("--keyframe", "first.png"), "FRAME=MASK.png"),
        (("--keyframe", "0=first.png", "--keyframe", "0=first.png"), "two masks"),
        (("--keyframe", "0=first.png", "--range", "2:2"), "2:2"),
        (("--keyframe", "0=first.png", "--range", "1:9"), "4 frames"),
        (("--keyframe", "0=first.png", "--range", "all"), "A:B"),
        (("--keyframe", "0=first.png", "--lock", "1"), "--previous"),
        (("--keyframe", "0=first.png", "--previous", "none"), "none"),
        (("--keyframe", "0=first.png", "--previous", "empty folder"), "no masks"),
        (("--keyframe", "0=first.png", "--tier", "ultra"), "draft"),
    ],
)
def test_propagate_with_arguments_that_cannot_work(fail: Fail, words: tuple[str, ...], says: str) -> None:
    assert says in fail("propagate", "clip", *words, "-o", "out")


def test_a_locked_frame_needs_an_earlier_mask_and_must_be_in_the_clip(fail: Fail) -> None:
    Path("old").mkdir()
    write_mask("old/000000.png", np.zeros((120, 200), np.float32))
    assert "lies outside" in fail("propagate", "clip", *PROPAGATE, "--previous", "old", "--lock", "9")


@pytest.mark.parametrize(
    ("strokes", "says"),
    [
        ("missing.json", "missing.json"),
        ("broken.json", "not JSON"),
        ("other.json", "no list of strokes"),
        ("none.json", "no strokes"),
        ("outside.json", "outside"),
        ("label.json", "maybe"),
        ("nan.json", "not a number"),
        ("in.png", "in.png"),
    ],
)
def test_strokes_that_cannot_be_used(fail: Fail, strokes: str, says: str) -> None:
    assert says in fail("refine", "in.png", "--strokes", strokes, "-o", "mask.png")


@pytest.mark.parametrize("zoom", ["0", "-1", "nan"])
def test_a_zoom_that_is_none(fail: Fail, zoom: str) -> None:
    assert "zoom" in fail("refine", "in.png", "--strokes", "good.json", f"--zoom={zoom}", "-o", "m.png").lower()


COMPOSITE = ("composite", "clip", "--masks", "clip", "--rgba", "-o", "out")
NUMBERS = [
    *((COMPOSITE, "--edge-shrink", text) for text in ("nan", "inf", "100000", "-1e9", "1e400", "", "much")),
    *((COMPOSITE, "--edge-feather", text) for text in ("nan", "-1", "1e9", "101")),
    *((COMPOSITE, "--edge-detail", text) for text in ("nan", "-0.1", "1.1")),
    *((COMPOSITE, "--edge-fill-holes", text) for text in ("-1", "1e9")),
    *((COMPOSITE, "--fps", text) for text in ("nan", "0", "-25", "1e-9", "inf", "1001")),
    *((COMPOSITE, "--range", text) for text in ("0:99999999999999999999", "-1:2", "1e3:")),
    *((("propagate", "clip", *PROPAGATE), "--stability", text) for text in ("nan", "1.1", "-0.1")),
    *((("propagate", "clip", *PROPAGATE), "--stop-below", text) for text in ("nan", "2")),
    *((("propagate", "clip", *PROPAGATE), "--every", text) for text in ("0", "-1", "9" * 5000, "1.5")),
    *((("propagate", "clip", *PROPAGATE), "--at", text) for text in ("-1", "9" * 30)),
    *((("propagate", "clip", *PROPAGATE), "--lock", text) for text in ("0:999999999999", "9" * 30, "5:2")),
    *((("propagate", "clip", "-o", "out"), "--keyframe", f"{text}=first.png") for text in ("9" * 5000, "1e3")),
    *((("session", "empty folder"), "--limit", text) for text in ("9" * 400 + "T", "-1", "nan", "1e9")),
    *((("bench",), "--frames", text) for text in ("0", "9" * 30)),
    *((("bench",), "--objects", text) for text in ("0", "-3", "9" * 30)),
    *((("bench",), "--size", text) for text in ("0x0", "9999999x9999999", "-1x5", "9" * 5000 + "x9")),
    *((("refine", "in.png", "--strokes", "good.json", "-o", "m.png"), "--zoom", text) for text in ("inf", "1e9")),
]


@pytest.mark.parametrize(
    ("words", "option", "text"), NUMBERS, ids=[f"{words[0]} {option}={text[:9]}" for words, option, text in NUMBERS]
)
def test_a_number_that_makes_no_sense_is_refused_at_once(
    fail: Fail, words: tuple[str, ...], option: str, text: str
) -> None:
    assert option in fail(*words, f"{option}={text}")


def test_the_frames_to_lock_must_be_in_the_clip(fail: Fail) -> None:
    Path("old").mkdir()
    write_mask("old/000000.png", np.zeros((120, 200), np.float32))
    said = fail("propagate", "clip", *PROPAGATE, "--previous", "old", "--lock", "0:9999999")
    assert "The locked frame 9999998 lies outside the clip" in said


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('{"strokes": [' + ",".join(['{"label": "keep", "radius": 2, "points": [[1, 1]]}'] * 100_001) + "]}", "100001"),
        ('{"strokes": [{"label": "keep", "radius": 2, "points": [' + ",".join(["[1,1]"] * 100_001) + "]}]}", "100001"),
        ("[" * 100_000, "not JSON"),
        ('{"strokes": [{"label": "keep", "radius": 2, "points": [[1, ' + "9" * 400 + "]]}]}", "large"),
        (" " * (16 * 2**20 + 1), "larger than"),
    ],
    ids=["strokes", "points", "nesting", "digits", "bytes"],
)
def test_strokes_beyond_all_measure_are_refused(fail: Fail, text: str, says: str) -> None:
    Path("much.json").write_text(text)
    assert says in fail("refine", "in.png", "--strokes", "much.json", "-o", "mask.png")


@pytest.mark.skipif(os.name == "nt", reason="no such files there")
def test_strokes_from_a_pipe_or_a_device_are_refused_at_once(fail: Fail) -> None:
    os.mkfifo("pipe")
    for path in ("pipe", "/dev/zero"):
        assert "cannot be read" in fail("refine", "in.png", "--strokes", path, "-o", "mask.png")


@pytest.mark.parametrize(
    ("image", "output", "says"),
    [
        ("missing.png", "m.png", "missing.png"),
        ("empty.png", "m.png", "empty"),
        ("text.mp4", "m.png", "not a supported kind of picture"),
        ("clip", "m.png", "clip"),
        ("in.png", "mask.jpg", ".png"),
        ("in.png", "in.png", "overwritten"),
    ],
)
def test_foreground_of_what_is_no_picture_or_to_a_wrong_place(fail: Fail, image: str, output: str, says: str) -> None:
    assert says in fail("foreground", image, "-o", output)


def test_results_do_not_go_into_the_clip_or_into_a_file(fail: Fail) -> None:
    assert "the clip itself" in fail("propagate", "clip", "--keyframe", "0=first.png", "-o", "clip")
    assert "is a file" in fail("propagate", "clip", "--keyframe", "0=first.png", "-o", "in.png")


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="file permissions of Unix")
def test_a_folder_that_cannot_be_written_to(fail: Fail, monkeypatch: pytest.MonkeyPatch) -> None:
    locked = Path("locked")
    locked.mkdir()
    locked.chmod(0o500)
    if os.access(locked, os.W_OK):  # the superuser may write anywhere: the system's answer is given instead
        import tempfile

        def refused(*_: object, **__: object) -> None:
            raise PermissionError(13, "Permission denied", str(locked))

        monkeypatch.setattr(tempfile, "mkstemp", refused)
    for words in (
        ("foreground", "in.png", "-o", "locked/m.png"),
        ("propagate", "clip", *PROPAGATE[:2], "-o", "locked"),
    ):
        said = fail(*words)
        assert "No permission to write" in said
        assert "locked" in said
    locked.chmod(0o700)


def test_a_full_disk_stops_with_one_line_and_keeps_what_is_done(
    fail: Fail, engine: Engine, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    replace, number = os.replace, iter(range(100))

    def full(part: Path, target: Path) -> None:
        if next(number) == 2:
            raise OSError(28, "No space left on device", str(target))
        replace(part, target)

    words = ["propagate", "clip", *PROPAGATE]
    with monkeypatch.context() as patched:
        patched.setattr(os, "replace", full)
        assert main(words, load=lambda tier, device: engine) == 2
    err = capsys.readouterr().err
    assert "The disk is full" in err
    assert err.count("\n") == 1
    assert "--resume" in err
    assert sorted(os.listdir("out")) == ["000000.png", "000001.png"]
    assert main([*words, "--resume"], load=lambda tier, device: engine) == 0
    assert len(os.listdir("out")) == 4


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--background", "#12"), "#rrggbb"),
        (("--background", "nosuch.jpg"), "neither a colour nor a file"),
        (("--background", "text.mp4"), "text.mp4"),
        (("--rgba", "--edge-feather", "-2"), "feather"),
        (("--rgba", "--edge-clip-black", "0.6", "--edge-clip-white", "0.6"), "nothing between"),
        (("--rgba", "--fps", "0"), "--fps"),
        (("--rgba", "--range", "0:3"), "frame 2"),
        (("--rgba", "--background", "red"), "not allowed"),
        ((), "--background"),
    ],
)
def test_composite_with_arguments_that_cannot_work(fail: Fail, words: tuple[str, ...], says: str) -> None:
    Path("masks").mkdir()
    for frame in range(2):
        write_mask(f"masks/{frame:06d}.png", np.ones((120, 200), np.float32))
    words = words if "--range" in words else (*words, "--range", "0:2")
    assert says in fail("composite", "clip", "--masks", "masks", *words, "-o", "out")


def test_evaluate_of_what_is_no_data(fail: Fail) -> None:
    assert "Expected" in fail("evaluate", "clip")
    assert "does not exist" in fail("evaluate", "missing")


@pytest.mark.parametrize(
    "words", [(), ("cut",), ("foreground",), ("propagate", "clip"), ("foreground", "a", "-x", "b")]
)
def test_a_command_line_that_is_not_understood_points_to_help(fail: Fail, words: tuple[str, ...]) -> None:
    assert "--help" in fail(*words)


def test_a_fault_of_the_program_is_one_line_too(
    fail: Fail, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(tier: str, device: str) -> Engine:
        raise ZeroDivisionError("division by zero")

    assert main(["foreground", "in.png", "-o", "m.png"], load=broken) == 1
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert "ZeroDivisionError" in err
    monkeypatch.setenv("CUTOUT_DEBUG", "1")
    assert main(["foreground", "in.png", "-o", "m.png"], load=broken) == 1
    assert "Traceback" in capsys.readouterr().err
