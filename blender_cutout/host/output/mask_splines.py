"""Makes a Mask data-block from a cutout's splines: keyed on every frame, editable in the Image Editor.

How Blender 4.2 to 5.2 behaves:

* The Mask modifier draws the data-block over the whole output frame; one unit is the longer side of that frame, its
  middle is (0.5, 0.5), y points up. So each point is mapped through the strip's transform. As with mask strips, that
  includes flips up to 4.5, but not from 5.0 on.
* Only an operator can key shapes. It needs an Image Editor in mask mode, works at the scene's current frame, and keys
  the layers that have a selected point. The scene must be evaluated at that frame first, or the evaluation resets the
  points.
* All splines of a layer share their keys, so each gets a layer of its own, switched by opacity where it begins and
  ends; otherwise the artist would find degenerate shapes.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import bpy

from ...core.errors import InputError, StripError
from ...geometry.picture_map import PictureMap
from .. import animation, compat, strips
from ..strips import Place
from . import spline_alignment
from .mask_strip import MASK_KEY

if TYPE_CHECKING:
    from ...formats.spline_file import Shape, Splines

FILE = "splines.json"
"""File name, in the folder of the splines."""
_BEGUN_KEY = "cutout_mask_begun"
"""Custom property of a Mask data-block still being made: the uuid of its cutout."""
_BIT = 0.012
"""Rough duration of one step in seconds; Blender's window does not respond meanwhile."""
_RIM = 0.5
"""Output pixels from a spline to where its edge is half opaque: Blender draws a one-pixel ramp to its left."""
_WHOLE = 8.0
"""Half the side, in mask units, of the square that stands for the whole frame: no transform reveals its edge."""


def find(track: str) -> Any:
    """Returns the Mask data-block of a cutout; None if there is none."""
    return _find(MASK_KEY, track)


def _find(key: str, track: str) -> Any:
    return next((mask for mask in bpy.data.masks if mask.get(key) == track), None)


def prepare(place: Callable[[], tuple[Any, Place]], track: str, file: Path) -> Generator[float, None, None]:
    """Makes a Mask data-block of a cutout's splines, which `put` then installs; nothing is shown through it yet.

    Yields the progress, 0 to 1, after each step of about `_BIT` seconds. The artist keeps working between steps, so
    Blender's data is looked up again each time. Leaves nothing behind if closed early.

    Args:
        place: returns the scene and the clip's strip; raises StripError if it is gone.
        track: uuid of the cutout.
        file: the splines: see `core.export.delivery.splines_to_json`.

    Raises:
        StoreError: the file is missing or damaged.
        StripError: Blender has no window, or the strip's position is unknown.
        InputError: an undo removed the data-block meanwhile.
    """
    drop_begun(track)
    bpy.data.masks.new("Cutout splines")[_BEGUN_KEY] = track
    try:
        yield from _fill(place, track, file)
    except BaseException:
        drop_begun(track)
        raise


def _fill(place: Callable[[], tuple[Any, Place]], track: str, file: Path) -> Generator[float, None, None]:
    from ...formats import spline_file

    record = yield from _slowly(spline_file.read(file))
    scene, found = place()
    left, _ = strips.coverage(scene, found.strip)
    # Mask frames count from the start of the content; the strip may start earlier.
    first = 1 + max(0, left - round(compat.time_get(found.strip, "frame_start")))
    pictures: list[PictureMap] = []
    while len(pictures) < _wanted(*place(), record.frames):
        _add_pictures(*place(), record, pictures)
        yield 0.1
    if record.invert:
        _whole_frame(_begun(track))
    for number, shape in enumerate(record.shapes, start=1):
        _layer(_begun(track), shape, number, record.invert)
        yield 0.15
    frames = sorted({s.first + i for s in record.shapes for i in range(len(s.points))})
    selected: set[int] = set()
    total, todo = max(1, len(frames)), list(frames)
    while todo:
        yield 0.2 + 0.7 * (1 - len(todo) / total)
        while any(len(window.modal_operators) for window in bpy.context.window_manager.windows):
            yield 0.2 + 0.7 * (1 - len(todo) / total)  # the artist is dragging something: do not touch the area
        _key_shapes(place()[0], _begun(track), record, todo, first, pictures, selected)
    for number, shape in enumerate(record.shapes):
        layer = _begun(track).layers[number + record.invert]
        _switch(layer, first + shape.first, len(shape.points), first, record.frames)
        yield 0.95


