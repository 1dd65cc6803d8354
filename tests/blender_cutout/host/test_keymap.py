"""Tests the preview's keys: present, shown in tooltips, and removed with the add-on. And tooltips on everything."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.bpy
ROOT = Path(__file__).parents[3]

Project = Callable[..., tuple[Any, Any]]


def ours(bpy: Any) -> list[tuple[str, str]]:
    """(keymap, operator) of the add-on's keys; those of its tool are for `test_brush_tool`."""
    found = [k for k in bpy.context.window_manager.keyconfigs.addon.keymaps if " Tool: " not in k.name]
    return [
        (keymap.name, i.idname)
        for keymap in found
        for i in keymap.keymap_items
        if i.idname.startswith(("cutout.", "wm.call"))
    ]


def test_the_keys_lie_on_the_previews_keymap_and_go_with_the_addon(blender: Any) -> None:
    from blender_cutout.host import keymap

    names = {k.name for k in blender.context.window_manager.keyconfigs.default.keymaps}
    expected = "Preview" if "Preview" in names else "SequencerPreview"
    assert expected in names
    operators = ("apply_strokes", "auto", "brush", "brush", *["go_to_frame"] * 4, "invert", "next_view", "propagate")
    operators = (*operators, "show", "undo_round")
    keys = [*(f"cutout.{name}" for name in operators), "wm.call_menu_pie"]
    assert sorted(ours(blender)) == [(expected, name) for name in keys]
    keymap.register()
    assert len(ours(blender)) == len(keys), "not twice"
    items = blender.context.window_manager.keyconfigs.addon.keymaps[expected].keymap_items
    other = items.new("wm.call_menu_pie", "F3", "PRESS")
    other.properties.name = "OTHER_MT_pie"
    keymap.unregister()
    assert [item.properties.name for item in items] == ["OTHER_MT_pie"], "another add-on's key stays"
    items.remove(other)
    keymap.unregister()
    keymap.register()
    assert len(ours(blender)) == len(keys)


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


def test_no_key_is_one_of_blenders_over_the_preview(blender: Any) -> None:
    from blender_cutout.host import keymap

    data = Path(blender.utils.resource_path("LOCAL")) / "scripts/presets/keyconfig/keymap_data/blender_default.py"
    spec = importlib.util.spec_from_file_location("blenders_keys", data)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    theirs = set()
    for name, _, content in module.generate_keymaps(module.Params()):
        if name in (
            "Preview",
            "SequencerPreview",
            "SequencerCommon",
            "Video Sequence Editor",
            "Frames",
            "Window",
            "Screen",
        ):
            for _, key, _ in content["items"]:
                theirs.add((key["type"], frozenset(held for held in ("ctrl", "shift", "alt") if key.get(held))))
    assert ("I", frozenset({"ctrl"})) in theirs
    assert not [key for key in keymap.KEYS if (key[1], frozenset(key[2].split())) in theirs]


_NAMES = {
    "RET": "Enter", "BACK_SPACE": "Backspace", "LEFT_ARROW": "←", "RIGHT_ARROW": "→",
    "ONE": "1", "TWO": "2", "THREE": "3", "FOUR": "4", "LEFT_BRACKET": "[", "RIGHT_BRACKET": "]",
}  # fmt: skip


def in_manual() -> set[tuple[frozenset[str], str]]:
    """(keys held, key) of every key that the manual's section on strokes names."""
    manual = (ROOT / "docs" / "manual.md").read_text(encoding="utf-8")
    section = " ".join(manual.partition("## Strokes")[2].partition("## ")[0].split())
    found: set[tuple[frozenset[str], str]] = set()
    last: set[tuple[frozenset[str], str]] = set()
    for text in re.findall(r"`([^`]+)`", section.replace("` and `", "/").replace("1` to `4", "1/2/3/4")):
        if text == "Shift":  # "with Shift"
            last = {(held | {"Shift"}, key) for held, key in last}
        else:
            *held, keys = text.split()
            last = {(frozenset(held), key) for key in keys.split("/")}
        found |= last
    return found


def test_the_manual_names_every_key(blender: Any) -> None:
    from blender_cutout.host import keymap
    from blender_cutout.ui import toolbar

    keys = {(frozenset(held.title().split()), _NAMES.get(key, key)) for _, key, held, _ in keymap.KEYS}
    assert not keys - in_manual()
    tools = {event["type"] for _, event, _ in toolbar._keys() if event["type"] != "LEFTMOUSE"}
    assert not {(frozenset[str](), _NAMES.get(key, key)) for key in tools} - in_manual()


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
