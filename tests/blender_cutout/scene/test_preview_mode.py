"""Tests Clip / Result / Both: what the preview shows, that corrections show the clip, and that renders never do."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import bpy_kit as kit
import numpy as np
import pytest

from tests.blender_cutout.tasks.test_words import sidebar

pytestmark = pytest.mark.bpy

Project = Callable[..., tuple[Any, Any]]
FORMS = ("mask", "cutout", "splines", "effect")


def written(bpy: Any, project: Project, form: str) -> tuple[Any, Any]:
    scene, strip = project()
    for step in ("new", "apply_strokes", "propagate"):
        assert getattr(bpy.ops.cutout, step)() == {"FINISHED"}
    scene.cutout.tracks[0].write_as = form
    assert bpy.ops.cutout.write_strips() == {"FINISHED"}
    return scene, strip


def is_uncut(strip: Any) -> bool:
    """Returns whether the preview shows the clip whole: no mask of ours is on, and no effect."""
    from blender_cutout.host.output.effect import shown_over

    hidden = [m.mute or not getattr(m, "show_preview", True) for m in strip.modifiers if m.type == "MASK"]
    return not strip.mute and all(hidden) and all(over.mute for over in shown_over(strip.id_data, strip))


def unlike(first: np.ndarray, second: np.ndarray) -> int:
    """Returns how many pixels differ visibly."""
    apart = np.abs(first - second).max(axis=-1) > 0.1
    apart[0, -1] = False  # never written by older Blenders: findings/blender_mask_last_pixel.sh
    return int(apart.sum())


def render(bpy: Any, scene: Any, folder: Path) -> np.ndarray:
    return kit.render_frame(bpy, scene, kit.LAYOUTS["plain"].start + kit.STROKE_FRAME, folder)


@pytest.mark.parametrize("form", FORMS)
def test_the_clip_is_shown_whole_and_the_render_is_cut(
    blender: Any, project: Project, tmp_path: Path, form: str
) -> None:
    from blender_cutout.tasks import upkeep

    scene, strip = written(blender, project, form)
    cut = render(blender, scene, tmp_path / "cut")
    blender.ops.cutout.show(mode="BOTH")
    assert is_uncut(strip)
    upkeep._tick()
    assert is_uncut(strip)
    assert unlike(render(blender, scene, tmp_path / "while"), cut) == 0, "Blender's own render"
    assert is_uncut(strip), "and the clip again after it"
    scene.render.filepath = str(tmp_path / "button") + "/"
    assert blender.ops.cutout.render() == {"FINISHED"}
    assert unlike(kit.load_picture(blender, tmp_path / "button" / f"{scene.frame_start:04d}.png"), cut) == 0
    assert is_uncut(strip)
    blender.ops.cutout.show()
    assert not is_uncut(strip)
    assert scene.cutout.preview_shows == "RESULT"
    assert unlike(render(blender, scene, tmp_path / "again"), cut) == 0


@pytest.mark.parametrize("form", FORMS)
def test_the_saved_file_renders_cut_without_the_addon(
    blender: Any, project: Project, tmp_path: Path, form: str
) -> None:
    import blender_cutout

    scene, strip = written(blender, project, form)
    cut = render(blender, scene, tmp_path / "cut")
    blender.ops.cutout.show(mode="CLIP")
    blender.ops.wm.save_mainfile()
    assert is_uncut(strip), "the artist goes on looking at the clip"
    blend = blender.data.filepath
    blender_cutout.unregister()
    try:
        blender.ops.wm.open_mainfile(filepath=blend)
        assert unlike(render(blender, blender.context.scene, tmp_path / "plain"), cut) == 0
    finally:
        blender_cutout.register()


@pytest.mark.parametrize("form", FORMS)
def test_a_correction_shows_the_clip_and_writing_shows_the_result_again(
    blender: Any, project: Project, tmp_path: Path, form: str
) -> None:
    from blender_cutout.ui.mask_layers import find_layers

    scene, strip = written(blender, project, form)
    assert not is_uncut(strip)
    assert find_layers(scene)[0] == []
    x, y = kit.object_at(kit.STROKE_FRAME)
    points = " ".join(f"{x + 9},{y + at},1" for at in range(0, 60, 4))
    assert blender.ops.cutout.paint(label="remove", points=points) == {"FINISHED"}
    assert is_uncut(strip)
    assert len(find_layers(scene)[0]) == 1, "with the mask over it"
    blender.ops.cutout.propagate()
    assert is_uncut(strip)
    assert blender.ops.cutout.write_strips() == {"FINISHED"}
    assert not is_uncut(strip)
    assert find_layers(scene)[0] == []


def test_a_correction_of_the_clip_without_its_mask_shows_the_mask(blender: Any, project: Project) -> None:
    from blender_cutout.ui.mask_layers import find_layers

    scene, strip = written(blender, project, "mask")
    blender.ops.cutout.show(mode="CLIP")
    assert find_layers(scene)[0] == []
    x, y = kit.object_at(kit.STROKE_FRAME)
    assert blender.ops.cutout.paint(label="remove", points=f"{x + 9},{y},1 {x + 9},{y + 40},1") == {"FINISHED"}
    assert len(find_layers(scene)[0]) == 1
    assert is_uncut(strip)
    assert blender.ops.cutout.write_strips() == {"FINISHED"}
    assert scene.cutout.preview_shows == "BOTH"


def test_another_object_is_drawn_on_the_whole_clip(blender: Any, project: Project) -> None:
    scene, strip = written(blender, project, "mask")
    scene.sequence_editor.active_strip = strip
    assert blender.ops.cutout.new() == {"FINISHED"}
    assert is_uncut(strip)
    assert len(scene.cutout.tracks) == 2


def test_what_the_artist_chose_stays_after_writing(blender: Any, project: Project) -> None:
    scene, strip = written(blender, project, "mask")
    blender.ops.cutout.show(mode="BOTH")
    scene.frame_set(9)
    blender.ops.cutout.auto()
    blender.ops.cutout.write_strips()
    assert scene.cutout.preview_shows == "BOTH"
    assert is_uncut(strip)


def test_a_modifier_that_the_artist_turned_off_stays_off(blender: Any, project: Project) -> None:
    scene, strip = written(blender, project, "mask")
    strip.modifiers[0].mute = True
    blender.ops.cutout.show(mode="BOTH")
    blender.ops.cutout.show(mode="RESULT")
    assert strip.modifiers[0].mute
    assert scene.cutout.preview_shows == "RESULT"


def test_the_mask_follows_a_clip_that_is_moved_while_it_is_shown_whole(
    blender: Any, project: Project, tmp_path: Path
) -> None:
    from blender_cutout.tasks import upkeep

    scene, strip = written(blender, project, "mask")
    blender.ops.cutout.show(mode="BOTH")
    strip.transform.offset_x = 25.0
    upkeep._tick()
    blender.ops.cutout.show(mode="RESULT")
    seen = render(blender, scene, tmp_path / "seen")
    blender.ops.cutout.write_strips()
    assert np.array_equal(render(blender, scene, tmp_path / "fresh"), seen)


def test_the_panel_shows_which_it_is_and_clip_has_no_mask(blender: Any, project: Project) -> None:
    from blender_cutout.ui.mask_layers import find_layers

    scene, _ = project()
    for step in ("new", "apply_strokes"):
        getattr(blender.ops.cutout, step)()
    assert [line.split()[-1] for line in sidebar(blender).splitlines() if "cutout.show" in line] == [
        "Clip",
        "Result",
        "Both",
    ]
    assert len(find_layers(scene)[0]) == 1, "before anything is written the mask is shown over the clip"
    blender.ops.cutout.show(mode="CLIP")
    assert find_layers(scene)[0] == []


def test_the_key_goes_through_the_views_and_shows_a_hidden_mask(blender: Any, project: Any) -> None:
    project()
    blender.ops.cutout.new()
    data = blender.context.scene.cutout
    data.show_mask = False
    seen = []
    for _ in range(5):
        assert blender.ops.cutout.next_view() == {"FINISHED"}
        assert data.show_mask
        seen.append(data.mask_view)
    assert seen == ["TINT", "OUTLINE", "CHECKER", "GREY", "TINT"]
