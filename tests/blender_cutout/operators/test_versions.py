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


def edges(track: Any) -> tuple[Any, ...]:
    """The edge settings, the keys of one, and the strokes for detail, as Blender holds them."""
    from blender_cutout.host import compat

    curves = compat.curves(track.id_data.animation_data)
    places = ("co", "handle_left", "handle_right")
    keys = [
        (
            c.data_path,
            c.extrapolation,
            *((*(tuple(getattr(p, n)) for n in places), p.interpolation, p.handle_left_type)),
        )
        for c in curves
        for p in c.keyframe_points
    ]
    strokes = [(s.key, s.label, s.frame, s.radius, s.points) for s in track.detail_strokes]
    return tuple(getattr(track.edge, n) for n in ("detail", "grow", "feather", "clip_black")), keys, strokes


def strips(scene: Any) -> list[bytes]:
    """The files of Write Strips."""
    from blender_cutout.host import storage

    folder = storage.track_folder(scene.cutout.tracks[0]) / "matte"
    return [path.read_bytes() for path in sorted(folder.iterdir())]


def test_a_version_brings_back_its_edge_with_keys_and_detail(blender: Any, project: Project) -> None:
    from blender_cutout.tasks import jobs

    scene = propagated(blender, project)
    track = scene.cutout.tracks[0]
    track.edge.feather, track.edge.clip_black, track.edge.detail = 1.37, 0.1, 0.5
    for frame, value in ((1, 0.0), (5, 3.3), (9, -1.0)):
        track.edge.grow = value
        track.edge.keyframe_insert("grow", frame=frame)
    from blender_cutout.host import compat

    curve = compat.curves(scene.animation_data)[0]
    curve.keyframe_points[1].interpolation, curve.extrapolation = "LINEAR", "LINEAR"
    curve.keyframe_points[0].handle_right_type = "FREE"
    curve.keyframe_points[0].handle_right = (2.5, 1.25)
    x, y = kit.object_at(kit.STROKE_FRAME)
    assert blender.ops.cutout.paint(label="keep", points=f"{x},{y},1 {x + 20},{y},0.5", detail=True) == {"FINISHED"}
    assert blender.ops.cutout.write_strips() == {"FINISHED"}
    kept, files = edges(track), strips(scene)
    assert blender.ops.cutout.keep_version(name="soft") == {"FINISHED"}
    curve.keyframe_points.remove(curve.keyframe_points[1])
    track.edge.feather, track.edge.detail = 0.0, 0.0
    track.edge.smooth = 4.0
    track.edge.keyframe_insert("smooth", frame=2)
    track.detail_strokes.clear()
    assert blender.ops.cutout.write_strips() == {"FINISHED"}
    assert strips(scene) != files
    other = edges(track)
    blender.ops.ed.undo_push(message="before")
    assert blender.ops.cutout.return_to_version(name="soft") == {"FINISHED"}
    assert edges(track) == kept
    assert track.edge.smooth == 0.0
    assert blender.ops.cutout.write_strips() == {"FINISHED"}
    assert strips(scene) == files
    assert blender.ops.cutout.return_to_version(name="Before Return") == {"FINISHED"}
    assert edges(track) == other
    for _ in range(3):
        blender.ops.ed.undo()
        while jobs.step():
            pass
    assert edges(blender.context.scene.cutout.tracks[0]) == other


_ODD_POINT = '[[1, 1], [0, 0], [2, 2], 1, 1, 1, "", "", "", ""]'


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        '{"values": {"grow": 1e999}, "curves": [], "strokes": []}',
        '{"values": {"grow": "a", "name": 3}, "curves": {"grow": {"points": [[1], {}]}}, "strokes": [{"key": 2}]}',
        '{"values": {}, "curves": {"uuid": {"points": [%s]}}, "strokes": []}'.replace("%s", _ODD_POINT),
    ],
)
def test_settings_of_a_version_from_elsewhere_change_nothing_else(blender: Any, project: Project, text: str) -> None:
    from blender_cutout.scene import edge_keeping

    project()
    assert blender.ops.cutout.new() == {"FINISHED"}
    scene = blender.context.scene
    track = scene.cutout.tracks[0]
    before, uuid = edges(track), track.uuid
    edge_keeping.bring_back(scene, track, text)
    assert (edges(track), track.uuid) == (before, uuid)


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
