"""Makes the pictures and materials of the rendered clips. Needs bpy.

A material has two looks: the visible one, lit by one sun and an ambient light that costs no ray, and the one that
masks are rendered by: red = object index / `IDS`, green = 1. What is half transparent lets both through in part.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import bpy
import numpy as np
from numpy.typing import NDArray

Colour: TypeAlias = Sequence[float] | NDArray[np.float64]
"""Linear RGB."""

IDS = 8
"""An object's index in red is a multiple of one over this."""

_PIXELS = 128
_LOOK, _MASK = "look", "mask"


@dataclass(frozen=True, slots=True)
class Looks:
    """The source of textures and materials.

    Attributes:
        chance: source of randomness.
        pictures: files of photographs; may be empty.
        ambient: share of light that comes from everywhere.
    """

    chance: np.random.Generator
    pictures: Sequence[Path]
    ambient: float

    def picture(self, photograph: float = 0.7) -> Any:
        """Returns a texture: a photograph with that probability, if there are any, else a pattern."""
        if self.pictures and self.chance.random() < photograph:
            return bpy.data.images.load(str(self.pictures[int(self.chance.integers(len(self.pictures)))]))
        return _image(_pattern(self.chance))

    def surface(self) -> Any:
        """Returns a thing's material: a texture that sticks to it, in its own tone."""
        nodes = _Nodes("surface")
        scale = float(np.exp(self.chance.uniform(-0.7, 0.9)))
        colour = nodes.texture(self.picture(), "Generated", scale, box=True)
        if self.chance.random() < 0.5:
            colour = nodes.toned(colour, self.chance.uniform(0.4, 1.3, 3), float(self.chance.uniform(0.5, 1.3)))
        shine = float(self.chance.uniform(0.15, 0.6)) if self.chance.random() < 0.3 else None
        return nodes.solid(nodes.lit(colour, self.ambient, shine))

    def ground(self, metres: float) -> Any:
        """Returns the material of floors and walls: a texture that repeats every so many metres."""
        nodes = _Nodes("ground")
        colour = nodes.texture(self.picture(0.5), "Object", 1.0 / metres, box=True)
        colour = nodes.toned(colour, self.chance.uniform(0.6, 1.1, 3), float(self.chance.uniform(0.4, 1.0)))
        return nodes.solid(nodes.lit(colour, self.ambient, None))

    def backdrop(self) -> Any:
        """Returns the material of a far picture, which shines by itself."""
        nodes = _Nodes("backdrop")
        colour = nodes.texture(self.picture(0.9), "Generated", 1.0, box=False)
        return nodes.solid(nodes.glow(colour, 1.0))

    def plain(self, colour: Colour) -> Any:
        """Returns a material of one colour."""
        nodes = _Nodes("plain")
        return nodes.solid(nodes.lit(nodes.colour(colour), self.ambient, None))

    def lace(self, share: float) -> Any:
        """Returns the material of a plane with holes, like foliage; `share` of it is there."""
        nodes = _Nodes("lace")
        tone = np.array(self.chance.uniform(0.02, 0.45, 3))
        plan = noise(self.chance, float(self.chance.uniform(1.2, 2.2)), int(self.chance.integers(3, 9)))
        grain = noise(self.chance, 1.2, 8)
        pixels = np.empty((_PIXELS, _PIXELS, 4))
        pixels[..., :3] = tone * (0.4 + 1.2 * grain[..., None])
        pixels[..., 3] = np.clip((share - plan) * 12 + 0.5, 0, 1)
        image = nodes.texture_node(_image(pixels), "Generated", 1.0, False)
        return nodes.porous(nodes.lit(image.outputs["Color"], self.ambient, None), image.outputs["Alpha"], sharp=True)

    def puff(self, colour: Colour, most: float) -> Any:
        """Returns the material of a puff of smoke on a plane, `most` its largest opacity."""
        nodes = _Nodes("puff")
        grid = np.linspace(-1, 1, _PIXELS)
        radius = np.hypot(grid[:, None], grid[None, :])
        cloud = 0.55 + 0.9 * (noise(self.chance, 2.4, 1) - 0.3)
        pixels = np.empty((_PIXELS, _PIXELS, 4))
        pixels[..., :3] = np.array(colour) * (0.75 + 0.5 * noise(self.chance, 2.0, 2)[..., None])
        pixels[..., 3] = most * np.clip(cloud * 1.6 * (1 - radius**2), 0, 1) * np.clip((1 - radius) * 3, 0, 1)
        image = nodes.texture_node(_image(pixels), "Generated", 1.0, False)
        return nodes.porous(nodes.glow(image.outputs["Color"], 1.0), image.outputs["Alpha"], sharp=False)


