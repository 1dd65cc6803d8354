"""Tests ten shots in the queue with the real engine: its process is killed, then Blender, and nothing is lost."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import bpy_kit as kit
import pytest

pytestmark = [pytest.mark.bpy, pytest.mark.skipif(os.name == "nt", reason="SIGKILL is not known there")]

CHILD = Path(kit.__file__).with_name("ten_shots.py")
LENGTHS = (5, 5, 24, 5, 5, 24, 5, 5, 5, 5)


@pytest.fixture
def blender(tmp_path: Path) -> Callable[[str], subprocess.Popen[str]]:
    """A function that starts a Blender with the user's folder "user" on a film, to "make" or "run" its queue."""
    film = tmp_path / "Film"
    film.mkdir()

    def start(action: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, str(CHILD), action, str(film)], env=os.environ | {"BLENDER_USER_RESOURCES": str(tmp_path)},
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8",
        )  # fmt: skip

    return start


def said(process: subprocess.Popen[str]) -> dict[str, Any]:
    text, _ = process.communicate(timeout=560)
    lines = [line for line in text.splitlines() if line.startswith('{"folder"')]
    assert lines, text
    found: dict[str, Any] = json.loads(lines[-1])
    return found


def below(root: int) -> dict[int, str]:
    """Returns the processes that a process started, directly or not, with their command lines."""
    listed = subprocess.run(
        ["ps", "-A", "-ww", "-o", "pid=,ppid=,args="], capture_output=True, text=True, check=True
    ).stdout
    rows = [line.split(None, 2) for line in listed.splitlines()]
    parents = {int(row[0]): (int(row[1]), row[2]) for row in rows if len(row) > 2}
    found: dict[int, str] = {}
    for process, (_, words) in parents.items():
        parent = process
        while parent in parents and parent != root:
            parent = parents[parent][0]
        if parent == root and process != root:
            found[process] = words
    return found


def alive(processes: Iterable[int]) -> list[str]:
    """Returns those that still run; one that only waits to be collected by its parent has ended."""
    chosen = ",".join(map(str, processes))
    listed = subprocess.run(["ps", "-o", "pid=,stat=", "-p", chosen], capture_output=True, text=True).stdout
    return [line for line in listed.splitlines() if not line.split()[1].startswith("Z")]


def wait_for(done: Callable[[], Any], seconds: float = 250) -> None:
    end = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < end
        time.sleep(0.01)


def in_the_middle(queue: Path, number: int, blender: subprocess.Popen[str]) -> int:
    """Waits until a shot has some of its masks; returns the process that makes them."""

    def some() -> bool:
        assert blender.poll() is None, blender.communicate()[0]
        return any(len(list(folder.glob("*.png"))) > 2 for folder in queue.glob(f"{number:04d}*-masks"))

    wait_for(some)
    engines = [process for process, words in below(blender.pid).items() if " job run " in words]
    assert len(engines) == 1, below(blender.pid)
    (engine,) = engines
    assert not list(queue.glob(f"{number:04d}*.job/finished/*")), "it is not in the middle any more"
    return engine


def masks_of(queue: Path) -> list[dict[str, bytes]]:
    folders = sorted(queue.glob("*-masks"))
    return [{path.name: path.read_bytes() for path in sorted(folder.iterdir())} for folder in folders]


def undisturbed(queue: Path) -> list[dict[str, bytes]]:
    """Returns the masks of the jobs in a folder when each is run by itself."""
    from blender_cutout.client.process import worker_command

    for job in sorted(queue.glob("*.job.json")):
        command = [*worker_command(kit.engine_python()), "--cutout", "job", "run", str(job)]
        subprocess.run(command, check=True, capture_output=True, timeout=560)
    return masks_of(queue)


@pytest.mark.timeout(1200)  # over twenty starts of the engine
def test_ten_shots_end_as_if_neither_the_engine_nor_blender_had_been_killed(
    blender: Callable[[str], subprocess.Popen[str]], tmp_path: Path
) -> None:
    queue = Path(said(blender("make"))["folder"])
    assert len(list(queue.glob("*.job.json"))) == 10
    calm = shutil.copytree(queue, queue.with_name("calm"))  # their paths are relative
    first = blender("run")
    killed = in_the_middle(queue, 3, first)
    os.kill(killed, signal.SIGKILL)
    assert in_the_middle(queue, 6, first) != killed
    left = below(first.pid)
    first.kill()
    first.communicate(timeout=60)
    wait_for(lambda: not alive(left))
    done = said(blender("run"))
    assert done["states"] == ["done"] * 10
    whole = undisturbed(calm)
    assert [len(masks) for masks in whole] == list(LENGTHS)
    assert masks_of(queue) == whole
    taken = [[Path(path).read_bytes() for path in paths] for paths in done["masks"]]
    assert taken == [list(masks.values()) for masks in whole]
