"""Tests the `cutout` command as a user runs it: its own process, trained weights, real files."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from blender_cutout.client.queue_process import QueueProcess, queue_command
from blender_cutout.core.fakes import SyntheticClip, iou
from blender_cutout.core.images.matte import read_mask, write_mask
from blender_cutout.core.jobs.queue_record import read_queue

ROOT = Path(__file__).resolve().parents[2]
ENVIRONMENT = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "PYTHONIOENCODING": "utf-8"}


def cutout(*words: object, folder: Path, **more: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "blender_cutout", *map(str, words)]
    return subprocess.run(
        command, cwd=folder, env=ENVIRONMENT | more, capture_output=True, text=True, encoding="utf-8", timeout=240
    )


@pytest.fixture
def place(tmp_path: Path) -> Path:
    folder = tmp_path / "Mein Projekt – Übung 日本"
    folder.mkdir()
    return folder


@pytest.fixture
def scene() -> SyntheticClip:
    return SyntheticClip(length=12, height=144, width=240, radius=30)


def write_folder(folder: Path, scene: SyntheticClip, suffix: str = ".jpg") -> Path:
    folder.mkdir()
    for frame in range(len(scene)):
        bgr = cv2.cvtColor(scene[frame], cv2.COLOR_RGB2BGR)
        (folder / f"Bild {frame + 100}{suffix}").write_bytes(cv2.imencode(suffix, bgr)[1].tobytes())
    return folder


@pytest.mark.parametrize("kind", ["movie", "folder"])
def test_a_clip_becomes_one_mask_for_each_frame_and_then_a_composite(
    place: Path, scene: SyntheticClip, kind: str, write_movie: Callable[..., Path]
) -> None:
    if kind == "movie":  # with B-frames and a start that is not zero
        made = write_movie(
            [scene[f] for f in range(12)], options={"bf": "2", "g": "6", "crf": "12"}, times=range(7, 19)
        )
        clip = made.rename(place / "Aufnahme 1.mp4")
    else:
        clip = write_folder(place / "die Bilder", scene)
    write_mask(place / "erste.png", scene.matte(4))
    done = cutout(
        "propagate", clip.name, "--keyframe", "4=erste.png", "-o", "Masken", "--tier", "draft", "--json", folder=place
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    events = [json.loads(line) for line in done.stdout.splitlines()]
    assert [e["frame"] for e in events if e["event"] == "frame"] == [4, 5, 6, 7, 8, 9, 10, 11, 3, 2, 1, 0]
    assert sorted(os.listdir(place / "Masken")) == [f"{f:06d}.png" for f in range(12)]
    for frame in range(12):
        mask = read_mask(place / "Masken" / f"{frame:06d}.png", scene.size)
        scores = [iou(mask, scene.matte(f)) for f in range(12)]
        assert scores[frame] > 0.7, f"frame {frame}: {scores[frame]:.2f}"
        assert int(np.argmax(scores)) == frame, "the mask belongs to its own frame"
    done = cutout("composite", clip.name, "--masks", "Masken", "--background", "blue", "-o", "fertig.mp4", folder=place)
    assert done.returncode == 0, done.stderr
    assert (place / "fertig.mp4").stat().st_size > 0


def test_the_stretches_of_a_job_give_the_masks_of_one_propagation_bit_for_bit(place: Path) -> None:
    scene = SyntheticClip(length=20, height=144, width=240, radius=30)
    clip = write_folder(place / "die Bilder", scene)
    keyframes: list[object] = []
    for frame in (1, 6, 10, 15):
        write_mask(place / f"{frame}.png", scene.matte(frame))
        keyframes += ["--keyframe", f"{frame}={frame}.png"]
    whole = cutout("propagate", clip.name, *keyframes, "--tier", "quick", "-o", "ganz", folder=place)
    assert whole.returncode == 0, whole.stderr
    more = ("--tier", "quick", "--task-frames", 4, "-o", "a.job.json")
    made = cutout("job", "make", clip.name, *keyframes, *more, folder=place)
    assert made.returncode == 0, made.stderr
    stretches = ("010-000014", "015-000019", "000-000005", "006-000009")
    for names in (stretches[:2], stretches[2:]):  # by two processes, which know nothing of each other
        words = [word for name in names for word in ("--task", f"propagate-000{name}")]
        done = cutout("job", "run", "a.job.json", *words, folder=place)
        assert done.returncode == 0, done.stderr
    for frame in range(20):
        name = f"{frame:06d}.png"
        assert (place / "a-masks" / name).read_bytes() == (place / "ganz" / name).read_bytes(), frame
    (place / "a-masks" / "000000.png").unlink()
    (place / "a.job" / "finished" / "propagate-000000-000005.json").unlink()
    process = QueueProcess()  # as Blender starts it
    process.start(queue_command(sys.executable, place, "cpu"), place / "queue.log")
    end = time.monotonic() + 200
    while process.poll():
        assert time.monotonic() < end
        time.sleep(0.1)
    assert process.code == 0, (place / "queue.log").read_text("utf-8")
    assert read_queue(place).results["a.job.json"].state == "done"
    assert (place / "a-masks" / "000000.png").read_bytes() == (place / "ganz" / "000000.png").read_bytes()


def test_foreground_and_strokes_of_one_picture(place: Path, scene: SyntheticClip) -> None:
    pictures = write_folder(place / "bilder", scene, ".png")
    picture = min(pictures.iterdir())
    assert cutout("foreground", picture, "-o", "erst.png", "--tier", "draft", folder=place).returncode == 0
    assert read_mask(place / "erst.png", scene.size).shape == scene.size
    x, y = scene.centre(0)
    strokes = {"strokes": [{"label": "keep", "radius": 5, "points": [[x - 8, y], [x + 8, y]]}]}
    (place / "Striche.json").write_text(json.dumps(strokes), encoding="utf-8")
    done = cutout("refine", picture, "--strokes", "Striche.json", "-o", "m.png", "--tier", "draft", folder=place)
    assert done.returncode == 0, done.stderr
    assert iou(read_mask(place / "m.png"), scene.matte(0)) > 0.7


@pytest.mark.parametrize(
    "name", ["", "foreground", "refine", "propagate", "composite", "doctor", "tiers", "evaluate", "bench", "train"]
)
def test_help_says_what_a_command_does_with_an_example(place: Path, name: str) -> None:
    done = cutout(*name.split(), "--help", folder=place)
    assert done.returncode == 0
    assert done.stderr == ""
    assert f"usage: cutout {name}".strip() in done.stdout
    assert "example:" in done.stdout
    assert len(done.stdout.split("example:")[1].split()) > 2


def test_help_and_tiers_load_no_heavy_library(place: Path) -> None:
    for words in ("['--help']", "['propagate', '--help']", "['tiers']"):
        code = (
            "import sys; from blender_cutout.cli import main; "
            f"assert main({words}) == 0; "
            "print(sorted({'torch', 'numpy', 'cv2', 'av', 'tqdm'} & set(sys.modules)))"
        )
        done = subprocess.run([sys.executable, "-c", code], cwd=place, env=ENVIRONMENT, capture_output=True, text=True)
        assert done.stdout.splitlines()[-1] == "[]", words


def test_the_doctor_finds_everything_in_order(place: Path) -> None:
    done = cutout("doctor", "--tier", "draft", "--json", folder=place)
    assert done.returncode == 0, done.stdout
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert all(f["ok"] for f in found if f["event"] == "finding")
    assert {"Python", "torch", "device", "weights", "speed"} <= {f["what"] for f in found if f["event"] == "finding"}


def test_the_doctor_finds_the_tier_that_auto_takes(place: Path) -> None:
    home = place / "Zuhause"
    done = cutout("doctor", "--json", folder=place, CUTOUT_HOME=str(home), OMP_NUM_THREADS="1")
    assert done.returncode == 0, done.stdout
    (text,) = [f["text"] for f in map(json.loads, done.stdout.splitlines()) if f.get("what") == "tier"]
    kept = json.loads((home / "tier.json").read_text(encoding="utf-8"))["cpu"]
    assert f"auto uses {kept['tier']}," in text
    assert kept["seconds"] == kept["timed"][kept["tier"]]
    assert kept["machine"]["threads"] == 1
    code = "from blender_cutout import load_engine; print(load_engine(device='cpu').tier)"
    for threads, taken in (("1", kept["tier"]), ("2", "standard")):
        environment = {**ENVIRONMENT, "CUTOUT_HOME": str(home), "OMP_NUM_THREADS": threads}
        engine = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
        assert engine.stdout.strip() == taken, engine.stderr


def test_damaged_weights_stop_with_one_line_that_says_what_to_do(place: Path, scene: SyntheticClip) -> None:
    import shutil

    copy = place / "copy"
    for package in ("blender_cutout", "core", "models"):
        shutil.copytree(ROOT / package, copy / package, ignore=shutil.ignore_patterns("__pycache__", "training"))
    picture = min(write_folder(place / "bilder", scene, ".png").iterdir())
    weights = copy / "models" / "weights" / "scribble.safetensors"
    words = ("foreground", picture, "-o", "m.png")
    weights.write_bytes(weights.read_bytes()[:1000])
    damaged = cutout(*words, folder=place, PYTHONPATH=str(copy))
    weights.unlink()
    missing = cutout(*words, folder=place, PYTHONPATH=str(copy))
    doctor = cutout("doctor", folder=place, PYTHONPATH=str(copy))
    for done, says in ((damaged, "damaged"), (missing, "missing")):
        assert done.returncode == 2
        assert done.stderr.count("\n") == 1
        assert says in done.stderr
        assert "Install" in done.stderr
    assert doctor.returncode == 2
    assert "missing" in doctor.stdout
    assert not (place / "m.png").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="interrupting a child works otherwise there")
def test_an_interrupt_ends_with_130_and_leaves_whole_masks(place: Path) -> None:
    scene = SyntheticClip(length=400, height=144, width=240, radius=30)
    write_folder(place / "lang", scene)
    write_mask(place / "erste.png", scene.matte(0))
    command = [sys.executable, "-m", "blender_cutout", "propagate", "lang", "--keyframe", "0=erste.png", "-o", "aus"]
    process = subprocess.Popen(
        command, cwd=place, env=ENVIRONMENT, stderr=subprocess.PIPE, text=True,
        # Where the tests run in the background of a shell, interrupts are ignored, and children inherit that.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip
    begin = time.monotonic()
    while not (place / "aus" / "000003.png").exists() and time.monotonic() - begin < 120:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert err.count("\n") == 1
    assert "interrupted" in err
    left = sorted(os.listdir(place / "aus"))
    assert 4 <= len(left) < 400
    assert left == [f"{f:06d}.png" for f in range(len(left))]
    for name in left:
        assert read_mask(place / "aus" / name).shape == scene.size


def test_a_reader_that_leaves_early_gives_no_traceback(place: Path) -> None:
    pipe = subprocess.Popen(
        [sys.executable, "-m", "blender_cutout", "tiers"],
        cwd=place, env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert pipe.stdout
    assert pipe.stderr
    pipe.stdout.close()
    assert "Traceback" not in pipe.stderr.read()
    pipe.stderr.close()
    pipe.wait(timeout=60)


def test_bench_times_every_stage_and_watches_memory(place: Path) -> None:
    done = cutout("bench", "--tier", "draft", "--frames", "7", "--size", "320x192", "--json", folder=place)
    assert done.returncode == 0, done.stderr
    (record,) = [json.loads(line) for line in done.stdout.splitlines()]
    assert record["frames"] == 7
    assert record["hardware"]
    assert {"reading", "key", "value", "memory and decoder", "writing", "whole frame"} <= set(record["median_seconds"])
    assert record["frames_per_second"] == pytest.approx(1 / record["median_seconds"]["whole frame"])
    assert 0.2 < record["shares"]["network"] < 1
    assert all(value > 0 for value in record["median_seconds"].values())
    assert record["median_seconds"]["whole frame"] > record["median_seconds"]["key"]
    assert record["peak_mb"] > 100 or sys.platform == "win32"