def show_masks(on: bool) -> None:
    """Switches all materials to the look of masks, or back."""
    for material in bpy.data.materials:
        if material.node_tree is None:
            continue
        nodes = material.node_tree.nodes
        source = nodes.get(_MASK if on else _LOOK)
        if source is not None:
            material.node_tree.links.new(source.outputs[0], nodes["output"].inputs["Surface"])


def noise(chance: np.random.Generator, smoothness: float, lowest: int) -> NDArray[np.float64]:
    """Returns periodic noise (_PIXELS, _PIXELS) in [0, 1], its values spread evenly.

    Args:
        chance: source of randomness.
        smoothness: power by which the spectrum falls; 1 is rough, 3 soft.
        lowest: cycles across the picture below which there is nothing.
    """
    up = np.fft.fftfreq(_PIXELS)[:, None] * _PIXELS
    across = np.fft.rfftfreq(_PIXELS)[None, :] * _PIXELS
    radius = np.hypot(up, across)
    spectrum = np.where(radius < lowest, 0, np.maximum(radius, 1) ** -smoothness)
    white = np.fft.rfft2(chance.standard_normal((_PIXELS, _PIXELS)))
    values = np.fft.irfft2(white * spectrum, s=(_PIXELS, _PIXELS))
    ranks = np.empty(_PIXELS * _PIXELS)
    ranks[np.argsort(values, axis=None, kind="stable")] = np.linspace(0, 1, _PIXELS * _PIXELS)
    return ranks.reshape(_PIXELS, _PIXELS)


def _pattern(chance: np.random.Generator) -> NDArray[np.float64]:
    """Returns patches, stripes, spots or checks (P, P, 4) in a palette of two to five colours, with grain."""
    palette = chance.uniform(0.02, 0.9, (int(chance.integers(2, 6)), 3)) ** 1.5
    palette += float(chance.uniform(0.1, 0.9)) * (palette.mean(axis=1, keepdims=True) - palette)  # few colours are pure
    kind = int(chance.integers(4))
    grid = np.arange(_PIXELS) / _PIXELS
    count = int(chance.integers(2, 9))
    bent = 0.15 * (noise(chance, 2.2, 1) - 0.5)
    if kind == 0:
        value = noise(chance, float(chance.uniform(1.3, 2.6)), int(chance.integers(1, 7)))
    elif kind == 1:
        value = (grid[None, :] * count + bent * count) % 1.0
    elif kind == 2:
        near = np.hypot((grid[None, :] * count + bent) % 1 - 0.5, (grid[:, None] * count + bent) % 1 - 0.5)
        value = np.clip(near * 1.6, 0, 0.999)
    else:
        value = ((np.floor(grid[None, :] * count) + np.floor(grid[:, None] * count)) % len(palette)) / len(palette)
    chosen = np.clip((np.broadcast_to(value, (_PIXELS, _PIXELS)) * len(palette)).astype(int), 0, len(palette) - 1)
    pixels = np.ones((_PIXELS, _PIXELS, 4))
    pixels[..., :3] = palette[chosen] * (0.6 + 0.8 * noise(chance, 1.0, 6)[..., None])
    return pixels


def _image(pixels: NDArray[np.float64]) -> Any:
    image = bpy.data.images.new("pattern", _PIXELS, _PIXELS, alpha=True, float_buffer=True)
    image.pixels.foreach_set(pixels.astype(np.float32).ravel())
    image.update()
    return image


