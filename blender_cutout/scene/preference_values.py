"""Returns the preferences as plain values, for code that does not draw."""

from typing import NamedTuple

import bpy

from ..core.tiers.table import AUTO, current_name
from ..host import storage


class Settings(NamedTuple):
    """The preferences that the engine needs; `limit` in bytes, 0 = none."""

    engine_python: str = ""
    wheels: str = ""
    tier: str = "auto"
    device: str = "auto"
    limit: int = 10**10


def current() -> Settings:
    """Returns the preferences, or their defaults if the add-on is registered without being enabled."""
    addon = bpy.context.preferences.addons.get(storage.PACKAGE)
    if addon is None or addon.preferences is None:
        return Settings()
    chosen = addon.preferences
    python, wheels = bpy.path.abspath(chosen.engine_python.strip()), bpy.path.abspath(chosen.wheels.strip())
    return Settings(python, wheels, known_tier(chosen.tier), chosen.device, int(chosen.mask_limit * 1e9))


def enabled() -> bool:
    """Returns True if there are preferences that can be changed; cheap."""
    addon = bpy.context.preferences.addons.get(storage.PACKAGE)
    return addon is not None and addon.preferences is not None


def known_tier(text: str) -> str:
    """Returns the tier named in the preferences, by its name in this release; auto for an unknown name."""
    return current_name(text.strip().lower()) or AUTO
