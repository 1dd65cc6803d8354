"""Adds the add-on's keys in the sequencer's preview; artists can change them in Blender's keymap preferences."""

from __future__ import annotations

from typing import Any

import bpy

_NAMES = ("Preview", "SequencerPreview")
"""Names of the preview's keymap: the second up to 4.4."""
PIE = "CUTOUT_MT_pie"
"""The pie menu, which Blender's own operator opens."""
KEYS: tuple[tuple[str, str, str, dict[str, Any]], ...] = (
    ("cutout.apply_strokes", "RET", "ctrl", {}),
    ("cutout.undo_round", "BACK_SPACE", "ctrl", {}),
    ("cutout.propagate", "RET", "ctrl shift", {"direction": "BOTH"}),
    ("cutout.brush", "K", "ctrl", {"label": "keep"}),
    ("cutout.brush", "K", "ctrl shift", {"label": "remove"}),
    ("cutout.show", "R", "ctrl", {}),
    ("cutout.next_view", "R", "ctrl shift", {}),
    ("cutout.go_to_frame", "RIGHT_ARROW", "alt", {"what": "DOUBT"}),
    ("cutout.go_to_frame", "LEFT_ARROW", "alt", {"what": "DOUBT", "backward": True}),
    ("cutout.go_to_frame", "RIGHT_ARROW", "alt shift", {"what": "STROKES"}),
    ("cutout.go_to_frame", "LEFT_ARROW", "alt shift", {"what": "STROKES", "backward": True}),
    ("cutout.invert", "I", "ctrl shift", {}),
    ("cutout.auto", "P", "ctrl shift", {"mode": "person", "at_mouse": True}),
    ("wm.call_menu_pie", "C", "alt", {"name": PIE}),
)
"""Operator, Blender's name of the key, the keys held with it, and the operator's properties."""


def register() -> None:
    """Adds the keys."""
    keymap = _keymap(bpy.context.window_manager.keyconfigs.addon, create=True)
    if keymap is None or any(item.idname == KEYS[0][0] for item in keymap.keymap_items):
        return
    for operator, key, held, settings in KEYS:
        item = keymap.keymap_items.new(operator, key, "PRESS", **dict.fromkeys(held.split(), True))
        for name, value in settings.items():
            setattr(item.properties, name, value)


def unregister() -> None:
    """Removes only these keys: the keymap may be shared with other add-ons."""
    keymap = _keymap(bpy.context.window_manager.keyconfigs.addon)
    found = keymap.keymap_items if keymap else ()
    for item in [item for item in found if any(item.idname == key[0] and _has(item, key[3]) for key in KEYS)]:
        keymap.keymap_items.remove(item)


def shortcut(operator: str) -> str:
    """Returns an operator's current key as Blender displays it; "" = none."""
    configurations = bpy.context.window_manager.keyconfigs
    for configuration in (configurations.user, configurations.addon):
        keymap = _keymap(configuration)
        for item in keymap.keymap_items if keymap else ():
            if item.idname == operator and item.active:
                return str(item.to_string())
    return ""


def item_of(operator: str, settings: dict[str, Any]) -> Any:
    """Returns the key of an operator with these settings, over the preview or of the brush; None if it has none."""
    configurations = bpy.context.window_manager.keyconfigs
    for configuration in (configurations.user, configurations.addon):
        found = [
            item
            for keymap in (configuration.keymaps if configuration else ())
            if keymap.name in _NAMES or "Cutout Brush" in keymap.name
            for item in keymap.keymap_items
            if item.idname == operator and _has(item, settings)
        ]
        if found:  # an artist may have switched it off
            return next((item for item in found if item.active), None)
    return None


def _has(item: Any, settings: dict[str, Any]) -> bool:
    return all(getattr(item.properties, name, None) == value for name, value in settings.items())


def _keymap(configuration: Any, create: bool = False) -> Any:
    """Returns the preview's keymap of a configuration; None if there is none."""
    if configuration is None:
        return None
    keymap = next((k for k in configuration.keymaps if k.name in _NAMES and k.space_type == "SEQUENCE_EDITOR"), None)
    if keymap is None and create:
        default = bpy.context.window_manager.keyconfigs.default
        known = {k.name for k in default.keymaps} if default else set()
        name = next((n for n in _NAMES if n in known), _NAMES[0])
        keymap = configuration.keymaps.new(name, space_type="SEQUENCE_EDITOR")
    return keymap
