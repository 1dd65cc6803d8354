"""Tests that every operator is in a menu, where F3 finds it, and that every grey button says why."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from panel_kit import Paper

pytestmark = pytest.mark.bpy
ELSEWHERE = {
    *("paint", "paint_shape", "brush_radius", "choose_tier", "step_tier", "cancel_frames", "cancel_set_up"),
    *("return_to_version", "rename_version", "delete_version"),
    *("download_published", "choose_published", "use_published"),
    *("move_in_queue", "remove_from_queue", "remove_everything"),
}
"""Operators of the mouse, and buttons of a state: tiers, networks, versions, jobs, what is rendered or installed."""


def test_every_operator_is_in_the_menu(blender: Any) -> None:
    from blender_cutout.ui.menus import CLASSES

    paper = Paper()
    for menu in CLASSES:
        menu.draw(SimpleNamespace(layout=paper), blender.context)
    shown = {note.split()[1].removeprefix("cutout.") for note in paper.notes if note.startswith("operator")}
    assert set(dir(blender.ops.cutout)) - shown == ELSEWHERE


def test_the_menu_hangs_in_blenders_own_and_goes_with_the_addon(blender: Any) -> None:
    from blender_cutout.ui import menus

    def hangs() -> int:
        found = [getattr(blender.types, name) for name in menus._PLACES if hasattr(blender.types, name)]
        return sum(menus._draw in getattr(menu.draw, "_draw_funcs", ()) for menu in found)

    assert hangs() == 3
    menus.unregister()
    assert hangs() == 0
    menus.register()


def test_blenders_help_leads_to_the_manual_and_the_report(blender: Any) -> None:
    from blender_cutout.ui import menus

    paper = Paper()
    for draw in blender.types.TOPBAR_MT_help.draw._draw_funcs[1:]:
        draw(SimpleNamespace(layout=paper), blender.context)
    shown = [note.split()[1] for note in paper.notes if note.startswith("operator")]
    assert shown == ["cutout.open_manual", "cutout.report_problem"]
    menus.unregister()
    assert len(getattr(blender.types.TOPBAR_MT_help.draw, "_draw_funcs", [0])) == 1
    menus.register()


def reasons(bpy: Any) -> dict[str, str]:
    """Operator → what Blender says when it cannot be pressed."""
    found = {}
    for name in dir(bpy.ops.cutout):
        operator = getattr(bpy.ops.cutout, name)
        if not operator.poll():
            with pytest.raises(RuntimeError) as caught:
                operator()
            found[name] = str(caught.value).partition("poll()")[2].strip()
    return found


NO_CUTOUT, DISABLED = "There is no cutout yet", "The add-on is not enabled"


@pytest.mark.parametrize(
    ("state", "said"),
    [
        ("empty", {"propagate": NO_CUTOUT, "paint": NO_CUTOUT, "step_tier": DISABLED}),
        (
            "new",
            {
                "undo_round": "",
                "erase_strokes": "This cutout has no strokes of the Cutout Brush",
                "worst_frame": "",
            },
        ),
        ("busy", {"write_strips": "The engine is working", "propagate": "The engine is working"}),
        ("frames", {"render_frames": "Frames are being rendered"}),
    ],
)
def test_what_cannot_be_pressed_says_why(blender: Any, project: Any, state: str, said: dict[str, str]) -> None:
    status = blender.context.window_manager.cutout
    if state != "empty":
        project()
        assert blender.ops.cutout.new() == {"FINISHED"}
        status = blender.context.window_manager.cutout
        status.busy, status.frames_busy = state == "busy", state == "frames"
    found = reasons(blender)
    status.busy = status.frames_busy = False
    assert not [name for name, text in found.items() if not text or "context is incorrect" in text]
    assert {name: text for name, text in said.items() if text not in found[name]} == {}


def test_while_the_engine_works_the_buttons_say_so(blender: Any, project: Any) -> None:
    project()
    blender.ops.cutout.new()
    blender.context.window_manager.cutout.busy = True
    with pytest.raises(RuntimeError, match="The engine is working"):
        blender.ops.cutout.write_strips()
    blender.context.window_manager.cutout.busy = False


def test_the_pie_has_what_the_hand_needs(blender: Any, project: Any) -> None:
    from blender_cutout.ui.menus import CUTOUT_MT_pie

    project()
    blender.ops.cutout.new()
    paper = Paper()
    CUTOUT_MT_pie.draw(SimpleNamespace(layout=paper), blender.context)
    shown = [note.split()[1].removeprefix("cutout.") for note in paper.notes if note.startswith("operator")]
    assert sorted(set(shown)) == ["brush", "mark_absent", "new", "propagate", "show", "start_brush", "undo_round"]
