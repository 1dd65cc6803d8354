"""Copies the clip's transform animation to the mask strip.

Copies, not drivers: a driver from one strip to another of the same scene is a cycle to Blender's evaluation.
"""

from __future__ import annotations

from typing import Any

from . import compat

GROUPS = ("transform", "crop")
_POINT = (
    "interpolation",
    "easing",
    "back",
    "amplitude",
    "period",
    "handle_left_type",
    "handle_right_type",
    "handle_left",
    "handle_right",
)


def copy(scene: Any, clip: Any, mask: Any) -> bool:
    """Replaces the F-curves of the mask's transform and crop with copies of the clip's.

    Returns:
        False when something moves the clip that cannot be copied: a driver, or a curve with modifiers.
    """
    curves = compat.curves(scene.animation_data)
    drivers = scene.animation_data.drivers if scene.animation_data else ()
    complete = True
    for group in GROUPS:
        source, target = (getattr(strip, group).path_from_id() + "." for strip in (clip, mask))
        for curve in [c for c in curves if c.data_path.startswith(target)]:
            curves.remove(curve)
        for curve in [c for c in curves if c.data_path.startswith(source)]:
            name = curve.data_path.removeprefix(source)
            complete = complete and not len(curve.modifiers)
            _copy_points(curve, curves.new(target + name, index=curve.array_index))
        complete = complete and not any(d.data_path.startswith(source) for d in drivers)
    return complete


def moves(scene: Any, clip: Any) -> bool:
    """Returns True if F-curves or drivers move the clip's picture over time."""
    data = scene.animation_data
    paths = tuple(getattr(clip, group).path_from_id() + "." for group in GROUPS)
    drivers = data.drivers if data else ()
    return any(curve.data_path.startswith(paths) for curve in (*compat.curves(data), *drivers))


def curves_of(scene: Any, clip: Any) -> list[tuple[str, Any]]:
    """Returns the F-curves of a strip's transform and crop, each with its property name."""
    found = []
    for group in GROUPS:
        start = getattr(clip, group).path_from_id() + "."
        for curve in compat.curves(scene.animation_data):
            if curve.data_path.startswith(start):
                found.append((f"{group}.{curve.data_path.removeprefix(start)}", curve))
    return found


def _copy_points(source: Any, target: Any) -> None:
    target.extrapolation = source.extrapolation
    target.mute = source.mute
    target.keyframe_points.add(len(source.keyframe_points))
    for old, new in zip(source.keyframe_points, target.keyframe_points, strict=True):
        new.co = old.co
    for old, new in zip(source.keyframe_points, target.keyframe_points, strict=True):
        for name in _POINT:
            setattr(new, name, getattr(old, name))
    target.update()
