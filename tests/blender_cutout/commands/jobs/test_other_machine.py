"""Tests a shot from job file to composite in another folder, with another home and other paths, in a new process."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import job_kit
import pytest
from cli_kit import Run, write_picture
from job_kit import FILM, JOB, contents, keyframes

run = job_kit.run
PROCESS = Path(job_kit.__file__).with_name("job_process.py")
OUTPUTS = ("--edges", "a", "--export", "o", "--composite", "c", "--background", "Strand.png", "--task-frames", 5)
KEPT = "PATH", "SYSTEMROOT", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH"


@pytest.fixture
def moved(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[str, Path, list[dict[str, bytes]]]:
    """A job with absolute paths of a place that is gone, the folder where all of it is now, and what it gave there."""
    write_picture(Path("Strand.png"), FILM[0])
    assert run("job", "make", "die Bilder", *keyframes(), *OUTPUTS, "-o", JOB) == 0
    assert run("job", "run", JOB) == 0
    found = [contents(name) for name in ("shot-masks", "a", "o", "c")]
    here, there = Path.cwd(), tmp_path / "Rechner 2" / "Platte"
    for name in ("shot-masks", "a", "o", "c", "shot.job/finished"):
        shutil.rmtree(name)
    record = json.loads(JOB.read_text("utf-8"))
    record["clip"]["path"], record["masks"] = str(here / "die Bilder"), str(here / "shot-masks")
    for output in record["outputs"]:
        output["path"] = str(here / output["path"])
    record["outputs"][2]["background"] = str(here / "Strand.png")
    JOB.write_text(json.dumps(record), "utf-8")
    shutil.copytree(here, there)
    monkeypatch.chdir(tmp_path)
    shutil.rmtree(here)
    return str(here), there, found


def cutout(home: Path, *words: object) -> subprocess.CompletedProcess[str]:
    """Runs `cutout` as another account does: with nothing of this one's environment, and a home of its own."""
    home.mkdir(exist_ok=True)
    environment = {name: os.environ[name] for name in KEPT if name in os.environ}
    for name in ("HOME", "USERPROFILE", "APPDATA", "LOCALAPPDATA", "XDG_CACHE_HOME", "TEMP", "TMPDIR"):
        environment[name] = str(home)
    return subprocess.run(
        [sys.executable, str(PROCESS), *map(str, words)], env=environment, cwd=home, capture_output=True, text=True,
        encoding="utf-8", timeout=280,
    )  # fmt: skip


def test_a_shot_gives_the_same_composite_elsewhere(
    moved: tuple[str, Path, list[dict[str, bytes]]], tmp_path: Path
) -> None:
    old, there, found = moved
    lost = cutout(tmp_path / "home 2", "job", "run", there / JOB)
    assert lost.returncode == 2
    assert str(Path(old, "die Bilder")) in lost.stderr
    rule = f"{old}={there}"
    checked = cutout(tmp_path / "home 2", "job", "check", there / JOB, "--map", rule)
    assert checked.returncode == 0, checked.stderr
    done = cutout(tmp_path / "home 2", "job", "run", there / JOB, "--map", rule)
    assert done.returncode == 0, done.stderr
    assert [contents(there / name) for name in ("shot-masks", "a", "o", "c")] == found
    assert len(found[3]) == len(FILM)
    assert not Path(old).exists(), "nothing is written where it came from"


def test_a_queue_maps_the_paths_of_its_jobs(moved: tuple[str, Path, list[dict[str, bytes]]], tmp_path: Path) -> None:
    old, there, found = moved
    done = cutout(tmp_path / "home 2", "queue", there, "--map", f"{old}={there}")
    assert done.returncode == 0, done.stderr
    assert contents(there / "c") == found[3]
