"""Tests the mask strip: its place, that it follows the clip, and that writing again shows new masks."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import bpy_kit as kit
import numpy as np
import pytest
from pace_kit import slowness

from blender_cutout.host.contents import picture_name

pytestmark = pytest.mark.bpy

Project = Callable[..., tuple[Any, Any]]


def write(bpy: Any) -> None:
    assert bpy.ops.cutout.write_strips() == {"FINISHED"}


def mask_of(scene: Any) -> Any:
    from blender_cutout.host.output import mask_strip as masks

    return masks.find(scene, scene.cutout.tracks[0].uuid)


def span(strip: Any) -> tuple[int, int]:
    from blender_cutout.host import compat

    return (
        round(compat.time_get(strip, "frame_final_start")),
        round(compat.time_get(strip, "frame_final_end")),
    )


def is_cut(render: np.ndarray) -> bool:
    """Returns whether the green behind the clip shows at the rim, and the clip does not."""
    return bool(np.abs(render[2, 2] - kit.GREEN).max() < 0.05)


def test_the_mask_strip_is_muted_in_a_free_channel_and_as_long_as_the_clip(blender: Any, project: Project) -> None:
    from blender_cutout.host import compat

    scene, strip = project()
    strips = compat.strips(scene.sequence_editor)
    length = {"length": 5} if not compat.BEFORE_5_0 else {"frame_end": 8}
    strips.new_effect("in the way", "COLOR", 3, 3, **length)
    for step in ("new", "apply_strokes"):
        getattr(blender.ops.cutout, step)()
    write(blender)
    mask = mask_of(scene)
    assert mask.mute
    assert mask.channel == 4
    assert span(mask) == span(strip) == (1, 1 + kit.LENGTH)
    assert len(mask.elements) == kit.LENGTH
    assert mask.name == "clip mask"


def test_frames_without_a_mask_are_empty_not_uncut_and_counted_in_the_message(
    blender: Any, project: Project, tmp_path: Path
) -> None:
    scene, _ = project()
    for step in ("new", "apply_strokes"):
        getattr(blender.ops.cutout, step)()
    write(blender)
    assert f"{kit.LENGTH - 1} of {kit.LENGTH} frames have no mask" in blender.context.window_manager.cutout.text
    empty = kit.render_frame(blender, scene, 1, tmp_path)
    assert np.abs(empty - kit.GREEN).max() < 0.02


def test_writing_again_updates_the_same_strip_and_shows_the_new_masks(
    blender: Any, project: Project, tmp_path: Path
) -> None:
    scene, strip = project()
    for step in ("new", "apply_strokes"):
        getattr(blender.ops.cutout, step)()
    write(blender)
    kit.render_frame(blender, scene, 1, tmp_path)  # fills Blender's caches
    name = mask_of(scene).name
    mask_of(scene).channel = 9
    blender.ops.cutout.propagate()
    write(blender)
    assert mask_of(scene).name == name
    assert mask_of(scene).channel == 9
    assert [m.type for m in strip.modifiers] == ["MASK"]
    masks = [s for s in all_strips(scene) if "mask" in s.name]
    assert len(masks) == 1
    render = kit.render_frame(blender, scene, 1, tmp_path)
    x, y = kit.object_at(0)
    assert np.abs(render[y + 20, x + 8] - np.array((220, 40, 40)) / 255).max() < 0.05


def all_strips(scene: Any) -> list[Any]:
    from blender_cutout.host.strips import places

    return [p.strip for p in places(scene.sequence_editor)]


def test_after_the_clip_was_moved_trimmed_and_turned_writing_again_puts_it_right(
    blender: Any, project: Project, tmp_path: Path
) -> None:
    from blender_cutout.host import compat

    scene, strip = project()
    for step in ("new", "apply_strokes", "propagate"):
        getattr(blender.ops.cutout, step)()
    write(blender)
    compat.time_set(strip, "frame_start", 31)
    compat.time_set(strip, "frame_offset_start", 3)
    compat.time_set(strip, "frame_offset_end", 2)
    layout = kit.LAYOUTS["plain"]
    moved = kit.Layout(31, layout.render, (12.0, -7.0), (0.8, 0.8), 15.0)
    kit.place(strip, moved)
    scene.sequence_editor.active_strip = strip
    from blender_cutout.host.strips import places

    for place in places(scene.sequence_editor):
        if place.strip.name == "green":
            compat.time_set(place.strip, "frame_start", 31)
    write(blender)
    mask = mask_of(scene)
    assert span(mask) == span(strip) == (34, 41)
    assert len(mask.elements) == 7
    for timeline, clip in ((34, 3), (40, 9)):
        render = kit.render_frame(blender, scene, timeline, tmp_path / "r")
        wanted, _ = kit.composite(moved, kit.picture(clip), kit.truth(clip))
        assert np.abs(render - wanted).mean() < 2 / 255
        assert (np.abs(render - wanted).max(axis=-1) > 0.4).mean() < 0.005

    compat.time_set(strip, "frame_offset_start", 0)  # longer again: more pictures, same strip
    compat.time_set(strip, "frame_offset_end", 0)
    write(blender)
    assert span(mask_of(scene)) == span(strip) == (31, 43)
    assert len(mask_of(scene).elements) == kit.LENGTH


def test_the_mask_follows_an_animated_transform(blender: Any, project: Project, tmp_path: Path) -> None:
    scene, strip = project()
    transform = strip.transform
    for frame, x, turn in ((1, -30, 0.0), (7, 10, 0.5), (12, 40, 0.2)):
        transform.offset_x, transform.rotation = x, turn
        transform.keyframe_insert("offset_x", frame=frame)
        transform.keyframe_insert("rotation", frame=frame)
    scene.frame_set(1 + kit.STROKE_FRAME)
    for step in ("new", "auto", "propagate"):
        getattr(blender.ops.cutout, step)()
    write(blender)
    assert blender.context.window_manager.cutout.level == "INFO"
    transform.keyframe_insert("scale_x", frame=1)
    write(blender)  # again, with one more
    for frame in (1, 4, 9, 12):
        render = kit.render_frame(blender, scene, frame, tmp_path / "r")
        scene.frame_set(frame)
        moved = kit.Layout(
            1, kit.LAYOUTS["plain"].render, (transform.offset_x, 0.0), degrees=np.degrees(transform.rotation)
        )
        files = sorted((Path(blender.data.filepath).parent).glob("*_cutout/*/matte/*.png"))
        wanted, _ = kit.composite(moved, kit.picture(frame - 1), kit.load_picture(blender, files[frame - 1])[..., 0])
        assert np.abs(render - wanted).mean() < 1.5 / 255, frame
        assert (np.abs(render - wanted).max(axis=-1) > 0.3).mean() < 0.002, frame

    driver = transform.driver_add("offset_y").driver
    driver.expression = "3"
    write(blender)
    assert "has drivers" in blender.context.window_manager.cutout.text


def test_a_clip_in_a_meta_strip_gets_its_mask_beside_it(blender: Any, project: Project, tmp_path: Path) -> None:
    from blender_cutout.host import compat

    scene, strip = project()
    meta = compat.strips(scene.sequence_editor).new_meta("meta", 6, 1)
    strip.move_to_meta(meta)
    inside = next(s for s in compat.strips(meta))
    scene.sequence_editor.active_strip = inside
    blender.ops.cutout.new()
    with pytest.raises(RuntimeError, match="closed meta strip"):
        blender.ops.cutout.apply_strokes()
    blender.ops.cutout.auto()
    blender.ops.cutout.propagate()
    write(blender)
    assert sorted(s.name for s in compat.strips(meta)) == ["clip", "clip mask"]
    meta.blend_type = "ALPHA_OVER"
    render = kit.render_frame(blender, scene, 4, tmp_path)
    assert is_cut(render)


def test_one_picture_is_enough_for_a_still_and_cuts_it_for_its_whole_time(
    blender: Any, project: Project, tmp_path: Path
) -> None:
    from blender_cutout.host import compat

    scene, clip = project()
    strips = compat.strips(scene.sequence_editor)
    file = tmp_path / "Standbild.png"
    kit.write_png(file, kit.picture(kit.STROKE_FRAME))
    strips.remove(clip)
    still = strips.new_image("still", str(file), 2, 1)
    compat.time_set(still, "frame_final_duration", 10)
    scene.sequence_editor.active_strip = still
    blender.ops.cutout.new()
    assert scene.cutout.tracks[0].frame_count == 1
    blender.ops.cutout.apply_strokes()
    write(blender)
    mask = mask_of(scene)
    assert len(mask.elements) == 1
    assert span(mask) == span(still) == (1, 11)
    pictures = [kit.render_frame(blender, scene, f, tmp_path / "r") for f in (1, 10)]
    assert np.array_equal(*pictures)
    assert is_cut(pictures[0])
    x, y = kit.object_at(kit.STROKE_FRAME)
    assert pictures[0][y + 20, x + 8, 0] > 0.8


def test_a_new_strip_has_its_pictures_size_once_it_was_shown(blender: Any, tmp_path: Path) -> None:
    import time

    from blender_cutout.host.output import picture_strip

    scene = kit.fresh_scene(blender, kit.LAYOUTS["plain"])
    editor = scene.sequence_editor or scene.sequence_editor_create()
    siblings = editor.strips if hasattr(editor, "strips") else editor.sequences
    kit.write_png(tmp_path / picture_name(0), np.zeros((2160, 3840, 3), np.uint8))
    start = time.process_time()
    strip = picture_strip.add(siblings, "large", tmp_path, 3, 1)
    assert time.process_time() - start < 0.03 * slowness(), "Blender must not decode it on the spot"
    strip.blend_type = "REPLACE"
    kit.render_frame(blender, scene, 1, tmp_path / "r")
    assert (strip.elements[0].orig_width, strip.elements[0].orig_height) == (3840, 2160)
    assert Path(blender.path.abspath(strip.directory)) == tmp_path


def test_a_frame_seen_while_the_clip_is_dragged_does_not_keep_the_old_cut(
    blender: Any, project: Project, tmp_path: Path
) -> None:
    """Blender caches the clip with the mask where it was: what is shown afterwards must be made again."""
    from blender_cutout.tasks import upkeep

    scene, strip = project()
    for step in ("new", "apply_strokes"):
        getattr(blender.ops.cutout, step)()
    write(blender)
    frame = scene.frame_current
    kit.render_frame(blender, scene, frame, tmp_path / "before")
    for number, (x, y) in enumerate([(30.0, 0.0), (30.0, -20.0), (-25.0, 10.0), (0.0, 0.0)]):
        strip.transform.offset_x, strip.transform.offset_y = x, y
        kit.render_frame(blender, scene, frame, tmp_path / f"drag {number}")  # as the preview does
        upkeep.keeper.look(scene)
        seen = kit.render_frame(blender, scene, frame, tmp_path / f"seen {number}")
        strip.invalidate_cache("RAW")
        mask_of(scene).invalidate_cache("RAW")
        fresh = kit.render_frame(blender, scene, frame, tmp_path / f"fresh {number}")
        assert np.array_equal(seen, fresh), (x, y)
