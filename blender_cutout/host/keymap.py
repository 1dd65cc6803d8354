"""Adds the add-on's keys in the sequencer's preview; artists can change them in Blender's keymap preferences."""

from __future__ import annotations

from typing import Any

import bpy

_NAMES = ("Preview", "SequencerPreview")
"""Names of the preview's keymap: the second up to 4.4."""
KEYS: tuple[tuple[str, str, bool, dict[str, Any]], ...] = (
    ("cutout.apply_strokes", "RET", False, {}),
    ("cutout.undo_round", "BACK_SPACE", False, {}),
    ("cutout.propagate", "RET", True, {"direction": "BOTH"}),
    ("cutout.brush", "K", False, {"label": "keep"}),
    ("cutout.brush", "K", True, {"label": "remove"}),
    ("cutout.show", "R", False, {}),
    ("cutout.next_view", "R", True, {}),
    ("cutout.go_to_frame", "RIGHT_ARROW", False, {"what": "DOUBT"}),
    ("cutout.go_to_frame", "LEFT_ARROW", False, {"what": "DOUBT", "backward": True}),
    ("cutout.go_to_frame", "RIGHT_ARROW", True, {"what": "STROKES"}),
    ("cutout.go_to_frame", "LEFT_ARROW", True, {"what": "STROKES", "backward": True}),
    ("cutout.invert", "I", False, {}),
    ("cutout.auto", "P", True, {"mode": "person", "at_mouse": True}),
)
"""Operator, Blender's name of the key, whether with Shift in addition to Ctrl, and the operator's properties."""


def register() -> None:
    """Adds the keys."""
    keymap = _keymap(bpy.context.window_manager.keyconfigs.addon, create=True)
    if keymap is None or any(item.idname == KEYS[0][0] for item in keymap.keymap_items):
        return
    for operator, key, shift, settings in KEYS:
        item = keymap.keymap_items.new(operator, key, "PRESS", ctrl=True, shift=shift)
        for name, value in settings.items():
            setattr(item.properties, name, value)


def unregister() -> None:
    """Removes only these keys: the keymap may be shared with other add-ons."""
    keymap = _keymap(bpy.context.window_manager.keyconfigs.addon)
    ours = {operator for operator, *_ in KEYS}
    for item in [i for i in keymap.keymap_items if i.idname in ours] if keymap else []:
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
