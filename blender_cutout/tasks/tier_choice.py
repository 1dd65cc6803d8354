"""The tier as the artist sees it: what can be chosen, what is chosen, what that means here."""

from __future__ import annotations

import bpy

from ..core.ladder import faster, finer, ladder
from ..core.tiers import AUTO, DEFAULT, TIERS, Tier
from ..host import storage
from ..scene import properties, settings
from . import jobs

KEPT = "Masks that are there stay until they are propagated again; a correction changes the frames that it concerns."
"""What another tier means for the masks that there are."""
_AUTO_TEXT = 'The finest that keeps a pace to work with on this machine, as Set Up Engine, or "cutout doctor", timed it'


def title(name: str) -> str:
    """The name as it is shown."""
    return "Automatic" if name == AUTO else name.capitalize()


def explained(tier: Tier) -> str:
    """What one gets, and for what time."""
    if tier.measured is None:
        return tier.text
    measured = tier.measured
    return f"{tier.text} J&F {measured.j_and_f:.3f}, {measured.seconds_per_frame:.2g} s a frame on {measured.hardware}"


def items() -> tuple[tuple[str, str, str], ...]:
    """All that can be chosen, from the fastest to the finest, as Blender wants the items of a list."""
    return (
        (AUTO, title(AUTO), _AUTO_TEXT),
        *((tier.name, title(tier.name), explained(tier).rstrip(".")) for tier in ladder()),
    )


def working() -> str:
    """The tier that is worked with: the running engine's, else what the choice means here."""
    running = properties.status().tier
    if running in TIERS and jobs.engine_loaded():
        return str(running)
    from ..environment.tier_record import fitting_tier

    chosen = settings.current()
    return fitting_tier(chosen.tier, chosen.device).name


def shown() -> str:
    """The tier that is worked with, as last looked for: finding it out reads a file, which drawing must not."""
    known = properties.status().tier_here
    return str(known) if known in TIERS else DEFAULT


def beside(towards_finer: bool, here: str) -> Tier | None:
    """The tier next to `here`, finer or faster; None at the ladder's end."""
    return finer(here) if towards_finer else faster(here)


def choice_text(here: str) -> str:
    """The choice in words: "Standard (auto)", "Fine", "Standard instead of Fine" where memory was short."""
    chosen = settings.current().tier
    if chosen == AUTO:
        return f"{title(here)} (auto)"
    return title(here) if here == chosen else f"{title(here)} instead of {title(chosen)}"


def choose(name: str) -> str:
    """Makes it the preferences' choice, also of a running engine; returns what to tell."""
    chosen = bpy.context.preferences.addons[storage.PACKAGE].preferences
    chosen.tier = name
    bpy.context.preferences.is_dirty = True  # so that Blender saves it
    jobs.change_engine()
    return f"Tier {choice_text(working())} from now on."
