"""Paints masks over a preview: the shader, and uploading textures to the graphics card."""

# No `from __future__ import annotations`: see CONTRIBUTING.md.

from collections.abc import Sequence
from typing import Any

import gpu

from ..geometry.mask_looks import MaskLook
from ..geometry.picture_map import Point

_VERTEX = """
void main() {
  place = at;
  gl_Position = ModelViewProjectionMatrix * vec4(pos, 0.0, 1.0);
}
"""
# Bilinear by hand: up to Blender 5.1, Python cannot set a texture's filter. The outline is where the mask crosses
# one half, about one screen pixel wide at every zoom.
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


class Painter:
    """Paints textures with one shader, compiled on first use."""

    def __init__(self) -> None:
        self._shader: Any = None

    def close(self) -> None:
        """Frees the shader."""
        self._shader = None

    def prepare(self) -> None:
        """Has the graphics driver compile the shader, once, before a hand waits for it; paints nothing visible."""
        if self._shader is None:
            import numpy as np

            corner = [(0, 0), (1, 0), (1, 1), (0, 1)]
            # Like a mask: some drivers compile sizes that are powers of two, and triangles, apart.
            self.paint(upload(np.zeros((54, 96), np.uint8)), corner, corner, MaskLook())

    def paint(
        self, texture: Any, shares: Sequence[Point], places: Sequence[Point], chosen: MaskLook, square: float = 8.0
    ) -> None:
        """Paints a mask into a polygon.

        Args:
            texture: the mask, in the red channel.
            shares: texture coordinates of each corner, 0 to 1.
            places: the corners, in region pixels.
            chosen: the colours.
            square: side of the checkerboard squares, in pixels.
        """
        from gpu_extras.batch import batch_for_shader

        if self._shader is None:
            self._shader = _make_shader()
        batch = batch_for_shader(self._shader, "TRI_FAN", {"pos": places, "at": shares})
        matrix = gpu.matrix.get_projection_matrix() @ gpu.matrix.get_model_view_matrix()
        gpu.state.blend_set("ALPHA_PREMULT")
        self._shader.bind()
        self._shader.uniform_float("ModelViewProjectionMatrix", matrix)
        for name, colour in (("inside", chosen.inside), ("outside", chosen.outside), ("edge", chosen.line)):
            self._shader.uniform_float(name, colour)
        self._shader.uniform_float("extra", (chosen.reach, chosen.squares, square, 0.0))
        self._shader.uniform_sampler("matte", texture)
        batch.draw(self._shader)
        gpu.state.blend_set("NONE")


def upload(grey: Any) -> Any:
    """Returns a texture of pixels (H, W) uint8, top row first."""
    import numpy as np

    # The buffer takes floats only. Dividing is faster than a lookup table.
    values = (grey / np.float32(255)).ravel()
    data = gpu.types.Buffer("FLOAT", values.size, values)
    return gpu.types.GPUTexture((grey.shape[1], grey.shape[0]), format="R8", data=data)


def on_screen(points: Sequence[Point], region: Any) -> list[Point]:
    """Converts preview points to region pixels, without the rounding of `view_to_region`."""
    (x0, y0), (x1, y1) = (region.view2d.region_to_view(*at) for at in ((0, 0), (region.width, region.height)))
    wide, high = region.width / (x1 - x0), region.height / (y1 - y0)
    return [((x - x0) * wide, (y - y0) * high) for x, y in points]


def _make_shader() -> Any:
    info = gpu.types.GPUShaderCreateInfo()
    interface = gpu.types.GPUStageInterfaceInfo("cutout_overlay")
    interface.smooth("VEC2", "place")
    info.push_constant("MAT4", "ModelViewProjectionMatrix")
    for name in ("inside", "outside", "edge", "extra"):  # 128 bytes with the matrix: the guaranteed maximum
        info.push_constant("VEC4", name)
    info.sampler(0, "FLOAT_2D", "matte")
    info.vertex_in(0, "VEC2", "pos")
    info.vertex_in(1, "VEC2", "at")
    info.vertex_out(interface)
    info.fragment_out(0, "VEC4", "colour")
    info.vertex_source(_VERTEX)
    info.fragment_source(_FRAGMENT)
    return gpu.shader.create_from_info(info)
