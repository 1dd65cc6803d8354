"""Strips whose frames are rendered first: retimed, meta, scene and effect strips, by the pixels of the composite."""

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
FRAME = 1 + kit.STROKE_FRAME


def effect(scene: Any, name: str, kind: str, channel: int, start: int, length: int, first: Any = None) -> Any:
    """A new effect strip."""
    from blender_cutout.host import compat

    strips = compat.strips(scene.sequence_editor)
    known = {p.identifier for p in strips.bl_rna.functions["new_effect"].parameters}
    given: dict[str, Any] = {"length": length} if "length" in known else {"frame_end": start + length}
    if first is not None:
        given["input1" if "input1" in known else "seq1"] = first
    return strips.new_effect(name, kind, channel, start, **given)


def in_timeline(bpy: Any) -> Any:
    """A context in which the sequencer's operators run."""
    window = bpy.context.window_manager.windows[0]
    area = window.screen.areas[0]
    area.type = "SEQUENCE_EDITOR"
    area.spaces.active.view_type = "SEQUENCER"
    region = next(r for r in area.regions if r.type == "WINDOW")
    return bpy.context.temp_override(window=window, area=area, region=region)


def into_meta(bpy: Any, scene: Any, strip: Any, name: str = "meta") -> Any:
    """The strip inside a new meta strip, made as the artist does; the meta is selected."""
    from blender_cutout.host import strips

    for place in strips.places(scene.sequence_editor):
        place.strip.select = place.strip == strip
    scene.sequence_editor.active_strip = strip
    with in_timeline(bpy):
        bpy.ops.sequencer.meta_make()
    meta = scene.sequence_editor.active_strip
    assert meta.type == "META"
    meta.name = name
    return meta


def retime(bpy: Any, strip: Any, percent: float) -> None:
    """Gives the strip another speed, as the artist does."""
    for other in (
        strip.id_data.sequence_editor.strips_all if hasattr(strip.id_data.sequence_editor, "strips_all") else ()
    ):
        other.select = other == strip
    strip.select = True
    with in_timeline(bpy):
        bpy.ops.sequencer.retiming_segment_speed_set(speed=percent)


def draw(bpy: Any, scene: Any, frame: int, shown: int, mirrored: bool = False) -> None:
    """Strokes over the object on a rendered frame of the newest cutout, which shows the clip's frame `shown`."""
    from blender_cutout import jobs
    from blender_cutout.core.messages import ApplyRound, Done

    track = scene.cutout.tracks[-1]
    (x0, y0), (x1, y1) = kit.object_at(kit.STROKE_FRAME), kit.object_at(shown)
    records = []
    for layer, lines in kit.strokes().items():
        for line in lines:
            points = [[x + x1 - x0, y + y1 - y0] for x, y in line]
            points = [[kit.WIDTH - x if mirrored else x, y] for x, y in points]
            records.append({"label": "keep" if layer == "Cutout +" else "remove", "radius": 3.0, "points": points})
    uuid = track.uuid
    job = jobs.submit(scene, track, "Drawing", lambda wire: ApplyRound(wire, uuid, frame, tuple(records)))
    assert isinstance(jobs.wait(job, 60), Done)


def begin(bpy: Any, scene: Any) -> Any:
    """New Cutout, and the frames rendered; the cutout."""
    assert bpy.ops.cutout.new() == {"FINISHED"}
    told = bpy.context.window_manager.cutout
    assert "MB" in told.text, told.text
    assert not scene.cutout.tracks[-1].frame_count
    assert bpy.ops.cutout.render_frames() == {"FINISHED"}
    return scene.cutout.tracks[-1]


def carry_on(bpy: Any) -> None:
    """From the first mask to written strips."""
    for step in ("propagate", "write_strips"):
        assert getattr(bpy.ops.cutout, step)() == {"FINISHED"}, bpy.context.window_manager.cutout.text


def cut_out(bpy: Any, scene: Any) -> Any:
    """From New Cutout to written strips, with the strokes of the file; the cutout."""
    track = begin(bpy, scene)
    assert bpy.ops.cutout.apply_strokes() == {"FINISHED"}
    carry_on(bpy)
    return track


def check(bpy: Any, scene: Any, folder: Path, shown: dict[int, int], layout: kit.Layout = kit.LAYOUTS["plain"]) -> None:
    """The render of timeline frames is the exact composite of these clip frames."""
    for timeline, clip in shown.items():
        render = kit.render_frame(bpy, scene, timeline, folder)
        wanted, alpha = kit.composite(layout, kit.picture(clip), kit.truth(clip))
        assert alpha.max() > 0.9
        assert np.abs(render - wanted).mean() < 2 / 255, (timeline, clip)
        assert (np.abs(render - wanted).max(axis=-1) > 0.4).mean() < 0.006, (timeline, clip)


