"""Shows the active cutout's mask over the preview: as tint, outline, checkerboard or black and white, where it lies.

Only draws; the picture of the render is not touched. A mask is read from its file when it is first shown and kept on
the graphics card; nothing is added to the .blend. Of a large mask the small copy is read, which takes a millisecond or
two, so that neither playing nor scrubbing waits; a thread reads the part in view in full where the artist looks closer.
"""

# No `from __future__ import annotations`: that name is a module here.

import logging
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import bpy

from . import jobs, properties
from .core.errors import CutoutError
from .host import annotations, compat, detail, masks, strips
from .host.detail import Part
from .host.looks import CHECKER, GREY, OUTLINE, Look, look
from .host.mapping import PictureMap, Point
from .host.png import read_grey
from .host.reader import Reader
from .painting import Painter, on_screen, upload

_log = logging.getLogger(__name__)
_KEPT = 8
"""Textures kept: what is in view, and a few frames to step back and forth."""
_SQUARE = 8.0
"""Side of the checkerboard's squares, in pixels at a screen scale of 1."""
_SOON = 0.02
"""Seconds between two looks whether a mask was read in full."""


@dataclass(frozen=True, slots=True)
class _Shown:
    """A mask on the graphics card; `width` is that of the small copy, 0 = it is the mask itself."""

    texture: Any
    width: int = 0


class Overlay:
    """What is drawn over the previews, and the textures for it."""

    def __init__(self) -> None:
        self._handle: Any = None
        self._painter = Painter()
        self._reader = Reader()
        self._broken = False
        self._textures: OrderedDict[tuple[Any, ...], Any] = OrderedDict()

    def add(self) -> None:
        """Has it drawn from now on; not without a window."""
        if self._handle is None and not bpy.app.background:
            self._handle = bpy.types.SpaceSequenceEditor.draw_handler_add(self._draw, (), "PREVIEW", "POST_PIXEL")

    def remove(self) -> None:
        """Has it not drawn any more, and frees the graphics memory."""
        if self._handle is not None:
            bpy.types.SpaceSequenceEditor.draw_handler_remove(self._handle, "PREVIEW")
        if bpy.app.timers.is_registered(self._when_read):
            bpy.app.timers.unregister(self._when_read)
        self._handle, self._broken = None, False
        self._painter.close()
        self._reader.close()
        self._textures.clear()

    def _draw(self) -> None:
        """Called by Blender for every preview region; must not raise."""
        context = bpy.context
        space = context.space_data
        scene = compat.sequencer_scene(context)
        if (
            self._broken
            or scene is None
            or not scene.cutout.show_mask
            or space.display_mode != "IMAGE"
            or not space.show_overlays
        ):
            return
        try:
            shown = find_mask(scene)
        except CutoutError:  # the strip is gone or cannot be mapped: the panel says so when it matters
            return
        if shown is not None:
            path, picture = shown
            try:
                self._show(path, picture, scene, context)
            except Exception:  # all that the gpu module raises; a driver that fails once would fail at every redraw
                self._broken = True
                _log.exception("The mask cannot be shown over the preview")

    def _show(self, path: Path, picture: PictureMap, scene: Any, context: Any) -> None:
        region, part = context.region, None
        shown = self._texture(path)
        if shown is None:
            return
        if shown.width and not context.screen.is_animation_playing:
            view = [region.view2d.region_to_view(x, y) for x in (0, region.width) for y in (0, region.height)]
            zoom = region.width / (view[2][0] - view[0][0])
            part = detail.part_in_view(picture, view, zoom, shown.width)
        texture = self._detail(path, part) if part else None
        shares, places = corners(picture, part if texture else None)
        square = _SQUARE * context.preferences.system.ui_scale
        self._painter.paint(texture or shown.texture, shares, on_screen(places, region), chosen_look(scene), square)

    def _texture(self, path: Path) -> _Shown | None:
        """The mask as a texture, of its small copy where it has one; None when it cannot be read."""
        try:
            key = (str(path), path.stat().st_mtime_ns)
            if key not in self._textures:
                self._keep(key, _upload(path))
        except OSError:
            return None
        except ValueError:
            self._keep(key, None)  # damaged: not to be tried again at every redraw
        self._textures.move_to_end(key)
        found: _Shown | None = self._textures[key]
        return found

    def _detail(self, path: Path, part: Part) -> Any:
        """A part of the mask itself as a texture; None while the thread reads it."""
        file = (str(path), path.stat().st_mtime_ns)
        key = (*file, part)
        if key not in self._textures:
            grey = self._reader.get(file)
            if grey is None:
                if self._reader.busy and not bpy.app.timers.is_registered(self._when_read):
                    bpy.app.timers.register(self._when_read, first_interval=_SOON)
                return None
            self._keep(key, upload(grey[part.y0 : part.y1 : part.step, part.x0 : part.x1 : part.step]))
        self._textures.move_to_end(key)
        return self._textures[key]

    def _keep(self, key: tuple[Any, ...], value: Any) -> None:
        self._textures[key] = value
        while len(self._textures) > _KEPT:
            self._textures.popitem(last=False)

    def _when_read(self) -> float | None:
        """A timer: has the preview drawn anew when the thread is done."""
        if self._reader.busy:
            return _SOON
        jobs.redraw()
        return None


