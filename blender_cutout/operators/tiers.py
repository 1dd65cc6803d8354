"""Operators that choose the tier: a trade-off between quality and time."""
# No `from __future__ import annotations`: see CONTRIBUTING.md.
# mypy: disable-error-code="valid-type"

from typing import Any

import bpy
from bpy.props import BoolProperty, EnumProperty

from ..core.errors import InputError
from ..host.interface_language import tooltip
from ..scene import preference_values
from ..tasks import jobs, tier_choice
from .base import Reporting, needs_idle

_TIER = EnumProperty(
    name="Tier", description="How the quality of masks is traded against speed", items=tier_choice.items()
)
_FINER = BoolProperty(
    name="Finer", description="Go to the next finer tier instead of the next faster one", default=False
)


class _TierOperator(Reporting):
    """An operator that changes the tier."""

    @classmethod
    def poll(cls, context: Any) -> bool:
        """Returns True if the add-on has preferences and the engine has no job to interrupt."""
        if not preference_values.enabled():
            cls.poll_message_set(tooltip("The add-on is not enabled in Blender's preferences"))  # type: ignore[attr-defined]
            return False
        return needs_idle(cls)

    def choose(self, name: str) -> set[str]:
        """Changes the tier and reports what that means."""
        jobs.say("INFO", tier_choice.choose(name), tier_choice.KEPT)
        from ..tasks.engine_setup import redraw  # not needed to draw the button

        redraw()
        return {"FINISHED"}


class CUTOUT_OT_choose_tier(_TierOperator, bpy.types.Operator):
    """Choose the tier."""

    bl_idname = "cutout.choose_tier"
    bl_label = "Tier"
    bl_description = (
        "Choose between quality and speed for new masks. Existing masks stay until they are propagated again; a "
        "correction changes only the frames it affects"
    )

    tier: _TIER

    def run(self, context: Any) -> set[str]:
        """Chooses the tier."""
        return self.choose(self.tier)


class CUTOUT_OT_step_tier(_TierOperator, bpy.types.Operator):
    """Go to the next faster or finer tier."""

    bl_idname = "cutout.step_tier"
    bl_label = "Faster or Finer"
    bl_description = "Go to the next faster or finer tier"

    finer: _FINER

    @classmethod
    def description(cls, context: Any, properties: Any) -> str:
        """Returns the tooltip: the next tier and what it offers."""
        tier = tier_choice.beside(properties.finer, tier_choice.working())
        if tier is None:
            return tooltip(f"There is no {'finer' if properties.finer else 'faster'} tier")
        return tooltip(f"{tier_choice.title(tier.name)}: {tier_choice.explained(tier)} {tier_choice.KEPT.rstrip('.')}")

    def run(self, context: Any) -> set[str]:
        """Goes to that tier."""
        tier = tier_choice.beside(self.finer, tier_choice.working())
        if tier is None:
            raise InputError(
                f"There is no {'finer' if self.finer else 'faster'} tier.", "This is already the last one."
            )
        return self.choose(tier.name)


CLASSES = (CUTOUT_OT_choose_tier, CUTOUT_OT_step_tier)