def test_a_meta_strip_is_rendered_and_cut_out_exactly(blender: Any, project: Project, tmp_path: Path) -> None:
    from blender_cutout.host import frames

    scene, strip = project()
    meta = into_meta(blender, scene, strip)
    before = len(blender.data.scenes), len(blender.data.actions)
    track = cut_out(blender, scene)
    assert (len(blender.data.scenes), len(blender.data.actions)) == before
    rendered = frames.of(meta)
    assert rendered is not None
    assert rendered.count == kit.LENGTH == track.frame_count
    for n in (0, 7, 11):
        picture = kit.load_picture(blender, rendered.path / frames.file_name(n))
        assert np.abs(picture - kit.picture(n) / 255).max() < 1.5 / 255
    check(blender, scene, tmp_path / "r", {1: 0, 5: 4, 12: 11})


@pytest.mark.parametrize("name", ["transformed", "flipped and cropped"])
def test_strokes_and_masks_fit_where_the_clip_in_the_meta_is_transformed(
    blender: Any, project: Project, tmp_path: Path, name: str
) -> None:
    scene, strip = project(name)
    layout = kit.LAYOUTS[name]
    into_meta(blender, scene, strip)
    cut_out(blender, scene)
    check(blender, scene, tmp_path / "r", {layout.start: 0, layout.start + 9: 9}, layout)


@pytest.mark.parametrize("percentage", [100, 50])
def test_strokes_and_masks_fit_where_the_meta_itself_is_transformed(
    blender: Any, project: Project, tmp_path: Path, percentage: int
) -> None:
    """The clip fills the render, so the meta's picture is the clip's."""
    scene, strip = project("plain")
    meta = into_meta(blender, scene, strip)
    scene.render.resolution_percentage = percentage
    meta.transform.scale_x = meta.transform.scale_y = 0.5
    meta.transform.offset_x, meta.transform.rotation = 30.0, 0.4
    begin(blender, scene)
    from blender_cutout.host import strips

    picture = strips.picture_map(scene, meta, (kit.WIDTH, kit.HEIGHT))
    render = kit.render_frame(blender, scene, FRAME, tmp_path / "r")
    red = np.argwhere((render[..., 0] > 0.7) & (render[..., 1] < 0.3))
    share = percentage / 100
    seen = (red.mean(axis=0) + 0.5) / share
    source = np.argwhere(kit.truth(kit.STROKE_FRAME) > 0.5).mean(axis=0) + 0.5
    x, y = picture.to_preview((source[1], source[0]))
    assert abs(x + kit.WIDTH / 2 - seen[1]) < 0.6 / share
    assert abs(kit.HEIGHT / 2 - y - seen[0]) < 0.6 / share
    draw(blender, scene, kit.STROKE_FRAME, kit.STROKE_FRAME)
    carry_on(blender)
    cut = kit.render_frame(blender, scene, FRAME, tmp_path / "r")
    object_seen = (render[..., 0] > 0.7) & (render[..., 1] < 0.3)
    object_left = (cut[..., 0] > 0.7) & (cut[..., 1] < 0.3)
    assert np.hypot(*(np.argwhere(object_left).mean(axis=0) - np.argwhere(object_seen).mean(axis=0))) < 0.5
    assert (object_seen & object_left).sum() / (object_seen | object_left).sum() > (0.9 if percentage == 100 else 0.8)
    rest = ~(object_seen | object_left)
    assert (np.abs(cut[rest] - np.array(kit.GREEN)).max(axis=-1) > 0.4).mean() < 0.01


def test_a_retimed_strip_is_rendered_and_cut_out_exactly(blender: Any, project: Project, tmp_path: Path) -> None:
    from blender_cutout.host import compat, frames

    scene, strip = project()
    retime(blender, strip, 50.0)
    scene.sequence_editor.active_strip = strip
    left, right = frames.span(strip)
    assert right - left > kit.LENGTH + 6
    scene.sequence_editor.active_strip = strip
    for place in compat.strips(scene.sequence_editor):
        if place.name == "green":
            compat.time_set(place, "frame_final_end", right)
    if not compat.BEFORE_5_0:
        scene.sequence_editor.use_cache_raw = False  # with it what is shown depends on what was rendered before
    shown = {}
    for timeline in (1, 6, 11, 17, right - 1):
        render = kit.render_frame(blender, scene, timeline, tmp_path / "before") * 255
        shown[timeline] = min(range(kit.LENGTH), key=lambda n: np.abs(render - kit.picture(n)).mean())
    if not compat.BEFORE_5_0:
        scene.sequence_editor.use_cache_raw = True
    begin(blender, scene)
    if not compat.BEFORE_5_0:
        assert not scene.sequence_editor.use_cache_raw
        assert "raw cache" in blender.context.window_manager.cutout.text
    draw(blender, scene, 16, shown[17])
    carry_on(blender)
    assert frames.of(strip).count == right - left
    check(blender, scene, tmp_path / "r", shown)


