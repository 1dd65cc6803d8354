"""Tests strips whose frames are rendered first (retimed, meta, scene, effect), by the composite's pixels."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import bpy_kit as kit
import numpy as np
import pytest
from frames_kit import FRAME, Project, begin, carry_on, check, cut_out, draw, effect, into_meta, retime

from blender_cutout.host.contents import picture_name

pytestmark = pytest.mark.bpy


def test_a_meta_strip_is_rendered_and_cut_out_exactly(blender: Any, project: Project, tmp_path: Path) -> None:
    from blender_cutout.host import rendered_frames

    scene, strip = project()
    meta = into_meta(blender, scene, strip)
    before = len(blender.data.scenes), len(blender.data.actions)
    track = cut_out(blender, scene)
    assert (len(blender.data.scenes), len(blender.data.actions)) == before
    rendered = rendered_frames.rendered_frames_of(meta)
    assert rendered is not None
    assert rendered.count == kit.LENGTH == track.frame_count
    for n in (0, 7, 11):
        picture = kit.load_picture(blender, rendered.path / picture_name(n))
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
    from blender_cutout.host import compat, rendered_frames

    scene, strip = project()
    retime(blender, strip, 50.0)
    scene.sequence_editor.active_strip = strip
    left, right = compat.span(strip)
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
    assert rendered_frames.rendered_frames_of(strip).count == right - left
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


def test_a_strip_inside_a_meta_is_rendered_as_it_is_inside(blender: Any, project: Project, tmp_path: Path) -> None:
    from blender_cutout.host import compat, rendered_frames

    scene, strip = project()
    inner = into_meta(blender, scene, strip, "inner")
    outer = into_meta(blender, scene, inner, "outer")
    inner = next(s for s in compat.strips(outer) if s.type == "META")
    outer.transform.scale_x = 0.5  # none of the inner one's business
    scene.sequence_editor.active_strip = inner
    blender.ops.cutout.new()
    blender.ops.cutout.render_frames()
    picture = kit.load_picture(blender, rendered_frames.rendered_frames_of(inner).path / picture_name(3))
    assert np.abs(picture - kit.picture(3) / 255).max() < 1.5 / 255


def test_animated_placement_is_left_out_and_the_scenes_animation_untouched(blender: Any, project: Project) -> None:
    from blender_cutout.host import rendered_frames

    scene, strip = project()
    meta = into_meta(blender, scene, strip)
    for frame, x in ((1, 0.0), (12, 90.0)):
        meta.transform.offset_x = x
        meta.transform.keyframe_insert("offset_x", frame=frame)
    actions = len(blender.data.actions)
    blender.ops.cutout.new()
    blender.ops.cutout.render_frames()
    picture = kit.load_picture(blender, rendered_frames.rendered_frames_of(meta).path / picture_name(11))
    assert np.abs(picture - kit.picture(11) / 255).max() < 1.5 / 255
    assert len(blender.data.actions) == actions
    scene.frame_set(12)
    assert meta.transform.offset_x == 90.0


def test_what_has_no_picture_of_its_own_is_refused_with_a_way_out(blender: Any, project: Project) -> None:
    scene, _ = project()
    for kind, text in (("ADJUSTMENT", "strips below"), ("MULTICAM", "other channels")):
        scene.sequence_editor.active_strip = effect(scene, kind.lower(), kind, 9, 1, 5)
        with pytest.raises(RuntimeError, match=rf"{text}.*meta strip"):
            blender.ops.cutout.new()
    assert not len(scene.cutout.tracks)


def test_pictures_that_the_engine_does_not_read_are_rendered_first(
    blender: Any, project: Project, tmp_path: Path
) -> None:
    """Blender itself writes and reads .rgb (Iris); the engine never reads them."""
    from blender_cutout.host import compat, strip_source, strips

    scene, _ = project()
    settings = scene.render.image_settings
    settings.file_format, before = "IRIS", settings.file_format
    scene.frame_start = scene.frame_end = 1
    scene.render.filepath = str(tmp_path / "iris_")
    blender.ops.render.render(animation=True, scene=scene.name)
    settings.file_format = before
    strip = compat.strips(scene.sequence_editor).new_image("iris", str(tmp_path / "iris_0001.rgb"), 6, 1)
    assert strip_source.source(scene, strip).reason == "The engine cannot read .rgb pictures."
    assert strips.unrendered(scene, strip)


def test_another_picture_stream_than_the_first_is_rendered_first(
    blender: Any, project: Project, tmp_path: Path
) -> None:
    from blender_cutout.host import compat, strip_source, strips

    scene, _ = project()
    kit.write_movie(tmp_path / "clip.mkv", [kit.picture(n) for n in range(3)])
    strip = compat.strips(scene.sequence_editor).new_movie("movie", str(tmp_path / "clip.mkv"), 6, 1)
    assert strip_source.source(scene, strip).reason == ""
    strip.stream_index = 1
    assert "video stream 1" in strip_source.source(scene, strip).reason
    with pytest.raises(Exception, match="Render Frames"):
        strips.picture_map(scene, strip, (0, 0))
