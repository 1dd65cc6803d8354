"""Sentences in a sidebar, which is narrow: Blender leaves out the middle of a line that is too long."""

from __future__ import annotations

from typing import Any

from ..host import compat
from ..tasks import tier_choice, upkeep


def draw(context: Any, layout: Any, text: str, icon: str = "BLANK1") -> None:
    """Draws a sentence on as many lines as it takes, the icon before the first."""
    for number, line in enumerate(wrapped(text, letters(context))):
        layout.label(text=line, icon="BLANK1" if number else icon)


def letters(context: Any) -> int:
    """How many letters of the panel's text fit side by side in the sidebar: few take more than 6.5 units."""
    if context.region is None:
        return 38
    return max(20, int((context.region.width / context.preferences.system.ui_scale - 60) / 6.5))


def wrapped(text: str, width: int) -> list[str]:
    """The text in lines of at most so many letters; a longer path is broken, Blender would leave some out."""
    lines: list[str] = []
    for word in (long[at : at + width] for long in text.split() for at in range(0, len(long), width)):
        if lines and len(lines[-1]) + 1 + len(word) <= width:
            lines[-1] += " " + word
        else:
            lines.append(word)
    return lines


def draw_troubles(context: Any, layout: Any) -> None:
    """Draws what the artist has to see to."""
    for text, hint in upkeep.keeper.troubles[:2]:
        column = layout.box().column(align=True)
        column.scale_y = 0.8
        draw(context, column, text, "ERROR")
        draw(context, column, hint)


def draw_tier(layout: Any) -> None:
    """The row with the choice between Faster and Finer."""
    row = layout.row(align=True)
    for towards_finer in (False, True):
        if towards_finer:
            row.operator_menu_enum("cutout.choose_tier", "tier", text=tier_choice.choice_text(tier_choice.shown()))
        side = row.row(align=True)
        side.enabled = tier_choice.beside(towards_finer, tier_choice.shown()) is not None
        side.operator("cutout.step_tier", text="Finer" if towards_finer else "Faster").finer = towards_finer


class BelowCutout:
    """Base of such a panel; before `bpy.types.Panel`."""

    bl_space_type = "SEQUENCE_EDITOR"
    bl_region_type = "UI"
    bl_category = "Cutout"
    bl_parent_id = "CUTOUT_PT_cutout"

    @classmethod
    def poll(cls, context: Any) -> bool:
        """There is a cutout."""
        scene = compat.sequencer_scene(context)
        return scene is not None and len(scene.cutout.tracks) > 0