def test_a_speed_effect_is_cut_out_and_its_input_is_refused(blender: Any, project: Project, tmp_path: Path) -> None:
    scene, strip = project()
    speed = effect(scene, "speed", "SPEED", 5, 1, kit.LENGTH, strip)
    speed.speed_control, speed.speed_factor = "MULTIPLY", 0.5
    scene.sequence_editor.active_strip = strip
    with pytest.raises(RuntimeError, match="effect strip speed"):
        blender.ops.cutout.new()
    scene.sequence_editor.active_strip = speed
    begin(blender, scene)
    draw(blender, scene, 8, 4)
    carry_on(blender)
    strip.mute = True  # else the uncut clip shows beneath
    check(blender, scene, tmp_path / "r", {1: 0, 9: 4, 11: 5})


def test_a_scene_strip_with_a_sequencer_is_cut_out(blender: Any, project: Project, tmp_path: Path) -> None:
    from blender_cutout.host import compat

    scene, strip = project()
    other = blender.data.scenes.new("other")
    other.sequence_editor_create()
    other.render.resolution_x, other.render.resolution_y = kit.WIDTH, kit.HEIGHT
    other.frame_start, other.frame_end = 1, kit.LENGTH
    inner = compat.strips(other.sequence_editor).new_image(
        "inner", str(Path(blender.path.abspath(strip.directory)) / strip.elements[0].filename), 1, 1
    )
    for element in list(strip.elements)[1:]:
        inner.elements.append(element.filename)
    compat.strips(scene.sequence_editor).remove(strip)
    shown = compat.strips(scene.sequence_editor).new_scene("scene", other, 3, 1)
    shown.scene_input = "SEQUENCER"
    scene.sequence_editor.active_strip = shown
    cut_out(blender, scene)
    check(blender, scene, tmp_path / "r", {1: 0, 5: 4, 12: 11})


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
    with pytest.raises(RuntimeError, match="longer now"):
        blender.ops.cutout.write_strips()


def test_cancel_keeps_what_is_done_and_a_half_rendered_folder_is_never_taken(
    blender: Any, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    from blender_cutout import baking
    from blender_cutout.host import frames

    scene, strip = project()
    meta = into_meta(blender, scene, strip)
    blender.ops.cutout.new()
    track = scene.cutout.tracks[0]
    baking.begin(scene, track)
    made = baking.baker.bake
    assert baking.step()
    assert baking.step()
    status = blender.context.window_manager.cutout
    assert status.frames_busy
    assert 0 < status.frames_share < 1
    done = {p.name: p.stat().st_mtime_ns for p in made.part.glob("*.png")}
    assert 2 <= len(done) < kit.LENGTH
    blender.ops.cutout.cancel_frames()
    assert not status.frames_busy
    assert not baking.step()
    assert frames.of(meta) is None
    assert not made.folder.exists()
    with pytest.raises(RuntimeError, match="Render Frames"):
        blender.ops.cutout.auto()
    assert blender.ops.cutout.render_frames() == {"FINISHED"}
    after = {p.name: p.stat().st_mtime_ns for p in frames.of(meta).path.glob("*.png")}
    assert len(after) == kit.LENGTH
    assert {n: after[n] for n in done} == done, "frames that were done were not rendered again"
    assert not made.part.exists()


def test_a_full_disk_is_told_before_and_while_it_goes_on(
    blender: Any, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    import shutil
    from types import SimpleNamespace

    from blender_cutout import baking

    scene, strip = project()
    into_meta(blender, scene, strip)
    blender.ops.cutout.new()
    with monkeypatch.context() as patch:
        patch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=1000))
        with pytest.raises(RuntimeError, match="need about 1 MB, the disk has 0 MB left"):
            blender.ops.cutout.render_frames()
    assert baking.baker.bake is None
    baking.begin(scene, scene.cutout.tracks[0])
    made = baking.baker.bake
    baking.step()
    os.truncate(made.part / "000001.png", 100)  # not looked at again: only what is being written is checked
    real = os.replace

    def torn(source: Any, target: Any) -> None:
        os.truncate(source, 50)
        real(source, target)

    from blender_cutout.host import bake

    def check_torn(picture: Path) -> None:
        os.truncate(picture, 50)
        whole(picture)

    whole = bake._check_whole
    with monkeypatch.context() as patch:
        patch.setattr(bake, "_check_whole", check_torn)
        with pytest.raises(Exception, match="Free space"):
            baking.step()
    assert baking.baker.bake is None
    assert len(list(made.part.glob("*.png"))) == 1, "what is torn does not stay"


