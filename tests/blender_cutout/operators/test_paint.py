"""Tests exact paint, the lasso and the box in Blender. Scripts supply the points."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import bpy_kit as kit
import numpy as np
import pytest

pytestmark = pytest.mark.bpy

Project = Callable[..., tuple[Any, Any]]


@pytest.fixture
def track(blender: Any, project: Project) -> Callable[[], Any]:
    """A project with a cutout, and a function that returns the current one."""
    project()
    blender.ops.cutout.new()
    return lambda: blender.context.scene.cutout.tracks[0]


def mask(track: Any, frame: int = kit.STROKE_FRAME) -> np.ndarray:
    """Returns the mask of a clip frame in 255ths."""
    from blender_cutout.formats.png import read_grey
    from blender_cutout.tasks import jobs

    path = jobs.matte_file(track, frame)
    assert path is not None
    return read_grey(path)


def draw(bpy: Any, shape: str, *places: tuple[float, float], **more: Any) -> None:
    points = " ".join(f"{x},{y},1" for x, y in places)
    assert bpy.ops.cutout.paint_shape(shape=shape, points=points, **more) == {"FINISHED"}


def test_painted_line_is_exactly_its_pixels_and_ctrl_erases(blender: Any, track: Any) -> None:
    draw(blender, "PAINT", (10, 20.5), (60, 20.5), radius=1.5)
    found = mask(track())
    assert (found[19:22, 12:58] == 255).all()
    assert not found[:19].any()
    assert not found[22:].any()
    assert track().keyframes == str(blender.context.scene.frame_current)
    draw(blender, "PAINT", (30.5, 0), (30.5, 50), radius=1.5, label="remove")
    assert not mask(track())[:, 29:32].any()
    assert (mask(track())[19:22, 12:29] == 255).all()


def test_lasso_fills_its_outline_and_strokes_leave_it_alone(blender: Any, track: Any) -> None:
    corners = [(4, 4), (20, 4), (20, 14), (4, 14)]
    draw(blender, "LASSO", *corners)
    found = mask(track())
    assert np.count_nonzero(found) == 160
    assert (found[4:14, 4:20] == 255).all()
    blender.ops.cutout.apply_strokes()
    assert (mask(track())[4:14, 4:20] == 255).all()
    assert np.count_nonzero(mask(track())) > 1000


def test_feather_softens_the_rim(blender: Any, track: Any) -> None:
    blender.context.window_manager.cutout.brush_feather = 6.0
    draw(blender, "PAINT", (10, 20.5), (60, 20.5), radius=8)
    column = mask(track())[:, 30].astype(int)
    assert 0 < column[10] < column[12] < column[14] < 255
    assert column[20] == 255


def test_box_gives_a_first_guess_within_it(blender: Any, track: Any) -> None:
    x, y = kit.object_at(kit.STROKE_FRAME)
    draw(blender, "BOX", (x + 50, y + 66), (x - 6, y - 6))
    found, truth = mask(track()) > 127, kit.truth(kit.STROKE_FRAME) > 0.5
    assert np.count_nonzero(found & truth) / np.count_nonzero(found | truth) > 0.9
    draw(blender, "BOX", (x - 6, y - 6), (x + 10, y + 66))
    assert not mask(track())[:, x + 11 :].any()


def test_blenders_undo_takes_paint_back(blender: Any, track: Any) -> None:
    blender.ops.cutout.apply_strokes()
    before = mask(track())
    blender.ops.ed.undo_push(message="before")
    draw(blender, "PAINT", (10, 20.5), (60, 20.5), radius=1.5)
    assert (mask(track())[19:22, 12:58] == 255).all()
    blender.ops.cutout.undo_round()
    assert np.array_equal(mask(track()), before)


@pytest.mark.parametrize(
    ("shape", "places", "message"),
    [
        ("PAINT", [(9000, 10)], "outside the picture"),
        ("LASSO", [(10, 10), (20, 20)], "fewer than three points"),
        ("BOX", [(10, 10), (10.5, 40)], "too small"),
        ("PAINT", [], "no points"),
    ],
)
def test_what_cannot_be_painted_says_why(blender: Any, track: Any, shape: str, places: Any, message: str) -> None:
    with pytest.raises(RuntimeError, match=message):
        draw(blender, shape, *places)
    assert not track().keyframe_count


def test_locked_frame_is_not_painted_on(blender: Any, track: Any) -> None:
    blender.ops.cutout.apply_strokes()
    blender.ops.cutout.lock_frames(span="FRAME")
    before = mask(track())
    with pytest.raises(RuntimeError, match="locked"):
        draw(blender, "PAINT", (10, 20.5), (60, 20.5), radius=1.5)
    assert np.array_equal(mask(track()), before)


def test_buttons_and_number_keys_choose_what_the_brush_draws(blender: Any, track: Any) -> None:
    from blender_cutout.scene import brush_modes

    status = blender.context.window_manager.cutout
    for mode in brush_modes.KEYS:
        blender.ops.cutout.start_brush(mode=mode)
        assert status.brush_mode == mode
    blender.ops.cutout.start_brush()
    assert status.brush_mode == "STROKE"
    keymaps = blender.context.window_manager.keyconfigs.addon.keymaps
    keymap = next(k for k in keymaps if k.name.endswith(", Cutout Brush"))
    items = [(i.idname, i.ctrl) for i in keymap.keymap_items if i.type == "LEFTMOUSE"]
    assert items.index(("cutout.paint_shape", False)) < items.index(("cutout.paint", False))
    assert items.index(("cutout.paint_shape", True)) < items.index(("cutout.paint", True))
    modes = {i.type: i.properties.mode for i in keymap.keymap_items if i.idname == "cutout.start_brush"}
    assert modes == {"ONE": "STROKE", "TWO": "PAINT", "THREE": "LASSO", "FOUR": "BOX"}


def test_over_the_preview_only_the_chosen_tool_takes_the_mouse(blender: Any, track: Any) -> None:
    """Whatever the order of the keys: Blender reverses that of add-ons."""
    from blender_cutout.operators.brush import CUTOUT_OT_paint
    from blender_cutout.operators.paint import CUTOUT_OT_paint_shape
    from blender_cutout.scene.brush_tool import IDNAME

    tools = SimpleNamespace(from_space_sequencer=lambda mode, create: SimpleNamespace(idname=IDNAME))
    for mode, detail in itertools.product(("STROKE", "PAINT", "LASSO", "BOX"), (False, True)):
        context = SimpleNamespace(
            scene=track().id_data,
            window=object(),
            region=SimpleNamespace(type="PREVIEW"),
            space_data=SimpleNamespace(view_type="PREVIEW"),
            workspace=SimpleNamespace(tools=tools),
            window_manager=SimpleNamespace(cutout=SimpleNamespace(brush_mode=mode, brush_detail=detail)),
        )
        stroke = mode == "STROKE" or detail
        assert (CUTOUT_OT_paint.poll(context), CUTOUT_OT_paint_shape.poll(context)) == (stroke, not stroke), mode
