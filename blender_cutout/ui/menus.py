"""Adds Strip > Cutout, the context menus and two entries under Help, so that search (F3) finds every operator."""

from __future__ import annotations

from typing import Any

import bpy

from ..core.types import Label
from ..host import compat, keymap
from ..host.interface_language import CONTEXT
from ..host.output import background
from ..scene.preview_mode import ORDER
from . import header, panel_review

_PLACES = ("SEQUENCER_MT_strip", "SEQUENCER_MT_context_menu", "SEQUENCER_MT_preview_context_menu")

_WAYS = (("BOTH", "Propagate Both Ways"), ("FORWARD", "Propagate Forward"), ("BACKWARD", "Propagate Backward"))
_FRAMES = (
    ("DOUBT", False, "Next Frame in Doubt"),
    ("DOUBT", True, "Previous Frame in Doubt"),
    ("STROKES", False, "Next Frame with Strokes"),
    ("STROKES", True, "Previous Frame with Strokes"),
)
_BACKGROUNDS = (
    (background.COLOUR, "Replace Background by Colour"),
    (background.IMAGE, "Replace Background by Image"),
    (background.MOVIE, "Replace Background by Movie"),
)


class CUTOUT_MT_auto(bpy.types.Menu):
    """The menu of what Auto finds."""

    bl_idname = "CUTOUT_MT_auto"
    bl_label = "Auto"
    bl_translation_context = CONTEXT

    def draw(self, context: Any) -> None:
        """Draws it."""
        self.layout.operator_enum("cutout.auto", "mode")
        self.layout.separator()
        self.layout.operator("cutout.each_person")
        self.layout.operator("cutout.sky_through")


class CUTOUT_MT_cutout(bpy.types.Menu):
    """The menu with all operators."""

    bl_idname = "CUTOUT_MT_cutout"
    bl_label = "Cutout"
    bl_translation_context = CONTEXT

    def draw(self, context: Any) -> None:
        """Draws it."""
        layout = self.layout
        layout.operator_context = "INVOKE_DEFAULT"
        layout.operator("cutout.new", icon="ADD")
        layout.operator("cutout.select")
        layout.operator("cutout.remove", icon="REMOVE")
        layout.separator()
        for mode, text in (("STROKE", "Cutout Brush"), ("PAINT", "Exact Paint"), ("LASSO", "Lasso"), ("BOX", "Box")):
            layout.operator("cutout.start_brush", text=text, icon="BRUSH_DATA").mode = mode
        for label, text in ((Label.KEEP, "Draw Keep"), (Label.REMOVE, "Draw Remove")):
            layout.operator("cutout.brush", text=text).label = label.value
        layout.operator("cutout.apply_strokes")
        layout.menu(CUTOUT_MT_auto.bl_idname)
        for name in ("undo_round", "erase_strokes"):
            layout.operator(f"cutout.{name}")
        layout.separator()
        for direction, text in _WAYS:
            layout.operator("cutout.propagate", text=text).direction = direction
        layout.operator("cutout.propagate_all")
        layout.operator("cutout.cancel")
        layout.separator()
        layout.operator("cutout.worst_frame")
        for what, backward, text in _FRAMES:
            item = layout.operator("cutout.go_to_frame", text=text)
            item.what, item.backward = what, backward
        panel_review.draw_marks(layout, is_menu=True)
        layout.separator()
        for mode, text in zip(ORDER, ("Show Clip", "Show Result", "Show Both"), strict=True):
            layout.operator("cutout.show", text=text).mode = mode
        layout.operator("cutout.next_view")
        layout.operator("cutout.invert")
        layout.operator_menu_enum("cutout.edge_preset", "preset")
        layout.operator("cutout.write_strips", icon="SEQUENCE")
        layout.operator("cutout.apply_effect")
        layout.operator("cutout.remove_effect")
        for kind, text in _BACKGROUNDS:
            layout.operator("cutout.replace_background", text=text).kind = kind
        layout.operator("cutout.render", icon="RENDER_ANIMATION")
        layout.separator()
        for name in ("render_frames", "import_mattes", "export_film", "keep_version", "take_later", "keep_file"):
            layout.operator(f"cutout.{name}")
        layout.separator()
        for name in ("send_to_queue", "run_queue", "cancel_queue", "take_masks", "export_job"):
            layout.operator(f"cutout.{name}")
        layout.separator()
        for name in ("restart_engine", "set_up_engine", "check_installation", "report_problem", "open_manual"):
            layout.operator(f"cutout.{name}")


class CUTOUT_MT_pie(bpy.types.Menu):
    """The pie menu over the preview: what the hand needs most."""

    bl_idname = keymap.PIE
    bl_label = "Cutout"
    bl_translation_context = CONTEXT

    def draw(self, context: Any) -> None:
        """Draws it: left, right, below, above, then the corners from the top left."""
        pie = self.layout.menu_pie()
        pie.operator("cutout.brush", text="Keep", icon="ADD").label = Label.KEEP.value
        pie.operator("cutout.brush", text="Remove", icon="REMOVE").label = Label.REMOVE.value
        scene = compat.own_scene(context)
        header.draw_switch(pie.box().column(), scene.cutout.preview_shows if scene is not None else "")
        pie.operator("cutout.propagate", icon="ARROW_LEFTRIGHT").direction = "BOTH"
        pie.operator("cutout.new", icon="FILE_NEW")
        pie.operator("cutout.start_brush", text="Brush", icon="BRUSH_DATA").mode = "STROKE"
        pie.operator("cutout.undo_round", icon="LOOP_BACK")
        absent = pie.operator("cutout.mark_absent", text="Not Here", icon="GHOST_DISABLED")
        absent.span, absent.absent = "FRAME", True


def _draw(menu: Any, context: Any) -> None:
    if compat.sequencer_scene(context) is not None:
        menu.layout.separator()
        menu.layout.menu(CUTOUT_MT_cutout.bl_idname, icon="MOD_MASK")


def _draw_help(menu: Any, context: Any) -> None:
    menu.layout.separator()
    menu.layout.operator("cutout.open_manual", icon="HELP")
    menu.layout.operator("cutout.report_problem", text="Report a Cutout Problem", icon="TEXT")


CLASSES = (CUTOUT_MT_auto, CUTOUT_MT_cutout, CUTOUT_MT_pie)


def register() -> None:
    """Adds the menu to Blender's."""
    for name in _PLACES:
        if hasattr(bpy.types, name):
            getattr(bpy.types, name).append(_draw)
    bpy.types.TOPBAR_MT_help.append(_draw_help)


def unregister() -> None:
    """Removes the menu from Blender's."""
    for name in _PLACES:
        if hasattr(bpy.types, name):
            getattr(bpy.types, name).remove(_draw)
    bpy.types.TOPBAR_MT_help.remove(_draw_help)
