"""Sentences in a sidebar, which is narrow: Blender leaves out the middle of a line that is too long."""

from __future__ import annotations

from typing import Any

from ..host import compat


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
