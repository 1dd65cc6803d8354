"""A Blender Mask data-block of a cutout's splines: keyed on every frame, to be edited in the Image Editor.

Found out on 4.2 to 5.2:

* The Mask modifier draws the data-block over the whole output frame; one unit is that frame's longer side, the middle
  is (0.5, 0.5), y points up. So each point is carried through the strip's transform. As for mask strips, flips are in
  it up to 4.5 and not from 5.0 on.
* Shapes can only be keyed by an operator, which wants an Image Editor in its mask mode, works at the scene's current
  frame, and keys the layers with a selected point. The scene is evaluated at that frame first, or the evaluation puts
  the points back.
* All splines of a layer share their keys, so each has its own layer, which is switched by its opacity where it begins
  and ends: no degenerate shapes are left for the artist to stumble over.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import bpy

from ..core.errors import StoreError, StripError
from . import animation, compat, strips
from .mapping import PictureMap
from .masks import MASK_KEY
from .strips import Place

FILE = "splines.json"
"""In the folder of the splines."""
_RIM = 0.5
"""Output pixels: the edge is drawn as a slope of a pixel to the spline's left, so this far beside it it is half."""
_WHOLE = 8.0
"""Half side of the square that stands for the whole frame, in mask units: no transform shows its edge."""


def find(track: str) -> Any:
    """The Mask data-block of a cutout, None when there is none."""
    return next((mask for mask in bpy.data.masks if mask.get(MASK_KEY) == track), None)


def write(scene: Any, place: Place, track: str, name: str, file: Path) -> bool:
    """Makes or refills the Mask data-block of a cutout; what was edited by hand is replaced.

    Args:
        scene: the scene with the strip.
        place: the clip's strip.
        track: uuid of the cutout.
        name: of the cutout, for a new data-block.
        file: the splines: see `core.delivery.splines_to_json`.

    Returns:
        True: however the clip is moved, its place is taken frame by frame.

    Raises:
        StoreError: the file is not there or damaged.
        StripError: Blender has no window, or the strip's place is not known.
    """
    try:
        record = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise StoreError(f"The outlines cannot be read: {file}.", "Press Write Strips again.") from error
    mask = find(track)
    if mask is None:
        mask = bpy.data.masks.new(f"{name} splines")
        mask[MASK_KEY] = track
    mask.animation_data_clear()
    mask.layers.clear()
    left, right = strips.coverage(scene, place.strip)
    start = round(compat.time_get(place.strip, "frame_start"))
    # The modifier shows mask frame `frame_start` where the content starts; the strip may start before its content.
    mask.frame_start = 1 + max(0, start - left)
    mask.frame_end = mask.frame_start + right - start
    first = mask.frame_start + left - start
    pictures = _pictures(scene, place.strip, (record["width"], record["height"]), record["frames"])
    if record["invert"]:
        _whole_frame(mask)
    layers = [_layer(mask, shape, number, record["invert"]) for number, shape in enumerate(record["splines"], start=1)]
    _key_shapes(scene, mask, list(zip(layers, record["splines"], strict=True)), first, pictures)
    for layer, shape in zip(layers, record["splines"], strict=True):
        _switch(layer, first + shape["first"], len(shape["points"]), first, record["frames"])
    return True


def _pictures(scene: Any, clip: Any, size: tuple[int, int], count: int) -> list[PictureMap]:
    """How the clip's picture lies in the frame the modifier draws on: for each timeline frame, or once for all."""

    def now() -> PictureMap:
        picture = strips.picture_map(scene, clip, size)
        return picture if compat.BEFORE_5_0 else replace(picture, flip=(False, False))

    if count == 1 or not animation.moves(scene, clip):
        return [now()]
    found = []
    with _frames(scene) as go:
        left = strips.coverage(scene, clip)[0]
        for frame in range(left, left + count):
            go(frame)
            found.append(now())
    return found


def _layer(mask: Any, shape: dict[str, Any], number: int, invert: bool) -> Any:
    """A layer with one closed spline that has as many points as the shape."""
    layer = mask.layers.new(name=f"{'Hole' if shape['hole'] else 'Outline'} {number}")
    layer.blend = "MERGE_SUBTRACT" if shape["hole"] != invert else "MERGE_ADD"
    _spline(layer, len(shape["points"][0]))
    return layer


def _spline(layer: Any, count: int) -> Any:
    spline = layer.splines.new()
    spline.use_cyclic = True
    spline.points.add(count - len(spline.points))
    layer.splines.active = spline
    for point in spline.points:
        point.handle_left_type = point.handle_right_type = "FREE"
    return spline


def _whole_frame(mask: Any) -> None:
    """A layer that covers everything, for the others to be taken away from."""
    layer = mask.layers.new(name="Everything")
    layer.blend = "MERGE_ADD"
    for point, (x, y) in zip(_spline(layer, 4).points, ((-1, -1), (-1, 1), (1, 1), (1, -1)), strict=True):
        point.co = point.handle_left = point.handle_right = (0.5 + x * _WHOLE, 0.5 + y * _WHOLE)
    layer.hide_select = True


