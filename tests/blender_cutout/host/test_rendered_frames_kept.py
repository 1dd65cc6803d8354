"""Tests when rendered frames are refused, kept, rendered again and removed; cancelling and full disks."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import bpy_kit as kit
import numpy as np
import pytest
from frames_kit import FRAME, Project, carry_on, check, cut_out, draw, into_meta

from blender_cutout.host.contents import picture_name

pytestmark = pytest.mark.bpy


def test_when_the_meta_changes_the_masks_are_refused_and_frames_offered_again(
    blender: Any, project: Project, tmp_path: Path
) -> None:
    scene, strip = project()
    meta = into_meta(blender, scene, strip)
    track = cut_out(blender, scene)
    from blender_cutout.host import compat

    inner = compat.strips(meta)[0]
    inner.transform.offset_x = 12.0
    for step in ("apply_strokes", "propagate", "write_strips"):
        with pytest.raises(RuntimeError, match=r"changed since its frames were rendered.*Render Frames"):
            getattr(blender.ops.cutout, step)()
    inner.transform.offset_x = 0.0
    assert blender.ops.cutout.write_strips() == {"FINISHED"}, "as before: all is well again"

    old = track.uuid
    inner.use_flip_x = True
    assert blender.ops.cutout.render_frames() == {"FINISHED"}
    assert track.uuid != old
    assert (track.head, track.done_count, track.frame_count) == ("", 0, kit.LENGTH)
    draw(blender, scene, kit.STROKE_FRAME, kit.STROKE_FRAME, mirrored=True)
    carry_on(blender)
    render = kit.render_frame(blender, scene, FRAME, tmp_path)
    wanted, _ = kit.composite(
        kit.LAYOUTS["plain"], kit.picture(kit.STROKE_FRAME)[:, ::-1], kit.truth(kit.STROKE_FRAME)[:, ::-1]
    )
    assert np.abs(render - wanted).mean() < 2 / 255
    assert sum("mask" in s.name for s in compat.strips(scene.sequence_editor)) == 1


def test_moved_and_trimmed_the_frames_stay_with_the_strip_and_longer_is_refused(
    blender: Any, project: Project, tmp_path: Path
) -> None:
    from blender_cutout.host import compat

    scene, strip = project()
    meta = into_meta(blender, scene, strip)
    cut_out(blender, scene)
    green = next(s for s in compat.strips(scene.sequence_editor) if s.name == "green")
    compat.time_set(green, "frame_final_end", 40)
    compat.time_set(meta, "frame_start", compat.time_get(meta, "frame_start") + 20)
    compat.time_set(meta, "frame_final_start", 24)
    compat.time_set(meta, "frame_final_end", 31)
    assert blender.ops.cutout.write_strips() == {"FINISHED"}
    check(blender, scene, tmp_path / "r", {24: 3, 30: 9})
    compat.time_set(meta, "frame_final_end", 36)
    with pytest.raises(RuntimeError, match="now longer"):
        blender.ops.cutout.write_strips()


def test_cancel_keeps_what_is_done_and_a_half_rendered_folder_is_never_taken(
    blender: Any, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    from blender_cutout.host import rendered_frames
    from blender_cutout.tasks import frame_renderer

    scene, strip = project()
    meta = into_meta(blender, scene, strip)
    blender.ops.cutout.new()
    track = scene.cutout.tracks[0]
    frame_renderer.begin(scene, track)
    made = frame_renderer.baker.bake
    assert frame_renderer.step()
    assert frame_renderer.step()
    status = blender.context.window_manager.cutout
    assert status.frames_busy
    assert 0 < status.frames_share < 1
    done = {p.name: p.stat().st_mtime_ns for p in made.part.glob("*.png")}
    assert 2 <= len(done) < kit.LENGTH
    blender.ops.cutout.cancel_frames()
    assert not status.frames_busy
    assert not frame_renderer.step()
    assert rendered_frames.rendered_frames_of(meta) is None
    assert not made.folder.exists()
    with pytest.raises(RuntimeError, match="Render Frames"):
        blender.ops.cutout.auto()
    assert blender.ops.cutout.render_frames() == {"FINISHED"}
    after = {p.name: p.stat().st_mtime_ns for p in rendered_frames.rendered_frames_of(meta).path.glob("*.png")}
    assert len(after) == kit.LENGTH
    assert {n: after[n] for n in done} == done, "frames that were done were not rendered again"
    assert not made.part.exists()


def test_a_full_disk_is_reported_before_and_during_the_job(
    blender: Any, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    import shutil
    from types import SimpleNamespace

    from blender_cutout.tasks import frame_renderer

    scene, strip = project()
    into_meta(blender, scene, strip)
    blender.ops.cutout.new()
    with monkeypatch.context() as patch:
        patch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=1000))
        with pytest.raises(RuntimeError, match="need about 1 MB, the disk has 0 MB free"):
            blender.ops.cutout.render_frames()
    assert frame_renderer.baker.bake is None
    frame_renderer.begin(scene, scene.cutout.tracks[0])
    made = frame_renderer.baker.bake
    frame_renderer.step()
    os.truncate(made.part / "000001.png", 100)  # not looked at again: only what is being written is checked
    real = os.replace

    def torn(source: Any, target: Any) -> None:
        os.truncate(source, 50)
        real(source, target)

    from blender_cutout.host import frame_render

    def check_torn(picture: Path) -> None:
        os.truncate(picture, 50)
        whole(picture)

    whole = frame_render._check_whole
    with monkeypatch.context() as patch:
        patch.setattr(frame_render, "_check_whole", check_torn)
        with pytest.raises(Exception, match="Free space"):
            frame_renderer.step()
    assert frame_renderer.baker.bake is None
    assert len(list(made.part.glob("*.png"))) == 1, "what is torn does not stay"


def test_rendering_all_again_keeps_the_masks_where_the_pictures_are_the_same(blender: Any, project: Project) -> None:
    from blender_cutout.host import rendered_frames

    scene, strip = project()
    meta = into_meta(blender, scene, strip)
    track = cut_out(blender, scene)
    uuid, first = track.uuid, rendered_frames.rendered_frames_of(meta).path / picture_name(0)
    before = first.stat().st_mtime_ns
    assert blender.ops.cutout.render_frames(again=True) == {"FINISHED"}
    assert first.stat().st_mtime_ns > before
    assert (track.uuid, track.done_count) == (uuid, kit.LENGTH)
    assert blender.ops.cutout.write_strips() == {"FINISHED"}
    first.write_bytes((first.parent / picture_name(5)).read_bytes())  # as if another picture had been rendered
    assert blender.ops.cutout.render_frames(again=True) == {"FINISHED"}
    assert track.uuid != uuid, "other pictures: the masks start over"


def test_frames_that_nothing_uses_go_after_some_days(blender: Any, project: Project) -> None:
    from blender_cutout.host import compat, rendered_frames
    from blender_cutout.tasks import frame_cleanup

    scene, strip = project()
    meta = into_meta(blender, scene, strip)
    cut_out(blender, scene)
    old = rendered_frames.rendered_frames_of(meta).path
    meta_strip = next(iter(compat.strips(meta)))
    meta_strip.use_reverse_frames = True
    assert blender.ops.cutout.render_frames() == {"FINISHED"}
    new = rendered_frames.rendered_frames_of(meta).path
    assert new != old
    other = old.with_name("frames-mine")
    other.mkdir()
    (other / "notes.txt").write_text("not yours")
    blender.ops.wm.save_mainfile()

    def opened_again(days_later: float) -> None:
        mark = old / frame_cleanup.UNUSED
        if mark.exists():
            then = time.time() - days_later * 86400
            os.utime(mark, (then, then))
        blender.ops.wm.open_mainfile(filepath=blender.data.filepath)

    opened_again(0)
    assert (old / frame_cleanup.UNUSED).is_file()
    opened_again(6)
    assert (old / rendered_frames.DONE).is_file(), "an undo, or the file of before, may still want them"
    opened_again(8)
    assert not old.exists()
    assert (new / rendered_frames.DONE).is_file()
    assert not (new / frame_cleanup.UNUSED).exists()
    assert (other / "notes.txt").is_file()
