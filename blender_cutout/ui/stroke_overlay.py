"""Draws the strokes of the Cutout Brush over the preview, and the brush circle at the mouse.

A stroke being painted or waiting to be applied is drawn at full width, an applied stroke as a thin line. Only strokes
on the current frame are shown.
"""

# No `from __future__ import annotations`: see CONTRIBUTING.md.

from collections.abc import Sequence
from typing import Any

import bpy
import gpu

from ..core.types import Label
from ..geometry.mask_looks import MaskLook
from ..geometry.picture_map import PictureMap, Point
from ..geometry.stroke_shapes import band, circle
from ..host import compat
from ..scene import brush_tool
from ..scene.clip_in_view import seen
from ..scene.written import strokes_shown
from ..strokes import brush_strokes
from ..strokes.brush_strokes import Painted
from ..tasks.apply_strokes import known_strokes
from .draw_handler import DrawHandler
from .mask_shader import Painter, on_screen

_COLOURS = {Label.KEEP: (0.05, 0.9, 0.1), Label.REMOVE: (1.0, 0.06, 0.03)}
_DETAIL_COLOURS = {Label.KEEP: (0.1, 0.55, 1.0), Label.REMOVE: (0.7, 0.7, 0.7)}
_LINES = ((3.6, (0.0, 0.0, 0.0, 0.45)), (1.8, None))
"""Thin lines: width in pixels at a screen scale of 1, and colour; None = the stroke's colour."""


