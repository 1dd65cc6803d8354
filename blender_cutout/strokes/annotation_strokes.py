"""Turns annotation strokes into the engine's strokes. Reads annotations by their attributes only: no Blender here."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from ..core.errors import StrokeError
from ..core.types import Label, Stroke
from ..geometry.picture_map import PictureMap, Point, source_radius

LAYERS = {"Cutout +": Label.KEEP, "Cutout -": Label.REMOVE}
"""Names of the two annotation layers and the label of their strokes."""


class Drawn(NamedTuple):
    """A stroke as it was drawn.

    Attributes:
        key: identifies it, also after saving and loading.
        label: keep or remove, by its layer.
        points: preview points.
        thickness: its layer's, in screen pixels.
    """

    key: str
    label: Label
    points: tuple[Point, ...]
    thickness: float


def drawn_on(annotation: Any, frame: int) -> list[Drawn]:
    """Returns the strokes of the two layers on a timeline frame.

    Raises:
        StrokeError: a stroke was drawn in screen placement, so its position in the picture is unknown.
    """
    found = []
    for layer, strokes in _layers(annotation):
        for stroke in (s for number, s in strokes if number == frame):
            if getattr(stroke, "display_mode", "2DSPACE") in ("SCREEN", ""):
                raise StrokeError(
                    "A stroke sticks to the screen, not to the picture.",
                    "Set the annotate tool's placement to Image, erase the stroke and draw it again.",
                )
            points = tuple((float(p.co[0]), float(p.co[1])) for p in stroke.points)
            if points:
                found.append(Drawn(_key(layer.info, frame, points), LAYERS[layer.info], points, float(layer.thickness)))
    return found


def drawn_frames(annotation: Any) -> list[int]:
    """Returns the timeline frames with strokes on the two layers, sorted."""
    return sorted({number for _, strokes in _layers(annotation) for number, stroke in strokes if len(stroke.points)})


def pick_new(
    annotation: Any, frame: int, applied: Iterable[str], painted_here: bool = False, painted: Iterable[int] = ()
) -> list[Drawn]:
    """Returns the strokes on a timeline frame that are not applied yet.

    Args:
        annotation: None if there is none.
        frame: a timeline frame.
        applied: keys of the applied strokes.
        painted_here: the Cutout Brush has strokes on it, all applied.
        painted: timeline frames with strokes of the Cutout Brush.

    Raises:
        StrokeError: there are none; says where to look.
    """
    drawn = drawn_on(annotation, frame) if annotation else []
    known = set(applied)
    new = [d for d in drawn if d.key not in known]
    if new:
        return new
    if drawn or painted_here:
        raise StrokeError(
            f"All strokes on frame {frame} are already applied.", "Draw another stroke where the mask is wrong."
        )
    others = sorted({*(drawn_frames(annotation) if annotation else ()), *painted})
    if others:
        some = ", ".join(map(str, others[:8])) + ("…" if len(others) > 8 else "")
        raise StrokeError(
            f"There are no strokes on frame {frame}.", f"Draw one, or go to a frame with strokes: {some}."
        )
    raise StrokeError("There are no strokes.", "Press Keep and draw over the object in the preview.")


def to_source(drawn: Sequence[Drawn], picture: PictureMap, zoom: float) -> tuple[list[Stroke], list[str]]:
    """Returns the strokes in source pixels, and the keys of those that miss the shown part of the picture.

    Args:
        drawn: strokes in preview points.
        picture: how the picture lies in the preview.
        zoom: screen pixels per preview unit when they were drawn.

    Raises:
        StrokeError: none of them touches the picture.
    """
    inside, outside = [], []
    for stroke in drawn:
        radius = source_radius(stroke.thickness, zoom, picture.units_per_pixel)
        points = [picture.to_source(p) for p in stroke.points]
        if any(picture.shows(p, radius) for p in points):
            inside.append(Stroke(points, radius, stroke.label))
        else:
            outside.append(stroke.key)
    if not inside:
        raise StrokeError("The strokes are outside the picture.", "Draw inside the clip's picture in the preview.")
    return inside, outside


def _layers(annotation: Any) -> Iterator[tuple[Any, list[tuple[int, Any]]]]:
    """Yields (layer, [(timeline frame, stroke), …]) for the two layers."""
    for layer in annotation.layers:
        if layer.info in LAYERS:
            yield layer, [(frame.frame_number, stroke) for frame in layer.frames for stroke in frame.strokes]


def layer_frames(annotation: Any) -> Iterator[tuple[str, Any]]:
    """Yields (layer name, frame) for each frame of the two layers; nothing without an annotation."""
    for layer in annotation.layers if annotation else ():
        if layer.info in LAYERS:
            yield from ((layer.info, frame) for frame in layer.frames)


def _key(layer: str, frame: int, points: Iterable[Point]) -> str:
    import hashlib  # slow to import (OpenSSL)

    text = f"{layer} {frame} " + " ".join(f"{x:.2f},{y:.2f}" for x, y in points)
    return hashlib.sha256(text.encode()).hexdigest()[:12]