def put(scene: Any, place: Place, track: str, name: str, pictures: int) -> bool:
    """Installs what `prepare` made as the cutout's Mask data-block; edits made by hand are replaced.

    Args:
        scene: the scene with the strip.
        place: the clip's strip.
        track: uuid of the cutout.
        name: the cutout's, for a new data-block.
        pictures: how many frames: one for each timeline frame of the clip, or 1 for all of them.

    Returns:
        True: the splines follow any movement, since each frame is mapped on its own.

    Raises:
        InputError: an undo removed the data-block meanwhile.
    """
    mask, old = _begun(track), find(track)
    name = old.name if old is not None else f"{name} splines"
    if old is not None:
        old.user_remap(mask)
        bpy.data.masks.remove(old)
    mask.name = name
    mask[MASK_KEY] = track
    del mask[_BEGUN_KEY]
    left, right = strips.coverage(scene, place.strip)
    start = round(compat.time_get(place.strip, "frame_start"))
    # The modifier shows mask frame `frame_start` where the content starts; the strip may start earlier.
    mask.frame_start = 1 + max(0, start - left)
    mask.frame_end = mask.frame_start + right - start
    spline_alignment.note(scene, place.strip, mask, pictures)
    return True


def drop_begun(track: str = "") -> None:
    """Removes unfinished data-blocks of an interrupted `prepare`, of one cutout or all; an undo may bring them back."""
    for mask in list(bpy.data.masks):
        begun = mask.get(_BEGUN_KEY)
        if begun and track in ("", begun):
            bpy.data.masks.remove(mask)


def _begun(track: str) -> Any:
    mask = _find(_BEGUN_KEY, track)
    if mask is None:
        raise InputError("The splines were undone while they were being written.", "Press Write Strips again.")
    return mask


def _slowly(steps: Generator[None, None, Splines]) -> Generator[float, None, Splines]:
    """Runs the steps, several at a time; yields the progress."""
    until = time.monotonic() + _BIT
    while True:
        try:
            next(steps)
        except StopIteration as stop:
            found: Splines = stop.value
            return found
        if time.monotonic() > until:
            yield 0.05
            until = time.monotonic() + _BIT


def _wanted(scene: Any, place: Place, count: int) -> int:
    """Returns how many picture maps are needed: one per timeline frame if the clip's picture moves, else one."""
    return count if count > 1 and animation.moves(scene, place.strip) else 1


def _add_pictures(scene: Any, place: Place, record: Splines, pictures: list[PictureMap]) -> None:
    """Appends the clip's position in the output frame, for as many further frames as one step has time for."""

    def now() -> PictureMap:
        picture = strips.picture_map(scene, place.strip, (record.width, record.height))
        return picture if compat.BEFORE_5_0 else replace(picture, flip=(False, False))

    wanted, until = _wanted(scene, place, record.frames), time.monotonic() + _BIT
    if wanted == 1:
        pictures.append(now())
        return
    left = strips.coverage(scene, place.strip)[0]
    with _frames(scene) as go:
        while len(pictures) < wanted:
            go(left + len(pictures))
            pictures.append(now())
            if time.monotonic() > until:
                return


def _layer(mask: Any, shape: Shape, number: int, invert: bool) -> None:
    """Adds a layer with one closed spline that has as many points as the shape."""
    layer = mask.layers.new(name=f"{'Hole' if shape.hole else 'Outline'} {number}")
    layer.blend = "MERGE_SUBTRACT" if shape.hole != invert else "MERGE_ADD"
    _spline(layer, len(shape.points[0]))


