"""The effects that a cutout's form "effect" writes: several kinds, on the background and on the object."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any

from ..core.types import Form
from ..host import kept
from ..host.output.effect import KINDS, Effect
from .panel_settings import EFFECT_NAMES, ON_BACKGROUND, ON_OBJECT

SIDES = (ON_BACKGROUND, ON_OBJECT)
_MOST = len(SIDES) * len(KINDS)
_ONE = re.compile(rf"{Form.EFFECT.value}(-inverted)?-([A-Z]+)-(\d+)")
"""`written_as` of a single effect; all that earlier releases had."""


def of_track(track: Any) -> list[Effect]:
    """Returns the effects to write, from the lowest to the highest; as none were applied, the one in the panel."""
    found = [effect for item in kept.items(track.effects) if (effect := _effect(item)) is not None][:_MOST]
    if not found and (old := _ONE.fullmatch(track.written_as)) and old[2] in KINDS:
        found = [Effect(old[2], min(int(old[3]), kept.MOST_FRAMES), ON_BACKGROUND if old[1] else ON_OBJECT)]
    return list({effect.id: effect for effect in found}.values()) or [in_panel(track)]


def applied(track: Any) -> list[Effect]:
    """Returns the effects that are written."""
    return of_track(track) if track.written_as.startswith(Form.EFFECT.value) else []


def in_panel(track: Any) -> Effect:
    """Returns the effect that the panel's settings describe."""
    return Effect(track.effect, track.effect_size, track.effect_on)


def add(track: Any, effect: Effect) -> None:
    """Adds an effect above those that are written, or replaces the one of the same kind on the same side."""
    store(track, {one.id: one for one in (*applied(track), effect)}.values())


def store(track: Any, effects: Iterable[Effect]) -> None:
    """Stores the effects to write."""
    track.effects = json.dumps([list(effect) for effect in effects])


def named(effect: Effect) -> tuple[str, str]:
    """Returns the names of an effect and of its side, in English, as the panel's menus show them."""
    return EFFECT_NAMES[effect.kind], EFFECT_NAMES[effect.on]


def written_text(effects: list[Effect]) -> str:
    """Returns the value of `written_as`."""
    if len(effects) == 1:
        side = "-inverted" if effects[0].on == ON_BACKGROUND else ""
        return f"{Form.EFFECT.value}{side}-{effects[0].kind}-{effects[0].size}"
    return f"{Form.EFFECT.value}-" + "+".join(f"{one.id}-{one.size}" for one in effects)


def _effect(item: Any) -> Effect | None:
    if not isinstance(item, list) or len(item) != 3 or type(item[1]) is not int:
        return None
    is_known = item[0] in KINDS and item[2] in SIDES and 0 <= item[1] <= kept.MOST_FRAMES
    return Effect(*item) if is_known else None
