"""Helpers for tests of the queue in Blender: real processes with an engine that segments by colour, and the panel."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import bpy_kit as kit
import pytest
from panel_kit import Paper

Project = Callable[..., tuple[Any, Any]]
PROCESS = Path(kit.__file__).with_name("job_process.py")


@pytest.fixture(autouse=True)
def processes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Has the queue run with an engine that segments by colour; its processes leave their ids in "pids"."""
    from blender_cutout.tasks import shot_queue

    def command(folder: Path, device: str) -> list[str]:
        return [str(kit.engine_python()), str(PROCESS), "queue", str(folder), "--json", "--end-with-input"]

    (tmp_path / "pids").mkdir()
    monkeypatch.setattr(shot_queue, "command", command)
    for name, value in (("WEIGHTS", "fake"), ("PIDS", str(tmp_path / "pids")), ("PAUSE", "0")):
        monkeypatch.setenv(name, value)


def drawn(project: Project) -> tuple[Any, Any]:
    """Returns the scene and the cutout, with one keyframe."""
    import bpy

    scene, _ = project()
    for step in ("new", "apply_strokes"):
        assert getattr(bpy.ops.cutout, step)() == {"FINISHED"}
    return scene, scene.cutout.tracks[0]


def masks(track: Any) -> dict[int, bytes]:
    from blender_cutout.tasks import jobs

    files = {frame: jobs.matte_file(track, frame) for frame in range(track.frame_count)}
    return {frame: file.read_bytes() for frame, file in files.items() if file is not None}


def panel() -> str:
    """Returns what the panel shows after the timer's look."""
    import bpy

    from blender_cutout.tasks.shot_queue import shots

    shots.look()
    paper = Paper()
    bpy.types.CUTOUT_PT_queue.draw(SimpleNamespace(layout=paper), bpy.context)
    for row in (
        bpy.context.window_manager.cutout.queue if "template_list CUTOUT_UL_queue" in "".join(paper.notes) else ()
    ):
        bpy.types.CUTOUT_UL_queue.draw_item(None, bpy.context, paper, None, row, 0, None, "")
    return "\n".join(paper.notes)


def states() -> list[str]:
    from blender_cutout.tasks.shot_queue import shots

    shots.look()
    return [entry.state for entry in shots.entries]


def work_until(done: Callable[[], bool]) -> None:
    """Does what the timers do."""
    from blender_cutout.tasks import jobs
    from blender_cutout.tasks.shot_queue import shots

    end = time.monotonic() + 120
    while not done():
        assert time.monotonic() < end
        shots.look()
        jobs.step()
        time.sleep(0.02)


def rest() -> bool:
    from blender_cutout.tasks import jobs
    from blender_cutout.tasks.shot_queue import shots

    return not shots.open and not jobs.queue.jobs


def run_cutout(*words: object) -> None:
    """Runs `cutout` as the queue's processes do."""
    command = [str(kit.engine_python()), str(PROCESS), *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", timeout=280)
    assert done.returncode == 0, done.stderr
