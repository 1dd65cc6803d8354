"""Tests which mask the overlay shows, and where. That it is visible is tested in `tests/window`."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import bpy_kit as kit
import numpy as np
import pytest
from overlay_kit import cut, mask_file, shown, texture

pytestmark = pytest.mark.bpy

Project = Callable[..., tuple[Any, Any]]


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
    from blender_cutout.tasks import jobs

    scene, _ = project(saved=False)
    cut(blender)
    path = Path(blender.app.tempdir) / "späteres Projekt.blend"
    blender.ops.wm.save_as_mainfile(filepath=str(path))
    assert iou(shown(scene), kit.STROKE_FRAME) > 0.9, "the folder was moved by saving"
    blender.ops.wm.open_mainfile(filepath=str(path))
    assert not jobs.queue.running
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
    from blender_cutout.ui import mask_layers, mask_overlay

    scene, _ = project(name)
    cut(blender)
    _, picture = mask_layers.find_layers(scene)
    shares, places = mask_overlay.corners(picture)
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
    from blender_cutout.geometry.mask_looks import CHECKER, GREY, OUTLINE, look
    from blender_cutout.host import annotations
    from blender_cutout.ui import mask_layers

    scene, _ = project()
    blender.ops.cutout.new()
    scene.cutout.tracks[0].colour = colour = (0.5, 0.25, 1.0)
    scene.cutout.mask_opacity, scene.cutout.cover_opacity = 0.25, 0.75
    for view, opacity in ((OUTLINE, 0.25), (CHECKER, 0.75), (GREY, 0.75)):
        scene.cutout.mask_view = view
        assert mask_layers.chosen_look(scene, scene.cutout.tracks[0]) == look(view, colour, opacity)
        with monkeypatch.context() as patch:
            patch.setattr(annotations, "is_drawing", lambda: True)
            assert mask_layers.chosen_look(scene, scene.cutout.tracks[0]) == look(OUTLINE, colour, 0.25)


def test_one_mask_is_read_for_one_frame_however_often_it_is_drawn(
    blender: Any, project: Project, files: list[str]
) -> None:
    from blender_cutout.ui import mask_overlay

    scene, _ = project()
    cut(blender, "propagate")
    seen, shown = mask_overlay.Overlay(), []
    for frame in (3, 3, 4, 5, 4, 3):
        scene.frame_set(kit.LAYOUTS["plain"].start + frame)
        shown.append(texture(seen, mask_file(scene)).texture)
    assert files == ["000003.png", "000004.png", "000005.png"]
    assert shown[0] is shown[1] is shown[5]
    assert shown[2] is shown[4]
    assert iou(shown[3] / 255, 5) > 0.9


def test_of_a_large_mask_the_small_copy_is_read_and_the_mask_itself_only_for_a_closer_look(
    blender: Any, project: Project, files: list[str]
) -> None:
    from blender_cutout.geometry.mask_parts import MaskPart, small_copy
    from blender_cutout.ui import mask_overlay

    scene, _ = project()
    cut(blender)
    path = mask_file(scene)
    small_copy(path).parent.mkdir()
    kit.write_png(small_copy(path), np.full((75, 120), 7, np.uint8))
    seen = mask_overlay.Overlay()
    shown = texture(seen, path)
    assert files == ["small/000004.png"]
    assert (shown.width, shown.texture.shape, shown.texture.max()) == (120, (75, 120), 7)
    part = MaskPart(60, 40, 240, 150, 2)
    try:
        assert seen._detail(part, path) is None, "the window does not wait for it"
        seen._reader._thread.join(10)
        found = seen._detail(part, path)
    finally:
        seen.remove()
    full = shown_now = mask_overlay.read_grey(path)
    np.testing.assert_array_equal(found, full[40:150:2, 60:240:2])
    assert shown_now.max() == 255
    assert not blender.app.timers.is_registered(seen._when_read)


def test_a_small_copy_is_shown_while_the_mask_itself_is_still_being_written(
    blender: Any, project: Project, files: list[str]
) -> None:
    from blender_cutout.geometry.mask_parts import MaskPart, small_copy
    from blender_cutout.ui import mask_overlay

    scene, _ = project()
    cut(blender)
    path = mask_file(scene)
    small_copy(path).parent.mkdir()
    kit.write_png(small_copy(path), np.full((75, 120), 7, np.uint8))
    written = path.rename(path.with_name("later"))
    seen = mask_overlay.Overlay()
    shown = texture(seen, path)
    assert shown.texture.max() == 7
    assert seen._detail(MaskPart(60, 40, 240, 150, 2), path) is None
    written.rename(path)
    assert texture(seen, path) is shown, "it is not read again"
    assert files == ["small/000004.png"]


def test_a_damaged_small_copy_is_passed_over(blender: Any, project: Project, files: list[str]) -> None:
    from blender_cutout.geometry.mask_parts import small_copy
    from blender_cutout.ui import mask_overlay

    scene, _ = project()
    cut(blender)
    path = mask_file(scene)
    small_copy(path).parent.mkdir()
    small_copy(path).write_bytes(b"torn")
    shown = texture(mask_overlay.Overlay(), path)
    assert (files, shown.width) == (["000004.png"], 0)
    assert iou(shown.texture / 255, kit.STROKE_FRAME) > 0.9


@pytest.mark.parametrize(("room", "read"), [(48 * 2**20, 1), (1000, 2)])
def test_what_is_played_again_is_read_once_where_there_is_room(
    blender: Any, project: Project, files: list[str], monkeypatch: pytest.MonkeyPatch, room: int, read: int
) -> None:
    from blender_cutout.ui import mask_layers, mask_overlay

    monkeypatch.setattr(mask_overlay, "_ENOUGH", room)
    scene, _ = project()
    cut(blender, "propagate")
    shower = mask_overlay.Overlay()
    for frame in [*range(kit.LENGTH), *range(kit.LENGTH)]:
        scene.frame_set(1 + frame)
        (layer,), _ = mask_layers.find_layers(scene)
        texture(shower, *layer.files)
    assert sorted(files) == sorted([f"{n:06d}.png" for n in range(kit.LENGTH)] * read)
    kept = sum(key in shower._textures for key in shower._pixels)
    assert kept == len(shower._textures) == (kit.LENGTH if read == 1 else mask_overlay._KEPT)


def test_a_mask_that_takes_long_comes_with_a_later_redraw_and_the_last_one_of_the_frame_stays_meanwhile(
    blender: Any, project: Project, files: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from blender_cutout.ui import mask_overlay

    scene, _ = project()
    cut(blender)
    path, gate = mask_file(scene), threading.Event()
    gate.set()
    noted = mask_overlay.read_grey
    monkeypatch.setattr(mask_overlay, "read_grey", lambda *args: gate.wait(60) and noted(*args))
    monkeypatch.setattr(mask_overlay, "_PATIENCE", 60.0)
    space = SimpleNamespace(display_mode="IMAGE", show_overlays=True)
    context = SimpleNamespace(space_data=space, scene=scene, sequencer_scene=scene)
    seen, drawn = mask_overlay.Overlay(), []
    monkeypatch.setattr(seen._painter, "prepare", lambda: None)
    monkeypatch.setattr(seen, "_show", lambda layer, shown, *rest: drawn.append(shown and int(shown.texture.max())))

    def changes(value: int) -> None:
        kit.write_png(path, np.full((kit.HEIGHT, kit.WIDTH), value, np.uint8))
        os.utime(path, ns=(value, value))

    try:
        changes(50)
        seen.draw(context)
        monkeypatch.setattr(mask_overlay, "_PATIENCE", 0.02)
        gate.clear()
        changes(60)
        began = time.monotonic()
        seen.draw(context)
        waited = time.monotonic() - began
        scene.cutout.mask_view = "GREY"
        seen.draw(context)
        gate.set()
        seen._shower._thread.join(60)
        seen.draw(context)
        assert drawn == [50, 50, 50, 60]
        assert waited < 10
        gate.clear()
        changes(70)
        scene.frame_set(scene.frame_current + 300)
        scene.frame_set(1 + kit.STROKE_FRAME)
        seen._last_of = ()
        seen.draw(context)
        assert drawn[4:] == [None], "a mask of another frame does not stand in"
    finally:
        gate.set()
        seen.remove()


def test_one_redraw_reads_no_second_mask_when_its_time_is_up(blender: Any, project: Project, files: list[str]) -> None:
    from blender_cutout.ui import mask_overlay

    scene, _ = project()
    cut(blender, "propagate")
    paths = []
    for frame in (3, 4):
        scene.frame_set(1 + frame)
        paths.append(mask_file(scene))
    seen = mask_overlay.Overlay()
    assert texture(seen, paths[0]) is not None
    assert texture(seen, paths[1], patience=0.0) is None
    seen._uploads = 0
    assert texture(seen, paths[1]) is not None
    assert files == ["000003.png", "000004.png"]
    seen.remove()


def test_a_part_lies_where_the_whole_does(blender: Any, project: Project) -> None:
    from blender_cutout.geometry.mask_parts import MaskPart
    from blender_cutout.ui import mask_layers, mask_overlay

    scene, _ = project("flipped and cropped")
    cut(blender)
    _, picture = mask_layers.find_layers(scene)
    shares, places = mask_overlay.corners(picture, MaskPart(50, 0, 110, 70))
    layout = kit.LAYOUTS["flipped and cropped"]
    expected = [(50, 8), (110, 8), (110, 70), (50, 70)]  # the crop takes 8 off the top
    np.testing.assert_allclose(places, [layout.preview_point(*p) for p in expected], atol=0.51)
    np.testing.assert_allclose(shares, [(0, 8 / 70), (1, 8 / 70), (1, 1), (0, 1)])
    shares, places = mask_overlay.corners(picture, box=(0.25, 0.0, 0.5, 0.5))
    expected = [(60, 8), (120, 8), (120, 75), (60, 75)]
    np.testing.assert_allclose(places, [layout.preview_point(*p) for p in expected], atol=0.51)
    np.testing.assert_allclose(shares, [(x / kit.WIDTH, y / kit.HEIGHT) for x, y in expected])


def test_without_a_window_nothing_is_hung_into_blender(blender: Any) -> None:
    from blender_cutout.ui import mask_overlay

    assert blender.app.background
    assert mask_overlay._overlay._handle is None


def test_a_damaged_mask_is_distinguished_from_a_whole_one(blender: Any, project: Project) -> None:
    from blender_cutout.ui import mask_overlay

    scene, _ = project()
    cut(blender)
    path = mask_file(scene)
    path.write_bytes(path.read_bytes()[:60])
    assert texture(mask_overlay.Overlay(), path) is None
    os.remove(path)
    assert texture(mask_overlay.Overlay(), path) is None


def test_the_preview_is_redrawn_for_the_frame_in_view_and_not_for_every_other(blender: Any, project: Project) -> None:
    from blender_cutout.core.messages import MatteReady
    from blender_cutout.tasks import jobs

    scene, _ = project()
    cut(blender)
    uuid = scene.cutout.tracks[0].uuid
    seen = jobs._reporter
    job = jobs.submit(scene, scene.cutout.tracks[0], "Looking")
    jobs.wait(job, 60)
    for frame, expected in ((kit.STROKE_FRAME + 1, False), (kit.STROKE_FRAME, True)):
        seen.in_view = False
        seen.on_matte(job, MatteReady("", uuid, frame, "/nowhere.png"))
        assert seen.in_view is expected


def test_a_mask_of_another_size_than_the_clip_is_not_unpacked(blender: Any, project: Project, files: list[str]) -> None:
    from blender_cutout.ui import mask_layers, mask_overlay

    scene, _ = project()
    cut(blender)
    (layer,), _ = mask_layers.find_layers(scene)
    assert layer.size == (kit.HEIGHT, kit.WIDTH)
    assert texture(mask_overlay.Overlay(), *layer.files, size=layer.size) is not None
    kit.write_png(layer.files[0], np.full((kit.HEIGHT * 2, kit.WIDTH), 100, np.uint8))
    assert texture(mask_overlay.Overlay(), *layer.files, size=layer.size) is None
