"""Tests the queue in Blender, with real processes: masks that come back, failures, kills, cancels, and the panel."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import bpy_kit as kit
import pytest
from panel_kit import Paper

pytestmark = pytest.mark.bpy

Project = Callable[..., tuple[Any, Any]]
PROCESS = Path(kit.__file__).with_name("job_process.py")


@pytest.fixture(autouse=True)
def _processes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
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


def test_a_cutout_gets_back_from_the_queue_what_propagate_would_give(blender: Any, project: Project) -> None:
    _, track = drawn(project)
    assert blender.ops.cutout.send_to_queue() == {"FINISHED"}
    assert "Scene - " in panel()
    assert states() == ["waiting"]
    before = track.head
    assert blender.ops.cutout.run_queue() == {"FINISHED"}
    assert states() == ["done"]
    assert track.done_count == track.frame_count == kit.LENGTH
    queued = masks(track)
    assert blender.ops.cutout.undo_round() == {"FINISHED"}
    assert track.head == before
    assert blender.ops.cutout.propagate() == {"FINISHED"}
    assert masks(track) == queued


def test_a_failing_job_stops_no_other_and_the_panel_says_why(blender: Any, project: Project) -> None:
    from blender_cutout.tasks.shot_queue import shots

    _, track = drawn(project)
    for _ in range(2):
        assert blender.ops.cutout.send_to_queue() == {"FINISHED"}
    shots.look()
    broken = shots.folder / shots.entries[0].name
    broken.write_text(broken.read_text("utf-8").replace('"weights": "fake"', '"weights": "other"'), "utf-8")
    blender.ops.cutout.run_queue()
    assert states() == ["failed", "done"]
    assert "Install the same version of Blender Cutout on both" in " ".join(panel().replace("label", "").split())
    assert track.done_count == track.frame_count
    assert "1 of 2 jobs failed" in blender.context.window_manager.cutout.text
    assert blender.ops.cutout.remove_from_queue(name=broken.name) == {"FINISHED"}
    assert states() == ["done"]
    assert not [path for path in shots.folder.iterdir() if path.name.startswith(broken.name[:5])]


@pytest.mark.skipif(sys.platform == "win32", reason="signals differ there")
def test_a_killed_engine_and_a_restart_of_blender_change_nothing(
    blender: Any, project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from blender_cutout.tasks import shot_queue
    from blender_cutout.tasks.shot_queue import shots

    _, track = drawn(project)
    monkeypatch.setenv("PAUSE", "0.2")
    blender.ops.cutout.send_to_queue()
    blender.ops.cutout.send_to_queue()
    blender.ops.wm.save_mainfile()
    shots.start()
    first = shots.folder / f"{shots.entries[0].name.removesuffix('.job.json')}-masks"
    work_until(lambda: first.is_dir() and len(list(first.iterdir())) > 2)
    (child,) = (tmp_path / "pids").iterdir()
    os.kill(int(child.name), signal.SIGKILL)
    work_until(lambda: len(list((tmp_path / "pids").iterdir())) > 1)
    assert "frames" in panel()
    shot_queue.close()
    blender.ops.wm.open_mainfile(filepath=blender.data.filepath)
    track = blender.context.scene.cutout.tracks[0]
    assert states() == ["waiting", "waiting"]
    monkeypatch.setenv("PAUSE", "0")
    blender.ops.cutout.run_queue()
    assert states() == ["done", "done"]
    assert track.done_count == track.frame_count
    queued = masks(track)
    blender.ops.cutout.undo_round()
    blender.ops.cutout.propagate()
    assert masks(track) == queued


def test_cancel_leaves_the_rest_waiting_and_run_goes_on(
    blender: Any, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    from blender_cutout.tasks.shot_queue import shots

    _, track = drawn(project)
    monkeypatch.setenv("PAUSE", "0.2")
    blender.ops.cutout.send_to_queue()
    shots.start()
    work_until(lambda: 0 < shots.share < 1)
    assert f"of {kit.LENGTH} frames" in panel()
    assert blender.ops.cutout.cancel_queue() == {"FINISHED"}
    work_until(rest)
    assert states() == ["waiting"]
    assert "was cancelled" in blender.context.window_manager.cutout.text
    assert track.done_count < track.frame_count
    monkeypatch.setenv("PAUSE", "0")
    blender.ops.cutout.run_queue()
    assert track.done_count == track.frame_count


def test_a_queue_that_another_blender_runs_is_left_alone(blender: Any, project: Project) -> None:
    from blender_cutout.core import file_lock
    from blender_cutout.tasks.shot_queue import shots

    drawn(project)
    blender.ops.cutout.send_to_queue()
    (shots.folder / "9999 not a job.job.json").write_text("{}", "utf-8")
    with open(shots.folder / ".queue.lock", "wb") as file:
        assert file_lock.try_lock(file.fileno())
        blender.ops.cutout.run_queue()
    assert "Another queue is doing the jobs" in blender.context.window_manager.cutout.text
    assert states() == ["waiting", "failed"]
    assert "is not a job file" in " ".join(panel().replace("label", "").split())


def test_masks_of_a_cutout_that_was_changed_meanwhile_are_not_taken(blender: Any, project: Project) -> None:
    from blender_cutout.tasks.shot_queue import shots

    _, track = drawn(project)
    blender.ops.cutout.send_to_queue()
    blender.ops.cutout.propagate()
    head = track.head
    blender.ops.cutout.run_queue()
    assert states() == ["done"]
    assert track.head == head
    blender.ops.cutout.undo_round()
    assert "take_masks" in panel()
    assert blender.ops.cutout.take_masks() == {"FINISHED"}
    assert "take_masks" not in panel()
    assert len(list(shots.folder.glob("*.job.json"))) == 1


def test_an_exported_job_holds_the_cutout_as_it_is(blender: Any, project: Project, tmp_path: Path) -> None:
    from blender_cutout.core.jobs.job_file import read_job

    scene, track = drawn(project)
    scene.cutout.stability = 0.25
    assert blender.ops.cutout.export_job(filepath=str(tmp_path / "für die Farm.job.json")) == {"FINISHED"}
    job = read_job(tmp_path / "für die Farm.job.json")
    assert (job.head, job.stability, job.frames) == (track.head, 0.25, (0, kit.LENGTH))
    assert [key.frame for key in job.keyframes] == json.loads(track.drawn)
    with pytest.raises(RuntimeError, match="exists"):
        blender.ops.cutout.export_job(filepath=str(tmp_path / "für die Farm.job.json"))


def test_all_objects_are_sent_in_their_order(blender: Any, project: Project) -> None:
    scene, first = drawn(project)
    assert blender.ops.cutout.new() == {"FINISHED"}
    with pytest.raises(RuntimeError, match="no mask to propagate"):
        blender.ops.cutout.send_to_queue()
    assert blender.ops.cutout.auto() == {"FINISHED"}
    first.locked = True
    scene.cutout.active_index = 0
    with pytest.raises(RuntimeError, match="locked"):
        blender.ops.cutout.send_to_queue()
    first.locked = False
    assert blender.ops.cutout.send_to_queue(all=True) == {"FINISHED"}
    assert states() == ["waiting", "waiting"]
    shown = panel()
    places = [shown.index(f"{scene.name} - {track.name}") for track in scene.cutout.tracks]
    assert places == sorted(places)
