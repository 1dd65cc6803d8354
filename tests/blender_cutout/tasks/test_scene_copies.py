"""Tests that the cutouts of a copied or appended scene are their own: strokes, masks, strips."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import bpy_kit as kit
import numpy as np
import pytest

from tests.blender_cutout.tasks.test_words import sidebar

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


def test_a_stroke_drawn_for_the_copy_is_not_applied_to_the_original(blender: Any, project: Project) -> None:
    scene, _ = project()
    frame = scene.frame_current
    assert blender.ops.cutout.new() == {"FINISHED"}
    scene.frame_set(frame + 4)
    assert blender.ops.cutout.auto() == {"FINISHED"}
    copy = copied(blender, "FULL_COPY")
    copy.frame_set(frame)  # with the strokes of the annotation, which all scenes share
    assert blender.ops.cutout.apply_strokes() == {"FINISHED"}
    assert copy.cutout.tracks[0].keyframe_count == 2
    if hasattr(blender.context.workspace, "sequencer_scene"):
        blender.context.workspace.sequencer_scene = scene
    if blender.context.window:
        blender.context.window.scene = scene
    scene.frame_set(frame)
    head = scene.cutout.tracks[0].head
    with pytest.raises(RuntimeError, match="strokes"):
        blender.ops.cutout.apply_strokes()
    assert (scene.cutout.tracks[0].head, scene.cutout.tracks[0].keyframe_count) == (head, 1)


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


def linked(bpy: Any, project: Project, folder: Path) -> tuple[Any, Path]:
    """Links a scene with a cutout into a new file; returns it and the file it is in."""
    scene, _ = project()
    cut_out(bpy, scene)
    scene.name = "Shot"
    bpy.ops.wm.save_mainfile()
    origin = Path(bpy.data.filepath)
    bpy.ops.wm.read_homefile(use_empty=True)
    bpy.ops.wm.save_as_mainfile(filepath=str(folder / "edit.blend"))
    bpy.ops.wm.link(directory=f"{origin}/Scene/", filename="Shot")
    return next(one for one in bpy.data.scenes if one.library), origin


def go_to(bpy: Any, scene: Any) -> None:
    bpy.context.window.scene = scene
    if hasattr(bpy.context.workspace, "sequencer_scene"):
        bpy.context.workspace.sequencer_scene = scene


def files(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


REFUSED = ("new", "paint", "apply_strokes", "auto", "propagate", "write_strips", "remove", "invert", "undo_round")


@pytest.mark.parametrize("overridden", [False, True])
def test_in_a_linked_scene_nothing_is_changed_and_every_button_says_why(
    blender: Any, project: Project, tmp_path: Path, overridden: bool
) -> None:
    from blender_cutout.tasks import auto_apply, upkeep

    shot, origin = linked(blender, project, tmp_path)
    if overridden:  # Blender makes no overrides of scenes; whatever is there afterwards, the original is safe
        shot = shot.override_hierarchy_create(blender.context.scene, blender.context.view_layer) or shot
    go_to(blender, shot)
    before = files(origin.with_name("mein Projekt é_cutout"))
    for name in REFUSED:
        with pytest.raises(RuntimeError, match="This scene is linked from mein Projekt é"):
            getattr(blender.ops.cutout, name)()
    upkeep._tick()
    auto_apply._tick()
    assert files(origin.with_name("mein Projekt é_cutout")) == before
    assert shot.cutout.tracks[0].done_count == 1
    assert "This scene is linked" in sidebar(blender)
    assert "operator" not in sidebar(blender)


@pytest.mark.parametrize("kind", ["FULL_COPY", "LINK_COPY", "local"])
def test_a_copy_of_a_linked_scene_is_this_files_own(blender: Any, project: Project, tmp_path: Path, kind: str) -> None:
    from blender_cutout.tasks import upkeep

    shot, origin = linked(blender, project, tmp_path)
    go_to(blender, shot)
    before = files(origin.with_name("mein Projekt é_cutout"))
    if kind == "local":
        shot.make_local()
    else:
        blender.ops.scene.new(type=kind)
    copy = next(one for one in blender.data.scenes if one.name.startswith("Shot") and not one.library)
    go_to(blender, copy)
    upkeep._tick()
    if kind == "LINK_COPY":  # it has no strips
        assert not len(copy.cutout.tracks)
        return
    head = copy.cutout.tracks[0].head
    copy.frame_set(9)
    assert blender.ops.cutout.auto() == {"FINISHED"}
    assert copy.cutout.tracks[0].head != head
    assert blender.ops.cutout.write_strips() == {"FINISHED"}
    assert folder_of(copy.cutout.tracks[0]).parent == tmp_path / "edit_cutout"
    assert files(origin.with_name("mein Projekt é_cutout")) == before


def in_timeline(bpy: Any) -> dict[str, Any]:
    """The context of a sequencer's timeline."""
    window = bpy.context.window_manager.windows[0]
    area = window.screen.areas[0]
    area.type = "SEQUENCE_EDITOR"
    area.spaces.active.view_type = "SEQUENCER"
    return {"window": window, "area": area, "region": next(r for r in area.regions if r.type == "WINDOW")}


