"""Shows the keys that are useful now in Blender's status bar, as the artist's keymap has them."""

from __future__ import annotations

from typing import Any, NamedTuple

import bpy

from ..host import compat, keymap
from ..host.interface_language import shown
from ..scene import brush_modes, brush_tool, properties
from ..tasks import jobs

_SHARE = 0.52
"""The most of the bar's width that keys take; the rest is Blender's."""
_KEY, _LETTER, _WIDE = 20.0, 7.0, 13.0
"""Widths of the picture of a key, of a letter, and of a Chinese or Japanese one."""


class Hint(NamedTuple):
    """A label, and the operators with their settings whose keys are shown before it."""

    text: str
    keys: tuple[tuple[str, dict[str, Any]], ...]


_KEEP = Hint("Keep", (("cutout.brush", {"label": "keep"}),))
_REMOVE = Hint("Remove", (("cutout.brush", {"label": "remove"}),))
_APPLY = Hint("Apply Strokes", (("cutout.apply_strokes", {}),))
_PERSON = Hint("Person", (("cutout.auto", {"mode": "person"}),))
_UNDO = Hint("Undo Round", (("cutout.undo_round", {}),))
_PROPAGATE = Hint("Propagate", (("cutout.propagate", {}),))
_SHOW = Hint("Clip or Result", (("cutout.show", {}),))
_VIEW = Hint("Mask View", (("cutout.next_view", {}),))
_PIE = Hint("Cutout", (("wm.call_menu_pie", {"name": keymap.PIE}),))
_INVERT = Hint("Invert Cutout", (("cutout.invert", {}),))
_SIZE = Hint("Size", (("cutout.brush_radius", {"factor": 0.0}),))
_MODES = tuple(Hint(name, (("cutout.start_brush", {"mode": mode}),)) for mode, name, _ in brush_modes.ITEMS)


def _between(text: str, what: str) -> Hint:
    return Hint(text, tuple(("cutout.go_to_frame", {"what": what, "backward": back}) for back in (True, False)))


_DOUBT, _STROKES = _between("In doubt", "DOUBT"), _between("With strokes", "STROKES")


def hints(context: Any) -> tuple[Hint, ...]:
    """Returns what to show, the most useful first; nothing without a preview of a cutout or while a shape is drawn."""
    scene = compat.own_scene(context)
    spaces = _previews(context)
    if scene is None or not len(scene.cutout.tracks) or not spaces or brush_tool.live:
        return ()
    track = properties.active_track(scene)
    with_brush = any(brush_tool.is_active_in(context.workspace, space) for space in spaces)
    tools = (_SIZE, *_MODES) if with_brush else (_KEEP, _REMOVE)
    if not track.keyframe_count:
        return (*tools, *(() if scene.cutout.auto_apply else (_APPLY,)), _PERSON, _PIE)
    found = [_PROPAGATE, *(() if scene.cutout.auto_apply else (_APPLY,)), _UNDO]
    found += [_DOUBT] if track.doubtful else []
    found += [_SHOW] if track.written_head else []
    return (*tools, *found, _PIE, _VIEW, _STROKES, *(() if track.written_head else (_SHOW,)), _INVERT, _PERSON)


def fitting(context: Any, wanted: tuple[Hint, ...]) -> list[tuple[str, list[Any]]]:
    """Returns (text, keymap items) of the hints that fit into the bar; those without a key are left out."""
    scale = context.preferences.system.ui_scale or 1.0  # 0 without a window
    room = _SHARE * (context.window.width if context.window else 1280) / scale
    found: list[tuple[str, list[Any]]] = []
    for hint in wanted:
        items = [item for name, settings in hint.keys if (item := keymap.item_of(name, settings)) is not None]
        text = shown(hint.text)
        keys = sum(1 + sum((item.ctrl > 0, item.shift > 0, item.alt > 0)) for item in items)
        room -= keys * _KEY + sum(_WIDE if letter > "\u2e7f" else _LETTER for letter in text) + _KEY / 2
        if room < 0:
            break
        if items:
            found.append((text, items))
    return found


def _draw(header: Any, context: Any) -> None:
    """Draws the keys before Blender's own."""
    found = fitting(context, hints(context))
    if not found:
        return
    row = header.layout.row(align=True)
    for text, items in found:
        for item in items:
            last = item is items[-1]
            row.template_event_from_keymap_item(item, text=text if last else "", translate=False)
        row.separator(factor=1.5)


def _previews(context: Any) -> list[Any]:
    """Returns the spaces of the window's sequencers that have a preview."""
    screen = context.window.screen if context.window else context.screen
    spaces = [area.spaces.active for area in (screen.areas if screen else ()) if area.type == "SEQUENCE_EDITOR"]
    return [space for space in spaces if space is not None and space.view_type != "SEQUENCER"]


def _refresh() -> None:
    """Draws the status bars again: Blender does so only when its own keys or messages change."""
    for window in () if bpy.app.background else bpy.context.window_manager.windows:
        if not len(window.modal_operators):  # whose help stays
            with bpy.context.temp_override(window=window):
                window.workspace.status_text_set_internal(None)


def register() -> None:
    """Adds the keys."""
    jobs.at_rest.append(_refresh)
    bpy.types.STATUSBAR_HT_header.prepend(_draw)


def unregister() -> None:
    """Removes the keys."""
    bpy.types.STATUSBAR_HT_header.remove(_draw)
