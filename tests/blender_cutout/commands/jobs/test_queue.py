"""Tests `cutout queue` with processes that segment by colour: what failures, kills and cancels leave on disk."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import job_kit
import pytest
from cli_kit import Run, records
from job_kit import contents, keyframes

from blender_cutout.commands.context import Reporter
from blender_cutout.commands.jobs.queue import Pace, run_folder
from blender_cutout.core.errors import InputError

run = job_kit.run
PROCESS = [sys.executable, str(Path(job_kit.__file__).with_name("job_process.py"))]
FOLDER = Path("Aufträge")
posix = pytest.mark.skipif(sys.platform == "win32", reason="signals differ there")


@pytest.fixture
def jobs(run: Run) -> list[str]:
    """Three jobs in a folder, by name in their order, and the masks that each must give in "whole"."""
    FOLDER.mkdir()
    names = ["shot 2", "shot 10", "shot 11"]
    for name in names:
        assert (
            run("job", "make", "die Bilder", *keyframes(), "--task-frames", 5, "-o", FOLDER / f"{name}.job.json") == 0
        )
    assert run("propagate", "die Bilder", *keyframes(), "-o", "whole") == 0
    return names


def masks(name: str) -> Path:
    return FOLDER / f"{name}-masks"


def assert_all_done(names: list[str]) -> None:
    for name in names:
        assert contents(masks(name)) == contents("whole"), name


def start(**environment: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [*PROCESS, "queue", str(FOLDER)], env=os.environ | {"PAUSE": "0.1"} | environment, stderr=subprocess.PIPE,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip


def wait_for(found: Any, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not found():
        assert time.monotonic() < end
        time.sleep(0.05)


def results() -> dict[str, str]:
    record = json.loads((FOLDER / "queue.json").read_text("utf-8"))
    return {name: result["state"] for name, result in record["jobs"].items()}


def test_jobs_run_in_order_and_a_failing_one_stops_no_other(
    jobs: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    broken = FOLDER / "shot 10.job.json"
    broken.write_text(broken.read_text("utf-8").replace('"quick"', '"auto"'), "utf-8")
    capsys.readouterr()
    assert run_folder(FOLDER, Reporter(as_json=True), PROCESS) == 2
    events = records(capsys)
    assert [event["job"] for event in events if event["event"] == "job start"] == [f"{name}.job.json" for name in jobs]
    assert results() == {"shot 2.job.json": "done", "shot 10.job.json": "failed", "shot 11.job.json": "done"}
    (failed,) = [event for event in events if event["event"] == "job end" and event["state"] == "failed"]
    assert "auto differs between machines" in failed["text"]
    assert_all_done(["shot 2", "shot 11"])
    assert not masks("shot 10").exists()
    progress = [event for event in events if event["event"] == "progress"]
    assert [(event["frames"], event["total"]) for event in progress] == [(frame, 40) for frame in range(1, 41)]
    assert progress[-1]["seconds_left"] == 0 < progress[5]["seconds_left"]


def test_a_full_disk_fails_one_job_and_the_rest_is_done(
    jobs: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FULL", "shot 10")
    assert run_folder(FOLDER, Reporter(), PROCESS) == 2
    assert "shot 10.job.json failed: The disk is full" in " ".join(capsys.readouterr().err.split())
    assert results() == {"shot 2.job.json": "done", "shot 10.job.json": "failed", "shot 11.job.json": "done"}
    assert_all_done(["shot 2", "shot 11"])
    monkeypatch.delenv("FULL")
    assert run_folder(FOLDER, Reporter(), PROCESS) == 0
    assert_all_done(jobs)


def test_a_second_run_does_only_what_is_left(jobs: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run_folder(FOLDER, Reporter(), PROCESS) == 0
    (masks("shot 2") / "000003.png").write_bytes(b"touched")
    third = FOLDER / "shot 11.job.json"
    third.write_text(third.read_text("utf-8").replace('"stability": 1.0', '"stability": 1'), "utf-8")
    capsys.readouterr()
    assert run_folder(FOLDER, Reporter(as_json=True), PROCESS) == 0
    assert [event["total"] for event in records(capsys) if event["event"] == "progress"] == [20] * 20
    assert (masks("shot 2") / "000003.png").read_bytes() == b"touched"


@posix
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_a_cancel_leaves_whole_masks_and_no_process_and_the_rest_is_done_later(
    jobs: list[str], tmp_path: Path, how: signal.Signals
) -> None:
    pids = tmp_path / "pids"
    pids.mkdir()
    queue = start(PIDS=str(pids))
    wait_for((masks("shot 10") / "000002.png").exists)
    queue.send_signal(how)
    _, said = queue.communicate(timeout=60)
    assert queue.returncode == 130, said
    assert b"interrupted" in said
    assert not [path.name for path in pids.iterdir() if is_running(int(path.name))]
    left = contents(masks("shot 10"))
    assert 3 <= len(left) < 20
    assert all(data.endswith(b"IEND\xaeB`\x82") for data in left.values())
    assert not masks("shot 11").exists()
    assert run_folder(FOLDER, Reporter(), PROCESS) == 0
    assert_all_done(jobs)


@posix
def test_a_killed_job_is_started_again_and_all_end_as_if_nothing_had_happened(jobs: list[str], tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    pids.mkdir()
    queue = start(PIDS=str(pids))
    wait_for((masks("shot 2") / "000008.png").exists)
    (child,) = [int(path.name) for path in pids.iterdir()]
    os.kill(child, signal.SIGKILL)
    _, said = queue.communicate(timeout=100)
    assert queue.returncode == 0, said
    assert b"died" in said
    assert_all_done(jobs)


@posix
def test_after_a_killed_queue_its_job_ends_too_and_another_queue_does_the_rest(jobs: list[str], tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    pids.mkdir()
    queue = start(PIDS=str(pids))
    wait_for((masks("shot 2") / "000004.png").exists)
    with pytest.raises(InputError, match="Another queue"):
        run_folder(FOLDER, Reporter(), PROCESS)
    queue.kill()
    queue.communicate(timeout=60)
    (child,) = [int(path.name) for path in pids.iterdir()]
    wait_for(lambda: not is_running(child))
    assert len(contents(masks("shot 2"))) < 20
    assert run_folder(FOLDER, Reporter(), PROCESS) == 0
    assert_all_done(jobs)


def test_two_machines_on_the_same_tasks_leave_what_one_does(jobs: list[str]) -> None:
    words = [*PROCESS, "job", "run", str(FOLDER / "shot 2.job.json")]
    both = [subprocess.Popen(words, env=os.environ | {"PAUSE": "0.01"}) for _ in range(2)]
    assert [process.wait(timeout=100) for process in both] == [0, 0]
    assert_all_done(["shot 2"])


def test_a_folder_without_jobs_is_refused(tmp_path: Path) -> None:
    for folder, text in ((tmp_path, "no job files"), (tmp_path / "missing", "does not exist")):
        with pytest.raises(InputError, match=text):
            run_folder(folder, Reporter(), PROCESS)


def test_the_time_left_counts_each_kind_of_task_by_its_own_pace() -> None:
    now = [0.0]
    pace = Pace(lambda: now[0])
    assert pace.seconds({"propagate": 10}) is None
    for kind, seconds in (("propagate", 2.0), ("edges", 4.0)):
        pace.begin(kind)
        for _ in range(5):
            now[0] += seconds
            pace.add()
    assert pace.seconds({"propagate": 10, "edges": 3}) == 32
    assert pace.seconds({"composite": 4}) == 12


def test_the_start_of_a_process_counts_once_for_each_job() -> None:
    now = [0.0]
    pace = Pace(lambda: now[0])
    for _ in range(2):
        pace.start()
        now[0] += 1.0
        pace.begin("propagate")
        now[0] += 8.0  # the networks are loaded
        pace.add()
        for _ in range(3):
            now[0] += 0.5
            pace.add()
    assert pace.seconds({"propagate": 10}) == 5.0
    assert pace.seconds({"propagate": 10}, 3) == 5.0 + 3 * 9.0


def is_running(process: int) -> bool:
    """Returns False once a process has ended; one that only waits to be collected by its parent has ended."""
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"