class _Nodes:
    """A new material's nodes."""

    def __init__(self, name: str) -> None:
        self.material = bpy.data.materials.new(name)
        self.material.use_nodes = True
        self._nodes, self._links = self.material.node_tree.nodes, self.material.node_tree.links
        self._nodes.clear()
        self._output = self._add("OutputMaterial")
        self._output.name = "output"

    def texture_node(self, image: Any, coordinates: str, scale: float, box: bool) -> Any:
        """Returns an image's node, projected from all sides or flat."""
        place, mapping, texture = self._add("TexCoord"), self._add("Mapping"), self._add("TexImage")
        texture.image = image
        if box:
            texture.projection, texture.projection_blend = "BOX", 0.3
        else:
            mapping.inputs["Rotation"].default_value[0] = -math.pi / 2  # upright planes: across and up
        mapping.inputs["Scale"].default_value = (scale, scale, scale)
        self._links.new(place.outputs[coordinates], mapping.inputs["Vector"])
        self._links.new(mapping.outputs["Vector"], texture.inputs["Vector"])
        return texture

    def texture(self, image: Any, coordinates: str, scale: float, box: bool) -> Any:
        """Returns the colours of `texture_node`."""
        return self.texture_node(image, coordinates, scale, box).outputs["Color"]

    def colour(self, value: Colour) -> Any:
        """Returns one colour."""
        node = self._add("RGB")
        node.outputs[0].default_value = (*value, 1.0)
        return node.outputs[0]

    def toned(self, colour: Any, tint: Colour, saturation: float) -> Any:
        """Returns a colour with less or more saturation, multiplied by a tint."""
        grey, product = self._add("HueSaturation"), self._add("VectorMath")
        product.operation = "MULTIPLY"
        grey.inputs["Saturation"].default_value = saturation
        product.inputs[1].default_value = tint
        self._links.new(colour, grey.inputs["Color"])
        self._links.new(grey.outputs["Color"], product.inputs[0])
        return product.outputs["Vector"]

    def glow(self, colour: Any, strength: float) -> Any:
        """Returns a surface that shines by itself."""
        node = self._add("Emission")
        node.inputs["Strength"].default_value = strength
        self._links.new(colour, node.inputs["Color"])
        return node.outputs[0]

    def lit(self, colour: Any, ambient: float, shine: float | None) -> Any:
        """Returns a surface lit by lamps and by `ambient` light, more from above; `shine`: roughness if glossy."""
        lamp = self._add("BsdfPrincipled" if shine is not None else "BsdfDiffuse")
        self._links.new(colour, lamp.inputs["Base Color" if shine is not None else "Color"])
        if shine is not None:
            lamp.inputs["Roughness"].default_value = shine
        place, parts, scale = self._add("NewGeometry"), self._add("SeparateXYZ"), self._add("Math")
        scale.operation = "MULTIPLY_ADD"
        scale.inputs[1].default_value, scale.inputs[2].default_value = 0.45 * ambient, 0.6 * ambient
        self._links.new(place.outputs["Normal"], parts.inputs[0])
        self._links.new(parts.outputs["Z"], scale.inputs[0])
        glow, both = self._add("Emission"), self._add("AddShader")
        self._links.new(colour, glow.inputs["Color"])
        self._links.new(scale.outputs[0], glow.inputs["Strength"])
        self._links.new(lamp.outputs[0], both.inputs[0])
        self._links.new(glow.outputs[0], both.inputs[1])
        return both.outputs[0]

    def solid(self, surface: Any) -> Any:
        """Returns the material with an opaque surface."""
        return self._done(surface, self._identity())

    def porous(self, surface: Any, alpha: Any, sharp: bool) -> Any:
        """Returns the material with an opacity; with `sharp` masks take it as all or nothing, and as no object."""
        black = self._add("Emission")
        black.inputs["Color"].default_value = (0, 1, 0, 1) if sharp else (0, 0, 0, 1)
        opaque = alpha
        if sharp:
            step = self._add("Math")
            step.operation = "GREATER_THAN"
            step.inputs[1].default_value = 0.5
            self._links.new(alpha, step.inputs[0])
            opaque = step.outputs[0]
        return self._done(self._mixed(surface, alpha), self._mixed(black.outputs[0], opaque))

    def _identity(self) -> Any:
        index, share, colour = self._add("ObjectInfo"), self._add("Math"), self._add("CombineXYZ")
        share.operation = "DIVIDE"
        share.inputs[1].default_value = IDS
        colour.inputs["Y"].default_value = 1.0
        self._links.new(index.outputs["Object Index"], share.inputs[0])
        self._links.new(share.outputs[0], colour.inputs["X"])
        return self.glow(colour.outputs[0], 1.0)

    def _mixed(self, surface: Any, alpha: Any) -> Any:
        clear, mix = self._add("BsdfTransparent"), self._add("MixShader")
        self._links.new(alpha, mix.inputs[0])
        self._links.new(clear.outputs[0], mix.inputs[1])
        self._links.new(surface, mix.inputs[2])
        return mix.outputs[0]

    def _done(self, look: Any, mask: Any) -> Any:
        # `show_masks` finds both by name, whatever kind of node they begin with.
        for name, surface in ((_LOOK, look), (_MASK, mask)):
            node = self._add("AddShader")
            node.name = name
            self._links.new(surface, node.inputs[0])
        self._links.new(self._nodes[_LOOK].outputs[0], self._output.inputs["Surface"])
        return self.material

    def _add(self, kind: str) -> Any:
        return self._nodes.new("ShaderNode" + kind)
