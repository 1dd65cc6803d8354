"""Draws the masks of the active clip's objects over the preview; `mask_layers` chooses which and how.

The render and the .blend are not touched. A mask is read from its file when first shown, then kept on the graphics
card. A large mask has a small copy that reads fast enough for playback and scrubbing; when the artist zooms in, the
mask at full size is read for the part in view. A thread reads; drawing waits for it, but not for long: then the mask
follows with the next redraw.
"""

# No `from __future__ import annotations`: see CONTRIBUTING.md.

import time
from collections import OrderedDict
from pathlib import Path
from typing import Any, NamedTuple

import bpy

from ..core.errors import CutoutError
from ..formats.png import read_grey
from ..geometry import mask_parts
from ..geometry.mask_parts import EVERYTHING, Box, MaskPart
from ..geometry.picture_map import PictureMap, Point
from ..host import compat
from ..tasks import edge_preview, jobs
from .draw_handler import DrawHandler
from .mask_layers import Layer, find_layers
from .mask_reader import Reader
from .mask_shader import Painter, on_screen, upload

_KEPT = 8
"""Minimum number of textures kept for each mask in view: itself and a few frames for stepping back and forth."""
_ENOUGH = 48 * 2**20
"""Total pixels up to which more textures are kept: a few seconds, so that a loop is read once."""
_SMALL = 1 << 20
"""Maximum pixels of a small copy."""
_AT_ONCE = 1 << 25
"""Maximum pixels of a mask without a small copy."""
_PATIENCE = 0.02
"""Seconds that one redraw waits for masks; small copies are there sooner."""
_IN_FULL = 3
"""Maximum number of masks shown as one in full detail; more use the small copies."""
_SQUARE = 8.0
"""Side of the checkerboard's squares, in pixels at a screen scale of 1."""
_SOON = 0.02
"""Seconds between checks for a mask read at full size."""


_Size = tuple[int, int] | None
"""Height and width of the masks, if known."""
_Seen = tuple[str, int]
"""A file: its path and modification time."""


class _Shown(NamedTuple):
    """A mask on the graphics card.

    Attributes:
        texture: the pixels.
        box: bounding box of the non-zero pixels; None = the mask is empty.
        width: width of the small copy; 0 = the mask itself.
        pixels: number of pixels.
    """

    texture: Any
    box: Box | None
    width: int = 0
    pixels: int = 0


class _Wish(NamedTuple):
    """Masks to show as one: the files as seen on disk, which are small copies where there are any, and the masks."""

    seen: tuple[_Seen, ...]
    paths: tuple[Path, ...]
    size: _Size


class _Pixels(NamedTuple):
    """Masks that were read: the sum (H, W) uint8, None = damaged; the box as in `_Shown`; whether of small copies."""

    grey: Any
    box: Box | None = None
    small: bool = False