def test_a_strip_inside_a_meta_is_rendered_as_it_is_inside(blender: Any, project: Project, tmp_path: Path) -> None:
    from blender_cutout.host import compat, frames

    scene, strip = project()
    inner = into_meta(blender, scene, strip, "inner")
    outer = into_meta(blender, scene, inner, "outer")
    inner = next(s for s in compat.strips(outer) if s.type == "META")
    outer.transform.scale_x = 0.5  # none of the inner one's business
    scene.sequence_editor.active_strip = inner
    blender.ops.cutout.new()
    blender.ops.cutout.render_frames()
    picture = kit.load_picture(blender, frames.of(inner).path / frames.file_name(3))
    assert np.abs(picture - kit.picture(3) / 255).max() < 1.5 / 255


def test_animated_placement_is_left_out_and_the_scenes_animation_untouched(blender: Any, project: Project) -> None:
    from blender_cutout.host import frames

    scene, strip = project()
    meta = into_meta(blender, scene, strip)
    for frame, x in ((1, 0.0), (12, 90.0)):
        meta.transform.offset_x = x
        meta.transform.keyframe_insert("offset_x", frame=frame)
    actions = len(blender.data.actions)
    blender.ops.cutout.new()
    blender.ops.cutout.render_frames()
    picture = kit.load_picture(blender, frames.of(meta).path / frames.file_name(11))
    assert np.abs(picture - kit.picture(11) / 255).max() < 1.5 / 255
    assert len(blender.data.actions) == actions
    scene.frame_set(12)
    assert meta.transform.offset_x == 90.0


def test_what_has_no_picture_of_its_own_is_refused_with_a_way_out(blender: Any, project: Project) -> None:
    scene, _ = project()
    for kind, text in (("ADJUSTMENT", "beneath"), ("MULTICAM", "other channels")):
        scene.sequence_editor.active_strip = effect(scene, kind.lower(), kind, 9, 1, 5)
        with pytest.raises(RuntimeError, match=rf"{text}.*meta strip"):
            blender.ops.cutout.new()
    assert not len(scene.cutout.tracks)


def test_rendering_all_again_keeps_the_masks_where_the_pictures_are_the_same(blender: Any, project: Project) -> None:
    from blender_cutout.host import frames

    scene, strip = project()
    meta = into_meta(blender, scene, strip)
    track = cut_out(blender, scene)
    uuid, first = track.uuid, frames.of(meta).path / frames.file_name(0)
    before = first.stat().st_mtime_ns
    assert blender.ops.cutout.render_frames(again=True) == {"FINISHED"}
    assert first.stat().st_mtime_ns > before
    assert (track.uuid, track.done_count) == (uuid, kit.LENGTH)
    assert blender.ops.cutout.write_strips() == {"FINISHED"}
    first.write_bytes((first.parent / frames.file_name(5)).read_bytes())  # as if another picture had been rendered
    assert blender.ops.cutout.render_frames(again=True) == {"FINISHED"}
    assert track.uuid != uuid, "other pictures: the masks begin anew"


def test_frames_that_nothing_uses_go_after_some_days(blender: Any, project: Project) -> None:
    from blender_cutout import tidy
    from blender_cutout.host import compat, frames

    scene, strip = project()
    meta = into_meta(blender, scene, strip)
    cut_out(blender, scene)
    old = frames.of(meta).path
    meta_strip = next(iter(compat.strips(meta)))
    meta_strip.use_reverse_frames = True
    assert blender.ops.cutout.render_frames() == {"FINISHED"}
    new = frames.of(meta).path
    assert new != old
    other = old.with_name("frames-mine")
    other.mkdir()
    (other / "notes.txt").write_text("not yours")
    blender.ops.wm.save_mainfile()

    def opened_again(days_later: float) -> None:
        mark = old / tidy.UNUSED
        if mark.exists():
            then = time.time() - days_later * 86400
            os.utime(mark, (then, then))
        blender.ops.wm.open_mainfile(filepath=blender.data.filepath)

    opened_again(0)
    assert (old / tidy.UNUSED).is_file()
    opened_again(6)
    assert (old / frames.DONE).is_file(), "an undo, or the file of before, may still want them"
    opened_again(8)
    assert not old.exists()
    assert (new / frames.DONE).is_file()
    assert not (new / tidy.UNUSED).exists()
    assert (other / "notes.txt").is_file()
