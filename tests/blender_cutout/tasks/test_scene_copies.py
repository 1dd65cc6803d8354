"""Tests that the cutouts of a copied or appended scene are their own: strokes, masks, strips."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import bpy_kit as kit
import numpy as np
import pytest

pytestmark = pytest.mark.bpy

Project = Callable[..., tuple[Any, Any]]


def cut_out(bpy: Any, scene: Any, form: str = "mask") -> None:
    for step in ("new", "apply_strokes"):
        assert getattr(bpy.ops.cutout, step)() == {"FINISHED"}
    scene.cutout.tracks[0].write_as = form
    assert bpy.ops.cutout.write_strips() == {"FINISHED"}


def folder_of(track: Any) -> Path:
    from blender_cutout.host import storage

    return storage.track_folder(track)


def copied(bpy: Any, kind: str) -> Any:
    """Copies the scene as the artist does, and goes to the copy."""
    from blender_cutout.host import compat
    from blender_cutout.tasks import upkeep

    bpy.ops.scene.new(type=kind)
    copy = bpy.context.window.scene if bpy.context.window else bpy.data.scenes[-1]
    if hasattr(bpy.context.workspace, "sequencer_scene"):
        bpy.context.workspace.sequencer_scene = copy
    compat.ensure_sequencer_scene(copy)
    upkeep._tick()
    return copy


@pytest.mark.parametrize("form", ["mask", "splines"])
def test_a_copied_scene_has_masks_of_its_own(blender: Any, project: Project, tmp_path: Path, form: str) -> None:
    scene, _ = project()
    cut_out(blender, scene, form)
    frame = scene.frame_current
    first = kit.render_frame(blender, scene, frame, tmp_path / "first")
    copy = copied(blender, "FULL_COPY")
    assert copy != scene
    mine, theirs = scene.cutout.tracks[0], copy.cutout.tracks[0]
    assert mine.uuid != theirs.uuid
    assert folder_of(mine) != folder_of(theirs)
    assert (folder_of(theirs) / "rounds.jsonl").is_file()
    assert "Scene.001: the cutouts are copies" in blender.context.window_manager.cutout.text
    assert np.array_equal(kit.render_frame(blender, copy, frame, tmp_path / "copy"), first)

    x, y = kit.object_at(kit.STROKE_FRAME)  # half of the object goes, in the copy only
    before = mine.head
    copy.frame_set(frame)
    points = " ".join(f"{x + 9},{y + at},1" for at in range(0, 60, 4))
    assert blender.ops.cutout.paint(label="remove", points=points) == {"FINISHED"}
    assert theirs.head != before
    assert mine.head == before, "strokes in the copy are the copy's"
    assert blender.ops.cutout.write_strips() == {"FINISHED"}
    changed = kit.render_frame(blender, copy, frame, tmp_path / "changed")
    assert np.abs(changed - first).max() > 0.2
    assert np.array_equal(kit.render_frame(blender, scene, frame, tmp_path / "still"), first)


def test_a_linked_copy_without_strips_has_no_cutouts(blender: Any, project: Project) -> None:
    scene, _ = project()
    cut_out(blender, scene)
    uuid = scene.cutout.tracks[0].uuid
    copy = copied(blender, "LINK_COPY")
    assert copy.sequence_editor is None
    assert not len(copy.cutout.tracks)
    assert scene.cutout.tracks[0].uuid == uuid


def test_the_original_keeps_its_folder_whatever_the_copy_is_called(blender: Any, project: Project) -> None:
    scene, _ = project()
    cut_out(blender, scene)
    uuid = scene.cutout.tracks[0].uuid
    from blender_cutout.tasks import upkeep

    upkeep._tick()
    blender.ops.scene.new(type="FULL_COPY")
    copy = next(one for one in blender.data.scenes if one != scene)
    copy.name = "A comes first"
    upkeep._tick()
    assert scene.cutout.tracks[0].uuid == uuid
    assert copy.cutout.tracks[0].uuid != uuid


@pytest.mark.parametrize("place", ["same folder", "other folder"])
def test_an_appended_scene_brings_its_masks_along(blender: Any, project: Project, tmp_path: Path, place: str) -> None:
    from blender_cutout.tasks import upkeep

    scene, _ = project()
    cut_out(blender, scene)
    scene.name = "Shot"
    blender.ops.wm.save_mainfile()
    origin, head = blender.data.filepath, scene.cutout.tracks[0].head
    first = kit.render_frame(blender, scene, 5, tmp_path / "first")
    folder = Path(origin).parent if place == "same folder" else tmp_path / "elsewhere"
    folder.mkdir(exist_ok=True)
    blender.ops.wm.read_homefile(use_empty=True)
    blender.ops.wm.save_as_mainfile(filepath=str(folder / "edit.blend"))
    blender.ops.wm.append(directory=f"{origin}/Scene/", filename="Shot")
    shot = blender.data.scenes["Shot"]
    upkeep._tick()
    track = shot.cutout.tracks[0]
    assert folder_of(track).parent == folder / "edit_cutout"
    assert (folder_of(track) / "rounds.jsonl").is_file()
    assert np.array_equal(kit.render_frame(blender, shot, 5, tmp_path / "appended"), first)
    if blender.context.window:
        blender.context.window.scene = shot
    if hasattr(blender.context.workspace, "sequencer_scene"):
        blender.context.workspace.sequencer_scene = shot
    shot.frame_set(9)
    assert blender.ops.cutout.auto() == {"FINISHED"}
    assert track.keyframe_count == 2
    assert track.head != head


def test_a_linked_scene_is_left_alone(blender: Any, project: Project, tmp_path: Path) -> None:
    from blender_cutout.tasks import upkeep

    scene, _ = project()
    cut_out(blender, scene)
    scene.name = "Shot"
    blender.ops.wm.save_mainfile()
    origin, uuid = blender.data.filepath, scene.cutout.tracks[0].uuid
    blender.ops.wm.read_homefile(use_empty=True)
    blender.ops.wm.save_as_mainfile(filepath=str(tmp_path / "edit.blend"))
    blender.ops.wm.link(directory=f"{origin}/Scene/", filename="Shot")
    upkeep._tick()
    blender.ops.wm.save_mainfile()
    shot = next(one for one in blender.data.scenes if one.library)
    assert shot.cutout.tracks[0].uuid == uuid
    assert not list(tmp_path.glob("edit_cutout/*"))