class Overlay(DrawHandler):
    """Draws masks over the previews and caches their textures."""

    what = "The mask over the preview"

    def __init__(self) -> None:
        super().__init__()
        self._painter = Painter()
        self._reader = Reader(_read_full)
        self._shower = Reader(_read_shown)
        self._until, self._uploads = 0.0, 0
        self._last: dict[int, _Shown] = {}
        self._last_of: tuple[Any, ...] = ()
        self._textures: OrderedDict[tuple[Any, ...], Any] = OrderedDict()
        self._room = _KEPT
        self._pixels: dict[tuple[Any, ...], int] = {}

    def remove(self) -> None:
        """Stops drawing and frees the graphics memory."""
        super().remove()
        if bpy.app.timers.is_registered(self._when_read):
            bpy.app.timers.unregister(self._when_read)
        self._painter.close()
        self._reader.close()
        self._shower.close()
        self._last.clear()
        self._textures.clear()
        self._pixels.clear()

    def draw(self, context: Any) -> None:
        """Draws the masks of the current frame."""
        space = context.space_data
        scene = compat.sequencer_scene(context)
        if scene is None or not scene.cutout.show_mask or space.display_mode != "IMAGE" or not space.show_overlays:
            return
        try:
            layers, picture = find_layers(scene)
        except CutoutError:  # the strip is gone or cannot be mapped: the panel says so when it matters
            return
        self._room = _KEPT * max(1, len(layers))
        self._until, self._uploads = time.monotonic() + _PATIENCE, 0
        if self._last_of != (now := (scene.name, scene.frame_current, len(layers))):
            self._last, self._last_of = {}, now
        with self.guarded():
            if len(scene.cutout.tracks):
                self._painter.prepare()  # while the clip is opened, not when the first stroke's mask comes
            for number, layer in enumerate(layers):
                assert picture is not None
                shown, ready = self._texture(*layer.files, size=layer.size)
                if ready and shown is not None:
                    self._last[number] = shown
                # While the mask of a frame changes, the one before it stays: without any it would flicker.
                self._show(layer, shown if ready else self._last.get(number), picture, context)

    def _show(self, layer: Layer, shown: _Shown | None, picture: PictureMap, context: Any) -> None:
        region, part = context.region, None
        box = EVERYTHING if layer.look.outside[3] > 0 or shown is None else shown.box
        if shown is None or box is None:
            return
        if shown.width and not context.screen.is_animation_playing and len(layer.files) <= _IN_FULL:
            view = [region.view2d.region_to_view(x, y) for x in (0, region.width) for y in (0, region.height)]
            zoom = region.width / (view[2][0] - view[0][0])
            part = mask_parts.part_in_view(picture, view, zoom, shown.width)
        texture = self._detail(part, *layer.files, size=layer.size) if part else None
        shares, places = corners(picture, part if texture else None, box)
        square = _SQUARE * context.preferences.system.ui_scale
        self._painter.paint(texture or shown.texture, shares, on_screen(places, region), layer.look, square)

    def _texture(self, *paths: Path, size: _Size = None) -> tuple[_Shown | None, bool]:
        """Returns the masks as one texture, from their small copies if they exist, and whether that is final.

        There is no texture when a mask cannot be read; and, not final, until it is read.
        """
        try:
            key = tuple(map(_seen, paths))
        except OSError:
            return None, True
        if key not in self._textures:
            wish, left = _Wish(key, paths, size), self._until - time.monotonic()
            if self._uploads and left <= 0:
                self._redraw_soon()
                return None, False
            found = self._shower.get(wish, max(0.0, left))
            if found is None:
                if self._shower.knows(wish):
                    return None, True
                self._redraw_soon()
                return None, False
            self._uploads += 1
            if found.grey is None:
                self._keep(key, None)  # damaged: do not retry at every redraw
            else:
                grey = found.grey
                width = grey.shape[1] if found.small else 0
                self._keep(key, _Shown(upload(grey), found.box, width, grey.size), grey.size)
        self._textures.move_to_end(key)
        return self._textures[key], True

    def _detail(self, part: MaskPart, *paths: Path, size: _Size = None) -> Any:
        """Returns a part of the full-size masks as one texture; None while they are read or if they are missing."""
        try:
            files = [_file(path) for path in paths]
        except OSError:
            edge_preview.previews.want_full(paths)
            return None
        key = (*files, part)
        if key not in self._textures:
            pixels = [grey for file in files if (grey := self._reader.get((file, size))) is not None]
            if len(pixels) < len(files):
                if self._reader.busy:
                    self._redraw_soon()
                return None
            cut = [grey[part.y0 : part.y1 : part.step, part.x0 : part.x1 : part.step] for grey in pixels]
            grey = _sum(cut)
            self._keep(key, upload(grey), grey.size)
        self._textures.move_to_end(key)
        return self._textures[key]

    def _keep(self, key: tuple[Any, ...], value: Any, pixels: int = 0) -> None:
        self._textures[key], self._pixels[key] = value, pixels
        while len(self._textures) > self._room and sum(self._pixels.values()) > _ENOUGH:
            oldest, _ = self._textures.popitem(last=False)
            del self._pixels[oldest]

    def _redraw_soon(self) -> None:
        if not bpy.app.background and not bpy.app.timers.is_registered(self._when_read):
            bpy.app.timers.register(self._when_read, first_interval=_SOON)

    def _when_read(self) -> float | None:
        """Timer callback: redraws the preview once the threads are done."""
        if self._reader.busy or self._shower.busy:
            return _SOON
        jobs.redraw("PREVIEW")
        return None


def corners(
    picture: PictureMap, part: MaskPart | None = None, box: Box = EVERYTHING
) -> tuple[list[Point], list[Point]]:
    """Returns the corners of the cropped picture, or of a part of it, inside a box.

    Returns:
        Texture coordinates (0 to 1) on a texture of the picture or part; and preview points.
    """
    width, height = picture.source_size
    left, right, bottom, top = picture.crop
    shown = part or mask_parts.whole(picture)
    x0, y0 = max(left, shown.x0, box[0] * width), max(top, shown.y0, box[1] * height)
    x1 = max(x0, min(width - right, shown.x1, box[2] * width))
    y1 = max(y0, min(height - bottom, shown.y1, box[3] * height))
    points: list[Point] = [(x0, y0), (x1, y0), (x1, y1), (x0, y1)]
    return [shown.share(point) for point in points], [picture.to_preview(point) for point in points]


def _file(path: Path) -> _Seen:
    """Returns the cache key of a file: its path and modification time. Raises OSError when it is gone."""
    return str(path), path.stat().st_mtime_ns


def _seen(path: Path) -> _Seen:
    """Returns the `_file` key of the mask's small copy, or of the mask if it has none."""
    try:
        return _file(mask_parts.small_copy(path))
    except OSError:
        return _file(path)


def _read_full(wanted: tuple[_Seen, _Size]) -> Any:
    """Returns the pixels (H, W) uint8 of a mask at full size. Raises OSError, ValueError."""
    (path, _), size = wanted
    return read_grey(Path(path), size)


def _read_shown(wish: _Wish) -> _Pixels:
    """Returns the sum of the masks' small copies, or of the masks themselves. Raises OSError."""
    small = True
    try:
        grey = _sum([read_grey(mask_parts.small_copy(path), None, _SMALL) for path in wish.paths])
    except (OSError, ValueError):  # the masks are small, or from a version that made no copies
        small = False
        try:
            grey = _sum([read_grey(path, wish.size, _AT_ONCE) for path in wish.paths])
        except ValueError:
            return _Pixels(None)
    return _Pixels(grey, mask_parts.used(grey), small)


def _sum(pixels: list[Any]) -> Any:
    """Returns the sum of equally sized masks (H, W) uint8, clipped to 255."""
    total = pixels[0]
    for grey in pixels[1:]:
        total = total + (255 - total).clip(max=grey)
    return total


_overlay = Overlay()


def register() -> None:
    """Starts showing masks."""
    _overlay.add()


def unregister() -> None:
    """Stops showing masks."""
    _overlay.remove()
