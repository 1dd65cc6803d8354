"""The overlay: which mask it would show where. That it is seen on the screen is for `tests/window`."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import bpy_kit as kit
import numpy as np
import pytest

pytestmark = pytest.mark.bpy

Project = Callable[..., tuple[Any, Any]]


def cut(bpy: Any, *steps: str) -> None:
    for step in ("new", "apply_strokes", *steps):
        assert getattr(bpy.ops.cutout, step)() == {"FINISHED"}


def shown(scene: Any) -> np.ndarray | None:
    """The mask that the overlay would show now, (H, W) in [0, 1]."""
    from blender_cutout import overlay
    from blender_cutout.host.png import read_grey

    found = overlay.find_mask(scene)
    return None if found is None else read_grey(found[0]) / 255


def iou(matte: np.ndarray, frame: int) -> float:
    truth = kit.truth(frame) > 0.5
    return float(((matte > 0.5) & truth).sum() / ((matte > 0.5) | truth).sum())


def test_the_mask_of_the_current_frame_is_shown(blender: Any, project: Project) -> None:
    scene, _ = project()
    blender.ops.cutout.new()
    assert shown(scene) is None
    cut_frame = scene.frame_current
    blender.ops.cutout.apply_strokes()
    assert iou(shown(scene), kit.STROKE_FRAME) > 0.9
    scene.frame_set(cut_frame + 3)
    assert shown(scene) is None, "a frame without a mask"
    blender.ops.cutout.propagate()
    assert iou(shown(scene), kit.STROKE_FRAME + 3) > 0.9
    blender.ops.cutout.undo_round()
    assert shown(scene) is None, "the propagation was taken back"
    scene.frame_set(cut_frame + 300)
    assert shown(scene) is None, "outside the strip"


def test_a_file_that_is_loaded_shows_its_masks_before_an_engine_runs(blender: Any, project: Project) -> None:
    from blender_cutout import jobs

    scene, _ = project(saved=False)
    cut(blender)
    path = Path(blender.app.tempdir) / "späteres Projekt.blend"
    blender.ops.wm.save_as_mainfile(filepath=str(path))
    assert iou(shown(scene), kit.STROKE_FRAME) > 0.9, "the folder was moved by saving"
    blender.ops.wm.open_mainfile(filepath=str(path))
    assert not jobs.pump.running
    assert iou(shown(blender.context.scene), kit.STROKE_FRAME) > 0.9


def test_where_the_composite_shows_the_mask_there_is_no_tint(blender: Any, project: Project) -> None:
    scene, strip = project()
    cut(blender, "propagate", "write_strips")
    assert shown(scene) is None
    strip.modifiers[0].mute = True
    assert shown(scene) is not None, "the composite is switched off"
    strip.modifiers[0].mute = False
    blender.ops.cutout.undo_round()
    assert shown(scene) is not None, "the composite is of an older mask"
    strip.mute = True
    assert shown(scene) is None, "the clip is not seen"


@pytest.mark.parametrize("name", sorted(kit.LAYOUTS))
def test_the_corners_lie_where_blender_shows_them(name: str, blender: Any, project: Project) -> None:
    from blender_cutout import overlay

    scene, _ = project(name)
    cut(blender)
    _, picture = overlay.find_mask(scene)
    shares, places = overlay.corners(picture)
    layout = kit.LAYOUTS[name]
    left, right, bottom, top = layout.crop
    x0, x1, y0, y1 = left, kit.WIDTH - right, top, kit.HEIGHT - bottom
    expected = [(x0, y0), (x1, y0), (x1, y1), (x0, y1)]
    np.testing.assert_allclose(np.array(shares) * (kit.WIDTH, kit.HEIGHT), expected)
    # Blender before 5.2 and the independent geometry here may differ by the half pixel of an odd size.
    np.testing.assert_allclose(places, [layout.preview_point(*p) for p in expected], atol=0.51)


def test_the_look_is_the_panels_and_shows_a_stroke_while_it_is_drawn(
    blender: Any, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    from blender_cutout import overlay
    from blender_cutout.host import annotations
    from blender_cutout.host.looks import CHECKER, GREY, OUTLINE, look

    scene, _ = project()
    blender.ops.cutout.new()
    scene.cutout.tracks[0].colour = colour = (0.5, 0.25, 1.0)
    scene.cutout.mask_opacity, scene.cutout.cover_opacity = 0.25, 0.75
    for view, opacity in ((OUTLINE, 0.25), (CHECKER, 0.75), (GREY, 0.75)):
        scene.cutout.mask_view = view
        assert overlay.chosen_look(scene) == look(view, colour, opacity)
        with monkeypatch.context() as patch:
            patch.setattr(annotations, "is_drawing", lambda: True)
            assert overlay.chosen_look(scene) == look(OUTLINE, colour, 0.25)


def test_one_mask_is_read_for_one_frame_however_often_it_is_drawn(
    blender: Any, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    from blender_cutout import overlay

    scene, _ = project()
    cut(blender, "propagate")
    read: list[str] = []
    monkeypatch.setattr(overlay, "_upload", lambda path: read.append(path.name) or path.name)
    seen, shown = overlay.Overlay(), []
    for frame in (3, 3, 4, 5, 4, 3):
        scene.frame_set(kit.LAYOUTS["plain"].start + frame)
        shown.append(seen._texture(overlay.find_mask(scene)[0]))
    assert read == ["000003.png", "000004.png", "000005.png"]
    assert shown == [f"{frame:06d}.png" for frame in (3, 3, 4, 5, 4, 3)]


def test_without_a_window_nothing_is_hung_into_blender(blender: Any) -> None:
    from blender_cutout import overlay

    assert blender.app.background
    assert overlay._overlay._handle is None


def test_a_damaged_mask_is_told_apart_from_a_whole_one(blender: Any, project: Project) -> None:
    from blender_cutout import overlay

    scene, _ = project()
    cut(blender)
    path, _ = overlay.find_mask(scene)
    path.write_bytes(path.read_bytes()[:60])
    assert overlay.Overlay()._texture(path) is None
    os.remove(path)
    assert overlay.Overlay()._texture(path) is None
