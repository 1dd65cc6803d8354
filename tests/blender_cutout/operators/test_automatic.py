"""Tests Auto with its modes in Blender: a normal first round, or an empty mask and a message."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from panel_kit import Paper

pytestmark = pytest.mark.bpy

Project = Callable[..., tuple[Any, Any]]


def test_no_sky_in_the_picture_is_an_empty_mask_and_a_message(blender: Any, project: Project) -> None:
    scene, _ = project()
    blender.ops.cutout.new()
    scene.cutout.auto_apply = False
    assert blender.ops.cutout.auto(mode="sky") == {"FINISHED"}
    status = blender.context.window_manager.cutout
    assert status.text == "No sky was found: the mask is empty. Draw strokes."
    assert scene.cutout.tracks[0].head
    blender.ops.cutout.undo_round()
    assert not scene.cutout.tracks[0].head


def test_the_background_is_a_first_guess_that_strokes_correct_and_undo_takes_back(
    blender: Any, project: Project
) -> None:
    scene, _ = project()
    blender.ops.cutout.new()
    assert blender.ops.cutout.auto(mode="background") == {"FINISHED"}
    assert blender.context.window_manager.cutout.text == "A first guess. Correct it with strokes."
    first = scene.cutout.tracks[0].head
    assert blender.ops.cutout.apply_strokes() == {"FINISHED"}
    assert scene.cutout.tracks[0].head != first
    blender.ops.cutout.undo_round()
    assert scene.cutout.tracks[0].head == first


def test_the_panel_offers_the_modes_beside_auto(blender: Any, project: Project) -> None:
    from blender_cutout.ui.panel import CUTOUT_PT_cutout

    project()
    blender.ops.cutout.new()
    paper = Paper()
    CUTOUT_PT_cutout.draw(SimpleNamespace(layout=paper), blender.context)
    assert "menu CUTOUT_MT_auto" in "\n".join(paper.notes)
    menu = Paper()
    blender.types.CUTOUT_MT_auto.draw(SimpleNamespace(layout=menu), blender.context)
    assert "operator_enum cutout.auto mode" in "\n".join(menu.notes)
    assert "operator cutout.sky_through" in "\n".join(menu.notes)
    assert "operator cutout.each_person" in "\n".join(menu.notes)
    items = blender.ops.cutout.auto.get_rna_type().properties["mode"].enum_items
    assert [item.name for item in items] == ["Foreground", "Person", "Head", "Sky", "Background"]


def test_the_sky_is_found_on_every_fourth_frame_but_near_strokes_and_locks(blender: Any, project: Project) -> None:
    import json

    import bpy_kit as kit
    import numpy as np

    scene, strip = project()
    image = np.full((kit.HEIGHT, kit.WIDTH, 3), 90, np.uint8)
    image[:40] = (120, 190, 250)
    for file in Path(blender.path.abspath(strip.directory)).glob("*.png"):
        kit.write_png(file, image)
    blender.ops.cutout.new()
    scene.cutout.auto_apply = False
    track = scene.cutout.tracks[0]
    blender.ops.cutout.auto(mode="sky")
    drawn = json.loads(track.drawn)
    assert blender.ops.cutout.sky_through(every=4) == {"FINISHED"}
    frames = [frame for frame in range(0, track.frame_count, 4) if abs(frame - drawn[0]) >= 2]
    assert len(frames) > 1
    assert json.loads(track.drawn) == sorted({*drawn, *frames})
    assert blender.context.window_manager.cutout.text == f"The sky was found on {len(frames)} frames. Press Propagate."
    with pytest.raises(RuntimeError, match="near one with a mask of its own"):
        blender.ops.cutout.sky_through(every=4)
    assert blender.ops.cutout.propagate() == {"FINISHED"}
    assert track.done_count == track.frame_count


def test_where_there_is_no_sky_the_message_says_so(blender: Any, project: Project) -> None:
    project()
    blender.ops.cutout.new()
    assert blender.ops.cutout.sky_through(every=4) == {"FINISHED"}
    text = "No sky was found: the masks are empty. Draw strokes."
    assert blender.context.window_manager.cutout.text == text
