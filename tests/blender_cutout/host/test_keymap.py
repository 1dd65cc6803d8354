"""Tests the preview's keys: present, shown in tooltips, and removed with the add-on. And tooltips on everything."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

pytestmark = pytest.mark.bpy

Project = Callable[..., tuple[Any, Any]]


def ours(bpy: Any) -> list[tuple[str, str]]:
    """(keymap, operator) of the add-on's keys; those of its tool are for `test_brush_tool`."""
    found = [k for k in bpy.context.window_manager.keyconfigs.addon.keymaps if " Tool: " not in k.name]
    return [(keymap.name, i.idname) for keymap in found for i in keymap.keymap_items if i.idname.startswith("cutout.")]


def test_the_keys_lie_on_the_previews_keymap_and_go_with_the_addon(blender: Any) -> None:
    from blender_cutout.host import keymap

    names = {k.name for k in blender.context.window_manager.keyconfigs.default.keymaps}
    expected = "Preview" if "Preview" in names else "SequencerPreview"
    assert expected in names
    operators = ("apply_strokes", "auto", "brush", "brush", *["go_to_frame"] * 4, "invert", "next_view", "propagate")
    operators = (*operators, "show", "undo_round")
    assert sorted(ours(blender)) == [(expected, f"cutout.{name}") for name in operators]
    keymap.register()
    assert len(ours(blender)) == len(operators), "not twice"
    other = blender.context.window_manager.keyconfigs.addon.keymaps[expected].keymap_items.new("wm.save", "F3", "PRESS")
    keymap.unregister()
    assert not ours(blender)
    assert other.idname == "wm.save", "another add-on's key stays"
    keymap.unregister()
    keymap.register()
    assert len(ours(blender)) == len(operators)


def test_each_key_is_used_once_and_named_in_its_tooltip(blender: Any) -> None:
    from blender_cutout.host import keymap
    from blender_cutout.operators import propagate, rounds

    seen = set()
    for cls in (rounds.CUTOUT_OT_apply_strokes, rounds.CUTOUT_OT_undo_round, propagate.CUTOUT_OT_propagate):
        key = keymap.shortcut(cls.bl_idname)
        assert "Ctrl" in key
        text = cls.description(blender.context, None)
        assert text.startswith(cls.bl_description)
        assert text.endswith(key)
        seen.add(key)
    assert len(seen) == 3
    keymap.unregister()
    assert rounds.CUTOUT_OT_apply_strokes.description(blender.context, None).endswith("on this frame")


def test_everything_has_a_tooltip(blender: Any) -> None:
    import blender_cutout.addon as addon

    for module in addon._MODULES:
        for cls in module.CLASSES:
            if "_OT_" in cls.__name__:
                assert len(cls.bl_description) > 15, cls
                assert not cls.bl_description.endswith("."), "Blender adds the full stop"
    shown = ("auto_apply", "show_mask", "mask_view", "mask_opacity", "cover_opacity")
    data = blender.context.scene.cutout
    for name in shown:
        assert len(data.bl_rna.properties[name].description) > 15, name
    for item in data.bl_rna.properties["mask_view"].enum_items:
        assert len(item.description) > 15
