"""Tests the panel Review: what it shows, that its buttons do what they say, and that the main panel is free of them."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import bpy_kit as kit
import pytest
from panel_kit import Paper

from tests.blender_cutout.tasks.test_words import sidebar

pytestmark = pytest.mark.bpy

Project = Callable[..., tuple[Any, Any]]
MARKS = ("lock_frames", "mark_absent", "reject_frames")


class Pad(Paper):
    """A layout that also keeps the buttons, as (operator, text, settings)."""

    def __init__(self) -> None:
        super().__init__()
        self.buttons: list[tuple[str, str, SimpleNamespace]] = []

    def operator(self, name: str, text: str = "", **_: Any) -> SimpleNamespace:
        settings = SimpleNamespace()
        self.buttons.append((name.removeprefix("cutout."), text, settings))
        return settings


def review(bpy: Any) -> Pad:
    """Returns the panel as drawn."""
    pad = Pad()
    bpy.types.CUTOUT_PT_review.draw(SimpleNamespace(layout=pad), bpy.context)
    return pad


def test_the_panel_lists_marked_frames_and_the_main_panel_those_to_look_at(blender: Any, project: Project) -> None:
    scene, _ = project()
    for step in ("new", "apply_strokes", "propagate"):
        getattr(blender.ops.cutout, step)()
    for frame, mark in ((7, "lock_frames"), (8, "mark_absent"), (9, "reject_frames")):
        scene.frame_set(frame)
        getattr(blender.ops.cutout, mark)()
    shown = "\n".join(review(blender).notes)
    for text in ("Locked: 7", "Not here: 8", "Rejected: 9"):
        assert text in shown
        assert text not in sidebar(blender)
    assert "With strokes: 5" in sidebar(blender)
    assert "In doubt: " in sidebar(blender)


def test_its_buttons_do_what_they_say(blender: Any, project: Project) -> None:
    scene, _ = project()
    for step in ("new", "apply_strokes", "propagate"):
        getattr(blender.ops.cutout, step)()
    track, start = scene.cutout.tracks[0], kit.LAYOUTS["plain"].start
    scene.use_preview_range, scene.frame_preview_start, scene.frame_preview_end = True, start + 8, start + 9
    scene.frame_set(start + 6)
    buttons = {text: (name, vars(settings)) for name, text, settings in review(blender).buttons}

    def press(text: str) -> None:
        name, settings = buttons[text]
        getattr(blender.ops.cutout, name)(**settings)

    here, span = f"{start + 6}", f"{start + 8} to {start + 9}"
    for shown, pairs in {
        "locked_frames": (("Lock Frame", "Unlock Frame", here), ("Lock Range", "Unlock Range", span)),
        "absent_frames": (("Not Here", "Here", here), ("Not in Range", "In Range", span)),
        "rejected_frames": (("Reject Frame", "Clear Frame", here), ("Reject Range", "Clear Range", span)),
    }.items():
        for on, off, frames in pairs:
            press(on)
            assert getattr(track, shown) == frames, on
            if shown == "rejected_frames":
                scene.frame_set(int(frames.split()[0]) - 1)
                press("Next in Doubt")
                assert scene.frame_current == int(frames.split()[0])
            press(off)
            assert getattr(track, shown) == "", off


def test_the_main_panel_has_no_button_that_marks_frames(blender: Any, project: Project) -> None:
    project()
    blender.ops.cutout.new()
    for mark in MARKS:
        assert f"cutout.{mark}" not in sidebar(blender)
        assert sum(name == mark for name, _, _ in review(blender).buttons) == 4
    panel = blender.types.CUTOUT_PT_review
    assert (panel.bl_parent_id, panel.bl_options) == ("CUTOUT_PT_cutout", {"DEFAULT_CLOSED"})
