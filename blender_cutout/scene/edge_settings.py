"""Defines a cutout's edge settings, and reads them for the engine, frame by frame where they are keyed."""
# No `from __future__ import annotations`: see CONTRIBUTING.md.
# mypy: disable-error-code="valid-type"

import json
import math
import zlib
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import bpy
from bpy.props import FloatProperty

from ..core.edges.bounds import BOUNDS
from ..core.errors import CutoutError
from ..core.types import Stroke
from ..host import compat
from ..host.interface_language import CONTEXT
from ..strokes import brush_strokes
from .panel_settings import REDRAWS, redraw

if TYPE_CHECKING:
    from ..core.edges.settings import EdgeSettings

when_changed: list[Callable[[], None]] = []
"""Functions to call when the artist has changed a setting."""


def _changed(group: Any, context: Any) -> None:
    for call in when_changed:
        call()
    redraw(group, context)


_UPDATE = None if REDRAWS is None else _changed

_DIGITS = 4
"""Significant decimals of a setting: Blender stores 32-bit floats."""
_USUAL_SIDE = 1080
"""Shorter side of the picture for which the presets' pixels are meant; larger pictures get more."""
_IN_PIXELS = ("width", "grow", "feather", "smooth")
PRESETS: dict[str, dict[str, float]] = {
    "HARD": {"detail": 1.0, "smooth": 1.0, "clip_black": 0.25, "clip_white": 0.25, "decontaminate": 1.0},
    "NATURAL": {"detail": 1.0, "decontaminate": 1.0},
    "HAIR": {"detail": 1.0, "width": 24.0, "decontaminate": 1.0},
    "MOTION_BLUR": {"detail": 1.0, "width": 36.0, "feather": 1.0, "decontaminate": 1.0},
    "OFF": {},
}
NEW = "NATURAL"
"""Preset of a new cutout. The properties' own defaults stay 0: cutouts of earlier releases have none stored."""
_MOST_CLIPPED = 0.9899
"""Largest sum of Clip Black and Clip White: slightly below the engine's limit, because float sums are inexact."""


def _pixels(name: str, label: str, description: str, most: float = 20.0) -> Any:
    low, high = BOUNDS[name]
    return FloatProperty(
        name=label,
        description=description,
        translation_context=CONTEXT,
        min=low,
        max=high,
        soft_min=max(low, -most),
        soft_max=most,
        step=10,
        precision=1,
        subtype="PIXEL",
        update=_UPDATE,
    )


def _share(name: str, label: str, description: str) -> Any:
    low, high = BOUNDS[name]
    return FloatProperty(
        name=label,
        description=description,
        translation_context=CONTEXT,
        min=low,
        max=high,
        precision=2,
        subtype="FACTOR",
        update=_UPDATE,
    )


_DETAIL = _share(
    "detail", "Detail", "How much of the edge is taken from the picture, such as hair; 0 = the mask's edge"
)
_WIDTH = _pixels(
    "width",
    "Band Width",
    "How far from the edge, on either side, Detail may find transparency; 0 = automatic, wider where the mask is soft",
    most=60.0,
)
_GROW = _pixels("grow", "Grow", "Move the edge outwards; negative values move it inwards")
_FEATHER = _pixels("feather", "Feather", "Soften the edge over about this many pixels on either side")
_CLIP_BLACK = _share("clip_black", "Clip Black", "Make everything up to this alpha transparent, and stretch the rest")
_CLIP_WHITE = _share(
    "clip_white", "Clip White", "Make everything this close to opaque fully opaque, and stretch the rest"
)
_SMOOTH = _pixels(
    "smooth", "Smooth", "Even out bumps and dents in the outline up to this radius; the edge stays as sharp"
)
_FILL_HOLES = _pixels("fill_holes", "Fill Holes", "Fill holes up to this many pixels across", most=200.0)
_REMOVE_DOTS = _pixels("remove_dots", "Remove Dots", "Remove parts up to this many pixels across", most=200.0)
_DECONTAMINATE = _share(
    "decontaminate",
    "Decontaminate",
    "How much of the old background's colour is removed from half-transparent pixels. For RGBA strips and films: a "
    "mask strip shows the clip's own colours",
)


class CutoutEdge(bpy.types.PropertyGroup):
    """Stores how the edge of a cutout is refined; the names are those of `core.edges.settings.EdgeSettings`."""

    detail: _DETAIL
    width: _WIDTH
    grow: _GROW
    feather: _FEATHER
    clip_black: _CLIP_BLACK
    clip_white: _CLIP_WHITE
    smooth: _SMOOTH
    fill_holes: _FILL_HOLES
    remove_dots: _REMOVE_DOTS
    decontaminate: _DECONTAMINATE


def choose(track: Any, preset: str) -> None:
    """Sets all of a cutout's edge settings to those of a preset."""
    scale = max(1.0, min(track.width, track.height) / _USUAL_SIDE)
    for name in BOUNDS:
        value = PRESETS[preset].get(name, 0.0)
        setattr(track.edge, name, round(value * scale, 1) if name in _IN_PIXELS else value)