class StrokesOverlay(DrawHandler):
    """Draws strokes over the previews."""

    what = "The strokes over the preview"

    def __init__(self) -> None:
        super().__init__()
        self._cursor: Any = None
        self._painter = Painter()
        self._canvas: Any = None

    def add(self) -> None:
        """Starts drawing strokes and the brush circle; does nothing in background mode."""
        super().add()
        if self._cursor is None and not bpy.app.background:
            # Not the tool's own `draw_cursor`: up to 4.5 it draws in timelines only.
            self._cursor = bpy.types.WindowManager.draw_cursor_add(self._draw_cursor, (), "SEQUENCE_EDITOR", "PREVIEW")

    def remove(self) -> None:
        """Stops drawing and frees the graphics memory."""
        super().remove()
        if self._cursor is not None:
            bpy.types.WindowManager.draw_cursor_remove(self._cursor)
        self._cursor = None
        self._painter.close()
        self._free()

    def _free(self) -> None:
        if self._canvas is not None:
            self._canvas.free()
        self._canvas = None

    def draw(self, context: Any) -> None:
        """Draws the strokes of the frame in view."""
        scene = compat.sequencer_scene(context)
        detail = context.window_manager.cutout.brush_detail and brush_tool.is_active(context)
        if scene is None or not (
            brush_tool.live or any(len(t.detail_strokes if detail else t.strokes) for t in scene.cutout.tracks)
        ):
            return
        view = seen(scene, context.space_data)
        if view is None:
            return
        applied = known_strokes(scene, under_way=False)
        kind = view.track.detail_strokes if detail else view.track.strokes
        painted = brush_strokes.painted_on(kind, view.frame)
        wide = [p for p in painted if p.key not in applied]
        if brush_tool.live and brush_tool.live[0].frame == view.frame:
            wide += [stroke for stroke in brush_tool.live if not stroke.closed]
        thin = [p for p in painted if p.key in applied] if strokes_shown(scene) else []
        with self.guarded():
            for stroke in thin:
                self._line(on_screen(_places(stroke, view.picture), context.region), stroke.label)
            for label, colour in (_DETAIL_COLOURS if detail else _COLOURS).items():
                self._wide([p for p in wide if p.label is label], colour, view.picture, context.region)
            for stroke in brush_tool.live:
                if stroke.closed and stroke.frame == view.frame and len(stroke.touches) > 1:
                    places = on_screen(_places(stroke, view.picture), context.region)
                    self._line([*places, places[0]], stroke.label)

    def _wide(
        self, strokes: Sequence[Painted], colour: tuple[float, float, float], picture: PictureMap, region: Any
    ) -> None:
        """Paints strokes onto a canvas and draws that over the preview, so that overlaps do not get darker."""
        from gpu_extras.batch import batch_for_shader

        if not strokes:
            return
        size = (region.width, region.height)
        if self._canvas is None or (self._canvas.width, self._canvas.height) != size:
            self._free()
            self._canvas = gpu.types.GPUOffScreen(*size)
        scale = brush_tool.zoom_of(region) * picture.units_per_pixel
        shader = gpu.shader.from_builtin("UNIFORM_COLOR")
        with self._canvas.bind():
            gpu.state.active_framebuffer_get().clear(color=(0.0, 0.0, 0.0, 0.0))
            gpu.state.blend_set("NONE")
            for stroke in strokes:
                places = on_screen(_places(stroke, picture), region)
                corners, triangles = band(places, [max(1.0, r * scale) for r in stroke.radii()])
                shader.bind()
                shader.uniform_float("color", (1.0, 1.0, 1.0, 1.0))
                batch_for_shader(shader, "TRIS", {"pos": corners}, indices=triangles).draw(shader)
        red, green, blue = colour
        opacity = 0.5
        look = MaskLook(inside=(red * opacity, green * opacity, blue * opacity, opacity), line=(red, green, blue, 1.0))
        width, height = size
        self._painter.paint(
            self._canvas.texture_color,
            [(0, 0), (1, 0), (1, 1), (0, 1)],
            [(0, 0), (width, 0), (width, height), (0, height)],
            look,
        )

    def _line(self, places: Sequence[Point], label: Label) -> None:
        if len(places) == 1:  # a dot
            (x, y), reach = places[0], 2.0
            places = [(x - reach, y), (x + reach, y)]
        _draw_line([(x, y, 0.0) for x, y in places], (*_COLOURS[label], 0.75))

    def _draw_cursor(self, mouse: tuple[int, int]) -> None:
        """Draws the brush circle; Blender calls it over every preview. Must not raise."""
        context = bpy.context
        if self.is_broken:
            return
        with self.guarded():
            if not brush_tool.is_active(context):
                return
            view = seen(compat.sequencer_scene(context), context.space_data)
            if view is None:
                return
            scale = brush_tool.zoom_of(context.region) * view.picture.units_per_pixel
            colours = _DETAIL_COLOURS if context.window_manager.cutout.brush_detail else _COLOURS
            colour = colours[brush_tool.live[0].label] if brush_tool.live else (1.0, 1.0, 1.0)
            radius = context.window_manager.cutout.brush_radius
            _draw_line(circle(mouse, max(1.5, radius * scale)), (*colour, 0.9))


def _places(stroke: Painted, picture: PictureMap) -> list[Point]:
    return [picture.to_preview((x, y)) for x, y, _ in stroke.touches]


def _draw_line(points: Sequence[tuple[float, float, float]], colour: tuple[float, float, float, float]) -> None:
    """Draws a line with a dark rim, visible on any picture."""
    from gpu_extras.batch import batch_for_shader

    shader = gpu.shader.from_builtin("POLYLINE_UNIFORM_COLOR")
    batch = batch_for_shader(shader, "LINE_STRIP", {"pos": points})
    scale = bpy.context.preferences.system.ui_scale
    gpu.state.blend_set("ALPHA")
    shader.bind()
    shader.uniform_float("viewportSize", gpu.state.viewport_get()[2:])
    for width, own in _LINES:
        shader.uniform_float("lineWidth", width * scale)
        shader.uniform_float("color", own or colour)
        batch.draw(shader)
    gpu.state.blend_set("NONE")


_overlay = StrokesOverlay()


def register() -> None:
    """Starts showing strokes."""
    _overlay.add()


def unregister() -> None:
    """Stops showing strokes."""
    _overlay.remove()
