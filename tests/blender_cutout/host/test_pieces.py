"""Tests that every piece of a clip keeps the right masks: split, duplicated, moved, in a meta strip, deleted."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import bpy_kit as kit
import numpy as np
import pytest
from frames_kit import check, effect, in_timeline, into_meta

pytestmark = pytest.mark.bpy

Project = Callable[..., tuple[Any, Any]]


def cut_out(bpy: Any) -> None:
    for step in ("new", "apply_strokes", "propagate", "write_strips"):
        assert getattr(bpy.ops.cutout, step)() == {"FINISHED"}


def select(scene: Any, *strips: Any) -> None:
    from blender_cutout.host.strips import places

    for place in places(scene.sequence_editor):
        place.strip.select = place.strip in strips
    scene.sequence_editor.active_strip = strips[-1]


def cut(bpy: Any, scene: Any, frame: int, *strips: Any) -> None:
    select(scene, *strips)
    with in_timeline(bpy):
        assert bpy.ops.sequencer.split(
            frame=frame, channel=0, type="SOFT", side="RIGHT", use_cursor_position=False
        ) == {"FINISHED"}


def duplicate(bpy: Any, scene: Any, *strips: Any) -> list[Any]:
    """Duplicates strips as Shift-D does; returns the copies."""
    from blender_cutout.host.strips import places

    before = {p.strip.name for p in places(scene.sequence_editor)}
    select(scene, *strips)
    with in_timeline(bpy):
        bpy.ops.sequencer.duplicate()
    return [p.strip for p in places(scene.sequence_editor) if p.strip.name not in before]


def clips(scene: Any) -> list[Any]:
    from blender_cutout.host.strips import STRIP_KEY, places

    return [p.strip for p in places(scene.sequence_editor) if p.strip.get(STRIP_KEY)]


def masks_of(scene: Any) -> list[Any]:
    from blender_cutout.host.strips import places

    return [p.strip for p in places(scene.sequence_editor) if "mask" in p.strip.name]


def longer_green(scene: Any, stop: int) -> None:
    from blender_cutout.host import compat

    green = next(s for s in compat.strips(scene.sequence_editor) if s.name == "green")
    compat.time_set(green, "frame_final_end", stop)


@pytest.mark.parametrize("with_mask", [False, True])
def test_cut_in_two_both_halves_keep_their_masks(
    blender: Any, project: Project, tmp_path: Path, with_mask: bool
) -> None:
    scene, strip = project()
    cut_out(blender)
    cut(blender, scene, 6, *(masks_of(scene) if with_mask else ()), strip)
    assert len(clips(scene)) == 2
    if not with_mask:
        check(blender, scene, tmp_path / "r", {1: 0, 5: 4, 6: 5, 12: 11})
    scene.frame_set(9)  # over the right half, with rounds on the left one
    assert blender.ops.cutout.write_strips() == {"FINISHED"}
    check(blender, scene, tmp_path / "r", {1: 0, 5: 4, 6: 5, 12: 11})
    assert len(masks_of(scene)) == 2
    assert all(len(s.modifiers) == 1 for s in clips(scene))
    blender.ops.cutout.auto()  # a round on the right half goes to the frame that is shown
    assert scene.cutout.tracks[0].keyframes == "5, 9"


def test_halves_moved_apart_and_trimmed_are_written_in_their_own_time(
    blender: Any, project: Project, tmp_path: Path
) -> None:
    from blender_cutout.host import compat

    scene, strip = project()
    cut_out(blender)
    cut(blender, scene, 6, strip)
    longer_green(scene, 60)
    left, right = sorted(clips(scene), key=lambda s: compat.time_get(s, "frame_final_start"))
    compat.time_set(right, "frame_start", 31)
    compat.time_set(right, "frame_offset_end", 2)
    compat.time_set(left, "frame_offset_start", 1)
    for now in (3, 37):
        scene.frame_set(now)
        assert blender.ops.cutout.write_strips() == {"FINISHED"}
        check(blender, scene, tmp_path / "r", {2: 1, 5: 4, 36: 5, 40: 9})
        assert len(masks_of(scene)) == 2
    left_name = left.name
    compat.strips(scene.sequence_editor).remove(left)
    assert blender.ops.cutout.write_strips() == {"FINISHED"}
    assert left_name not in [s.name for s in clips(scene)]
    assert len(masks_of(scene)) == 1, "no mask is left without its clip"
    check(blender, scene, tmp_path / "r", {36: 5, 40: 9})


@pytest.mark.parametrize("move", ["half", "copy"])
def test_a_half_or_a_copy_that_was_moved_is_cut_out_without_being_written(
    blender: Any, project: Project, tmp_path: Path, move: str
) -> None:
    from blender_cutout.host import compat
    from blender_cutout.tasks import upkeep

    scene, strip = project()
    cut_out(blender)
    longer_green(scene, 60)
    if move == "half":
        cut(blender, scene, 6, strip)
        moved = max(clips(scene), key=lambda s: compat.time_get(s, "frame_final_start"))
    else:
        (moved,) = duplicate(blender, scene, strip)
    compat.time_set(moved, "frame_start", 31)
    assert upkeep.keeper.look(scene) == []
    check(blender, scene, tmp_path / "r", {1: 0, 5: 4, 36: 5, 42: 11})
    assert upkeep.keeper.look(scene) == []
    assert len(masks_of(scene)) == 2, "one more mask strip, once"
    assert blender.ops.cutout.write_strips() == {"FINISHED"}
    check(blender, scene, tmp_path / "r", {1: 0, 5: 4, 36: 5, 42: 11})
    assert len(masks_of(scene)) == 2


def test_a_half_that_was_moved_in_the_frame_keeps_its_cut(blender: Any, project: Project, tmp_path: Path) -> None:
    from blender_cutout.host import compat
    from blender_cutout.tasks import upkeep

    scene, strip = project()
    cut_out(blender)
    cut(blender, scene, 6, strip)
    right = max(clips(scene), key=lambda s: compat.time_get(s, "frame_final_start"))
    plain = kit.LAYOUTS["plain"]
    layout = kit.Layout(plain.start, plain.render, (14.0, -9.0))
    kit.place(right, layout)
    assert upkeep.keeper.look(scene) == []
    check(blender, scene, tmp_path / "r", {1: 0, 5: 4})
    check(blender, scene, tmp_path / "r", {6: 5, 12: 11}, layout)


@pytest.mark.parametrize("with_mask", [False, True])
def test_a_duplicate_shares_the_cutout_until_it_gets_its_own(
    blender: Any, project: Project, tmp_path: Path, with_mask: bool
) -> None:
    from blender_cutout.host import compat

    scene, strip = project()
    cut_out(blender)
    copies = duplicate(blender, scene, *(masks_of(scene) if with_mask else ()), strip)
    copy = next(s for s in copies if "mask" not in s.name)
    for one in copies:
        compat.time_set(one, "frame_start", 31)
    longer_green(scene, 60)
    scene.frame_set(5)
    assert blender.ops.cutout.write_strips() == {"FINISHED"}
    check(blender, scene, tmp_path / "r", {1: 0, 12: 11, 31: 0, 38: 7})
    assert len(masks_of(scene)) == 2
    assert len(scene.cutout.tracks) == 1

    select(scene, copy)
    assert blender.ops.cutout.new() == {"FINISHED"}
    assert len(scene.cutout.tracks) == 2
    assert scene.cutout.tracks[0].strip_uuid != scene.cutout.tracks[1].strip_uuid
    assert not len(copy.modifiers), "it is shown whole until its own masks are written"
    scene.cutout.active_index = 0
    assert blender.ops.cutout.write_strips() == {"FINISHED"}
    assert len(masks_of(scene)) == 1
    assert blender.ops.cutout.remove() == {"FINISHED"}
    assert not masks_of(scene)


def test_a_copy_that_shows_another_clip_now_does_not_share(blender: Any, project: Project, tmp_path: Path) -> None:
    from blender_cutout.host import compat, strips

    scene, strip = project()
    cut_out(blender)
    (copy,) = duplicate(blender, scene, strip)
    compat.time_set(copy, "frame_start", 31)
    assert len(strips.pieces(scene, strip)) == 2
    copy.use_reverse_frames = True
    assert [p.strip for p in strips.pieces(scene, strip)] == [strip]


def test_into_a_meta_strip_and_out_the_clip_keeps_its_masks(blender: Any, project: Project, tmp_path: Path) -> None:
    from blender_cutout.host import compat

    scene, strip = project()
    cut_out(blender)
    meta = into_meta(blender, scene, strip)
    assert blender.ops.cutout.write_strips() == {"FINISHED"}
    assert sorted(s.name for s in compat.strips(meta)) == ["clip", "clip mask"]
    assert len(masks_of(scene)) == 1
    meta.blend_type = "ALPHA_OVER"
    check(blender, scene, tmp_path / "r", {1: 0, 9: 8})
    select(scene, meta)
    with in_timeline(blender):
        blender.ops.sequencer.meta_separate()
    check(blender, scene, tmp_path / "r", {1: 0, 9: 8})
    assert blender.ops.cutout.write_strips() == {"FINISHED"}
    assert len(masks_of(scene)) == 1
    check(blender, scene, tmp_path / "r", {1: 0, 9: 8})


def test_rendered_frames_serve_both_halves(blender: Any, project: Project, tmp_path: Path) -> None:
    scene, strip = project()
    meta = into_meta(blender, scene, strip)
    for step in ("new", "render_frames", "apply_strokes", "propagate", "write_strips"):
        assert getattr(blender.ops.cutout, step)() == {"FINISHED"}
    cut(blender, scene, 6, meta)
    assert len(clips(scene)) == 2
    scene.frame_set(9)
    assert blender.ops.cutout.write_strips() == {"FINISHED"}
    check(blender, scene, tmp_path / "r", {1: 0, 5: 4, 6: 5, 12: 11})


def test_the_green_is_seen_where_a_clip_is_cut(blender: Any, project: Project, tmp_path: Path) -> None:
    """`check` can fail: without its modifier the whole clip shows."""
    scene, strip = project()
    cut_out(blender)
    strip.modifiers.remove(strip.modifiers[0])
    with pytest.raises(AssertionError):
        check(blender, scene, tmp_path / "r", {5: 4})
    assert np.abs(kit.render_frame(blender, scene, 5, tmp_path)[2, 2] - kit.GREEN).max() > 0.05
    assert effect(scene, "other", "COLOR", 9, 1, 5).type == "COLOR"


def test_moved_trimmed_and_turned_the_masks_follow_without_being_written(
    blender: Any, project: Project, tmp_path: Path
) -> None:
    from blender_cutout.host import compat
    from blender_cutout.tasks import upkeep

    scene, strip = project()
    cut_out(blender)
    assert upkeep.keeper.look(scene) == []
    longer_green(scene, 60)
    compat.time_set(strip, "frame_start", 31)
    compat.time_set(strip, "frame_offset_start", 3)
    compat.time_set(strip, "frame_offset_end", 2)
    layout = kit.Layout(31, kit.LAYOUTS["plain"].render, (12.0, -7.0), (0.8, 0.8), 15.0)
    kit.place(strip, layout)
    assert upkeep.keeper.look(scene) == []
    check(blender, scene, tmp_path / "r", {34: 3, 40: 9}, layout)
    compat.time_set(strip, "frame_offset_start", 0)  # the masks of what was trimmed away are still there
    assert upkeep.keeper.look(scene) == []
    check(blender, scene, tmp_path / "r", {31: 0, 40: 9}, layout)
    blender.ops.wm.save_mainfile()
    compat.time_set(strip, "frame_start", 41)
    blender.ops.wm.save_mainfile()  # saving puts it right in the file, too
    blender.ops.wm.open_mainfile(filepath=blender.data.filepath)
    check(blender, blender.context.scene, tmp_path / "r", {41: 0, 50: 9}, layout)


def test_what_the_masks_cannot_follow_is_shown_until_they_are_written(blender: Any, project: Project) -> None:
    from blender_cutout.host import compat
    from blender_cutout.tasks import upkeep

    scene, strip = project()
    cut_out(blender)
    longer_green(scene, 60)

    def warning() -> str:
        return " ".join(text for text, _ in upkeep.keeper.look(scene))

    strip.use_reverse_frames = True
    assert "may not fit" in warning()
    blender.ops.cutout.write_strips()
    assert not warning()
    (copy,) = duplicate(blender, scene, strip)
    compat.time_set(copy, "frame_start", 31)
    copy.use_reverse_frames = False
    assert "may not fit" in warning()
    with pytest.raises(RuntimeError, match="may not fit"):
        blender.ops.cutout.render()
    compat.strips(scene.sequence_editor).remove(copy)
    assert not warning()
    compat.strips(scene.sequence_editor).remove(next(m for m in masks_of(scene) if m.get("cutout_mask")))
    assert "uncut" in warning()
    blender.ops.cutout.write_strips()
    assert not warning()
    cut(blender, scene, 6, strip)
    assert not warning(), "one mask strip covers both halves"


def test_a_strip_longer_than_its_masks_is_reported(blender: Any, project: Project) -> None:
    from blender_cutout.host import compat
    from blender_cutout.tasks import upkeep

    scene, strip = project()
    compat.time_set(strip, "frame_offset_end", 4)
    cut_out(blender)
    compat.time_set(strip, "frame_offset_end", 1)
    ((text, hint),) = upkeep.keeper.look(scene)
    assert "longer than its masks" in text
    assert "Write Strips" in hint
