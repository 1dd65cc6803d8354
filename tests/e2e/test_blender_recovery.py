"""Tests failures and undo: killed engine, cancel, undo, files saved late, reloaded or never saved."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import bpy_kit as kit
import numpy as np
import pytest
from panel_kit import Paper

pytestmark = pytest.mark.bpy

Project = Callable[..., tuple[Any, Any]]


def folder_of(bpy: Any, scene: Any) -> Path:
    from blender_cutout.host import storage

    return storage.resolve(scene.cutout.tracks[0].folder, bpy.data.filepath)


def mattes_of(folder: Path) -> dict[Path, int]:
    """Returns the propagated and drawn mattes on disk, without the unstabilised ones → when they were written."""
    return {p: p.stat().st_mtime_ns for p in (folder / "mattes").rglob("*.png") if not p.parent.name.endswith("-raw")}


def mattes_written(folder: Path) -> int:
    """Returns how many of them there are; only names are looked at, since the engine may be writing to the folder."""
    return len([p for p in folder.glob("mattes/*/[0-9]*.png") if not p.parent.name.endswith("-raw")])


def masks_on_disk(bpy: Any, scene: Any) -> np.ndarray:
    """The written masks (frames, H, W)."""
    files = sorted((folder_of(bpy, scene) / "matte").glob("*.png"))
    return np.stack([kit.load_picture(bpy, f)[..., 0] for f in files])


def start(bpy: Any) -> None:
    bpy.ops.cutout.new()
    bpy.ops.cutout.apply_strokes()


def settle(jobs: Any) -> None:
    """Does what the timer does."""
    deadline = time.monotonic() + 200
    while jobs.step():
        assert time.monotonic() < deadline
        time.sleep(0.005)


@pytest.mark.skipif(os.name == "nt", reason="SIGKILL is not known there")
def test_a_killed_engine_loses_nothing_and_goes_on_after_a_restart(
    blender: Any, project: Project, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from blender_cutout.tasks import jobs

    monkeypatch.setattr(jobs, "engine_command", lambda python="": kit.fake_engine("--delay", "0.3"))
    scene, _ = project()
    start(blender)
    folder, pid = folder_of(blender, scene), jobs.queue.client.pid

    def kill_when_some_are_done() -> None:
        while mattes_written(folder) < 4:
            time.sleep(0.01)
        os.kill(pid, signal.SIGKILL)

    killer = threading.Thread(target=kill_when_some_are_done)
    killer.start()
    with pytest.raises(RuntimeError, match="stopped unexpectedly"):
        blender.ops.cutout.propagate(direction="BOTH")
    killer.join()
    status = blender.context.window_manager.cutout
    assert status.lost
    assert status.level == "ERROR"
    assert "Start it again" in status.hint
    assert not status.busy
    done = mattes_of(folder)
    assert 4 <= len(done) < kit.LENGTH
    kit.render_frame(blender, scene, 3, tmp_path / "render")  # Blender goes on

    assert blender.ops.cutout.restart_engine() == {"FINISHED"}
    assert not status.lost
    assert blender.ops.cutout.propagate(direction="BOTH") == {"FINISHED"}
    after = mattes_of(folder)
    assert {p: after[p] for p in done} == done, "finished masks were not made again"
    assert len(after) == kit.LENGTH
    assert scene.cutout.tracks[0].done_count == kit.LENGTH
    blender.ops.cutout.write_strips()
    assert (masks_on_disk(blender, scene) > 0.5).sum(axis=(1, 2)).min() > 1000


def test_after_a_kill_the_next_button_starts_the_engine_by_itself(blender: Any, project: Project) -> None:
    from blender_cutout.tasks import jobs

    project()
    start(blender)
    os.kill(jobs.queue.client.pid, signal.SIGTERM)
    deadline = time.monotonic() + 120
    while jobs.queue.running and time.monotonic() < deadline:
        jobs.step()
        time.sleep(0.01)
    assert blender.ops.cutout.propagate(direction="FORWARD") == {"FINISHED"}


def test_cancel_stops_a_propagation_and_keeps_what_is_done(
    blender: Any, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    from blender_cutout.tasks import jobs

    monkeypatch.setattr(jobs, "engine_command", lambda python="": kit.fake_engine("--delay", "0.1"))
    scene, _ = project()
    start(blender)
    folder, step = folder_of(blender, scene), jobs.step

    def step_and_cancel() -> bool:
        busy = step()
        if len(mattes_of(folder)) >= 3:
            blender.ops.cutout.cancel()
        return bool(busy)

    monkeypatch.setattr(jobs, "step", step_and_cancel)
    assert blender.ops.cutout.propagate(direction="BOTH") == {"CANCELLED"}
    assert "cancelled" in blender.context.window_manager.cutout.text
    assert 3 <= scene.cutout.tracks[0].done_count < kit.LENGTH
    monkeypatch.setattr(jobs, "step", step)
    assert blender.ops.cutout.propagate(direction="BOTH") == {"FINISHED"}
    assert scene.cutout.tracks[0].done_count == kit.LENGTH


def test_undo_round_takes_back_one_step_after_the_other(blender: Any, project: Project) -> None:
    scene, _ = project()
    start(blender)
    blender.ops.cutout.propagate(direction="BOTH")
    track = scene.cutout.tracks[0]
    assert (track.keyframe_count, track.done_count) == (1, kit.LENGTH)
    blender.ops.cutout.undo_round()
    assert (track.keyframe_count, track.done_count) == (1, 1)
    blender.ops.cutout.undo_round()
    assert (track.keyframe_count, track.done_count) == (0, 0)
    assert not blender.ops.cutout.undo_round.poll()
    with pytest.raises(RuntimeError, match="no mask to write"):
        blender.ops.cutout.write_strips()


def test_blenders_own_undo_and_redo_move_the_engines_head(blender: Any, project: Project) -> None:
    from blender_cutout.tasks import jobs

    scene, _ = project()
    blender.ops.ed.undo_push(message="start")
    start(blender)
    uuid = scene.cutout.tracks[0].uuid
    first = scene.cutout.tracks[0].head
    blender.ops.cutout.auto()
    second = scene.cutout.tracks[0].head
    assert first != second
    blender.ops.ed.undo()
    track = blender.context.scene.cutout.tracks[0]
    assert (track.uuid, track.head) == (uuid, first)
    settle(jobs)
    assert jobs.queue.heads[uuid] == first
    blender.ops.ed.redo()
    settle(jobs)
    assert jobs.queue.heads[uuid] == second
    assert blender.context.scene.cutout.tracks[0].head == second


def test_undoing_the_strokes_makes_them_new_again(blender: Any, project: Project) -> None:
    project()
    blender.ops.cutout.new()
    blender.ops.cutout.apply_strokes()
    with pytest.raises(RuntimeError, match="already applied"):
        blender.ops.cutout.apply_strokes()
    blender.ops.ed.undo()
    assert blender.ops.cutout.apply_strokes() == {"FINISHED"}


def test_the_work_in_an_unsaved_file_moves_beside_it_when_it_is_saved(
    blender: Any, project: Project, tmp_path: Path
) -> None:
    from blender_cutout.host.output import mask_strip

    scene, _ = project(saved=False)
    start(blender)
    blender.ops.cutout.propagate()
    blender.ops.cutout.write_strips()
    track = scene.cutout.tracks[0]
    early = folder_of(blender, scene)
    assert early.is_absolute()
    assert (early / "matte").is_dir()
    before = kit.render_frame(blender, scene, 6, tmp_path / "before")

    blend = tmp_path / "später" / "mein Film.blend"
    blend.parent.mkdir()
    blender.ops.wm.save_as_mainfile(filepath=str(blend))
    late = blend.parent / "mein Film_cutout" / track.uuid
    assert folder_of(blender, scene) == late
    assert (late / "rounds.jsonl").is_file()
    assert not early.exists()
    mask = mask_strip.find(scene, track.uuid)
    assert Path(blender.path.abspath(mask.directory)) == late / "matte"
    assert np.array_equal(kit.render_frame(blender, scene, 6, tmp_path / "after"), before)
    blender.ops.cutout.undo_round()  # the engine goes on in the new place

    # What lies on disk, not what is in memory: the file must not point to where the masks were.
    blender.ops.wm.open_mainfile(filepath=str(blend))
    scene = blender.context.scene
    assert np.array_equal(kit.render_frame(blender, scene, 6, tmp_path / "loaded"), before)
    assert folder_of(blender, scene) == late
    assert scene.cutout.tracks[0].folder.startswith("//")
    blender.ops.cutout.write_strips()


def test_undo_to_before_the_first_save_keeps_the_masks_beside_the_file(
    blender: Any, project: Project, tmp_path: Path
) -> None:
    scene, _ = project(saved=False)
    blender.ops.ed.undo_push(message="start")
    start(blender)
    blender.ops.cutout.auto()
    blender.ops.cutout.write_strips()
    uuid = scene.cutout.tracks[0].uuid
    before = kit.render_frame(blender, scene, scene.frame_current, tmp_path / "before")
    blender.ops.ed.undo_push(message="written")
    blend = tmp_path / "Film.blend"
    blender.ops.wm.save_as_mainfile(filepath=str(blend))
    late = tmp_path / "Film_cutout" / uuid
    blender.ops.ed.undo()
    scene = blender.context.scene
    track = scene.cutout.tracks[0]
    assert track.folder.startswith("//")
    assert (track.uuid, folder_of(blender, scene)) == (uuid, late)
    assert blender.ops.cutout.propagate() == {"FINISHED"}
    assert track.done_count == kit.LENGTH
    assert blender.ops.cutout.write_strips() == {"FINISHED"}
    shown = kit.render_frame(blender, scene, kit.STROKE_FRAME + 1, tmp_path / "after")
    assert np.abs(shown - before).max() < 0.2
    blender.ops.wm.save_mainfile()
    blender.ops.wm.open_mainfile(filepath=str(blend))
    assert folder_of(blender, blender.context.scene) == late
    assert blender.context.scene.cutout.tracks[0].done_count == kit.LENGTH


def test_a_file_loaded_again_goes_on_where_it_was_saved_not_where_it_was_left(blender: Any, project: Project) -> None:
    scene, _ = project()
    start(blender)
    blender.ops.wm.save_mainfile()
    saved = scene.cutout.tracks[0].head
    blender.ops.cutout.propagate()
    assert scene.cutout.tracks[0].done_count == kit.LENGTH
    blender.ops.wm.open_mainfile(filepath=blender.data.filepath)
    scene = blender.context.scene
    assert scene.cutout.tracks[0].head == saved
    scene.frame_set(8)
    blender.ops.cutout.auto()
    track = scene.cutout.tracks[0]
    assert (track.keyframe_count, track.done_count) == (2, 2)


def sidebar(bpy: Any) -> str:
    """Returns everything that the panel shows."""
    from blender_cutout.ui.panel import CUTOUT_PT_cutout

    paper = Paper()
    CUTOUT_PT_cutout.draw(SimpleNamespace(layout=paper), bpy.context)
    return "\n".join(paper.notes)


def saved_too_early(bpy: Any, project: Project) -> tuple[str, str]:
    """Works on after saving; returns the saved and the last head."""
    scene, _ = project()
    start(bpy)
    bpy.ops.wm.save_mainfile()
    saved = scene.cutout.tracks[0].head
    bpy.ops.cutout.propagate()
    scene.frame_set(kit.LAYOUTS["plain"].start + 8)
    bpy.ops.cutout.auto()
    return saved, scene.cutout.tracks[0].head


@pytest.mark.parametrize("reopen", ["open", "revert"])
def test_rounds_made_after_saving_are_offered_and_come_back(blender: Any, project: Project, reopen: str) -> None:
    saved, last = saved_too_early(blender, project)
    if reopen == "open":
        blender.ops.wm.open_mainfile(filepath=blender.data.filepath)
    else:
        blender.ops.wm.revert_mainfile()
    track = blender.context.scene.cutout.tracks[0]
    assert track.head == saved, "nothing is decided for the artist"
    shown = sidebar(blender)
    assert "2 steps on disk" in shown
    assert "cutout.take_later" in shown
    assert "cutout.keep_file" in shown

    assert blender.ops.cutout.take_later() == {"FINISHED"}
    track = blender.context.scene.cutout.tracks[0]
    assert (track.head, track.keyframe_count, track.done_count) == (last, 2, kit.LENGTH)
    assert "cutout.take_later" not in sidebar(blender)
    blender.ops.wm.save_mainfile()
    blender.ops.wm.open_mainfile(filepath=blender.data.filepath)
    assert "cutout.take_later" not in sidebar(blender)


def test_the_files_state_can_be_kept_and_the_later_rounds_are_still_there(blender: Any, project: Project) -> None:
    _saved, last = saved_too_early(blender, project)
    blender.ops.wm.open_mainfile(filepath=blender.data.filepath)
    blender.ops.cutout.keep_file()
    assert "cutout.take_later" not in sidebar(blender)
    blender.context.scene.frame_set(kit.LAYOUTS["plain"].start + 9)
    blender.ops.cutout.auto()
    track = blender.context.scene.cutout.tracks[0]
    assert (track.keyframe_count, track.done_count) == (2, 2), "it goes on from the file's state"
    blender.ops.wm.save_mainfile()
    blender.ops.wm.open_mainfile(filepath=blender.data.filepath)
    assert "cutout.take_later" not in sidebar(blender), "the artist has decided"
    blender.ops.cutout.take_later()
    track = blender.context.scene.cutout.tracks[0]
    assert (track.head, track.done_count) == (last, kit.LENGTH)


def test_a_file_saved_before_the_first_stroke_does_not_take_later_rounds_by_itself(
    blender: Any, project: Project
) -> None:
    scene, _ = project()
    blender.ops.cutout.new()
    blender.ops.wm.save_mainfile()
    blender.ops.cutout.apply_strokes()
    last = scene.cutout.tracks[0].head
    blender.ops.wm.open_mainfile(filepath=blender.data.filepath)
    assert "1 step on disk" in sidebar(blender)
    blender.ops.cutout.keep_file()
    blender.context.scene.frame_set(kit.LAYOUTS["plain"].start + 9)
    blender.ops.cutout.auto()
    assert blender.context.scene.cutout.tracks[0].keyframe_count == 1
    blender.ops.cutout.take_later()
    assert blender.context.scene.cutout.tracks[0].head == last


def test_a_step_that_was_undone_after_saving_is_not_offered(blender: Any, project: Project) -> None:
    project()
    start(blender)
    blender.ops.cutout.propagate()
    blender.ops.wm.save_mainfile()
    blender.ops.cutout.undo_round()
    blender.ops.wm.open_mainfile(filepath=blender.data.filepath)
    assert "cutout.take_later" not in sidebar(blender)
