"""Tests the edge settings in Blender: what is written, shown, keyed, undone and kept, and old files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import bpy_kit as kit
import numpy as np
import pytest
from panel_kit import Paper

pytestmark = pytest.mark.bpy

Project = Callable[..., tuple[Any, Any]]
NAMES = (
    "detail", "width", "grow", "feather", "clip_black", "clip_white", "smooth", "fill_holes", "remove_dots",
    "decontaminate",
)  # fmt: skip


def cut(bpy: Any, *steps: str) -> Any:
    """Makes the masks of all frames, and returns the cutout."""
    for step in ("new", "apply_strokes", "propagate", *steps):
        assert getattr(bpy.ops.cutout, step)() == {"FINISHED"}
    return bpy.context.scene.cutout.tracks[0]


def masks(scene: Any) -> list[np.ndarray]:
    """The written masks, in 255ths, by timeline frame."""
    from blender_cutout.formats.png import read_grey
    from blender_cutout.host import storage

    folder = storage.track_folder(scene.cutout.tracks[0]) / "matte"
    return [read_grey(path) for path in sorted(folder.iterdir())]


def area(matte: np.ndarray) -> int:
    return int((matte > 127).sum())


def panel(bpy: Any) -> str:
    from blender_cutout.ui.panel_edge import CUTOUT_PT_edge

    paper = Paper()
    CUTOUT_PT_edge.draw(SimpleNamespace(layout=paper), bpy.context)
    return "\n".join(paper.notes)


def test_at_0_the_strips_hold_the_masks_and_settings_change_only_the_strips(blender: Any, project: Project) -> None:
    from blender_cutout.tasks import jobs

    scene, _ = project()
    track = cut(blender, "write_strips")
    assert all(getattr(track.edge, name) == 0 for name in NAMES)
    own = [jobs.matte_file(track, frame).read_bytes() for frame in range(kit.LENGTH)]
    folder = jobs.matte_file(track, 0).parents[2] / "matte"
    assert [path.read_bytes() for path in sorted(folder.iterdir())] == own
    plain = masks(scene)
    track.edge.grow = 4.0
    assert blender.ops.cutout.write_strips() == {"FINISHED"}
    assert all(area(a) > area(b) + 300 for a, b in zip(masks(scene), plain, strict=True))
    assert [jobs.matte_file(track, frame).read_bytes() for frame in range(kit.LENGTH)] == own
    track.edge.grow = 0.0
    assert blender.ops.cutout.write_strips() == {"FINISHED"}
    assert [path.read_bytes() for path in sorted(folder.iterdir())] == own


def test_the_composite_shows_the_refined_edge(blender: Any, project: Project, tmp_path: Path) -> None:
    scene, _ = project()
    track = cut(blender, "write_strips")
    x, y = kit.object_at(2)
    before = kit.render_frame(blender, scene, 3, tmp_path / "before")
    track.edge.grow = 6.0
    blender.ops.cutout.write_strips()
    after = kit.render_frame(blender, scene, 3, tmp_path / "after")
    outside = before[y + 20, x - 4], after[y + 20, x - 4]
    assert np.abs(outside[0] - kit.GREEN).max() < 0.05
    assert np.abs(outside[1] - kit.picture(2)[y + 20, x - 4] / 255).max() < 0.05


def test_rgba_strips_lose_the_old_backgrounds_colour(blender: Any, project: Project) -> None:
    project()
    track = cut(blender)
    track.write_as = "cutout"
    track.edge.feather = 6.0
    found = []
    for share in (0.0, 1.0):
        track.edge.decontaminate = share
        assert blender.ops.cutout.write_strips() == {"FINISHED"}
        from blender_cutout.host import storage

        folder = storage.track_folder(track) / "matte-cutout"
        image = blender.data.images.load(str(sorted(folder.iterdir())[2]), check_existing=False)
        image.colorspace_settings.name, image.alpha_mode = "Non-Color", "CHANNEL_PACKED"
        found.append(np.array(image.pixels[:]).reshape(kit.HEIGHT, kit.WIDTH, 4)[::-1])
        blender.data.images.remove(image)
    dirty, clean = found
    assert np.array_equal(dirty[..., 3], clean[..., 3])
    x, y = kit.object_at(2)
    rim = (slice(y + 5, y + 35), x - 1)
    own = np.array((220, 40, 40)) / 255
    assert (dirty[rim][:, 3] > 0.05).all()
    assert np.abs(clean[rim][:, :3] - own).mean() < 0.5 * np.abs(dirty[rim][:, :3] - own).mean()


def test_keyed_settings_are_written_frame_by_frame_and_follow_the_keys(blender: Any, project: Project) -> None:
    scene, strip = project()
    track = cut(blender, "write_strips")
    plain = [area(matte) for matte in masks(scene)]
    for frame, grow in ((1, 0.0), (kit.LENGTH, 6.0)):
        track.edge.grow = grow
        assert track.edge.keyframe_insert("grow", frame=frame)
    assert blender.ops.cutout.write_strips() == {"FINISHED"}
    more = [area(matte) - before for matte, before in zip(masks(scene), plain, strict=True)]
    assert more[0] == 0
    assert more == sorted(more)
    assert more[-1] > 500
    from blender_cutout.scene import written

    assert written.is_composed(strip, track)
    scene.frame_set(3)
    assert written.is_composed(strip, track), "another frame is no change"
    track.edge.keyframe_insert("grow", frame=6)
    assert not written.is_composed(strip, track), "another key is one"


def test_keys_stay_with_their_object_when_another_one_is_removed(blender: Any, project: Project) -> None:
    from blender_cutout.scene import edge_settings

    scene, _ = project()
    cut(blender)
    blender.ops.cutout.new()
    for number, track in enumerate(scene.cutout.tracks):
        track.edge.grow = number + 1.0
        track.edge.keyframe_insert("grow", frame=1)
    scene.cutout.active_index = 0
    assert blender.ops.cutout.remove() == {"FINISHED"}
    (track,) = scene.cutout.tracks
    assert edge_settings.plan(track, [1]) == ({"grow": 2.0},)
    scene.frame_set(1)
    assert track.edge.grow == 2.0


def test_a_changed_setting_asks_to_write_again_before_a_render(blender: Any, project: Project) -> None:
    scene, strip = project()
    track = cut(blender, "write_strips")
    from blender_cutout.scene import properties, written

    scene.render.filepath = "//out/"
    assert "Correct" in properties.next_step(track)[0]
    track.edge.feather = 2.0
    assert not written.is_composed(strip, track)
    assert "Write Strips" in properties.next_step(track)[0]
    with pytest.raises(RuntimeError, match="edge settings have changed"):
        blender.ops.cutout.render()


def test_a_film_has_the_refined_edge(blender: Any, project: Project, tmp_path: Path) -> None:
    project()
    track = cut(blender)
    alphas = []
    for grow in (0.0, 5.0):
        track.edge.grow = grow
        folder = tmp_path / f"film {grow:g}"
        assert blender.ops.cutout.export_film(filepath=str(folder), kind="PNG") == {"FINISHED"}
        image = blender.data.images.load(str(sorted(folder.iterdir())[0]), check_existing=False)
        alphas.append(np.array(image.pixels[:])[3::4])
    assert area(alphas[1] * 255) > area(alphas[0] * 255) + 300


def test_presets_and_reset_set_what_the_panel_shows_and_larger_clips_get_more_pixels(
    blender: Any, project: Project
) -> None:
    project()
    track = cut(blender)
    shown = panel(blender)
    for text in ("Hard", "Natural", "Hair", "Motion Blur", *NAMES):
        assert text in shown
    found = {}
    for preset in ("HARD", "NATURAL", "HAIR", "MOTION_BLUR"):
        assert blender.ops.cutout.edge_preset(preset=preset) == {"FINISHED"}
        found[preset] = tuple(getattr(track.edge, name) for name in NAMES)
    assert len(set(found.values())) == 4
    track.width, track.height = 3840, 2160
    blender.ops.cutout.edge_preset(preset="HAIR")
    assert track.edge.width == 2 * found["HAIR"][NAMES.index("width")]
    blender.ops.cutout.edge_preset(preset="OFF")
    assert all(getattr(track.edge, name) == 0 for name in NAMES)


def test_settings_and_keys_are_kept_in_the_file_and_a_copied_scene_has_its_own(
    blender: Any, project: Project, tmp_path: Path
) -> None:
    scene, _ = project()
    track = cut(blender)
    track.edge.smooth = 2.5
    track.edge.grow = 1.5
    track.edge.keyframe_insert("grow", frame=1)
    copy = scene.copy()
    copy.cutout.tracks[0].edge.smooth = 4.0
    assert track.edge.smooth == 2.5
    path = tmp_path / "zweite Fassung.blend"
    blender.ops.wm.save_as_mainfile(filepath=str(path))
    blender.ops.wm.open_mainfile(filepath=str(path))
    from blender_cutout.scene import edge_settings

    (track,) = blender.context.scene.cutout.tracks
    assert edge_settings.plan(track, [1, 2]) == ({"grow": 1.5, "smooth": 2.5},) * 2


@pytest.mark.parametrize("value", [1e30, -1e30, float("nan"), float("inf")])
@pytest.mark.parametrize("name", ["grow", "clip_white", "detail"])
def test_values_that_no_panel_allows_are_limited(blender: Any, project: Project, name: str, value: float) -> None:
    from blender_cutout.core.edges.bounds import BOUNDS
    from blender_cutout.scene import edge_settings

    project()
    track = cut(blender)
    raw = getattr(track.edge, "bl_system_properties_get", None)
    (raw() if raw else track.edge)[name] = value
    track.edge.clip_black = 0.9
    settings = edge_settings.settings_now(track)
    assert BOUNDS[name][0] <= getattr(settings, name) <= BOUNDS[name][1]
    assert blender.ops.cutout.write_strips() == {"FINISHED"}
