"""Renders a strip's own picture alone, in a copy of the scene, so that the artist's scene is not touched.

Exact for every kind of strip, speed and retiming, since it is Blender itself that renders. Transform, crop, flips and
modifiers of the strip are left out: cutouts work on the picture before them.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import bpy

from ..core.errors import StoreError, StripError
from . import compat
from .contents import picture_name
from .strips import Place, places

_PICTURE_END = b"IEND\xaeB`\x82"
_COMPRESSION = 15
_PLACED = ("transform.", "crop.", "modifiers", "blend_alpha", "mute", "use_flip_x", "use_flip_y")


def render(scene: Any, place: Place, size: tuple[int, int], frames: Sequence[int], first: int, folder: Path) -> None:
    """Renders a few timeline frames of a strip into `folder`; each file is complete or missing.

    Args:
        scene: the strip's scene.
        place: the strip.
        size: (width, height) of its picture.
        frames: timeline frames, ascending.
        first: the timeline frame of the picture 000001.png.
        folder: exists.

    Raises:
        StoreError: a picture could not be written.
        StripError: Blender could not render the strip.
    """
    with _alone(scene, place, size) as copy:
        prefix = f"render_{os.urandom(4).hex()}_"  # unpredictable, because Blender writes through links
        copy.frame_start, copy.frame_end, copy.frame_step = frames[0], frames[-1], 1
        copy.render.filepath = str(folder / prefix)
        try:
            _render(copy, folder)
            for frame in frames:
                picture = Path(bpy.path.abspath(copy.render.frame_path(frame=frame)))
                _check_whole(picture)
                os.replace(picture, folder / picture_name(frame - first))
        finally:
            for picture in folder.glob(f"{prefix}*"):  # left by an error
                with suppress(OSError):
                    picture.unlink()


def _render(copy: Any, folder: Path) -> None:
    try:
        bpy.ops.render.render(animation=True, scene=copy.name)
    except RuntimeError as error:
        raise StoreError(
            f"The frames cannot be rendered into {folder}: {str(error).strip()}",
            "Free space on the disk, or check the folder's permissions; finished frames stay.",
        ) from error


@contextmanager
def _alone(scene: Any, place: Place, size: tuple[int, int]) -> Iterator[Any]:
    """Yields a temporary copy of the scene that renders nothing but the strip's own picture."""
    name, meta = place.strip.name, place.meta.name if place.meta is not None else None
    copy = scene.copy()
    action = None
    try:
        found = [p for p in places(copy.sequence_editor) if p.strip.name == name]
        if not found:
            raise StripError(f"The strip {name} cannot be rendered by itself.", "Give it another name and try again.")
        strip = found[0].strip
        action = _drop_animation(copy, strip)
        for other in found[0].siblings:
            other.mute = other != strip
        if meta is not None:
            copy.sequence_editor.display_stack(found[0].meta)  # the contents only: no handles, speed or transform
        _reset(strip)
        _set_output(copy, size)
        if compat.RATE_BY_CACHE:
            copy.sequence_editor.use_cache_raw = False
        yield copy
    finally:
        bpy.data.scenes.remove(copy)
        if action is not None:
            bpy.data.actions.remove(action)


def _reset(strip: Any) -> None:
    """Resets everything that only places the picture."""
    strip.blend_type, strip.blend_alpha = "REPLACE", 1.0
    strip.use_flip_x = strip.use_flip_y = False
    for modifier in list(strip.modifiers):
        strip.modifiers.remove(modifier)
    move, crop = strip.transform, strip.crop
    move.offset_x = move.offset_y = move.rotation = 0.0
    move.scale_x = move.scale_y = 1.0
    move.origin = (0.5, 0.5)
    crop.min_x = crop.max_x = crop.min_y = crop.max_y = 0


def _drop_animation(copy: Any, strip: Any) -> Any:
    """Gives the copied scene its own action without the strip's placement curves; returns it for removal."""
    data = copy.animation_data
    if data is None:
        return None
    start = strip.path_from_id() + "."
    placing = tuple(start + name for name in _PLACED)
    for driver in [d for d in data.drivers if d.data_path.startswith(placing)]:
        data.drivers.remove(driver)
    if data.action is None:
        return None
    action = data.action.copy()
    slot = getattr(data, "action_slot", None)
    data.action = action
    if slot is not None:
        data.action_slot = next((s for s in action.slots if s.identifier == slot.identifier), None)
    curves = compat.curves(data)
    for curve in [c for c in curves if c.data_path.startswith(placing)]:
        curves.remove(curve)
    return action


def _set_output(copy: Any, size: tuple[int, int]) -> None:
    render = copy.render
    render.resolution_x, render.resolution_y, render.resolution_percentage = *size, 100
    render.pixel_aspect_x = render.pixel_aspect_y = 1.0
    render.use_sequencer, render.use_compositing = True, False
    render.use_stamp = render.use_border = render.use_multiview = render.use_placeholder = False
    for prop in render.bl_rna.properties:
        if prop.identifier.startswith(
            "use_stamp_"
        ):  # otherwise each file contains its date and differs when rendered again
            setattr(render, prop.identifier, False)
    render.use_overwrite = render.use_file_extension = True
    render.dither_intensity = 0.0
    image = render.image_settings
    if hasattr(image, "media_type"):
        image.media_type = "IMAGE"
    image.file_format, image.color_mode, image.color_depth = "PNG", "RGB", "8"
    image.compression = _COMPRESSION
    with suppress(AttributeError):
        image.color_management = "FOLLOW_SCENE"
    view = copy.view_settings
    view.view_transform, view.look, view.exposure, view.gamma = "Standard", "None", 0.0, 1.0
    view.use_curve_mapping = False


def _check_whole(picture: Path) -> None:
    """Raises StoreError if a picture is incomplete, which Blender does not always report."""
    try:
        with picture.open("rb") as file:
            file.seek(-len(_PICTURE_END), os.SEEK_END)
            if file.read() == _PICTURE_END:
                return
        picture.unlink()
    except OSError:
        pass
    raise StoreError(
        f"A frame could not be written to {picture.parent}.", "Free space on the disk; finished frames stay."
    )
