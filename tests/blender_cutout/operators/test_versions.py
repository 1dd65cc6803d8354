"""Tests kept versions in Blender: files to the bit, undo, the panel's list, and a reopened project."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import bpy_kit as kit
import pytest

pytestmark = pytest.mark.bpy

Project = Callable[..., tuple[Any, Any]]


def masks(scene: Any) -> dict[int, bytes]:
    """Returns the files of the masks that are shown."""
    from blender_cutout.tasks import jobs

    track = scene.cutout.tracks[0]
    files = {frame: jobs.matte_file(track, frame) for frame in range(track.frame_count)}
    return {frame: file.read_bytes() for frame, file in files.items() if file is not None}


def listed(scene: Any) -> list[str]:
    from blender_cutout.host import kept

    return [name for name, _ in kept.versions(scene.cutout.tracks[0].versions)]


def remove_top(bpy: Any) -> None:
    x, y = kit.object_at(kit.STROKE_FRAME)
    points = " ".join(f"{x + 9},{y + at},1" for at in range(0, 30, 4))
    assert bpy.ops.cutout.paint(label="remove", points=points) == {"FINISHED"}
    assert bpy.ops.cutout.propagate() == {"FINISHED"}


def propagated(bpy: Any, project: Project) -> Any:
    scene, _ = project()
    for step in ("new", "apply_strokes", "propagate"):
        assert getattr(bpy.ops.cutout, step)() == {"FINISHED"}
    return scene


def test_a_version_comes_back_to_the_bit_and_undo_brings_back_what_was_left(blender: Any, project: Project) -> None:
    from blender_cutout.tasks import jobs

    scene = propagated(blender, project)
    first = masks(scene)
    assert blender.ops.cutout.write_strips() == {"FINISHED"}
    assert blender.ops.cutout.keep_version(name="Schnitt A") == {"FINISHED"}
    assert scene.cutout.tracks[0].written_head == scene.cutout.tracks[0].head, "keeping changes nothing"
    remove_top(blender)
    second = masks(scene)
    assert second != first
    blender.ops.ed.undo_push(message="before")
    assert blender.ops.cutout.return_to_version(name="Schnitt A") == {"FINISHED"}
    assert masks(scene) == first
    assert listed(scene) == ["Schnitt A", "Before Return"]
    blender.ops.ed.undo()
    jobs.step()
    scene = blender.context.scene
    while jobs.step():
        pass
    assert masks(scene) == second


def test_versions_are_renamed_deleted_and_still_there_in_the_reopened_file(
    blender: Any, project: Project, tmp_path: Path
) -> None:
    scene = propagated(blender, project)
    first = masks(scene)
    assert blender.ops.cutout.keep_version() == {"FINISHED"}
    assert blender.ops.cutout.keep_version() == {"FINISHED"}
    assert listed(scene) == ["Version 1", "Version 2"]
    assert blender.ops.cutout.rename_version(name="Version 1", new_name="für Anna") == {"FINISHED"}
    assert blender.ops.cutout.delete_version(name="Version 2") == {"FINISHED"}
    with pytest.raises(RuntimeError, match="already"):
        blender.ops.cutout.keep_version(name="für Anna")
    remove_top(blender)
    blender.ops.wm.save_as_mainfile(filepath=str(tmp_path / "anderswo" / "b.blend"))
    blender.ops.wm.open_mainfile(filepath=str(tmp_path / "anderswo" / "b.blend"))
    scene = blender.context.scene
    assert listed(scene) == ["für Anna"]
    assert blender.ops.cutout.return_to_version(name="für Anna") == {"FINISHED"}
    assert masks(scene) == first


def test_a_locked_object_does_not_return(blender: Any, project: Project) -> None:
    scene = propagated(blender, project)
    assert blender.ops.cutout.keep_version(name="one") == {"FINISHED"}
    remove_top(blender)
    before = masks(scene)
    scene.cutout.tracks[0].locked = True
    with pytest.raises(RuntimeError, match="is locked"):
        blender.ops.cutout.return_to_version(name="one")
    assert masks(scene) == before
