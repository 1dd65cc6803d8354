"""Checks whether a cutout's splines still fit their clip. They follow it in time, but not in the frame."""

from __future__ import annotations

import json
from typing import Any

from .. import compat, fingerprint, kept
from ..strips import STRIP_KEY, coverage, places
from . import placement
from .mask_strip import MASK_KEY

LAID_KEY = "cutout_splines_laid"
"""Custom property of a Mask data-block: the frames of the clip's content it was made for, and the clip's placement."""
_LAID = {"first": int, "count": int, "mark": str, "stands": list}


def note(scene: Any, clip: Any, mask: Any, count: int) -> None:
    """Stores in a Mask data-block what it was made for: `count` frames (1 = any time) from the clip's `coverage`."""
    first = coverage(scene, clip)[0] - round(compat.time_get(clip, "frame_start"))
    laid = {
        "first": first,
        "count": count,
        "mark": fingerprint.fingerprint_of(scene, clip),
        "stands": _stands(scene, clip),
    }
    mask[LAID_KEY] = json.dumps(laid)


def keep(scene: Any) -> list[tuple[str, str]]:
    """Returns the splines that no longer fit, each as (what is wrong, what to do)."""
    troubles = []
    every = places(scene.sequence_editor) if scene.sequence_editor is not None else ()
    for place in every:
        for modifier in place.strip.modifiers if place.strip.get(STRIP_KEY) else ():
            mask = modifier.input_mask_id if modifier.type == "MASK" and modifier.input_mask_type == "ID" else None
            if (
                mask is not None
                and mask.get(MASK_KEY)
                and mask.get(LAID_KEY)
                and (not modifier.mute or placement.VIEW_KEY in place.strip)
            ):
                trouble = _check(scene, place.strip, kept.record(mask.get(LAID_KEY), **_LAID))
                if trouble:
                    troubles.append((trouble, placement.AGAIN))
    return troubles


def _check(scene: Any, clip: Any, laid: dict[str, Any] | None) -> str:
    if laid is None:
        return f"The splines of {clip.name} have lost the record of what they were made for."
    if laid["mark"] != fingerprint.fingerprint_of(scene, clip):
        return f"{clip.name} has changed since its splines were made: they may not fit."
    start, left, right = placement.in_time(clip)
    first = start + laid["first"]
    if laid["count"] > 1 and not first <= left <= right <= first + laid["count"]:
        return f"{clip.name} is longer than its splines and is shown uncut or wrong past their end."
    if laid["stands"] != json.loads(json.dumps(_stands(scene, clip))):
        return f"{clip.name} has been moved or rotated in the frame since its splines were made."
    return ""


def _stands(scene: Any, clip: Any) -> list[Any]:
    render = scene.render
    size = [render.resolution_x, render.resolution_y, round(render.pixel_aspect_x / render.pixel_aspect_y, 4)]
    return [*size, *placement.in_frame(scene, clip)]
