"""Tests the keys in Blender's status bar: those that are useful now, as the artist's keymap has them."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

pytestmark = pytest.mark.bpy

Project = Callable[..., tuple[Any, Any]]


def shown(bpy: Any, width: int = 4000) -> dict[str, list[str]]:
    """Label → keys, as they are drawn in a window of that width with a sequencer's preview."""
    from blender_cutout.ui import status_bar

    bar: dict[str, list[str]] = {}
    pending: list[str] = []

    class Row:
        def template_event_from_keymap_item(self, item: Any, text: str, **_: Any) -> None:
            pending.append(item.to_string())
            if text:
                bar[text] = pending.copy()
                pending.clear()

        def separator(self, **_: Any) -> None:
            pass

    window = bpy.context.window_manager.windows[0]
    area = window.screen.areas[0]
    area.type = "SEQUENCE_EDITOR"
    area.spaces.active.view_type = "PREVIEW"
    context = SimpleNamespace(
        window=SimpleNamespace(screen=window.screen, width=width),
        workspace=window.workspace,
        scene=bpy.context.scene,
        preferences=bpy.context.preferences,
    )
    status_bar._draw(SimpleNamespace(layout=SimpleNamespace(row=lambda **_: Row())), context)
    return bar


def test_the_bar_shows_what_is_useful_now(blender: Any, project: Project) -> None:
    from blender_cutout.core.types import Label
    from blender_cutout.scene import brush_tool
    from blender_cutout.strokes.brush_strokes import Painted

    scene, _ = project()
    assert shown(blender) == {}
    blender.ops.cutout.new()
    first = shown(blender)
    assert list(first) == ["Keep", "Remove", "Person", "Cutout"]
    assert first["Keep"] == ["Ctrl K"]
    for step in ("auto", "propagate", "write_strips"):
        assert getattr(blender.ops.cutout, step)() == {"FINISHED"}
    later = shown(blender)
    assert list(later)[2:5] == ["Propagate", "Undo Round", "Clip or Result"]
    assert len(later["With strokes"]) == 2
    scene.cutout.auto_apply = False
    assert "Apply Strokes" in shown(blender)
    brush_tool.live.append(Painted("key", Label.KEEP, 4, 5.0, ()))
    assert shown(blender) == {}, "the lasso's own help has the bar"
    brush_tool.live.clear()


def test_every_key_over_the_preview_is_in_the_bar(blender: Any, project: Project) -> None:
    from blender_cutout.host import keymap

    project()
    blender.ops.cutout.new()
    keys = {key for found in (shown(blender),) for pressed in found.values() for key in pressed}
    blender.context.scene.cutout.auto_apply = False
    for step in ("auto", "write_strips"):
        assert getattr(blender.ops.cutout, step)() == {"FINISHED"}
    blender.context.scene.cutout.tracks[0].doubtful = "5"
    keys |= {key for pressed in shown(blender).values() for key in pressed}
    assert len(keys) == len(keymap.KEYS)


def test_the_bar_follows_the_artists_keymap_and_ends_where_blenders_begins(blender: Any, project: Project) -> None:
    from blender_cutout.host import keymap

    project()
    blender.ops.cutout.new()
    blender.ops.cutout.auto()
    item = keymap.item_of("cutout.propagate", {})
    before = item.type
    item.type = "J"
    try:
        assert shown(blender)["Propagate"][0].endswith("J")
        item.active = False
        assert "Propagate" not in shown(blender)
    finally:
        item.type, item.active = before, True
    assert 1 < len(shown(blender, 1280)) < len(shown(blender))
