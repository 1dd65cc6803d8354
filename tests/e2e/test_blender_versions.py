"""Tests files saved under another name, as a copy, or never: each has masks of its own, and no litter stays."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import bpy_kit as kit
import numpy as np
import pytest

pytestmark = pytest.mark.bpy

Project = Callable[..., tuple[Any, Any]]


def folder_of(bpy: Any) -> Path:
    from blender_cutout.host import storage

    return storage.resolve(bpy.context.scene.cutout.tracks[0].folder, bpy.data.filepath)


def run(bpy: Any, *steps: str) -> None:
    for step in steps:
        assert getattr(bpy.ops.cutout, step)() == {"FINISHED"}


def contents(folder: Path) -> dict[str, bytes]:
    files = [p for p in folder.rglob("*") if p.is_file() and p.name != "lock"]
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in files}


@pytest.mark.parametrize("place", ["beside", "elsewhere"])
def test_saved_under_another_name_each_file_has_masks_of_its_own(
    blender: Any, project: Project, tmp_path: Path, place: str
) -> None:
    scene, _ = project()
    run(blender, "new", "apply_strokes", "propagate", "write_strips")
    blender.ops.wm.save_mainfile()
    first, old = Path(blender.data.filepath), folder_of(blender)
    kept, before = contents(old), kit.render_frame(blender, scene, 6, tmp_path / "r")
    second = (tmp_path if place == "beside" else tmp_path / "anders wo") / "Fassung 2.blend"
    second.parent.mkdir(exist_ok=True)
    blender.ops.wm.save_as_mainfile(filepath=str(second))
    new = folder_of(blender)
    assert new == second.parent / "Fassung 2_cutout" / old.name
    assert contents(new) == kept
    for _ in range(2):  # in memory, and as it lies on disk
        scene = blender.context.scene
        assert np.array_equal(kit.render_frame(blender, scene, 6, tmp_path / "r"), before)
        masks = [s for s in _strips(scene) if "mask" in s.name]
        assert [Path(blender.path.abspath(m.directory)) for m in masks] == [new / "matte"]
        blender.ops.wm.open_mainfile(filepath=str(second))
    assert folder_of(blender) == new
    blender.context.scene.frame_set(9)
    run(blender, "auto", "propagate", "write_strips")
    assert contents(new) != kept
    assert contents(old) == kept, "what is done in the second file does not touch the first one"
    blender.ops.wm.save_mainfile()
    blender.ops.wm.open_mainfile(filepath=str(first))
    scene = blender.context.scene
    assert folder_of(blender) == old
    assert np.array_equal(kit.render_frame(blender, scene, 6, tmp_path / "r"), before)
    run(blender, "undo_round", "write_strips")


def test_saving_a_copy_gives_that_its_own_and_goes_on_as_before(blender: Any, project: Project, tmp_path: Path) -> None:
    scene, _ = project()
    run(blender, "new", "apply_strokes", "write_strips")
    folder, before = folder_of(blender), kit.render_frame(blender, scene, 5, tmp_path / "r")
    copy = tmp_path / "anderswo" / "Kopie.blend"
    copy.parent.mkdir()
    blender.ops.wm.save_as_mainfile(filepath=str(copy), copy=True)
    assert folder_of(blender) == folder
    masks = [s for s in _strips(scene) if "mask" in s.name]
    assert [Path(blender.path.abspath(m.directory)) for m in masks] == [folder / "matte"]
    run(blender, "propagate", "write_strips")
    blender.ops.wm.open_mainfile(filepath=str(copy))
    assert folder_of(blender) == copy.parent / "Kopie_cutout" / folder.name
    assert np.array_equal(kit.render_frame(blender, blender.context.scene, 5, tmp_path / "r"), before)
    run(blender, "propagate")


def test_rendered_frames_go_along(blender: Any, project: Project, tmp_path: Path) -> None:
    from blender_cutout.host import compat, rendered_frames

    scene, strip = project(saved=False)
    other = blender.data.scenes.new("other")
    other.sequence_editor_create()
    other.render.resolution_x, other.render.resolution_y = kit.WIDTH, kit.HEIGHT
    inner = compat.strips(other.sequence_editor).new_image(
        "inner", str(Path(blender.path.abspath(strip.directory)) / strip.elements[0].filename), 1, 1
    )
    for element in list(strip.elements)[1:]:
        inner.elements.append(element.filename)
    other.frame_end = kit.LENGTH
    compat.strips(scene.sequence_editor).remove(strip)
    strip = compat.strips(scene.sequence_editor).new_scene("scene", other, 3, 1)
    strip.scene_input = "SEQUENCER"
    scene.sequence_editor.active_strip = strip
    run(blender, "new", "render_frames", "apply_strokes")
    early = rendered_frames.rendered_frames_of(strip).path
    blender.ops.wm.save_as_mainfile(filepath=str(tmp_path / "eins.blend"))
    one = rendered_frames.rendered_frames_of(strip).path
    assert one.parent == tmp_path / "eins_cutout"
    assert (one / rendered_frames.DONE).is_file()
    assert not early.exists()
    run(blender, "propagate")
    blender.ops.wm.save_as_mainfile(filepath=str(tmp_path / "zwei.blend"))
    two = rendered_frames.rendered_frames_of(strip).path
    assert two.parent == tmp_path / "zwei_cutout"
    assert contents(one) == contents(two)
    run(blender, "propagate", "write_strips")
    blender.ops.wm.open_mainfile(filepath=str(tmp_path / "zwei.blend"))
    (strip,) = [s for s in _strips(blender.context.scene) if s.type == "SCENE"]
    assert rendered_frames.rendered_frames_of(strip).path == two
    run(blender, "write_strips")


def test_a_copy_that_cannot_be_made_is_reported(
    blender: Any, project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from blender_cutout.host import contents

    project()
    run(blender, "new", "apply_strokes")
    folder = folder_of(blender)

    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(contents, "copy", full)
        blender.ops.wm.save_as_mainfile(filepath=str(tmp_path / "zwei.blend"))
    assert folder_of(blender) == folder
    status = blender.context.window_manager.cutout
    assert status.level == "WARNING"
    assert "Write Strips in one changes the other" in status.hint
    blender.ops.wm.save_mainfile()  # and is made up for with the next saving
    assert folder_of(blender).parent == tmp_path / "zwei_cutout"


def test_folders_of_files_never_saved_are_deleted_after_a_month_but_not_the_open_ones(
    blender: Any, project: Project
) -> None:
    from blender_cutout.host import storage
    from blender_cutout.tasks import project_folders

    project(saved=False)
    run(blender, "new", "apply_strokes")
    mine = folder_of(blender)
    forgotten = storage.unsaved_folder(create=True) / ("0" * 32)
    (forgotten / "mattes").mkdir(parents=True)
    (forgotten / "rounds.jsonl").write_text("{}\n")
    assert project_folders.clean_unsaved() == []
    long_ago = time.time() - 40 * 86400
    for path in (forgotten / "rounds.jsonl", forgotten / "mattes", forgotten, mine):
        os.utime(path, (long_ago, long_ago))
    for path in mine.iterdir():
        os.utime(path, (long_ago, long_ago))
    assert project_folders.clean_unsaved() == [forgotten]
    assert mine.is_dir()
    assert not forgotten.exists()


def _strips(scene: Any) -> list[Any]:
    from blender_cutout.host.strips import places

    return [p.strip for p in places(scene.sequence_editor)]


def mattes_written(folder: Path) -> int:
    """Returns the number of mattes in the folder, by name only, since the engine may be writing to it."""
    return len([path for path in folder.glob("mattes/*/[0-9]*.png") if not path.parent.name.endswith("-raw")])


def saved_while_at_work(bpy: Any, monkeypatch: pytest.MonkeyPatch, target: Path, copy: bool = False) -> list[str]:
    """Propagates, and saves under another name meanwhile; returns the panel's text then."""
    from blender_cutout.tasks import jobs

    folder, step, said = folder_of(bpy), jobs.step, []

    def step_and_save() -> bool:
        busy = step()
        if not said and mattes_written(folder) >= 3:
            said.append("")
            bpy.ops.wm.save_as_mainfile(filepath=str(target), copy=copy)
            status = bpy.context.window_manager.cutout
            said[:] = [status.text, status.hint]
        return bool(busy)

    with monkeypatch.context() as patch:
        patch.setattr(jobs, "step", step_and_save)
        assert bpy.ops.cutout.propagate(direction="BOTH") == {"FINISHED"}
    assert said, "it was done before it could be saved"
    return said


