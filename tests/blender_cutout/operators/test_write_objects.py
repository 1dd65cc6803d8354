"""Tests writing several objects of one clip: as one, one strip each, or only the active one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import bpy_kit as kit
import numpy as np
import pytest

from tests.blender_cutout.host.test_pieces import cut

pytestmark = pytest.mark.bpy

Project = Callable[..., tuple[Any, Any]]
GROUND = {"label": "keep", "radius": 3, "points": [[12.0, 12.0], [30.0, 20.0]]}
"""On the background, whose left part the fake network takes."""


@pytest.fixture
def two(blender: Any, project: Project) -> Any:
    """A scene with two propagated objects of one strip: the L, and a part of the background."""
    from blender_cutout.core.messages import ApplyRound
    from blender_cutout.tasks import jobs

    scene, _ = project(saved=False)
    blender.ops.cutout.new()
    blender.ops.cutout.apply_strokes()
    blender.ops.cutout.new()
    track = scene.cutout.tracks[1]
    track.name, uuid = "Grund", track.uuid
    message = lambda wire: ApplyRound(wire, uuid, kit.STROKE_FRAME, (GROUND,))  # noqa: E731
    jobs.wait(jobs.submit(scene, track, "Refining", message), 60)
    blender.ops.cutout.propagate_all()
    return scene


def mattes(scene: Any, frame: int) -> list[np.ndarray]:
    """The objects' masks of a clip frame, (H, W) in [0, 1]."""
    from blender_cutout.formats.png import read_grey
    from blender_cutout.tasks import jobs

    return [read_grey(jobs.matte_file(track, frame)) / np.float32(255) for track in scene.cutout.tracks]


def assert_shows(bpy: Any, scene: Any, matte: np.ndarray, folder: Path, frame: int = 7) -> None:
    """Asserts that the render of a clip frame is the clip cut out with the matte."""
    layout = kit.LAYOUTS["plain"]
    expected, _ = kit.composite(layout, kit.picture(frame), matte)
    render = kit.render_frame(bpy, scene, layout.start + frame, folder)
    off = np.abs(render - expected).max(axis=-1)
    assert np.mean(off > 0.05) < 0.002, np.mean(off > 0.05)


def mask_strips(scene: Any) -> dict[str, Any]:
    from blender_cutout.host.strips import places

    return {p.strip["cutout_mask"]: p.strip for p in places(scene.sequence_editor) if p.strip.get("cutout_mask")}


def clip_strip(scene: Any) -> Any:
    from blender_cutout.host import compat

    return compat.strips(scene.sequence_editor)["clip"]


def test_all_as_one_shows_every_object_and_the_overlay_none(blender: Any, two: Any, tmp_path: Path) -> None:
    from blender_cutout.ui import mask_layers

    assert len(mask_layers.find_layers(two)[0]) == 2
    assert blender.ops.cutout.write_strips() == {"FINISHED"}
    (key,) = mask_strips(two)
    assert key == clip_strip(two)["cutout_strip"]
    assert len(clip_strip(two).modifiers) == 1
    first, second = mattes(two, 7)
    assert second.sum() > 500
    assert_shows(blender, two, np.minimum(first + second, 1), tmp_path)
    assert mask_layers.find_layers(two)[0] == [], "the composite shows them"
    two.cutout.active_index = 0
    blender.ops.cutout.auto()
    assert len(mask_layers.find_layers(two)[0]) == 2, "one was changed since: the clip is shown, with its masks"


def test_saving_takes_the_union_along(blender: Any, two: Any, tmp_path: Path) -> None:
    blender.ops.cutout.write_strips()
    path = tmp_path / "später gespeichert.blend"
    blender.ops.wm.save_as_mainfile(filepath=str(path))
    blender.ops.wm.open_mainfile(filepath=str(path))
    scene = blender.context.scene
    (mask,) = mask_strips(scene).values()
    folder = Path(blender.path.abspath(mask.directory))
    assert folder.is_relative_to(tmp_path / "später gespeichert_cutout")
    assert (folder / mask.elements[0].filename).is_file()
    first, second = mattes(scene, 7)
    assert_shows(blender, scene, np.minimum(first + second, 1), tmp_path)


