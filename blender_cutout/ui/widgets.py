"""Draws wrapped text in the narrow sidebar: Blender cuts the middle out of a line that is too long."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Any

from ..core.tiers.ladder import ladder
from ..core.tiers.published import PUBLISHED
from ..host import compat
from ..host.interface_language import CONTEXT, shown
from ..scene import properties
from ..tasks import tier_choice, upkeep

_WIDE = "\u2e7f"
"""Characters after this one are Chinese, Japanese or equally wide."""


def draw(context: Any, layout: Any, text: str, icon: str = "BLANK1") -> None:
    """Draws a sentence in the interface's language, wrapped over several lines, with the icon on the first."""
    for number, line in enumerate(wrapped(shown(text), letters(context))):
        layout.label(text=line, icon="BLANK1" if number else icon)


def letters(context: Any) -> int:
    """Returns how many characters fit on one line of the sidebar: few are wider than 6.5 units."""
    if context.region is None:
        return 38
    return max(20, int((context.region.width / context.preferences.system.ui_scale - 60) / 6.5))


def wrapped(text: str, width: int) -> list[str]:
    """Returns the text in lines of at most `width` columns; longer words, such as paths, are broken.

    Chinese and Japanese have no spaces and letters of two columns: their lines may end after any of them, but not
    before punctuation.
    """
    lines: list[str] = []
    for word, gap in _words(text, width):
        if lines and _columns(lines[-1]) + len(gap) + _columns(word) <= width:
            lines[-1] += gap + word
        else:
            lines.append(word)
    return lines


def _words(text: str, width: int) -> Iterator[tuple[str, str]]:
    """Yields the pieces that a text may be broken into, each with the gap before it."""
    parts = _parts() if max(text, default="") > _WIDE else None
    for word in text.split():
        gap = " "
        for part in parts.findall(word) if parts else (word,):
            for at in range(0, len(part), width):
                yield part[at : at + width], gap
                gap = ""


@cache
def _parts() -> re.Pattern[str]:
    """Returns the pattern of those pieces in Chinese and Japanese; compiled on first use, which takes milliseconds."""
    return re.compile(
        r"[\u2e80-\uffef][、。，：；！？）」』】ーぁぃぅぇぉっゃゅょァィゥェォッャュョ]*|[^\u2e80-\uffef]+"
    )


def _columns(text: str) -> int:
    """Returns the width of a text, in Latin letters."""
    return sum(2 if letter > _WIDE else 1 for letter in text)


def troubles() -> list[tuple[str, str]]:
    """Returns the problems that the panel shows, as text and hint."""
    return list(dict.fromkeys(upkeep.keeper.troubles))[:2]


def draw_troubles(context: Any, layout: Any) -> None:
    """Draws problems that need the artist's attention."""
    for text, hint in troubles():
        column = layout.box().column(align=True)
        column.scale_y = 0.8
        draw(context, column, text, "ERROR")
        draw(context, column, hint)


def draw_tier(layout: Any) -> None:
    """Draws Draft, Good and Fine, the row with Faster, the tier and Finer, and the table of all tiers if it is open."""
    column = layout.column(align=True)
    row = column.row(align=True)
    for name, text, is_chosen in tier_choice.simple():
        row.operator("cutout.choose_tier", text=text, depress=is_chosen).tier = name
    _draw_tier_steps(column)
    status = properties.status()
    icon = "DISCLOSURE_TRI_DOWN" if status.show_tiers else "DISCLOSURE_TRI_RIGHT"
    column.prop(status, "show_tiers", icon=icon, emboss=False)
    for tier in ladder() if status.show_tiers else ():
        line = column.row(align=True)
        line.label(
            text=shown(tier_choice.title(tier.name)), icon="CHECKMARK" if tier.name == tier_choice.shown() else "BLANK1"
        )
        line.label(text=shown(tier_choice.short_figures(tier)))
    _draw_published(column, status)


def _draw_published(column: Any, status: Any) -> None:
    """Draws the networks of others: a button that chooses one, or how to get it, with authors and licence."""
    icon = "DISCLOSURE_TRI_DOWN" if status.show_published else "DISCLOSURE_TRI_RIGHT"
    column.prop(status, "show_published", icon=icon, emboss=False)
    if not status.show_published:
        return
    from ..tasks.engine_setup import setup  # it needs `jobs`, which needs the preferences

    for network in PUBLISHED.values():
        for line in wrapped(shown(f"{network.title} by {network.authors}. Licence: {network.licence}."), 38):
            column.label(text=line)
        row = column.row(align=True)
        if network.name in setup.facts.published:
            chosen = tier_choice.shown() == network.name
            row.operator("cutout.use_published", text=network.title, depress=chosen).network = network.name
        else:
            row.enabled = not setup.is_active
            row.operator("cutout.download_published", icon="IMPORT").network = network.name
            row.operator("cutout.choose_published", icon="FILE_FOLDER").network = network.name


def _draw_tier_steps(layout: Any) -> None:
    """Draws the row with Faster, the tier and Finer."""
    row = layout.row(align=True)
    for towards_finer in (False, True):
        if towards_finer:
            row.operator_menu_enum(
                "cutout.choose_tier", "tier", text=shown(tier_choice.choice_text(tier_choice.shown()))
            )
        side = row.row(align=True)
        side.enabled = tier_choice.beside(towards_finer, tier_choice.shown()) is not None
        side.operator("cutout.step_tier", text="Finer" if towards_finer else "Faster").finer = towards_finer


def draw_frames(layout: Any, *lists: tuple[str, str]) -> None:
    """Draws lists of timeline frames, each with its title, one on a line."""
    column = layout.column(align=True)
    column.scale_y = 0.8
    for title, frames in lists:
        column.label(text=f"{shown(title)}: {shown(frames or 'none')}")


class BelowCutout:
    """Base of the panels below "Cutout"; comes before `bpy.types.Panel` in the bases."""

    bl_space_type = "SEQUENCE_EDITOR"
    bl_region_type = "UI"
    bl_category = "Cutout"
    bl_translation_context = CONTEXT
    bl_parent_id = "CUTOUT_PT_cutout"

    @classmethod
    def poll(cls, context: Any) -> bool:
        """Returns True if there is a cutout that may change."""
        scene = compat.sequencer_scene(context)
        return scene is not None and scene.library is None and len(scene.cutout.tracks) > 0
