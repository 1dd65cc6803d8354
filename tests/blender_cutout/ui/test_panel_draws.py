"""Tests that drawing panel and preferences does no work: they show only what the timer found."""

from __future__ import annotations

import hashlib
import os
from types import SimpleNamespace
from typing import Any

import bpy_kit as kit
import pytest
from frames_kit import Project, cut_out, into_meta
from panel_kit import Paper

pytestmark = pytest.mark.bpy


def panels(bpy: Any) -> str:
    """Returns everything that the sidebar shows."""
    from blender_cutout.ui import panel as panels
    from blender_cutout.ui import (
        panel_edge,
        panel_files,
        panel_mask_view,
        panel_output,
        panel_propagation,
        panel_queue,
        panel_review,
    )

    paper = Paper()
    below = (panel_propagation, panel_review, panel_edge, panel_files, panel_queue, panel_output, panel_mask_view)
    for module in (panels, *below):
        for cls in module.CLASSES:
            if issubclass(cls, bpy.types.Panel):
                cls.draw(SimpleNamespace(layout=paper), bpy.context)
    return "\n".join(paper.notes)


def preferences(bpy: Any) -> str:
    """Returns everything that the preferences show."""
    from blender_cutout.ui.preferences import CutoutPreferences

    class Chosen(SimpleNamespace):
        def __str__(self) -> str:
            return "preferences"

    paper = Paper()
    CutoutPreferences.draw(Chosen(layout=paper, engine_python="", tier="auto"), bpy.context)
    return "\n".join(paper.notes)


def test_the_preferences_show_the_engine_once_the_timer_has_found_it(
    blender: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from blender_cutout.tasks import engine_setup, upkeep

    monkeypatch.setattr(engine_setup, "setup", engine_setup.Setup())
    monkeypatch.setenv("CUTOUT_PYTHON", str(tmp_path / "python"))
    assert "Looking for the engine" in preferences(blender)
    upkeep._tick()
    assert "does not exist" in preferences(blender)
    (tmp_path / "python").touch()
    assert "does not exist" in preferences(blender), "a redraw looks at no file"
    upkeep._tick()
    assert "The engine runs with" in preferences(blender)


def test_the_panel_changes_with_the_timer_and_not_with_a_redraw(blender: Any, project: Project) -> None:
    from blender_cutout.host import compat
    from blender_cutout.tasks import upkeep

    scene, strip = project()
    meta = into_meta(blender, scene, strip)
    cut_out(blender, scene)
    upkeep.keeper.see()
    assert "Render Frames Again" in panels(blender)
    compat.strips(meta)[0].color_saturation = 0.25  # the rendered frames are not what it shows any more
    assert "has changed" not in panels(blender)
    upkeep._tick()
    assert "has changed" in panels(blender)
    assert "rendered once first" in panels(blender)


def test_drawing_asks_no_file_and_computes_no_fingerprint(
    blender: Any, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    from blender_cutout.tasks import upkeep

    scene, strip = project()
    into_meta(blender, scene, strip)
    cut_out(blender, scene)
    scene.frame_set(kit.LAYOUTS["plain"].start + 7)
    upkeep.keeper.see()
    before = panels(blender), preferences(blender)
    assert "Here: " in before[0]
    assert "Looking for the engine" not in before[1]

    def forbidden(*_: Any, **__: Any) -> Any:
        raise AssertionError("drawing looked at a file or made a fingerprint")

    with monkeypatch.context() as patch:
        for name in ("stat", "scandir", "listdir"):
            patch.setattr(os, name, forbidden)
        patch.setattr(hashlib, "sha256", forbidden)
        after = panels(blender), preferences(blender)
    assert after == before
