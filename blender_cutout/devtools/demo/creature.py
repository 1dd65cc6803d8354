"""Makes the animal of the demo's clip: one closed mesh whose shape keys walk, bend, turn the head and breathe.

Needs bpy. Everything is computed and nothing is random, so every Blender makes the same animal.
"""

from __future__ import annotations

import math
from typing import Any, TypeAlias

import bpy
import numpy as np
from numpy.typing import NDArray

# Balls of the body at rest: x forward, z up; each (centre, radius). Legs, ears and tail are chains.
_BALLS = [
    ((-0.55, 0, 0.98), 0.36), ((-0.15, 0, 1.0), 0.4), ((0.3, 0, 1.03), 0.39), ((0.62, 0, 1.1), 0.32),
    ((0.9, 0, 1.32), 0.22), ((1.08, 0, 1.5), 0.27), ((1.34, 0, 1.42), 0.17), ((1.5, 0, 1.38), 0.12),
]  # fmt: skip
_CHAINS = [
    # from, to, radius at the start, radius at the end
    ((-0.62, 0.2, 0.8), (-0.68, 0.24, 0.08), 0.19, 0.1),
    ((-0.62, -0.2, 0.8), (-0.56, -0.24, 0.08), 0.19, 0.1),
    ((0.52, 0.2, 0.85), (0.56, 0.24, 0.08), 0.18, 0.09),
    ((0.52, -0.2, 0.85), (0.46, -0.24, 0.08), 0.18, 0.09),
    ((1.0, 0.16, 1.68), (0.84, 0.24, 2.05), 0.1, 0.035),
    ((1.0, -0.16, 1.68), (0.84, -0.24, 2.05), 0.1, 0.035),
    ((-0.82, 0, 1.1), (-1.35, 0, 1.45), 0.16, 0.12),
    ((-1.35, 0, 1.45), (-1.7, 0, 1.95), 0.12, 0.16),
]
Points: TypeAlias = NDArray[Any]
"""(N, 3): x, y, z."""
_HIP, _SHOULDER = (-0.62, 0.85), (0.52, 0.9)
"""x and z of the points around which the hind and front legs swing."""


def make_creature(scene: Any) -> Any:
    """Adds the animal to the scene, at the origin, facing x; returns the object with its shape keys."""
    mesh = _skin(scene)
    creature = bpy.data.objects.new("Creature", mesh)
    scene.collection.objects.link(creature)
    flat = np.empty(len(mesh.vertices) * 3, np.float32)
    mesh.vertices.foreach_get("co", flat)
    rest = flat.reshape(-1, 3).astype(np.float64)
    creature.shape_key_add(name="rest", from_mix=False)
    for name, moved in (
        ("step", _step(rest)),
        ("bend", _bend(rest)),
        ("head", _head(rest)),
        ("breath", _breath(rest)),
        ("wave", _wave(rest)),
    ):
        key = creature.shape_key_add(name=name, from_mix=False)
        key.slider_min, key.slider_max = -2.0, 2.0
        key.data.foreach_set("co", moved.astype(np.float32).ravel())
    return creature


def animate(creature: Any, frames: int) -> None:
    """Keys the shape keys for a walk with turns of the head, from frame -1 to `frames` + 1."""
    keys = creature.data.shape_keys.key_blocks
    for frame in range(-1, frames + 2):
        t = frame / 24
        values = {
            "step": math.sin(t * 2 * math.pi * 1.5),
            "bend": 0.9 * math.sin(t * 2 * math.pi * 0.55 + 0.6),
            "head": 0.9 * math.sin(t * 2 * math.pi * 0.7 + 2.0),
            "breath": math.sin(t * 2 * math.pi * 1.1),
            "wave": math.sin(t * 2 * math.pi * 0.9 + 1.0),
        }
        for name, value in values.items():
            keys[name].value = value
            keys[name].keyframe_insert("value", frame=frame)


