"""Draws the add-on's preferences: engine, tier, device and disk limit."""
# No `from __future__ import annotations`: see CONTRIBUTING.md.
# mypy: disable-error-code="valid-type"

from typing import Any

import bpy
from bpy.props import EnumProperty, FloatProperty, StringProperty

from ..core.tiers.table import current_name, find_tier
from ..host import storage
from ..host.interface_language import shown
from . import engine_box, widgets

_PYTHON = StringProperty(
    name="Use Existing Python",
    description="Python executable that has the engine's libraries. Empty = the one made by Set Up Engine",
    subtype="FILE_PATH",
)
_WHEELS = StringProperty(
    name="Folder of Wheels",
    description="Install from the .whl files in this folder, without downloading anything. Empty = download",
    subtype="DIR_PATH",
)
# A text, not an enum: Blender stores an enum's item number, and another release may insert tiers.
_TIER = StringProperty(
    name="Tier",
    description='Name of a tier, as listed by "cutout tiers"; auto = the tier that suits this machine',
    default="auto",
)
_DEVICE = EnumProperty(
    name="Device",
    description="What the networks run on",
    items=(
        ("auto", "Automatic", "The fastest device available"),
        ("cpu", "CPU", "The processor"),
        ("cuda", "CUDA", "An NVIDIA graphics card, or an AMD card with ROCm"),
        ("mps", "Metal", "An Apple GPU"),
    ),
)
_LIMIT = FloatProperty(
    name="Disk for Each Cutout (GB)",
    description=(
        "Disk space for the masks of one cutout. Above it, unused masks are deleted, oldest first; strokes, imported "
        "masks and masks in use or needed by undo are never deleted. 0 = no limit"
    ),
    default=10.0,
    min=0.0,
    soft_max=1000.0,
    precision=1,
)


class CutoutPreferences(bpy.types.AddonPreferences):
    """The add-on's preferences."""

    bl_idname = storage.PACKAGE

    engine_python: _PYTHON
    wheels: _WHEELS
    tier: _TIER
    device: _DEVICE
    mask_limit: _LIMIT

    def draw(self, context: Any) -> None:
        """Draws the preferences, the engine first: nothing works without it."""
        engine_box.draw(context, self.layout.box().column())
        column = self.layout.column()
        column.use_property_split = True
        column.prop(self, "engine_python")
        row = column.row()
        row.active = not self.engine_python
        row.prop(self, "wheels")
        _draw_tier(self, column)
        column.prop(self, "device")
        column.prop(self, "mask_limit")
        row = column.row()
        row.operator("cutout.open_manual", icon="HELP")
        row.operator("cutout.report_problem", icon="TEXT")
        column.label(text=shown("Changes apply after Restart Engine; a new tier applies at once."))


def _draw_tier(chosen: Any, column: Any) -> None:
    """Draws the tier choice and what it means."""
    from ..tasks import tier_choice  # it needs `jobs`, which needs this module

    split = column.split(factor=0.4)
    label = split.row()
    label.alignment = "RIGHT"
    label.label(text=shown("Tier"))
    widgets.draw_tier(split)
    wanted = chosen.tier.strip()
    if wanted and current_name(wanted.lower()) is None:
        text = f"This release has no tier {wanted!r}; the automatic tier is used."
        column.label(text=shown(text), icon="INFO")
    column.label(text=shown(tier_choice.explained(find_tier(tier_choice.shown()))))
    column.label(text=shown(tier_choice.KEPT))


CLASSES = (CutoutPreferences,)
