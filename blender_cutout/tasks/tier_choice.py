"""Describes the tiers to the artist: the choices, the chosen one, and its meaning on this machine."""

from __future__ import annotations

import bpy

from ..core.tiers.ladder import faster, finer, ladder
from ..core.tiers.table import AUTO, DEFAULT, TIERS, Tier, is_tier
from ..host import storage
from ..host.interface_language import shown as shown_text
from ..scene import preference_values, properties
from . import jobs

KEPT = "Existing masks stay until they are propagated again; a correction changes only the frames it affects."
"""Says what a change of tier means for existing masks."""
_SIMPLE = (("draft", "Draft"), (AUTO, "Good"), ("fine", "Fine"))
_AUTO_TEXT = 'The finest that is fast enough to work with on this machine, as timed by Set Up Engine or "cutout doctor"'


def title(name: str) -> str:
    """Returns the displayed name in the interface's language."""
    return shown_text(_name(name))


def _name(name: str) -> str:
    return "Automatic" if name == AUTO else name.capitalize()


def explained(tier: Tier) -> str:
    """Returns a tier's quality and speed as text."""
    if tier.measured is None:
        return tier.text
    measured = tier.measured
    where = measured.hardware.partition(" of ")[0]
    accuracy, seconds = 100 * measured.j_and_f, measured.seconds_per_frame
    return f"{tier.text} Accuracy {accuracy:.1f} of 100, {seconds:.2g} s per frame on {where}"


def short_figures(tier: Tier) -> str:
    """Returns a tier's accuracy and time for a table; "" = not measured."""
    measured = tier.measured
    return f"{100 * measured.j_and_f:.0f}%, {measured.seconds_per_frame:.2g} s" if measured is not None else ""


def simple() -> tuple[tuple[str, str, bool], ...]:
    """Returns the three choices that most artists need: tier, displayed name, whether it is chosen."""
    chosen = preference_values.current().tier
    known = [(name, text) for name, text in _SIMPLE if name in (AUTO, *TIERS)]
    return tuple((name, text, name == chosen) for name, text in known)


def items() -> tuple[tuple[str, str, str], ...]:
    """Returns all tiers as enum items, from fastest to finest."""
    return (
        (AUTO, _name(AUTO), _AUTO_TEXT),
        *((tier.name, _name(tier.name), explained(tier).rstrip(".")) for tier in ladder()),
    )


def working() -> str:
    """Returns the tier in use: the running engine's, otherwise the chosen one resolved for this machine."""
    running = properties.status().tier
    if is_tier(running) and jobs.engine_loaded():
        return str(running)
    from ..environment.tier_record import fitting_tier
    from .engine_setup import setup

    chosen = preference_values.current()
    return fitting_tier(chosen.tier, chosen.device, library=setup.facts.library).name


def shown() -> str:
    """Returns the tier in use as last determined: finding it reads a file, which drawing must not do."""
    known = properties.status().tier_here
    return str(known) if is_tier(known) else DEFAULT


def beside(towards_finer: bool, here: str) -> Tier | None:
    """Returns the next finer or faster tier; None at the end of the list."""
    return finer(here) if towards_finer else faster(here)


def choice_text(here: str) -> str:
    """Returns the choice as text: "Standard (auto)", "Fine", or "Standard instead of Fine" if memory was short."""
    chosen = preference_values.current().tier
    if chosen == AUTO:
        return f"{title(here)} (auto)"
    return title(here) if here == chosen else f"{title(here)} instead of {title(chosen)}"


def choose(name: str) -> str:
    """Stores the choice in the preferences and sends it to a running engine; returns a message."""
    chosen = bpy.context.preferences.addons[storage.PACKAGE].preferences
    chosen.tier = name
    bpy.context.preferences.is_dirty = True  # so that Blender saves it
    jobs.change_engine()
    return f"Tier {choice_text(working())} from now on."