@pytest.mark.parametrize("place", ["beside", "elsewhere"])
def test_saved_under_another_name_while_the_engine_works_the_rest_is_copied_when_it_is_done(
    blender: Any, project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    from blender_cutout.host import storage
    from blender_cutout.tasks import jobs

    monkeypatch.setattr(jobs, "engine_command", lambda python="": kit.fake_engine("--delay", "0.05"))
    project()
    run(blender, "new", "apply_strokes")
    blender.ops.wm.save_mainfile()
    first, old = Path(blender.data.filepath), folder_of(blender)
    second = (tmp_path if place == "beside" else tmp_path / "anders wo") / "Fassung 2.blend"
    second.parent.mkdir(exist_ok=True)
    text, hint = saved_while_at_work(blender, monkeypatch, second)
    assert "still working" in text
    assert second.name in hint
    new = folder_of(blender)
    assert new == second.parent / "Fassung 2_cutout" / old.name
    assert not storage.stays
    assert contents(new) == contents(old)
    assert blender.context.scene.cutout.tracks[0].done_count == kit.LENGTH
    assert second.name in blender.context.window_manager.cutout.text
    kept = contents(old)
    run(blender, "auto", "write_strips")
    assert contents(old) == kept, "what is done in the second file does not touch the first one"
    blender.ops.wm.open_mainfile(filepath=str(second))  # as it was saved: in the middle of it
    assert folder_of(blender) == new
    run(blender, "propagate")
    blender.ops.wm.open_mainfile(filepath=str(first))
    assert folder_of(blender) == old
    run(blender, "propagate")


def test_a_copy_saved_while_the_engine_works_has_what_was_there(
    blender: Any, project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from blender_cutout.tasks import jobs

    monkeypatch.setattr(jobs, "engine_command", lambda python="": kit.fake_engine("--delay", "0.05"))
    project()
    run(blender, "new", "apply_strokes")
    folder, copy = folder_of(blender), tmp_path / "Kopie.blend"
    saved_while_at_work(blender, monkeypatch, copy, copy=True)
    assert folder_of(blender) == folder
    assert blender.context.scene.cutout.tracks[0].done_count == kit.LENGTH
    blender.ops.wm.open_mainfile(filepath=str(copy))
    assert folder_of(blender) == tmp_path / "Kopie_cutout" / folder.name
    assert 3 <= len(list((folder_of(blender) / "mattes").glob("*/*.png"))) < kit.LENGTH + 3
    run(blender, "propagate")


def test_a_copy_of_a_file_never_saved_leaves_that_its_masks(blender: Any, project: Project, tmp_path: Path) -> None:
    project(saved=False)
    run(blender, "new", "apply_strokes")
    folder = folder_of(blender)
    kept = contents(folder)
    blender.ops.wm.save_as_mainfile(filepath=str(tmp_path / "Kopie.blend"), copy=True)
    assert folder_of(blender) == folder
    assert contents(folder) == kept
    assert contents(tmp_path / "Kopie_cutout" / folder.name) == kept
    run(blender, "propagate")
    assert contents(tmp_path / "Kopie_cutout" / folder.name) == kept


def test_an_undo_past_save_as_stays_with_the_masks_of_the_new_file(
    blender: Any, project: Project, tmp_path: Path
) -> None:
    from blender_cutout.tasks import jobs

    project()
    blender.ops.ed.undo_push(message="start")
    run(blender, "new", "apply_strokes")
    blender.ops.ed.undo_push(message="applied")
    old = folder_of(blender)
    blender.ops.wm.save_as_mainfile(filepath=str(tmp_path / "zwei.blend"))
    new = folder_of(blender)
    assert new != old
    run(blender, "auto")
    blender.ops.ed.undo()
    assert folder_of(blender) == new
    while jobs.step():  # the engine follows the undo
        time.sleep(0.005)
    run(blender, "propagate")
