"""Describes where a clip's strip lies on the timeline and in the frame; stored with its output to detect changes."""

from __future__ import annotations

import json
from typing import Any

from .. import animation, compat

MOVES = ("offset_x", "offset_y", "scale_x", "scale_y", "rotation")
CROPS = ("min_x", "max_x", "min_y", "max_y")
MASK_KEY = "cutout_mask"
"""Custom property of a mask strip: the uuid of its cutout."""
COPY_KEY = "cutout_mask_copy"
"""Custom property of the mask strips of a split clip's other pieces: the uuid of the cutout."""
EFFECT_KEY = "cutout_effect"
"""Custom property of the strips of an effect: the key of what was written, see `effect`."""
VIEW_KEY = "cutout_clip_view"
"""Custom property of a strip that was changed to show the clip uncut, see `clip_view`."""
AGAIN = "Press Write Strips."
"""What to do where output no longer fits its clip."""


def in_time(strip: Any) -> list[int]:
    """Returns where the strip's content starts, its first timeline frame and one past its last."""
    return [round(compat.time_get(strip, "frame_start")), *compat.span(strip)]


def in_frame(scene: Any, strip: Any) -> list[Any]:
    """Returns the strip's flips, transform and crop, or its animation relative to the content's start; JSON values."""
    start, curves = compat.time_get(strip, "frame_start"), animation.curves_of(scene, strip)
    found: list[Any] = [bool(strip.use_flip_x), bool(strip.use_flip_y)]
    found += [round(getattr(strip.transform, name), 4) for name in MOVES]
    found += [round(value, 4) for value in strip.transform.origin]
    found += [round(getattr(strip.crop, name)) for name in CROPS]
    if curves:  # animated values differ on every frame: compare the curves
        del found[2:]
        for name, curve in curves:
            points = [[round(p.co[0] - start, 2), round(p.co[1], 4)] for p in curve.keyframe_points]
            found.append([name, curve.array_index, points])
    return found


def same(text: str, now: list[Any]) -> bool:
    """Returns whether a record stored as JSON equals the current one."""
    try:
        return bool(json.loads(text) == json.loads(json.dumps(now)))
    except (ValueError, RecursionError):
        return False
