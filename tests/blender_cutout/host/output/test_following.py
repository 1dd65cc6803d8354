"""Tests that RGBA strips and splines follow a clip that was moved, trimmed or rotated, or that the panel reports it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import bpy_kit as kit
import pytest
from frames_kit import check

from tests.blender_cutout.host.output.test_forms import iou, matte_of, shown_alpha
from tests.blender_cutout.host.test_pieces import cut, duplicate, longer_green

pytestmark = pytest.mark.bpy

Project = Callable[..., tuple[Any, Any]]


def cut_out(bpy: Any, scene: Any, form: str) -> None:
    for step in ("new", "apply_strokes", "propagate"):
        assert getattr(bpy.ops.cutout, step)() == {"FINISHED"}
    scene.cutout.tracks[0].write_as = form
    assert bpy.ops.cutout.write_strips() == {"FINISHED"}


def warning(scene: Any) -> str:
    from blender_cutout.tasks import upkeep

    return " ".join(text for text, _ in upkeep.keeper.look(scene))


def pictures(scene: Any) -> list[Any]:
    from blender_cutout.host.output.rgba_strip import CUTOUT_KEY
    from blender_cutout.host.strips import places

    return [p.strip for p in places(scene.sequence_editor) if p.strip.get(CUTOUT_KEY)]


def test_an_rgba_strip_follows_its_clip_without_being_written(blender: Any, project: Project, tmp_path: Path) -> None:
    from blender_cutout.host import compat

    scene, strip = project()
    cut_out(blender, scene, "cutout")
    assert not warning(scene)
    longer_green(scene, 60)
    compat.time_set(strip, "frame_start", 31)
    compat.time_set(strip, "frame_offset_start", 3)
    compat.time_set(strip, "frame_offset_end", 2)
    layout = kit.Layout(31, kit.LAYOUTS["plain"].render, (12.0, -7.0), (0.8, 0.8), 15.0)
    kit.place(strip, layout)
    assert not warning(scene)
    check(blender, scene, tmp_path / "r", {34: 3, 40: 9}, layout)
    compat.time_set(strip, "frame_offset_start", 0)  # the pictures of what was trimmed away are still there
    assert not warning(scene)
    check(blender, scene, tmp_path / "r", {31: 0, 40: 9}, layout)


def test_an_rgba_strip_that_was_moved_by_itself_stays_there(blender: Any, project: Project) -> None:
    from blender_cutout.host import compat

    scene, strip = project()
    cut_out(blender, scene, "cutout")
    (ours,) = pictures(scene)
    compat.time_set(ours, "frame_start", 21)
    ours.transform.offset_x = 9.0
    assert not warning(scene)
    assert (compat.time_get(ours, "frame_start"), ours.transform.offset_x) == (21, 9.0)
    compat.time_set(strip, "frame_start", 6)
    assert not warning(scene)
    assert (compat.time_get(ours, "frame_start"), ours.transform.offset_x) == (6, 0.0)


def test_what_an_rgba_strip_cannot_follow_is_reported(blender: Any, project: Project) -> None:
    from blender_cutout.host import compat

    scene, strip = project()
    compat.time_set(strip, "frame_offset_end", 4)
    cut_out(blender, scene, "cutout")
    compat.time_set(strip, "frame_offset_end", 1)
    assert "longer than its RGBA strip" in warning(scene)
    blender.ops.cutout.write_strips()
    assert not warning(scene)
    strip.use_reverse_frames = True
    assert "may not fit" in warning(scene)
    strip.use_reverse_frames = False
    cut(blender, scene, 6, strip)
    assert not warning(scene), "one RGBA strip covers both halves"
    (copy,) = duplicate(blender, scene, strip)
    compat.time_set(copy, "frame_start", 41)
    assert "was split or copied" in warning(scene)
    compat.strips(scene.sequence_editor).remove(copy)
    assert not warning(scene)
    compat.strips(scene.sequence_editor).remove(pictures(scene)[0])
    assert "is gone" in warning(scene)


def test_splines_follow_in_time_and_tell_that_they_cannot_in_the_frame(
    blender: Any, project: Project, tmp_path: Path
) -> None:
    from blender_cutout.host import compat

    scene, strip = project()
    cut_out(blender, scene, "splines")
    assert not warning(scene)
    longer_green(scene, 60)
    compat.time_set(strip, "frame_start", 31)
    compat.time_set(strip, "frame_offset_start", 3)
    compat.time_set(strip, "frame_offset_end", 2)
    assert not warning(scene)
    plain = kit.LAYOUTS["plain"]
    for clip_frame in (3, 9):
        _, alpha = kit.composite(
            kit.Layout(31, plain.render), kit.picture(clip_frame), matte_of(blender, scene, clip_frame)
        )
        seen = shown_alpha(blender, scene, strip, 31 + clip_frame, tmp_path / "r")
        assert iou(seen > 0.5, alpha > 0.5) >= 0.95, clip_frame
    strip.transform.offset_x += 20
    assert "moved or rotated in the frame" in warning(scene)
    blender.ops.cutout.write_strips()
    assert not warning(scene)
    compat.time_set(strip, "frame_offset_end", 0)
    assert "longer than its splines" in warning(scene)


def test_splines_of_a_clip_that_is_animated_fit_on_every_frame(blender: Any, project: Project) -> None:
    scene, strip = project()
    for frame, x in ((1, -30), (12, 40)):
        strip.transform.offset_x = x
        strip.transform.keyframe_insert("offset_x", frame=frame)
    scene.frame_set(1 + kit.STROKE_FRAME)
    cut_out(blender, scene, "splines")
    for frame in (1, 7, 12):
        scene.frame_set(frame)
        assert not warning(scene), frame
    strip.transform.offset_x = 5
    strip.transform.keyframe_insert("offset_x", frame=6)
    assert "moved or rotated in the frame" in warning(scene)
