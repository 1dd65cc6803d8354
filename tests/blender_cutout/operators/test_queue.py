"""Tests the queue in Blender, with real processes: masks that come back, failures, kills, cancels, and the panel."""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

import bpy_kit as kit
import pytest
import queue_kit
from queue_kit import Project, drawn, masks, panel, rest, states, work_until

pytestmark = pytest.mark.bpy
processes = queue_kit.processes


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
    work_until(lambda: 0 < shots.progress[0] < 1)
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


def names() -> list[str]:
    from blender_cutout.tasks.shot_queue import shots

    shots.look()
    return [entry.name[:4] for entry in shots.entries]


def order_done(folder: Path) -> list[str]:
    """Returns the numbers of the finished jobs in the order in which they were done."""
    marks = folder.glob("*.job/finished/*.json")
    return [mark.parents[1].name[:4] for mark in sorted(marks, key=lambda mark: mark.stat().st_mtime_ns)]


def test_jobs_are_done_in_the_order_of_the_list(blender: Any, project: Project) -> None:
    from blender_cutout.tasks import shot_queue
    from blender_cutout.tasks.shot_queue import shots

    drawn(project)
    for _ in range(3):
        blender.ops.cutout.send_to_queue()
    assert names() == ["0001", "0002", "0003"]
    status = blender.context.window_manager.cutout
    status.queue_index = 2
    for _ in range(2):
        assert blender.ops.cutout.move_in_queue(direction="UP") == {"FINISHED"}
    assert (names(), status.queue_index) == (["0003", "0001", "0002"], 0)
    blender.ops.cutout.move_in_queue(direction="UP")
    assert names() == ["0003", "0001", "0002"], "there is nothing above the first"
    blender.ops.cutout.move_in_queue(name=shots.entries[1].name, direction="DOWN")
    assert (names(), status.queue_index) == (["0003", "0002", "0001"], 2)
    shot_queue.close()
    assert names() == ["0003", "0002", "0001"], "also after a restart"
    blender.ops.cutout.run_queue()
    assert order_done(shots.folder) == ["0003", "0002", "0001"]
    blender.ops.cutout.send_to_queue()
    assert names() == ["0003", "0002", "0001", "0004"]


def test_waiting_jobs_are_moved_and_removed_while_others_run(
    blender: Any, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    from blender_cutout.tasks.shot_queue import shots

    drawn(project)
    for _ in range(4):
        blender.ops.cutout.send_to_queue()
    monkeypatch.setenv("PAUSE", "0.2")
    shots.look()
    first, second, _, fourth = (entry.name for entry in shots.entries)
    shots.start()
    work_until(lambda: states()[0] == "running" and shots.progress[0] > 0)
    with pytest.raises(RuntimeError, match="This job is running"):
        blender.ops.cutout.remove_from_queue(name=first)
    assert blender.ops.cutout.remove_from_queue(name=second) == {"FINISHED"}
    blender.ops.cutout.move_in_queue(name=fourth, direction="UP")
    assert names() == ["0001", "0004", "0003"]
    work_until(rest)
    assert states() == ["done"] * 3
    assert order_done(shots.folder) == ["0001", "0004", "0003"]
    assert blender.context.window_manager.cutout.text.startswith(("The queue is done", "Scene"))
    assert not [path for path in shots.folder.iterdir() if path.name.startswith("0002")]


def test_the_panel_shows_each_job_the_time_left_for_all_and_one_cancel(
    blender: Any, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    from blender_cutout.tasks.shot_queue import shots

    drawn(project)
    assert "template_list" not in panel()
    for _ in range(3):
        blender.ops.cutout.send_to_queue()
    monkeypatch.setenv("PAUSE", "0.2")
    shots.start()
    work_until(lambda: "left" in shots.progress[1])
    shown = panel()
    total = 3 * kit.LENGTH
    assert f"of {total} frames, " in shown
    assert shown.count("cancel_queue") == 1
    assert "run_queue" not in shown
    for part in ("remove_from_queue", "move_in_queue", f"{kit.LENGTH} frames"):
        assert part in shown
    blender.ops.cutout.cancel_queue()
    assert "Cancelling" in panel()
    work_until(rest)
    assert "run_queue" in panel()
    assert "cancel_queue" not in panel()


def test_the_selected_job_says_why_it_failed(blender: Any, project: Project) -> None:
    from blender_cutout.tasks.shot_queue import shots

    drawn(project)
    blender.ops.cutout.send_to_queue()
    (shots.folder / "0002 first.job.json").write_text("{}", "utf-8")
    (shots.folder / "0003 second.job.json").write_text('{"format": "cutout job", "version": 99}', "utf-8")
    status = blender.context.window_manager.cutout

    def said() -> str:
        return " ".join(panel().replace("label", "").split())

    assert "is not a job file" in said()
    status.queue_index = 2
    assert "has version 99 of the job format" in said()
    assert "is not a job file" not in said()
    status.queue_index = 50
    assert "has version 99" in said()
