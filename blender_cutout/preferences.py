"""The add-on's preferences: which engine, on which device."""
# No `from __future__ import annotations`: Blender reads the annotations of these classes as values.
# mypy: disable-error-code="valid-type"

from dataclasses import dataclass
from typing import Any

import bpy
from bpy.props import EnumProperty, StringProperty

_PYTHON = StringProperty(
    name="Engine Python",
    description="Python with the engine's libraries. Empty = the one that the installation made",
    subtype="FILE_PATH",
)
_TIER = StringProperty(
    name="Tier",
    description='Name of a quality level, as listed by "cutout tiers"; auto = fits this machine',
    default="auto",
)
_DEVICE = EnumProperty(
    name="Device",
    description="What the networks run on",
    items=(
        ("auto", "Automatic", "The fastest there is"),
        ("cpu", "CPU", "The processor"),
        ("cuda", "CUDA", "A graphics card by NVIDIA, or by AMD with ROCm"),
        ("mps", "Metal", "An Apple graphics processor"),
    ),
)


class CutoutPreferences(bpy.types.AddonPreferences):
    """The add-on's preferences."""

    bl_idname = __package__

    engine_python: _PYTHON
    tier: _TIER
    device: _DEVICE

    def draw(self, context: Any) -> None:
        """Draws them."""
        column = self.layout.column()
        column.use_property_split = True
        column.prop(self, "engine_python")
        column.prop(self, "tier")
        column.prop(self, "device")
        column.operator("cutout.check_installation", icon="CHECKMARK")
        status = context.window_manager.cutout
        for line in (status.text, status.hint, status.engine):
            if line:
                column.label(text=line, icon="ERROR" if line == status.text and status.level == "ERROR" else "NONE")
        column.label(text="Changes count from the engine's next start (Restart Engine).")


@dataclass(frozen=True, slots=True)
class Settings:
    """What of the preferences the engine's start needs."""

    engine_python: str = ""
    tier: str = "auto"
    device: str = "auto"


def settings() -> Settings:
    """The preferences, or their defaults where the add-on is registered without being enabled."""
    addon = bpy.context.preferences.addons.get(__package__)
    if addon is None or addon.preferences is None:
        return Settings()
    chosen = addon.preferences
    return Settings(bpy.path.abspath(chosen.engine_python), chosen.tier.strip() or "auto", chosen.device)


CLASSES = (CutoutPreferences,)