def settings_now(track: Any) -> "EdgeSettings":
    """Returns a cutout's edge settings as the panel shows them; values that no panel allows are limited."""
    return _limited({name: getattr(track.edge, name) for name in BOUNDS})


def plan(track: Any, timeline_frames: Iterable[int]) -> tuple[dict[str, float], ...]:
    """Returns a cutout's edge settings for these frames, as `messages.Export.edges` holds them for a track."""
    curves = _curves(track)
    if not curves:
        settings = settings_now(track)
        return () if settings.is_neutral else (settings.to_json(),)
    now = {name: getattr(track.edge, name) for name in BOUNDS}
    keyed = [
        _limited({**now, **{name: curve.evaluate(frame) for name, curve in curves.items()}})
        for frame in timeline_frames
    ]
    return () if all(one.is_neutral for one in keyed) else tuple(one.to_json() for one in keyed)


def details(track: Any) -> tuple[dict[str, Any], ...]:
    """Returns a cutout's strokes of the Detail Brush, as `messages.Export.details` holds them for a track."""
    found = []
    for frame in brush_strokes.painted_frames(track.detail_strokes):
        painted = brush_strokes.painted_on(track.detail_strokes, frame)
        strokes: list[Stroke] = []
        for stroke in painted:
            with suppress(CutoutError, ValueError, OverflowError):  # a .blend may hold anything
                strokes += brush_strokes.to_strokes(stroke)
        found.append({"frame": frame, "strokes": tuple(stroke.to_json() for stroke in strokes)})
    return tuple(found)


def details_mark(track: Any) -> int:
    """Returns a number that changes with the strokes of the Detail Brush; 0 = none. Cheap."""
    strokes = track.detail_strokes
    return (
        zlib.crc32("\n".join(f"{s.frame} {s.label} {s.radius} {s.points}" for s in strokes).encode()) if strokes else 0
    )


def is_keyed(track: Any) -> bool:
    """Returns True if a cutout's edge settings change over time."""
    return bool(_curves(track))


def mark(track: Any) -> str:
    """Returns a short text that changes with a cutout's edge settings and their keys; "" = nothing is refined."""
    curves = _curves(track)
    fixed: dict[str, Any] = {k: v for k, v in settings_now(track).to_json().items() if k not in curves}
    if len(track.detail_strokes) and ("detail" in fixed or "detail" in curves):
        fixed["strokes"] = details_mark(track)
    if not curves:
        return "" if settings_now(track).is_neutral else json.dumps(fixed)
    keys = [(name, curve.extrapolation, *map(_key, curve.keyframe_points)) for name, curve in sorted(curves.items())]
    return json.dumps({**fixed, "keys": zlib.crc32(repr(keys).encode())})


def is_written(track: Any) -> bool:
    """Returns True if the strips were last written with these edge settings."""
    return bool(track.written_edge == mark(track))


def drop_track(scene: Any, index: int) -> None:
    """Removes a cutout from the scene's list, and its keys; those of later ones stay with their cutouts."""
    tracks = scene.cutout.tracks
    paths = [f"{track.path_from_id()}." for track in tracks]
    data = scene.animation_data
    collections: tuple[Any, ...] = (compat.curves(data), data.drivers if data else ())
    for curves in collections:
        for curve in list(curves):
            at = next((i for i, path in enumerate(paths) if curve.data_path.startswith(path)), -1)
            if at == index:
                curves.remove(curve)
            elif at > index:
                curve.data_path = paths[at - 1] + curve.data_path.removeprefix(paths[at])
    tracks.remove(index)


def _key(point: Any) -> tuple[Any, ...]:
    return (*point.co, *point.handle_left, *point.handle_right, point.interpolation, point.easing)


def _curves(track: Any) -> dict[str, Any]:
    """Returns the F-curves of a cutout's edge settings, by setting."""
    data = track.id_data.animation_data
    if data is None or data.action is None:
        return {}
    start = track.edge.path_from_id() + "."
    found = {c.data_path.removeprefix(start): c for c in compat.curves(data) if c.data_path.startswith(start)}
    return {name: curve for name, curve in found.items() if name in BOUNDS and not curve.mute}


def _limited(values: Mapping[str, float]) -> "EdgeSettings":
    """Returns settings within their bounds, whatever a .blend says."""
    from ..core.edges.settings import EdgeSettings

    def limited(name: str, most: float) -> float:
        value = values[name]
        return round(min(max(value, BOUNDS[name][0]), most), _DIGITS) if math.isfinite(value) else 0.0

    fitting = {name: limited(name, most) for name, (_, most) in BOUNDS.items()}
    fitting["clip_white"] = round(min(fitting["clip_white"], max(0.0, _MOST_CLIPPED - fitting["clip_black"])), _DIGITS)
    return EdgeSettings(**fitting)
