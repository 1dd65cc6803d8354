"""Makes the surfaces of the demo's scene as noise pictures, which render far faster than noise in shaders.

Needs bpy. All surfaces share one palette, in different proportions and sizes, as in nature.
"""

from __future__ import annotations

from typing import Any

import bpy
import numpy as np

PALETTE = np.array([(0.04, 0.03, 0.02), (0.3, 0.13, 0.05), (0.58, 0.34, 0.13), (0.17, 0.19, 0.06), (0.72, 0.58, 0.36)])
"""Linear RGB: nearly black, brown, tan, moss, cream."""
SIZE = 512


def noise(seed: int, smoothness: float, lowest: int = 1, stretch: float = 1.0) -> np.ndarray:
    """Returns periodic fractal noise (SIZE, SIZE) in [0, 1] with uniformly distributed values.

    Args:
        seed: the generator gives the same numbers in every numpy.
        smoothness: exponent with which the spectrum falls; 1 is rough, 3 soft.
        lowest: lowest frequency, in cycles across the picture: the size of the patches.
        stretch: more than 1 makes vertical streaks.
    """
    frequency_y = np.fft.fftfreq(SIZE)[:, None] * SIZE * stretch
    frequency_x = np.fft.rfftfreq(SIZE)[None, :] * SIZE
    radius = np.hypot(frequency_x, frequency_y)
    spectrum = np.where(radius < lowest, 0, np.maximum(radius, 1) ** -smoothness)
    white = np.fft.rfft2(np.random.RandomState(seed).standard_normal((SIZE, SIZE)))
    values = np.fft.irfft2(white * spectrum, s=(SIZE, SIZE))
    ranks = np.empty(SIZE * SIZE)
    ranks[np.argsort(values, axis=None, kind="stable")] = np.linspace(0, 1, SIZE * SIZE)
    return ranks.reshape(SIZE, SIZE)


def surface(
    seed: int, shares: tuple[float, ...], patch: int, smoothness: float = 2.2, stretch: float = 1.0
) -> np.ndarray:
    """Returns a linear picture (SIZE, SIZE, 3) of palette patches with grain.

    Args:
        seed: of its noise.
        shares: amount of each palette colour; neighbours in the palette touch.
        patch: approximate number of patches across the picture.
        smoothness: as in `noise`.
        stretch: as in `noise`.
    """
    values = noise(seed, smoothness, patch, stretch)
    stops = np.cumsum((0.0, *shares)) / sum(shares)
    middles = (stops[1:] + stops[:-1]) / 2
    colour = np.stack([np.interp(values, middles, PALETTE[:, c]) for c in range(3)], axis=-1)
    grain = noise(seed + 100, 0.9, 8, stretch)
    return colour * (0.45 + 1.1 * grain[..., None])


def material(name: str, picture: np.ndarray, scale: tuple[float, float, float], coordinates: str = "Object") -> Any:
    """Returns a rough material with the picture projected from all sides, `scale` repeats per unit of the coordinates.

    Args:
        name: the material's name.
        picture: (SIZE, SIZE, 3), linear.
        scale: along x, y, z.
        coordinates: "Object", or "Generated" to stick to a mesh that deforms.
    """
    image = bpy.data.images.new(name, SIZE, SIZE, float_buffer=True)
    pixels = np.ones((SIZE, SIZE, 4), np.float32)
    pixels[..., :3] = picture
    image.pixels.foreach_set(pixels.ravel())
    image.update()
    made = bpy.data.materials.new(name)
    made.use_nodes = True
    nodes, links = made.node_tree.nodes, made.node_tree.links
    shader = next(node for node in nodes if node.type == "BSDF_PRINCIPLED")
    place, mapping, texture = (
        nodes.new(kind) for kind in ("ShaderNodeTexCoord", "ShaderNodeMapping", "ShaderNodeTexImage")
    )
    texture.image, texture.projection, texture.projection_blend = image, "BOX", 0.25
    mapping.inputs["Scale"].default_value = scale
    links.new(place.outputs[coordinates], mapping.inputs["Vector"])
    links.new(mapping.outputs["Vector"], texture.inputs["Vector"])
    links.new(texture.outputs["Color"], shader.inputs["Base Color"])
    shader.inputs["Roughness"].default_value = 0.9
    return made
