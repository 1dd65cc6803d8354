"""Shows the active cutout's mask over the preview: as tint, outline, checkerboard or black and white, where it lies.

Only draws; the picture of the render is not touched. A mask is read from its file when it is first shown and kept on
the graphics card; nothing is added to the .blend.
"""

# No `from __future__ import annotations`: that name is a module here.

import logging
from collections import OrderedDict
from pathlib import Path
from typing import Any

import bpy
import gpu

from . import jobs, properties
from .core.errors import CutoutError
from .host import annotations, compat, masks, strips
from .host.looks import CHECKER, GREY, OUTLINE, Look, look
from .host.mapping import PictureMap, Point
from .host.png import read_grey

_log = logging.getLogger(__name__)
_KEPT = 8
"""Textures kept: what is in view, and a few frames to step back and forth."""

_VERTEX = """
void main() {
  place = at;
  gl_Position = ModelViewProjectionMatrix * vec4(pos, 0.0, 1.0);
}
"""
# Bilinear by hand: up to 5.1 a texture's filter cannot be chosen from Python. The outline is where the mask crosses
# one half, about a screen pixel wide at every zoom.
_FRAGMENT = """
float matte_at(ivec2 p) {
  return texelFetch(matte, clamp(p, ivec2(0), textureSize(matte, 0) - ivec2(1)), 0).r;
}

void main() {
  vec2 p = place * vec2(textureSize(matte, 0)) - vec2(0.5);
  ivec2 q = ivec2(floor(p));
  vec2 f = p - floor(p);
  float upper = mix(matte_at(q), matte_at(q + ivec2(1, 0)), f.x);
  float lower = mix(matte_at(q + ivec2(0, 1)), matte_at(q + ivec2(1, 1)), f.x);
  float m = mix(upper, lower, f.y);
  float line = 1.0 - smoothstep(extra.x - 0.5, extra.x + 0.5, abs(m - 0.5) / max(fwidth(m), 0.0001));
  vec2 square = floor(gl_FragCoord.xy / extra.z);
  vec4 around = vec4(outside.rgb * (1.0 - extra.y * mod(square.x + square.y, 2.0)), outside.a);
  vec4 over = mix(around, inside, m);
  colour = edge * line + over * (1.0 - edge.a * line);
}
"""
_SQUARE = 8.0
"""Side of the checkerboard's squares, in pixels at a screen scale of 1."""


class Overlay:
    """What is drawn over the previews, and the textures for it."""

    def __init__(self) -> None:
        self._handle: Any = None
        self._shader: Any = None
        self._broken = False
        self._textures: OrderedDict[tuple[str, int], Any] = OrderedDict()

    def add(self) -> None:
        """Has it drawn from now on; not without a window."""
        if self._handle is None and not bpy.app.background:
            self._handle = bpy.types.SpaceSequenceEditor.draw_handler_add(self._draw, (), "PREVIEW", "POST_PIXEL")

    def remove(self) -> None:
        """Has it not drawn any more, and frees the graphics memory."""
        if self._handle is not None:
            bpy.types.SpaceSequenceEditor.draw_handler_remove(self._handle, "PREVIEW")
        self._handle, self._shader, self._broken = None, None, False
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
                texture = self._texture(path)
                if texture is not None:
                    self._paint(texture, picture, context.region, chosen_look(scene))
            except Exception:  # all that the gpu module raises; a driver that fails once would fail at every redraw
                self._broken = True
                _log.exception("The mask cannot be shown over the preview")

    def _texture(self, path: Path) -> Any:
        """The mask as a texture, rows from the top; None when it cannot be read."""
        try:
            key = (str(path), path.stat().st_mtime_ns)
            if key not in self._textures:
                self._textures[key] = _upload(path)
        except OSError:
            return None
        except ValueError:
            self._textures[key] = None  # damaged: not to be tried again at every redraw
        self._textures.move_to_end(key)
        while len(self._textures) > _KEPT:
            self._textures.popitem(last=False)
        return self._textures[key]

    def _paint(self, texture: Any, picture: PictureMap, region: Any, chosen: Look) -> None:
        from gpu_extras.batch import batch_for_shader

        if self._shader is None:
            self._shader = _make_shader()
        sources, places = corners(picture)
        matrix = gpu.matrix.get_projection_matrix() @ gpu.matrix.get_model_view_matrix()
        batch = batch_for_shader(self._shader, "TRI_FAN", {"pos": _on_screen(places, region), "at": sources})
        side = _SQUARE * bpy.context.preferences.system.ui_scale
        gpu.state.blend_set("ALPHA_PREMULT")
        self._shader.bind()
        self._shader.uniform_float("ModelViewProjectionMatrix", matrix)
        for name, colour in (("inside", chosen.inside), ("outside", chosen.outside), ("edge", chosen.line)):
            self._shader.uniform_float(name, colour)
        self._shader.uniform_float("extra", (chosen.reach, chosen.squares, side, 0.0))
        self._shader.uniform_sampler("matte", texture)
        batch.draw(self._shader)
        gpu.state.blend_set("NONE")


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


def corners(picture: PictureMap) -> tuple[list[Point], list[Point]]:
    """The corners of what the crop leaves of a picture: in shares of its width and height, and as preview points."""
    width, height = picture.source_size
    left, right, bottom, top = picture.crop
    x0, x1, y0, y1 = left, max(left, width - right), top, max(top, height - bottom)
    points: list[Point] = [(x0, y0), (x1, y0), (x1, y1), (x0, y1)]
    return [(x / width, y / height) for x, y in points], [picture.to_preview(point) for point in points]


def _on_screen(points: list[Point], region: Any) -> list[Point]:
    """Preview points in pixels of the region. Not by `view_to_region`, which rounds."""
    (x0, y0), (x1, y1) = (region.view2d.region_to_view(*at) for at in ((0, 0), (region.width, region.height)))
    wide, high = region.width / (x1 - x0), region.height / (y1 - y0)
    return [((x - x0) * wide, (y - y0) * high) for x, y in points]


def _upload(path: Path) -> Any:
    """The mask of a file on the graphics card."""
    import numpy as np

    grey = read_grey(path)
    shares = (grey / np.float32(255)).ravel()
    data = gpu.types.Buffer("FLOAT", shares.size, shares)
    return gpu.types.GPUTexture((grey.shape[1], grey.shape[0]), format="R8", data=data)


def _make_shader() -> Any:
    info = gpu.types.GPUShaderCreateInfo()
    interface = gpu.types.GPUStageInterfaceInfo("cutout_overlay")
    interface.smooth("VEC2", "place")
    info.push_constant("MAT4", "ModelViewProjectionMatrix")
    for name in ("inside", "outside", "edge", "extra"):  # with the matrix 128 bytes: all that every driver gives
        info.push_constant("VEC4", name)
    info.sampler(0, "FLOAT_2D", "matte")
    info.vertex_in(0, "VEC2", "pos")
    info.vertex_in(1, "VEC2", "at")
    info.vertex_out(interface)
    info.fragment_out(0, "VEC4", "colour")
    info.vertex_source(_VERTEX)
    info.fragment_source(_FRAGMENT)
    return gpu.shader.create_from_info(info)


_overlay = Overlay()


def register() -> None:
    """Shows masks from now on."""
    _overlay.add()


def unregister() -> None:
    """Shows none any more."""
    _overlay.remove()
