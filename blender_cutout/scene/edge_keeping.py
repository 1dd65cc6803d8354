"""Keeps a cutout's edge settings, their keys and the strokes of the Detail Brush as text, and brings them back.

They belong to versions: the engine stores the text beside the masks and hands it back.
"""

from __future__ import annotations

import json
import math
from contextlib import suppress
from typing import Any

from ..core.edges.bounds import BOUNDS
from ..core.types import Label
from ..host import compat, kept
from .edge_settings import when_changed

_POINT = ("interpolation", "easing", "handle_left_type", "handle_right_type")
_PLACES = ("co", "handle_left", "handle_right")
_NUMBERS = ("back", "amplitude", "period")
_STROKE = {"key": str, "label": str, "frame": int, "radius": float, "points": str}
_MOST_KEYS = 100_000


def kept_settings(track: Any) -> str:
    """Returns a cutout's edge settings as text, to the bit; keys hold timeline frames."""
    record = {
        "values": {name: getattr(track.edge, name) for name in BOUNDS},
        "curves": {name: _curve(curve) for name, curve in _curves(track).items()},
        "strokes": [{name: getattr(stroke, name) for name in _STROKE} for stroke in track.detail_strokes],
    }
    return json.dumps(record, separators=(",", ":"))


def bring_back(scene: Any, track: Any, text: object) -> None:
    """Sets what `kept_settings` returned; a text from elsewhere changes only what it says in the same form.

    Versions without settings, as earlier releases kept them, change nothing.
    """
    record = kept.record(text, values=dict, curves=dict, strokes=list)
    if record is None or kept_settings(track) == text:
        return
    curves = scene.animation_data and compat.curves(scene.animation_data)
    for curve in _curves(track).values():
        curves.remove(curve)
    for name, curve in record["curves"].items():
        if name in BOUNDS and isinstance(curve, dict):
            _make_curve(track, name, curve)
    for name, value in record["values"].items():
        if name in BOUNDS and _is_number(value):
            setattr(track.edge, name, value)
    track.detail_strokes.clear()
    for item in record["strokes"]:
        found = kept.record(json.dumps(item), **_STROKE)
        if found is not None and found["label"] in {label.value for label in Label} and found["frame"] >= 0:
            stroke = track.detail_strokes.add()
            for name, value in found.items():
                setattr(stroke, name, value)
    for call in when_changed:
        call()


def _curves(track: Any) -> dict[str, Any]:
    """Returns the F-curves of a cutout's edge settings, muted ones too."""
    start = track.edge.path_from_id() + "."
    found = [c for c in compat.curves(track.id_data.animation_data) if c.data_path.startswith(start)]
    named = {curve.data_path.removeprefix(start): curve for curve in found}
    return {name: curve for name, curve in sorted(named.items()) if name in BOUNDS}


def _curve(curve: Any) -> dict[str, Any]:
    points = [
        [
            *(list(getattr(point, name)) for name in _PLACES),
            *(getattr(point, name) for name in (*_NUMBERS, *_POINT)),
        ]
        for point in curve.keyframe_points
    ]
    return {"mute": curve.mute, "extrapolation": curve.extrapolation, "points": points}


def _make_curve(track: Any, name: str, record: dict[str, Any]) -> None:
    points = [p for p in record.get("points") or () if _is_point(p)][:_MOST_KEYS]
    if not points:
        return
    track.edge.keyframe_insert(name, frame=points[0][0][0])
    curve = _curves(track)[name]
    with suppress(TypeError):  # an enum's value that this Blender does not have
        curve.extrapolation = record.get("extrapolation")
    curve.mute = record.get("mute") is True
    curve.keyframe_points.add(len(points) - len(curve.keyframe_points))
    # All kinds of handles before any place: setting a kind moves the handles.
    for names, part in ((_PLACES[:1], slice(0, 1)), (_POINT, slice(6, None)), ((*_PLACES, *_NUMBERS), slice(0, 6))):
        for point, values in zip(curve.keyframe_points, points, strict=True):
            for name, value in zip(names, values[part], strict=True):
                with suppress(TypeError):
                    setattr(point, name, value)


def _is_point(point: Any) -> bool:
    if not isinstance(point, list) or len(point) != len(_PLACES) + len(_NUMBERS) + len(_POINT):
        return False
    places, numbers, words = point[:3], point[3:6], point[6:]
    are_places = all(isinstance(p, list) and len(p) == 2 and all(map(_is_number, p)) for p in places)
    return are_places and all(map(_is_number, numbers)) and all(isinstance(word, str) for word in words)


def _is_number(value: Any) -> bool:
    return type(value) in (int, float) and math.isfinite(value) and abs(value) <= kept.MOST_FRAMES