def find_mask(scene: Any) -> tuple[Path, PictureMap] | None:
    """The file of the mask to be shown now and how its picture lies; None when there is nothing to show.

    Nothing is shown while the strip is not seen, nor where the composite shows this very mask already.

    Raises:
        CutoutError: the strip is gone, or cannot be mapped.
    """
    if not len(scene.cutout.tracks):
        return None
    track = properties.active_track(scene)
    if not track.frame_count:
        return None
    place = strips.find(scene, track.strip_uuid, track.strip_name)
    strip = place.strip
    if strip.mute or not strips.is_open(scene, place):
        return None
    if track.head == track.written_head and masks.is_applied(strip, track.uuid):
        return None
    frame = strips.time_map(scene, strip, track.frame_count).clip_frame(scene.frame_current)
    path = None if frame is None else jobs.matte_file(track, frame)
    if path is None:
        return None
    return path, strips.picture_map(scene, strip, (track.width, track.height))


def chosen_look(scene: Any) -> Look:
    """How the active cutout's mask is to be shown, by the panel's choices."""
    data = scene.cutout
    view, opacity = data.mask_view, data.mask_opacity
    if view in (CHECKER, GREY):
        if annotations.is_drawing():  # the stroke lies beneath what covers the picture: it would not be seen
            view = OUTLINE
        else:
            opacity = data.cover_opacity
    red, green, blue = properties.active_track(scene).colour
    return look(view, (red, green, blue), opacity)


def corners(picture: PictureMap, part: Part | None = None) -> tuple[list[Point], list[Point]]:
    """The corners of what the crop leaves of a picture, or of a part of it.

    Returns:
        Their places on a texture of the picture or part, in shares of its width and height; and as preview points.
    """
    width, height = picture.source_size
    left, right, bottom, top = picture.crop
    shown = part or detail.whole(picture)
    x0, y0 = max(left, shown.x0), max(top, shown.y0)
    x1, y1 = max(x0, min(width - right, shown.x1)), max(y0, min(height - bottom, shown.y1))
    points: list[Point] = [(x0, y0), (x1, y0), (x1, y1), (x0, y1)]
    return [shown.share(point) for point in points], [picture.to_preview(point) for point in points]


def _upload(path: Path) -> _Shown:
    """The small copy of a mask on the graphics card, else the mask itself. Raises OSError, ValueError."""
    try:
        grey = read_grey(detail.small_copy(path))
    except (OSError, ValueError):  # it is small itself, or from a version that made no copies
        return _Shown(upload(read_grey(path)))
    return _Shown(upload(grey), grey.shape[1])


_overlay = Overlay()


def register() -> None:
    """Shows masks from now on."""
    _overlay.add()


def unregister() -> None:
    """Shows none any more."""
    _overlay.remove()
