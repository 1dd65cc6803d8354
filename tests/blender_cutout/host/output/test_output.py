"""Tests the background below the clip, and the render: by pixels, channels and files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import bpy_kit as kit
import numpy as np
import pytest

pytestmark = pytest.mark.bpy

Project = Callable[..., tuple[Any, Any]]
BLUE = (0.1, 0.2, 0.9)


def channels(scene: Any) -> dict[str, int]:
    from blender_cutout.host.strips import places

    return {p.strip.name: p.strip.channel for p in places(scene.sequence_editor)}


def strip_named(scene: Any, name: str) -> Any:
    from blender_cutout.host.strips import places

    return next(p.strip for p in places(scene.sequence_editor) if p.strip.name == name)


def span(strip: Any) -> tuple[int, int]:
    from blender_cutout.host import compat

    return compat.span(strip)


def cut_out(bpy: Any) -> None:
    for step in ("new", "apply_strokes", "propagate", "write_strips"):
        assert getattr(bpy.ops.cutout, step)() == {"FINISHED"}


def assert_behind(bpy: Any, scene: Any, colour: tuple[float, ...], folder: Path, frame: int = 4) -> None:
    """Asserts that the colour shows around the object, and the object in front of it."""
    render = kit.render_frame(bpy, scene, frame, folder)
    assert np.abs(render[2, 2] - colour).max() < 0.03
    x, y = kit.object_at(frame - 1)
    assert np.abs(render[y + 20, x + 8] - np.array((220, 40, 40)) / 255).max() < 0.05


def colour(bpy: Any, scene: Any, value: tuple[float, float, float]) -> None:
    scene.cutout.background_colour = value
    assert bpy.ops.cutout.replace_background(kind="COLOR") == {"FINISHED"}


def test_the_clip_goes_up_where_there_is_no_room_and_the_artists_strips_stay(
    blender: Any, project: Project, tmp_path: Path
) -> None:
    scene, strip = project()
    cut_out(blender)
    assert channels(scene) == {"green": 1, "clip": 2, "clip mask": 3}
    colour(blender, scene, BLUE)
    found = channels(scene)
    assert (found["green"], found["clip background"], found["clip"]) == (1, 2, 3)
    assert found["clip mask"] not in (1, 2, 3)
    assert "moved up" in blender.context.window_manager.cutout.text
    assert span(strip_named(scene, "clip background")) == span(strip)
    assert_behind(blender, scene, BLUE, tmp_path / "r")
    blender.ops.cutout.write_strips()
    assert_behind(blender, scene, BLUE, tmp_path / "r")

    colour(blender, scene, (0.9, 0.9, 0.1))  # again: in its place, nothing else moves
    assert channels(scene) == found
    assert_behind(blender, scene, (0.9, 0.9, 0.1), tmp_path / "r")


def test_a_free_channel_beneath_the_clip_is_taken_and_nothing_moves(
    blender: Any, project: Project, tmp_path: Path
) -> None:
    scene, strip = project()
    strip.channel = 3
    cut_out(blender)
    before = channels(scene)
    colour(blender, scene, BLUE)
    assert channels(scene) == {**before, "clip background": 2}
    assert_behind(blender, scene, BLUE, tmp_path / "r")


def test_a_strip_right_above_the_clip_leaves_no_room(blender: Any, project: Project) -> None:
    from blender_cutout.host import compat

    scene, _ = project()
    length = {"length": 12} if not compat.BEFORE_5_0 else {"frame_end": 13}
    compat.strips(scene.sequence_editor).new_effect("title", "COLOR", 3, 1, **length)
    cut_out(blender)
    before = channels(scene)
    with pytest.raises(RuntimeError, match="no room"):
        blender.ops.cutout.replace_background(kind="COLOR")
    assert channels(scene) == before


def test_a_picture_and_a_movie_fill_the_frame_for_the_length_of_the_clip(
    blender: Any, project: Project, tmp_path: Path
) -> None:
    scene, strip = project()
    cut_out(blender)
    picture = tmp_path / "Himmel.png"
    kit.write_png(picture, np.full((30, 90, 3), (30, 60, 200), np.uint8))
    assert blender.ops.cutout.replace_background(kind="IMAGE", filepath=str(picture)) == {"FINISHED"}
    assert span(strip_named(scene, "clip background")) == span(strip)
    assert_behind(blender, scene, (30 / 255, 60 / 255, 200 / 255), tmp_path / "r")
    assert_behind(blender, scene, (30 / 255, 60 / 255, 200 / 255), tmp_path / "r", frame=12)

    movie = tmp_path / "kurz.mkv"
    kit.write_movie(movie, [np.full((40, 64, 3), (200, 120, 20), np.uint8)] * 5)
    assert blender.ops.cutout.replace_background(kind="MOVIE", filepath=str(movie)) == {"FINISHED"}
    background = strip_named(scene, "clip background")
    assert background.type == "MOVIE"
    assert span(background) == span(strip)
    for frame in (2, 12):  # its last frame stands
        render = kit.render_frame(blender, scene, frame, tmp_path / "r")
        assert np.abs(render[2, 2] - np.array((200, 120, 20)) / 255).max() < 0.08
    assert sorted(channels(scene)) == ["clip", "clip background", "clip mask", "green"]


def test_a_file_that_is_missing_or_no_picture_leaves_all_as_it_was(
    blender: Any, project: Project, tmp_path: Path
) -> None:
    scene, _ = project()
    cut_out(blender)
    before = channels(scene)
    bad = tmp_path / "bad.png"
    bad.write_bytes(b"no picture")
    for kind, path in (("IMAGE", ""), ("IMAGE", str(bad)), ("MOVIE", str(bad)), ("MOVIE", str(tmp_path / "none.mp4"))):
        with pytest.raises(RuntimeError, match="background"):
            blender.ops.cutout.replace_background(kind=kind, filepath=path)
        assert channels(scene) == before
    assert blender.context.window_manager.cutout.hint


def test_a_background_lies_beneath_an_rgba_strip_too(blender: Any, project: Project, tmp_path: Path) -> None:
    scene, _ = project()
    blender.ops.cutout.new()
    scene.cutout.tracks[0].write_as = "cutout"
    for step in ("apply_strokes", "propagate", "write_strips"):
        getattr(blender.ops.cutout, step)()
    colour(blender, scene, BLUE)
    assert_behind(blender, scene, BLUE, tmp_path / "r")


def test_render_composite_writes_the_scenes_frames(blender: Any, project: Project, tmp_path: Path) -> None:
    scene, _ = project()
    cut_out(blender)
    scene.frame_start, scene.frame_end = 3, 5
    scene.render.filepath = str(tmp_path / "film" / "bild_")
    assert blender.ops.cutout.render() == {"FINISHED"}
    files = sorted(p.name for p in (tmp_path / "film").iterdir())
    assert files == ["bild_0003.png", "bild_0004.png", "bild_0005.png"]
    render = kit.load_picture(blender, tmp_path / "film" / "bild_0004.png")
    assert np.abs(render[2, 2] - kit.GREEN).max() < 0.03


def test_render_composite_refuses_what_would_come_out_wrong(blender: Any, project: Project, tmp_path: Path) -> None:
    from blender_cutout.host import compat

    scene, strip = project()
    scene.frame_start = scene.frame_end = 1
    target = tmp_path / "film"
    scene.render.filepath = str(target) + "/"

    def refused(words: str) -> None:
        with pytest.raises(RuntimeError, match=words):
            blender.ops.cutout.render()
        assert not target.exists()
        assert blender.context.window_manager.cutout.hint

    for step in ("new", "apply_strokes"):
        getattr(blender.ops.cutout, step)()
    refused("not written yet")
    blender.ops.cutout.write_strips()
    blender.ops.cutout.propagate()
    refused("have changed")
    blender.ops.cutout.write_strips()
    scene.cutout.tracks[0].write_inverted = True
    refused("another form")
    scene.cutout.tracks[0].write_inverted = False
    scene.render.filepath = ""
    refused("no output path")
    scene.render.filepath = str(target) + "/"
    strip.modifiers[0].mute = True
    refused("not shown through")
    strip.modifiers[0].mute = False
    strip.use_reverse_frames = True
    refused("may not fit")
    strip.use_reverse_frames = False
    compat.time_set(strip, "frame_offset_start", 3)
    (mask,) = [m.input_mask_strip for m in strip.modifiers]
    assert blender.ops.cutout.render() == {"FINISHED"}
    assert (target / "0001.png").is_file()
    assert round(compat.time_get(mask, "frame_final_start")) == 4, "the masks were laid over the clip first"
