"""Tests exported templates with the runner of Open Job Description: results, progress, cancel, failure, moved paths."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import job_kit
import pytest
from cli_kit import Run
from job_kit import JOB, contents, keyframes

run = job_kit.run
OPENJD = Path(sys.executable).with_name("openjd")
PROCESS = Path(job_kit.__file__).with_name("job_process.py")
OUTPUTS = ("--edges", "a", "--composite", "c", "--background", "white", "--task-frames", 7)


@pytest.fixture
def template(run: Run) -> str:
    """A job with edges and a composite, and its template, in the current folder."""
    assert run("job", "make", "die Bilder", *keyframes(), *OUTPUTS, "-o", JOB) == 0
    assert run("job", "export", JOB, "--openjd") == 0
    return "shot.openjd.json"


def words(template: str, *more: str) -> list[str]:
    is_windows = sys.platform == "win32"
    script = Path("cutout.cmd" if is_windows else "cutout.sh").absolute()
    command = f'"{sys.executable}" "{PROCESS}"'
    script.write_text(f"@{command} %*\n" if is_windows else f'#!/bin/sh\nexec {command} "$@"\n', "utf-8")
    script.chmod(0o755)
    return [str(OPENJD), "run", template, "-p", f"Cutout={script}", *more]


def ran(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, encoding="utf-8", timeout=280)


def test_a_template_is_accepted_and_runs_to_what_one_machine_gives(run: Run, template: str) -> None:
    checked = ran(str(OPENJD), "check", template)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    done = ran(*words(template))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Chunks run: 5" in done.stdout
    for line in ("openjd_status: propagate-000013-000019", "openjd_progress: 100.0"):
        assert line in done.stdout
    here = contents("shot-masks"), contents("a"), contents("c")
    assert run("job", "run", JOB, "--again") == 0
    assert (contents("shot-masks"), contents("a"), contents("c")) == here


def test_a_moved_job_runs_by_the_rules_of_the_farm(run: Run, template: str, tmp_path: Path) -> None:
    drive, old = tmp_path / "drive", tmp_path / "P" / "film"
    Path("die Bilder").rename(drive)
    record = json.loads(JOB.read_text("utf-8"))
    record["clip"]["path"] = str(old)
    JOB.write_text(json.dumps(record), "utf-8")
    rule = {"source_path_format": "POSIX", "source_path": str(old), "destination_path": str(drive)}
    rules = {"version": "pathmapping-1.0", "path_mapping_rules": [rule]}
    failed = ran(*words(template, "--step", "Propagate", "--maximum-tasks", "1"))
    assert failed.returncode == 1
    assert "openjd_fail: " in failed.stdout
    done = ran(*words(template, "--path-mapping-rules", json.dumps(rules)))
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(contents("c")) == 20


@pytest.mark.skipif(sys.platform == "win32", reason="signals differ there")
def test_a_cancel_leaves_whole_masks_and_no_process(
    template: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pids = tmp_path / "pids"
    pids.mkdir()
    monkeypatch.setenv("PIDS", str(pids))
    monkeypatch.setenv("PAUSE", "0.2")
    runner = subprocess.Popen(words(template), stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    end = time.monotonic() + 100
    while not Path("shot-masks/000002.png").exists():
        assert time.monotonic() < end
        time.sleep(0.05)
    runner.send_signal(signal.SIGTERM)
    said, _ = runner.communicate(timeout=100)
    assert runner.returncode == 1, said
    masks = contents("shot-masks")
    assert 3 <= len(masks) < 20
    assert all(data.endswith(b"IEND\xaeB`\x82") for data in masks.values())
    for process in pids.iterdir():
        with pytest.raises(ProcessLookupError):
            os.kill(int(process.name), 0)