def _skin(scene: Any) -> Any:
    """Returns the closed surface around all balls; made from voxels, as metaballs differ between versions."""
    balls = list(_BALLS)
    for start, end, thick, thin in _CHAINS:
        for part in np.linspace(0, 1, 9):
            centre = tuple(a + (b - a) * part for a, b in zip(start, end, strict=True))
            balls.append((centre, thick + (thin - thick) * part))
    vertices: list[Points] = []
    faces: list[list[int]] = []
    bpy.ops.mesh.primitive_uv_sphere_add(segments=24, ring_count=14)
    ball = bpy.context.object
    unit = np.array([v.co[:] for v in ball.data.vertices])
    polygons = [list(p.vertices) for p in ball.data.polygons]
    bpy.data.objects.remove(ball)
    for centre, radius in balls:
        base = sum(map(len, vertices))
        vertices.append(unit * radius + np.array(centre))
        faces += [[base + i for i in polygon] for polygon in polygons]
    mesh = bpy.data.meshes.new("balls")
    mesh.from_pydata(np.concatenate(vertices).tolist(), [], faces)
    body = bpy.data.objects.new("balls", mesh)
    scene.collection.objects.link(body)
    remesh = body.modifiers.new("remesh", "REMESH")
    remesh.mode, remesh.voxel_size, remesh.use_smooth_shade = "VOXEL", 0.045, True
    smooth = body.modifiers.new("smooth", "SMOOTH")
    smooth.factor, smooth.iterations = 0.6, 6
    bpy.context.view_layer.update()
    evaluated = body.evaluated_get(bpy.context.evaluated_depsgraph_get())
    result = bpy.data.meshes.new_from_object(evaluated)
    bpy.data.objects.remove(body)
    result.name = "Creature"
    return result


def _step(rest: Points) -> Points:
    """Returns the points with legs swung around hip and shoulder, opposite ones together."""
    moved: Points = rest.copy()
    for (x, z), side_of_hind in ((_HIP, 1.0), (_SHOULDER, -1.0)):
        near = np.clip(1 - np.abs(rest[:, 0] - x) / 0.42, 0, 1) > 0.2
        low = np.clip((z - rest[:, 2]) / 0.5, 0, 1) ** 0.8 * near
        angle = 0.55 * low * np.sign(rest[:, 1]) * side_of_hind
        dx, dz = rest[:, 0] - x, rest[:, 2] - z
        moved[:, 0] = np.where(near, x + dx * np.cos(angle) + dz * np.sin(angle), moved[:, 0])
        moved[:, 2] = np.where(near, z - dx * np.sin(angle) + dz * np.cos(angle), moved[:, 2])
    return moved


def _bend(rest: Points) -> Points:
    """Returns the points with the spine bent sideways into an arc, most at the tail."""
    moved: Points = rest.copy()
    moved[:, 1] += 0.16 * rest[:, 0] ** 2 + 0.35 * np.clip(-rest[:, 0] - 0.9, 0, None)
    return moved


def _head(rest: Points) -> Points:
    """Returns the points with head and neck turned sideways and down."""
    weight = np.clip((rest[:, 0] - 0.7) / 0.35, 0, 1) * np.clip((rest[:, 2] - 0.95) / 0.25, 0, 1)
    angle = 0.7 * weight
    x, y = rest[:, 0] - 0.8, rest[:, 1]
    moved: Points = rest.copy()
    moved[:, 0] = 0.8 + x * np.cos(angle) - y * np.sin(angle)
    moved[:, 1] = x * np.sin(angle) + y * np.cos(angle)
    moved[:, 2] -= 0.12 * weight
    return moved


def _breath(rest: Points) -> Points:
    """Returns the points with the belly swollen."""
    weight = np.exp(-((rest[:, 0] / 0.5) ** 2)) * np.clip((rest[:, 2] - 0.55) / 0.2, 0, 1)
    moved: Points = rest.copy()
    moved[:, 1] *= 1 + 0.22 * weight
    moved[:, 2] += 0.16 * weight * (rest[:, 2] - 1.0)
    return moved


def _wave(rest: Points) -> Points:
    """Returns the points with back and tail raised and lowered."""
    moved: Points = rest.copy()
    moved[:, 2] += 0.07 * np.sin(rest[:, 0] * 3.2) + 0.3 * np.clip(-rest[:, 0] - 0.85, 0, None)
    return moved
