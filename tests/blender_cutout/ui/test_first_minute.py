"""Tests what a new user sees: the engine is missing, a strip is selected, and buttons that stay where they are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.blender_cutout.tasks.test_words import sidebar

pytestmark = pytest.mark.bpy

Project = Callable[..., tuple[Any, Any]]


def buttons(bpy: Any) -> list[str]:
    """Returns the rows of the main panel that are no labels: buttons and settings, in order."""
    kinds = ("operator ", "prop ", "progress", "template_list")
    return [line.split("  ")[0] for line in sidebar(bpy).splitlines() if line.startswith(kinds)]


def test_without_an_engine_the_panel_says_so_and_has_the_button(
    blender: Any, project: Project, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    from blender_cutout.tasks import engine_setup, upkeep

    project()
    monkeypatch.setattr(engine_setup, "setup", engine_setup.Setup())
    monkeypatch.delenv("CUTOUT_PYTHON", raising=False)
    monkeypatch.setenv("CUTOUT_HOME", str(tmp_path / "nothing"))
    upkeep._tick()
    shown = sidebar(blender)
    assert "cutout.set_up_engine" in shown
    assert "Select a movie or image strip" not in shown, "one is selected"
    assert "Press New Cutout for clip." in shown
    for word in ("checkout", "J&F", "EPYC"):
        assert word not in shown


def test_without_a_strip_the_panel_says_to_select_one(blender: Any, project: Project) -> None:
    scene, _ = project()
    scene.sequence_editor.active_strip = None
    assert "Select a movie or image strip." in sidebar(blender)


def test_the_buttons_keep_their_places_from_the_first_stroke_to_the_written_strips(
    blender: Any, project: Project
) -> None:
    project()
    blender.ops.cutout.new()
    first = buttons(blender)
    assert first
    for step in ("apply_strokes", "propagate", "write_strips"):
        getattr(blender.ops.cutout, step)()
        assert buttons(blender) == first, step
    blender.ops.cutout.lock_frames(span="FRAME")
    assert buttons(blender) == first
    status = blender.context.window_manager.cutout
    status.busy = True
    busy = buttons(blender)
    status.busy = False
    # While the engine works, only the line below the list changes: progress and Cancel.
    assert [line for line in busy if not line.startswith(("progress", "operator cutout.cancel"))] == first
    assert busy.index("operator cutout.cancel") < busy.index("operator cutout.apply_strokes")


def test_the_tiers_are_draft_good_and_fine_with_a_table_to_open(blender: Any) -> None:
    from panel_kit import Paper

    from blender_cutout.core.tiers.table import TIERS
    from blender_cutout.ui import widgets

    def drawn() -> list[str]:
        paper = Paper()
        widgets.draw_tier(paper)
        return paper.notes

    closed = drawn()
    assert [note.split()[-1] for note in closed if "cutout.choose_tier" in note][:3] == ["Draft", "Good", "Fine"]
    blender.context.window_manager.cutout.show_tiers = True
    table = drawn()[len(closed) :]
    assert len([note for note in table if note.startswith("label") and note.endswith(" s")]) == len(TIERS)


def test_written_strips_keep_their_channels(blender: Any, project: Project) -> None:
    from blender_cutout.host.output import rgba_strip
    from tests.blender_cutout.host.test_pieces import clips, cut, masks_of

    scene, strip = project()
    for step in ("new", "apply_strokes", "propagate"):
        getattr(blender.ops.cutout, step)()
    cut(blender, scene, 6, strip)
    blender.ops.cutout.write_strips()
    for number, mask in enumerate(sorted(masks_of(scene), key=lambda s: s.name)):
        mask.channel = 9 + number
    blender.ops.cutout.write_strips()
    assert sorted(mask.channel for mask in masks_of(scene)) == [9, 10]
    assert len(clips(scene)) == 2
    scene.cutout.tracks[0].write_as = "cutout"
    blender.ops.cutout.write_strips()
    uuid = scene.cutout.tracks[0].uuid
    for number, place in enumerate(rgba_strip.find(scene, uuid)):
        place.strip.channel = 14 + number
    blender.ops.cutout.write_strips()
    assert sorted(place.strip.channel for place in rgba_strip.find(scene, uuid)) == [14, 15]
