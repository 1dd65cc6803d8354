"""Tests several objects of one clip: the list, its switches, and commands for all of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import bpy_kit as kit
import numpy as np
import pytest

pytestmark = pytest.mark.bpy

Project = Callable[..., tuple[Any, Any]]
DRAWN = kit.LAYOUTS["plain"].start + kit.STROKE_FRAME
LATER = 8
"""Timeline frame on which the second object is drawn."""


def draw(bpy: Any, frame: int, layer: int, source_frame: int = DRAWN) -> None:
    """Copies the strokes of one frame to another: scripts cannot draw in Blender 4.3 to 5.1."""
    from blender_cutout.host import annotations

    copied = annotations.find(bpy.context).layers[layer]
    copy = copied.frames.copy(next(f for f in copied.frames if f.frame_number == source_frame))
    copy.frame_number = frame


def matte(track: Any, frame: int) -> np.ndarray | None:
    """The mask of a timeline frame, (H, W) in [0, 1]."""
    from blender_cutout.formats.png import read_grey
    from blender_cutout.tasks import jobs

    path = jobs.matte_file(track, frame - kit.LAYOUTS["plain"].start)
    return None if path is None else read_grey(path) / 255


def masks(scene: Any, frame: int) -> np.ndarray:
    found = [matte(track, frame) for track in scene.cutout.tracks]
    assert all(m is not None for m in found), frame
    return np.stack([m > 0.5 for m in found if m is not None])


def iou(mask: np.ndarray, frame: int) -> float:
    truth = kit.truth(frame - kit.LAYOUTS["plain"].start) > 0.5
    return float((mask & truth).sum() / (mask | truth).sum())


@pytest.fixture
def two(blender: Any, project: Project) -> Any:
    """A scene with two objects of one strip: the L, drawn on one frame, and a piece of the background, on another."""
    from blender_cutout.core.messages import ApplyRound
    from blender_cutout.tasks import jobs

    scene, _ = project()
    blender.ops.cutout.new()
    blender.ops.cutout.apply_strokes()
    blender.ops.cutout.new()
    scene.frame_set(LATER)
    track, stroke = scene.cutout.tracks[1], {"label": "keep", "radius": 3, "points": [[12.0, 12.0], [30.0, 20.0]]}
    uuid, frame = track.uuid, LATER - kit.LAYOUTS["plain"].start
    job = jobs.submit(scene, track, "Refining", lambda wire: ApplyRound(wire, uuid, frame, (stroke,)), undo="Apply")
    jobs.wait(job, 60)
    return scene


def heads(scene: Any) -> list[str]:
    return [track.head for track in scene.cutout.tracks]


def test_a_strip_takes_several_objects_each_with_its_name_colour_and_folder(blender: Any, project: Project) -> None:
    from blender_cutout.geometry.mask_looks import PALETTE

    scene, strip = project()
    strip.name = "Katze"
    for _ in range(3):
        blender.ops.cutout.new()
    strip.name = "Umbenannt"
    blender.ops.cutout.new()
    tracks = list(scene.cutout.tracks)
    assert [t.name for t in tracks] == ["Katze", "Katze 2", "Katze 3", "Umbenannt"]
    assert {t.strip_uuid for t in tracks} == {strip["cutout_strip"]}
    assert {t.strip_name for t in tracks} == {"Umbenannt"}
    assert len({t.folder for t in tracks}) == 4
    np.testing.assert_allclose([t.colour[:] for t in tracks], PALETTE[:4], atol=1e-6)
    assert scene.cutout.active_index == 3
    scene.cutout.active_index = 1
    blender.ops.cutout.remove()
    assert strip["cutout_strip"], "the others still need it"
    blender.ops.cutout.new()
    track = scene.cutout.tracks[3]
    assert track.name == "Umbenannt 2"
    np.testing.assert_allclose(track.colour[:], PALETTE[1], atol=1e-6, err_msg="the colour that is free again")
    while len(scene.cutout.tracks):
        blender.ops.cutout.remove()
    assert strip.get("cutout_strip") is None


def test_strokes_are_for_the_active_object_only(blender: Any, two: Any) -> None:
    first, second = two.cutout.tracks
    assert (first.keyframes, second.keyframes) == (str(DRAWN), str(LATER))
    assert iou(matte(first, DRAWN) > 0.5, DRAWN) > 0.9
    two.frame_set(LATER + 1)
    draw(blender, LATER + 1, 0)
    blender.ops.cutout.apply_strokes()
    assert (first.keyframes, second.keyframes) == (str(DRAWN), f"{LATER} to {LATER + 1}")
    assert matte(first, LATER + 1) is None
    two.cutout.active_index = 0
    with pytest.raises(RuntimeError, match="already applied"):
        blender.ops.cutout.apply_strokes()


def test_auto_apply_sends_a_stroke_to_the_object_that_it_was_drawn_for(
    blender: Any, two: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from blender_cutout.tasks import auto_apply, jobs

    def look() -> None:
        job = auto_apply.auto.look(blender.context)
        if job:
            jobs.wait(job, 60)

    auto_apply.forget()
    look()
    draw(blender, LATER + 2, 0)
    look()
    two.cutout.active_index = 0
    two.frame_set(LATER + 2)
    look()
    assert [t.keyframe_count for t in two.cutout.tracks] == [1, 1]
    two.cutout.active_index = 1
    look()
    assert [t.keyframe_count for t in two.cutout.tracks] == [1, 2]


def test_all_are_propagated_together_and_no_pixel_has_two_owners(blender: Any, two: Any) -> None:
    assert blender.ops.cutout.propagate_all() == {"FINISHED"}
    start = kit.LAYOUTS["plain"].start
    for frame in range(start, start + kit.LENGTH):
        found = masks(two, frame)
        assert found.sum(axis=0).max() <= 1
        assert found[1].any()
        assert iou(found[0], frame) > 0.85
    assert [t.done_count for t in two.cutout.tracks] == [kit.LENGTH] * 2
    assert "2 objects" in blender.context.window_manager.cutout.text


def test_an_object_without_a_mask_is_named_and_nothing_is_changed(blender: Any, two: Any) -> None:
    blender.ops.cutout.new()
    two.cutout.tracks[2].name = "Halsband"
    before = heads(two)
    with pytest.raises(RuntimeError, match="Halsband has no mask yet"):
        blender.ops.cutout.propagate_all()
    assert heads(two) == before
    two.cutout.tracks[2].locked = True
    assert blender.ops.cutout.propagate_all() == {"FINISHED"}
    assert [t.done_count for t in two.cutout.tracks] == [kit.LENGTH, kit.LENGTH, 0]


def test_a_locked_object_is_changed_by_nothing(blender: Any, two: Any) -> None:
    second = two.cutout.tracks[1]
    second.name, second.locked = "Hund", True
    before = heads(two)
    draw(blender, LATER, 1)
    for step in ("apply_strokes", "auto", "propagate", "undo_round"):
        with pytest.raises(RuntimeError, match=r"Hund is locked.*padlock"):
            getattr(blender.ops.cutout, step)()
        assert heads(two) == before
        assert "padlock" in blender.context.window_manager.cutout.hint
    blender.ops.cutout.propagate_all()
    first, second = two.cutout.tracks
    assert (first.done_count, second.done_count, second.head) == (kit.LENGTH, 1, before[1])
    first.locked = True
    with pytest.raises(RuntimeError, match="All objects of this clip are locked"):
        blender.ops.cutout.propagate_all()


def test_one_undo_takes_the_joint_step_back_but_not_for_a_locked_object(blender: Any, two: Any) -> None:
    before = heads(two)
    blender.ops.cutout.propagate_all()
    joint = heads(two)
    blender.ops.cutout.undo_round()
    assert heads(two) == before
    assert [t.done_count for t in two.cutout.tracks] == [1, 1]
    blender.ops.cutout.propagate_all()
    assert heads(two) == joint
    two.cutout.tracks[0].locked = True
    blender.ops.cutout.undo_round()
    assert heads(two) == [joint[0], before[1]]


def test_blenders_undo_and_redo_take_all_objects_along(blender: Any, two: Any) -> None:
    from blender_cutout.tasks import jobs

    def scene() -> Any:
        return blender.context.scene

    def settle() -> list[str]:
        while jobs.queue.jobs:
            jobs.wait(jobs.queue.jobs[0], 60)
        return [jobs.queue.heads[t.uuid] for t in scene().cutout.tracks]

    before = heads(two)
    blender.ops.ed.undo_push(message="before")
    blender.ops.cutout.propagate_all()
    joint = heads(scene())
    blender.ops.ed.undo()
    assert (settle(), heads(scene())) == (before, before)
    blender.ops.ed.redo()
    assert (settle(), heads(scene())) == (joint, joint)


def test_after_saving_loading_and_a_new_engine_the_joint_run_goes_on(blender: Any, two: Any) -> None:
    from blender_cutout.tasks import jobs

    blender.ops.cutout.propagate_all()
    joint = heads(two)
    blender.ops.wm.save_mainfile()
    blender.ops.wm.open_mainfile(filepath=blender.data.filepath)
    scene = blender.context.scene
    assert not jobs.queue.running
    assert masks(scene, LATER)[1].any()
    assert blender.ops.cutout.propagate_all() == {"FINISHED"}
    assert heads(scene) == joint
    blender.ops.cutout.undo_round()
    assert [t.done_count for t in scene.cutout.tracks] == [1, 1]


def test_eye_and_solo_say_what_is_shown(blender: Any, two: Any) -> None:
    from blender_cutout.scene import track_lookup

    def shown() -> list[int]:
        uuids = [t.uuid for t in two.cutout.tracks]
        return [uuids.index(t.uuid) for t in track_lookup.shown(two)]

    blender.ops.cutout.new()
    tracks = two.cutout.tracks
    assert shown() == [0, 1, 2]
    tracks[1].visible = False
    assert shown() == [0, 2]
    tracks[1].solo = True
    assert shown() == [1], "solo counts more than the eye"
    tracks[0].solo = True
    assert shown() == [0, 1]
    for track in tracks:
        track.solo = track.visible = False
    assert shown() == []


def test_what_lies_on_another_strip_is_not_of_the_clip(blender: Any, two: Any, tmp_path: Path) -> None:
    from blender_cutout.scene import track_lookup

    kit.add_strip(two, kit.write_clip(tmp_path / "anderer"), kit.LAYOUTS["plain"], channel=5)
    blender.ops.cutout.new()
    tracks = two.cutout.tracks
    assert [t.uuid for t in track_lookup.shown(two)] == [tracks[2].uuid]
    two.cutout.active_index = 0
    assert [t.uuid for t in track_lookup.of_clip(two, tracks[0])] == [tracks[0].uuid, tracks[1].uuid]
    assert blender.ops.cutout.propagate_all() == {"FINISHED"}
    assert tracks[2].done_count == 0


def test_the_panel_lists_the_switches_and_offers_all_objects_only_where_there_are_several(
    blender: Any, project: Project
) -> None:
    from types import SimpleNamespace

    from blender_cutout.ui import panel
    from tests.blender_cutout.operators.test_operators import Paper

    icons = blender.types.UILayout.bl_rna.functions["prop"].parameters["icon"].enum_items.keys()
    assert {icon for _, *names in panel._SWITCHES for icon in names} <= set(icons)
    assert "GROUP" in icons

    def drawn() -> str:
        notes: list[str] = []
        panel.CUTOUT_PT_cutout.draw(SimpleNamespace(layout=Paper(notes)), blender.context)
        for track in blender.context.scene.cutout.tracks:
            panel.CUTOUT_UL_tracks.draw_item(None, blender.context, Paper(notes), None, track, 0, None, "")
        return "\n".join(notes)

    project()
    blender.ops.cutout.new()
    assert "propagate_all" not in drawn()
    blender.ops.cutout.new()
    assert "propagate_all" in drawn()
