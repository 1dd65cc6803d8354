"""Tests that the panel follows the clicked strip, and that strokes for another clip are noticed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import bpy_kit as kit
import pytest
from frames_kit import into_meta

from tests.blender_cutout.host.test_pieces import clips, cut, duplicate, longer_green
from tests.blender_cutout.tasks.test_words import sidebar

pytestmark = pytest.mark.bpy

Project = Callable[..., tuple[Any, Any]]
LATER = 31


@pytest.fixture
def two(blender: Any, project: Project, tmp_path: Path) -> tuple[Any, Any, Any]:
    """(scene, a strip with two cutouts, another strip at another time with one)."""
    from blender_cutout.host import compat
    from blender_cutout.scene.selection import follower

    scene, first = project()
    assert blender.ops.cutout.new() == {"FINISHED"}
    assert blender.ops.cutout.new() == {"FINISHED"}
    files = kit.write_clip(tmp_path / "other")
    strips = compat.strips(scene.sequence_editor)
    second = strips.new_image("other", str(files[0]), 3, LATER)
    for file in files[1:]:
        second.elements.append(file.name)
    longer_green(scene, 60)
    scene.sequence_editor.active_strip = second
    assert blender.ops.cutout.new() == {"FINISHED"}
    follower.follow(scene)
    return scene, first, second


def click(scene: Any, strip: Any) -> None:
    from blender_cutout.scene.selection import follower

    scene.sequence_editor.active_strip = strip
    follower.follow(scene)


def active(scene: Any) -> str:
    return str(scene.cutout.tracks[scene.cutout.active_index].name)


def test_a_click_on_a_strip_gets_its_cutout_the_one_used_last(two: tuple[Any, Any, Any]) -> None:
    scene, first, second = two
    assert active(scene) == "other"
    click(scene, first)
    assert active(scene) == "clip"
    scene.cutout.active_index = 1
    click(scene, first)
    assert active(scene) == "clip 2", "the list keeps its own choice"
    click(scene, second)
    assert active(scene) == "other"
    click(scene, first)
    assert active(scene) == "clip 2"


def test_a_click_on_a_written_strip_gets_its_cutout(blender: Any, two: tuple[Any, Any, Any]) -> None:
    from blender_cutout.host.output import mask_strip

    scene, first, second = two
    click(scene, first)
    scene.cutout.active_index = 0
    scene.frame_set(5)
    blender.ops.cutout.auto()
    scene.cutout.write_objects = "ACTIVE"
    blender.ops.cutout.write_strips()
    mask = mask_strip.find(scene, scene.cutout.tracks[0].uuid)
    click(scene, second)
    click(scene, mask)
    assert active(scene) == "clip"


def test_a_click_on_a_strip_without_a_cutout_changes_nothing(two: tuple[Any, Any, Any]) -> None:
    from blender_cutout.host import compat

    scene, _, _ = two
    click(scene, next(s for s in compat.strips(scene.sequence_editor) if s.name == "green"))
    assert active(scene) == "other"


def test_strokes_over_another_clip_say_whose_they_would_be_and_offer_it(
    blender: Any, two: tuple[Any, Any, Any]
) -> None:
    scene, _, _ = two
    scene.frame_set(5)
    x, y = kit.object_at(4)
    points = f"{x + 9},{y + 9},1 {x + 9},{y + 40},1"
    with pytest.raises(RuntimeError, match="would be for other, but its clip is not here: this is the clip of clip"):
        blender.ops.cutout.paint(label="keep", points=points)
    assert "operator cutout.select Select clip" in sidebar(blender)
    blender.ops.cutout.select()
    assert active(scene) == "clip"
    assert "operator cutout.select " not in sidebar(blender)
    assert blender.ops.cutout.paint(label="keep", points=points) == {"FINISHED"}
    assert scene.cutout.tracks[0].keyframe_count == 1


def test_a_copy_of_a_strip_says_that_it_shares_and_the_halves_of_a_split_do_not(blender: Any, project: Project) -> None:
    from blender_cutout.host import compat
    from blender_cutout.tasks import upkeep

    scene, strip = project()
    assert blender.ops.cutout.new() == {"FINISHED"}
    longer_green(scene, 60)
    (copy,) = duplicate(blender, scene, strip)
    compat.time_set(copy, "frame_start", LATER)
    scene.sequence_editor.active_strip = copy
    upkeep._tick()
    assert f"{copy.name} is a copy and shares this" in sidebar(blender).replace("\nlabel  ", " ")
    scene.sequence_editor.active_strip = strip
    upkeep._tick()
    assert "is a copy" not in sidebar(blender)
    compat.strips(scene.sequence_editor).remove(copy)
    cut(blender, scene, 6, strip)
    for half in clips(scene):
        scene.sequence_editor.active_strip = half
        upkeep._tick()
        assert "is a copy" not in sidebar(blender), half.name


def test_a_clip_in_a_meta_strip_is_found_and_says_to_tab_into_it(blender: Any, project: Project) -> None:
    from blender_cutout.scene.selection import follower

    scene, strip = project()
    assert blender.ops.cutout.new() == {"FINISHED"}
    meta = into_meta(blender, scene, strip)
    scene.sequence_editor.active_strip = meta
    follower.follow(scene)
    assert active(scene) == "clip"
    with pytest.raises(RuntimeError, match="Tab into the meta strip"):
        blender.ops.cutout.paint(label="keep", points="80,60,1 80,80,1")
    assert "press Tab" in sidebar(blender).replace("\nlabel  ", " ")