def test_one_strip_each_leaves_the_composite_whole(blender: Any, two: Any, tmp_path: Path) -> None:
    two.cutout.write_objects = "EACH"
    blender.ops.cutout.write_strips()
    found = mask_strips(two)
    assert set(found) == {clip_strip(two)["cutout_strip"], *(t.uuid for t in two.cutout.tracks)}
    assert all(mask.mute for mask in found.values())
    assert len({mask.channel for mask in found.values()}) == 3
    assert len(clip_strip(two).modifiers) == 1, "several would be multiplied: nothing would be left"
    first, second = mattes(two, 7)
    assert_shows(blender, two, np.minimum(first + second, 1), tmp_path / "all")
    for track, matte in zip(two.cutout.tracks, (first, second), strict=True):
        mask = found[track.uuid]
        file = Path(blender.path.abspath(mask.directory)) / mask.elements[7].filename
        np.testing.assert_allclose(kit.load_picture(blender, file)[..., 0], matte, atol=1 / 255)


def test_the_active_object_alone_and_back_again(blender: Any, two: Any, tmp_path: Path) -> None:
    blender.ops.cutout.write_strips()
    two.cutout.write_objects, two.cutout.active_index = "ACTIVE", 0
    blender.ops.cutout.write_strips()
    assert list(mask_strips(two)) == [two.cutout.tracks[0].uuid], "the union is of an earlier choice"
    first, second = mattes(two, 7)
    assert_shows(blender, two, first, tmp_path / "first")
    two.cutout.active_index = 1
    blender.ops.cutout.write_strips()
    assert len(clip_strip(two).modifiers) == 1
    assert_shows(blender, two, second, tmp_path / "second")
    two.cutout.write_objects = "UNION"
    blender.ops.cutout.write_strips()
    assert_shows(blender, two, np.minimum(first + second, 1), tmp_path / "both")


def test_an_object_without_a_mask_is_left_out_and_missing_frames_of_one_are_reported(
    blender: Any, two: Any, tmp_path: Path
) -> None:
    blender.ops.cutout.new()
    blender.ops.cutout.write_strips()
    assert "have no mask" not in blender.context.window_manager.cutout.text
    blender.ops.cutout.auto()
    blender.ops.cutout.write_strips()
    assert f"{kit.LENGTH - 1} of {kit.LENGTH} frames have no mask" in blender.context.window_manager.cutout.text


def test_removing_the_objects_takes_the_union_along_with_the_last(blender: Any, two: Any) -> None:
    blender.ops.cutout.write_strips()
    blender.ops.cutout.remove()
    assert [t.written_head for t in two.cutout.tracks] == [""], "what is written shows the removed one still"
    assert len(mask_strips(two)) == 1
    blender.ops.cutout.remove()
    assert not mask_strips(two)
    assert not len(clip_strip(two).modifiers)


def test_of_a_clip_that_was_cut_in_two_each_half_is_shown_through_one_mask(
    blender: Any, two: Any, tmp_path: Path
) -> None:
    from blender_cutout.host.strips import pieces

    blender.ops.cutout.write_strips()
    cut(blender, two, kit.LAYOUTS["plain"].start + 5, clip_strip(two))
    first, second = mattes(two, 7)
    for choice, matte in (("EACH", np.minimum(first + second, 1)), ("ACTIVE", second)):
        two.cutout.write_objects = choice
        blender.ops.cutout.write_strips()
        halves = [piece.strip for piece in pieces(two, clip_strip(two))]
        assert [len(half.modifiers) for half in halves] == [1, 1]
        assert_shows(blender, two, matte, tmp_path / choice)
