"""Tests Auto with several people in the picture: the one under a stroke is taken, and the message says which."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import bpy_kit as kit
import numpy as np
import pytest

pytestmark = pytest.mark.bpy

Project = Callable[..., tuple[Any, Any]]
LARGE, SMALL = np.s_[20:100, 20:60], np.s_[40:90, 120:145]
SEVERAL = "2 people: the largest was taken. To take another one, draw a dot on it and press Auto again."
ONE = "A first guess. Correct it with strokes."


@pytest.fixture
def people(blender: Any, project: Project) -> Any:
    """Blender with a cutout of a clip of two people, without strokes."""
    from blender_cutout.host import annotations

    _, strip = project()
    write_people(strip, (LARGE, SMALL))
    blender.ops.cutout.new()
    blender.context.scene.cutout.auto_apply = False
    for layer in annotations.find(blender.context).layers:
        for frame in list(layer.frames):
            layer.frames.remove(frame)
    return blender


def write_people(strip: Any, where: tuple[Any, ...], brightness: int = 90) -> None:
    """Replaces a clip's pictures by pictures of people."""
    import bpy

    image = np.full((kit.HEIGHT, kit.WIDTH, 3), brightness, np.uint8)
    for part in where:
        image[part] = (220, 40, 40)
    for file in Path(bpy.path.abspath(strip.directory)).glob("*.png"):
        kit.write_png(file, image)


def mask(bpy: Any, number: int = 0) -> np.ndarray:
    """Returns a cutout's mask on the current frame."""
    from blender_cutout.tasks import jobs

    path = jobs.matte_file(bpy.context.scene.cutout.tracks[number], kit.STROKE_FRAME)
    assert path is not None
    return kit.load_picture(bpy, path)[..., 0] > 0.5


def covers(found: np.ndarray, part: Any) -> bool:
    """Returns whether a mask is one part of the picture and nothing else."""
    truth = np.zeros(found.shape, bool)
    truth[part] = True
    return float((found & truth).sum() / (found | truth).sum()) > 0.85


def dot(bpy: Any, x: float, y: float, label: str = "keep") -> None:
    assert bpy.ops.cutout.paint(label=label, points=f"{x},{y},1") == {"FINISHED"}


def test_of_several_people_the_largest_is_taken_and_the_message_says_so(people: Any) -> None:
    assert people.ops.cutout.auto(mode="person") == {"FINISHED"}
    assert covers(mask(people), LARGE)
    assert people.context.window_manager.cutout.text == SEVERAL


def test_the_person_under_a_dot_is_taken(people: Any) -> None:
    dot(people, 130, 60)
    assert people.ops.cutout.auto(mode="person") == {"FINISHED"}
    assert covers(mask(people), SMALL)
    assert people.context.window_manager.cutout.text == ONE


def test_the_dot_only_pointed_and_is_not_applied_as_a_stroke_too(people: Any) -> None:
    dot(people, 130, 60)
    people.ops.cutout.auto(mode="person")
    with pytest.raises(RuntimeError, match="already applied"):
        people.ops.cutout.apply_strokes()


def test_the_last_dot_counts_and_red_strokes_do_not(people: Any) -> None:
    dot(people, 130, 60)
    people.ops.cutout.auto(mode="person")
    dot(people, 40, 60)
    dot(people, 130, 60, "remove")
    people.ops.cutout.auto(mode="person")
    assert covers(mask(people), LARGE)


def test_strokes_of_another_cutout_do_not_count(people: Any) -> None:
    dot(people, 130, 60)
    people.ops.cutout.auto(mode="person")
    people.ops.cutout.new()
    people.ops.cutout.auto(mode="person")
    assert covers(mask(people, 1), LARGE)
    assert covers(mask(people), SMALL)


def test_the_person_under_the_mouse_is_taken(people: Any) -> None:
    dot(people, 40, 60)
    assert people.ops.cutout.auto(mode="person", point=(130, 60)) == {"FINISHED"}
    assert covers(mask(people), SMALL)


@pytest.mark.parametrize("brightness", [0, 90], ids=["black", "grey"])
def test_without_a_person_the_mask_is_empty_and_the_message_says_so(
    blender: Any, project: Project, brightness: int
) -> None:
    _, strip = project()
    write_people(strip, (), brightness)
    blender.ops.cutout.new()
    for mode, what in (("person", "person"), ("head", "head"), ("sky", "sky")):
        assert blender.ops.cutout.auto(mode=mode) == {"FINISHED"}
        assert blender.context.window_manager.cutout.text == f"No {what} was found: the mask is empty. Draw strokes."
        assert not mask(blender).any()


def test_each_person_becomes_an_object_in_one_step_of_undo(people: Any) -> None:
    tracks = people.context.scene.cutout.tracks
    assert people.ops.cutout.each_person() == {"FINISHED"}
    assert len(tracks) == 2
    assert covers(mask(people, 0), LARGE)
    assert covers(mask(people, 1), SMALL)
    assert tracks[0].strip_uuid == tracks[1].strip_uuid
    assert people.context.scene.cutout.active_index == 0
    assert people.context.window_manager.cutout.text == (
        "2 people, each a cutout of its own. Correct them, then press Propagate All Objects."
    )
    assert people.ops.cutout.propagate_all(direction="BOTH") == {"FINISHED"}
    assert {track.done_count for track in tracks} == {tracks[0].frame_count}


def test_a_cutout_with_a_mask_is_not_taken_for_a_person(people: Any) -> None:
    people.ops.cutout.auto(mode="sky")
    head = people.context.scene.cutout.tracks[0].head
    assert people.ops.cutout.each_person() == {"FINISHED"}
    tracks = people.context.scene.cutout.tracks
    assert len(tracks) == 3
    assert tracks[0].head == head
    assert covers(mask(people, 1), LARGE)
    assert covers(mask(people, 2), SMALL)


def test_without_people_no_cutout_is_made(blender: Any, project: Project) -> None:
    _, strip = project()
    write_people(strip, (), 0)
    blender.ops.cutout.new()
    assert blender.ops.cutout.each_person() == {"FINISHED"}
    assert len(blender.context.scene.cutout.tracks) == 1
    assert not blender.context.scene.cutout.tracks[0].head
    text = "No person was found on this frame, so no cutout was made. Draw strokes."
    assert blender.context.window_manager.cutout.text == text
