"""Shows a clip uncut in the preview while the artist works on its mask, and restores its written result.

From 5.2 on, a modifier can be hidden in the preview alone. Before, it is muted, as an RGBA strip still is: so the
result must be put back before anything is rendered or saved. What was changed is recorded in the strips, as JSON: the
names of hidden modifiers, and whether the strip was muted or unmuted.
"""

from __future__ import annotations

import json
from typing import Any

from .. import kept
from ..strips import STRIP_KEY, Place, pieces, places
from . import effect, placement, rgba_strip

VIEW_KEY = placement.VIEW_KEY
_RECORD = {"modifiers": list, "mute": str}


def is_uncut(strip: Any) -> bool:
    """Returns True if a clip's strip is shown uncut by `show_clip`."""
    return VIEW_KEY in strip


def show_clip(scene: Any, strip: Any) -> bool:
    """Shows a clip and its pieces uncut; returns whether anything changed."""
    over = [other for other in effect.shown_over(scene, strip) if not other.mute]
    for other in over:
        other.mute = True
        other[VIEW_KEY] = json.dumps({"modifiers": [], "mute": "on"})
    changed = bool(over)
    for place in pieces(scene, strip):
        changed = _show(scene, place, bool(over)) or changed
    return changed


def show_results(scene: Any, without: str = "") -> bool:
    """Shows all clips as they were written, except the one with the id `without`; returns whether anything changed."""
    if scene.sequence_editor is None:
        return False
    every = list(places(scene.sequence_editor))
    spared = {p.strip.get(rgba_strip.MUTED_KEY) for p in every if without and p.strip.get(STRIP_KEY) == without}
    changed = False
    for place in every:
        strip = place.strip
        if VIEW_KEY not in strip or (without and strip.get(STRIP_KEY) == without):
            continue
        if without and strip.get(effect.CLIP_KEY) == without:
            continue
        if strip.get(rgba_strip.CUTOUT_KEY) and strip.get(rgba_strip.CUTOUT_KEY) in spared:
            continue
        _restore(strip)
        changed = True
    return changed


def _show(scene: Any, place: Place, covered: bool) -> bool:
    """Shows one piece uncut; `covered`: an effect over it was hidden just now."""
    strip = place.strip
    record = _record(strip)
    hidden = [m for m in strip.modifiers if _is_ours(m) and _is_on(m)]
    for modifier in hidden:
        _set_on(modifier, False)
    key = strip.get(rgba_strip.MUTED_KEY)
    swapped = bool(key and strip.mute)
    if swapped:
        strip.mute = False
        for other in rgba_strip.find(scene, key):
            if not other.strip.mute:
                other.strip.mute = True
                other.strip[VIEW_KEY] = json.dumps({"modifiers": [], "mute": "on"})
    if not hidden and not swapped and (VIEW_KEY in strip or not covered):
        return False
    names = sorted({*record["modifiers"], *(m.name for m in hidden)})
    strip[VIEW_KEY] = json.dumps({"modifiers": names, "mute": "off" if swapped else record["mute"]})
    strip.invalidate_cache("RAW")
    return True


def _restore(strip: Any) -> None:
    record = _record(strip)
    for modifier in strip.modifiers:
        if modifier.name in record["modifiers"]:
            _set_on(modifier, True)
    if record["mute"]:
        strip.mute = record["mute"] == "off"
    del strip[VIEW_KEY]
    strip.invalidate_cache("RAW")


def _record(strip: Any) -> dict[str, Any]:
    return kept.record(strip.get(VIEW_KEY), **_RECORD) or {"modifiers": [], "mute": ""}


def _is_ours(modifier: Any) -> bool:
    if modifier.type != "MASK":
        return False
    source = modifier.input_mask_strip if modifier.input_mask_type == "STRIP" else modifier.input_mask_id
    return source is not None and bool(source.get(placement.MASK_KEY) or source.get(placement.COPY_KEY))


def _is_on(modifier: Any) -> bool:
    return not modifier.mute and getattr(modifier, "show_preview", True)


def _set_on(modifier: Any, on: bool) -> None:
    if hasattr(modifier, "show_preview"):
        modifier.show_preview = on
    else:
        modifier.mute = not on