def _spline(layer: Any, count: int) -> Any:
    spline = layer.splines.new()
    spline.use_cyclic = True
    spline.points.add(count - len(spline.points))
    layer.splines.active = spline
    for point in spline.points:
        point.handle_left_type = point.handle_right_type = "FREE"
    return spline


def _whole_frame(mask: Any) -> None:
    """Adds a layer that covers everything, for the others to be subtracted from."""
    layer = mask.layers.new(name="Everything")
    layer.blend = "MERGE_ADD"
    for point, (x, y) in zip(_spline(layer, 4).points, ((-1, -1), (-1, 1), (1, 1), (1, -1)), strict=True):
        point.co = point.handle_left = point.handle_right = (0.5 + x * _WHOLE, 0.5 + y * _WHOLE)
    layer.hide_select = True


def _key_shapes(
    scene: Any,
    mask: Any,
    record: Splines,
    todo: list[int],
    first: int,
    pictures: Sequence[PictureMap],
    selected: set[int],
) -> None:
    """Keys every layer's shape on as many frames as one step has time for, and removes these from `todo`.

    `selected`: numbers of the shapes whose points are selected.
    """
    layers = [mask.layers[number + record.invert] for number in range(len(record.shapes))]
    until = time.monotonic() + _BIT
    with _editing(mask) as key, _frames(scene) as go:
        while todo:
            frame = todo.pop(0)
            go(first + frame)
            picture = pictures[min(frame, len(pictures) - 1)]
            for number, (layer, shape) in enumerate(zip(layers, record.shapes, strict=True)):
                there = 0 <= frame - shape.first < len(shape.points)
                points = layer.splines[0].points
                if there != (number in selected):
                    selected ^= {number}
                    for point in points:
                        point.select = there
                if there:
                    _shape(points, shape.points[frame - shape.first], picture)
            key()
            if time.monotonic() > until:
                return


def _shape(points: Any, values: Sequence[Sequence[float]], picture: PictureMap) -> None:
    """Moves a spline's points and handles to where its source pixels are shown."""
    unit = max(picture.render_size)

    def shown(x: float, y: float) -> complex:
        u, v = picture.to_preview((x, y))
        return complex(u / picture.pixel_aspect, v)

    def place(at: complex) -> tuple[float, float]:
        return at.real / unit + 0.5, at.imag / unit + 0.5

    lines = [(shown(*v[:2]), shown(*v[2:4]), shown(*v[4:])) for v in values]
    if picture.flip[0] != picture.flip[1]:  # keep the line's direction as without the mirror
        lines = [(at, right, left) for at, left, right in reversed(lines)]
    shifts = _aside(lines, _RIM / picture.percentage)
    for point, line, shift in zip(points, lines, shifts, strict=True):
        point.co, point.handle_left, point.handle_right = (place(at + shift) for at in line)


def _aside(lines: Sequence[tuple[complex, complex, complex]], distance: float) -> list[complex]:
    """Returns for each point the offset that moves the closed line to its right by `distance`."""
    shifts = []
    for at, left, right in lines:
        before, after = (v / abs(v) if abs(v) > 1e-6 else 0j for v in (at - left, right - at))
        both = before + after
        # Half the sum of two unit vectors is as long as the cosine of half the turn: corners need a longer offset.
        length = max(abs(both) / 2, 0.5)
        shifts.append(-1j * both / abs(both) * distance / length if abs(both) > 1e-6 else 0j)
    return shifts


def _switch(layer: Any, start: int, length: int, first: int, count: int) -> None:
    """Shows the layer only on its own frames."""
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
    """Yields a function that sets the scene's frame without frame-change handlers; restores the frame at the end."""
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
    """Yields a function that keys the mask's selected layers at the current frame; borrows a window area for it."""
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