def _key_shapes(
    scene: Any, mask: Any, shapes: Sequence[tuple[Any, dict[str, Any]]], first: int, pictures: Sequence[PictureMap]
) -> None:
    """Keys every layer's shape on each of its frames."""
    frames = sorted({s["first"] + i for _, s in shapes for i in range(len(s["points"]))})
    selected: set[int] = set()
    with _editing(mask) as key, _frames(scene) as go:
        for frame in frames:
            go(first + frame)
            picture = pictures[min(frame, len(pictures) - 1)]
            for number, (layer, shape) in enumerate(shapes):
                there = 0 <= frame - shape["first"] < len(shape["points"])
                points = layer.splines[0].points
                if there != (number in selected):
                    selected ^= {number}
                    for point in points:
                        point.select = there
                if there:
                    _shape(points, shape["points"][frame - shape["first"]], picture)
            key()


def _shape(points: Any, values: Sequence[Sequence[float]], picture: PictureMap) -> None:
    """Puts a spline's points and handles where the source pixels are shown."""
    unit = max(picture.render_size)

    def shown(x: float, y: float) -> complex:
        u, v = picture.to_preview((x, y))
        return complex(u / picture.pixel_aspect, v)

    def place(at: complex) -> tuple[float, float]:
        return at.real / unit + 0.5, at.imag / unit + 0.5

    lines = [(shown(*v[:2]), shown(*v[2:4]), shown(*v[4:])) for v in values]
    if picture.flip[0] != picture.flip[1]:  # the line is to go the same way round as without a mirror
        lines = [(at, right, left) for at, left, right in reversed(lines)]
    shifts = _aside(lines, _RIM / picture.percentage)
    for point, line, shift in zip(points, lines, shifts, strict=True):
        point.co, point.handle_left, point.handle_right = (place(at + shift) for at in line)


def _aside(lines: Sequence[tuple[complex, complex, complex]], distance: float) -> list[complex]:
    """For each point with its two handles the way by which the closed line goes to its right by `distance`."""
    shifts = []
    for at, left, right in lines:
        before, after = (v / abs(v) if abs(v) > 1e-6 else 0j for v in (at - left, right - at))
        both = before + after
        # Half the sum of two unit vectors is as long as the cosine of half the turn: at a corner the way is longer.
        length = max(abs(both) / 2, 0.5)
        shifts.append(-1j * both / abs(both) * distance / length if abs(both) > 1e-6 else 0j)
    return shifts


def _switch(layer: Any, start: int, length: int, first: int, count: int) -> None:
    """Shows the layer on its frames only."""
    keys = [(start, 1.0)]
    if start > first:
        keys.append((start - 1, 0.0))
    if start + length < first + count and count > 1:
        keys.append((start + length, 0.0))
    if len(keys) == 1:
        return
    for frame, alpha in keys:
        layer.alpha = alpha
        layer.keyframe_insert("alpha", frame=frame)
    path = layer.path_from_id("alpha")
    for curve in compat.curves(layer.id_data.animation_data):
        if curve.data_path == path:
            for point in curve.keyframe_points:
                point.interpolation = "CONSTANT"


@contextmanager
def _frames(scene: Any) -> Iterator[Any]:
    """A function that takes the scene to a frame, without the handlers of a frame change; back again at the end."""
    before, layer = scene.frame_current, scene.view_layers[0]

    def go(frame: int) -> None:
        scene.frame_current = frame
        layer.update()

    try:
        yield go
    finally:
        scene.frame_current = before
        layer.update()


@contextmanager
def _editing(mask: Any) -> Iterator[Any]:
    """A function that keys the mask's selected layers at the current frame; borrows an area of the window for it."""
    areas = [(w, a) for w in bpy.context.window_manager.windows for a in w.screen.areas]
    if not areas:
        raise StripError("Blender has no window to key the splines in.", "Open the file in a window, or write masks.")
    order = {"IMAGE_EDITOR": 0, "SEQUENCE_EDITOR": 2}
    window, area = min(areas, key=lambda found: order.get(found[1].type, 1))
    kind = area.ui_type
    area.type = "IMAGE_EDITOR"
    space = area.spaces.active
    mode = "mode" if "MASK" in space.bl_rna.properties["mode"].enum_items.keys() else "ui_mode"
    earlier = getattr(space, mode), space.mask
    setattr(space, mode, "MASK")
    space.mask = mask
    region = next(r for r in area.regions if r.type == "WINDOW")
    try:
        with bpy.context.temp_override(window=window, area=area, region=region):
            yield bpy.ops.mask.shape_key_insert
    finally:
        space.mask = earlier[1]
        setattr(space, mode, earlier[0])
        area.ui_type = kind