def copy_strips(bpy: Any, scene: Any) -> None:
    from blender_cutout.host import strips

    for place in strips.places(scene.sequence_editor):
        place.strip.select = True
    with bpy.context.temp_override(**in_timeline(bpy)):
        assert bpy.ops.sequencer.copy() == {"FINISHED"}


def paste(bpy: Any, scene: Any) -> Any:
    """Pastes into a scene, and returns the pasted clip, which is the active strip then."""
    from blender_cutout.host import strips

    go_to(bpy, scene)
    with bpy.context.temp_override(**in_timeline(bpy)):
        assert bpy.ops.sequencer.paste() == {"FINISHED"}
    clip = next(p.strip for p in strips.places(scene.sequence_editor) if p.strip.get(strips.STRIP_KEY))
    scene.sequence_editor.active_strip = clip
    return clip


def test_strips_pasted_into_another_scene_bring_masks_of_their_own(
    blender: Any, project: Project, tmp_path: Path
) -> None:
    from blender_cutout.tasks import upkeep

    scene, _ = project()
    cut_out(blender, scene)
    frame = scene.frame_current
    first = kit.render_frame(blender, scene, frame, tmp_path / "first")
    mine = scene.cutout.tracks[0]
    mine.name, head = "Gorilla", mine.head
    other = blender.data.scenes.new("A comes first")
    other.sequence_editor_create()
    other.frame_set(frame)
    copy_strips(blender, scene)
    paste(blender, other)
    upkeep._tick()
    theirs = other.cutout.tracks[0]
    assert (theirs.name, theirs.head, theirs.keyframe_count) == ("Gorilla", head, 1)
    assert theirs.uuid != mine.uuid
    assert folder_of(theirs) != folder_of(mine)
    assert "A comes first: the cutouts are copies" in blender.context.window_manager.cutout.text
    x, y = kit.object_at(kit.STROKE_FRAME)
    points = " ".join(f"{x + 9},{y + at},1" for at in range(0, 60, 4))
    assert blender.ops.cutout.paint(label="remove", points=points) == {"FINISHED"}
    assert theirs.head != head
    assert blender.ops.cutout.write_strips() == {"FINISHED"}
    assert mine.head == head
    assert np.array_equal(kit.render_frame(blender, scene, frame, tmp_path / "still"), first)


def test_strips_pasted_from_another_file_say_whose_masks_they_show(blender: Any, project: Project) -> None:
    from blender_cutout.host import strips
    from blender_cutout.tasks import upkeep

    scene, _ = project()
    cut_out(blender, scene)
    blender.ops.wm.save_mainfile()
    folder = Path(blender.data.filepath).with_name("mein Projekt é_cutout")
    copy_strips(blender, scene)
    blender.ops.wm.read_homefile(use_empty=True)
    scene = blender.context.scene
    scene.sequence_editor_create()
    clip = paste(blender, scene)
    before = files(folder)
    upkeep._tick()
    assert f"{clip.name} was pasted with masks of another" in sidebar(blender)
    assert blender.ops.cutout.new() == {"FINISHED"}
    assert blender.ops.cutout.auto() == {"FINISHED"}
    assert blender.ops.cutout.write_strips() == {"FINISHED"}
    assert files(folder) == before
    upkeep._tick()
    assert not upkeep.keeper.pasted
    assert clip.get(strips.STRIP_KEY) == scene.cutout.tracks[0].strip_uuid
