"""Makes the moving things of a clip: deforming meshes, jointed figures, merged blobs. Needs bpy."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import bpy
import numpy as np

from .shapes import Shape, ball, capsule, normal_size, random_deformation, random_shape
from .view import times


def add_mesh(shape: Shape, material: Any, name: str = "thing", smooth: bool = True) -> Any:
    """Returns a new object of the scene with a shape and a material."""
    mesh = bpy.data.meshes.new(name)
    mesh.from_pydata(shape.points.tolist(), [], shape.faces)
    if smooth:
        mesh.polygons.foreach_set("use_smooth", np.ones(len(mesh.polygons), bool))
    mesh.materials.append(material)
    made = bpy.data.objects.new(name, mesh)
    bpy.context.scene.collection.objects.link(made)
    return made


def add_body(kind: str, seed: int, phase: float, material: Any, frames: int) -> tuple[Any, list[Any]]:
    """Returns a new thing of radius 1: what moves all of it, and its visible objects.

    Args:
        kind: "shape", "figure" or "blob".
        seed: things of the same seed have the same form.
        phase: where in its own movement it begins, in radians.
        material: of all its parts.
        frames: of the clip.
    """
    chance = np.random.default_rng(seed)
    if kind == "figure":
        return _figure(chance, phase, material, frames)
    shape = _blob(chance) if kind == "blob" else random_shape(chance)
    body = add_mesh(shape, material)
    if chance.random() < 0.75:
        _deform(body, shape, chance, phase, frames)
    return body, [body]


def key_path(thing: Any, places: Sequence[Any], turns: Sequence[Any], size: Any) -> None:
    """Keys a thing's places (x, y, z), turns (Euler angles) and size, from the frame before the first on."""
    thing.scale = size
    for index, (place, turn) in enumerate(zip(places, turns, strict=True)):
        thing.location, thing.rotation_euler = place, turn
        thing.keyframe_insert("location", frame=index - 1)
        thing.keyframe_insert("rotation_euler", frame=index - 1)


def _deform(body: Any, shape: Shape, chance: np.random.Generator, phase: float, frames: int) -> None:
    """Adds two swinging shape keys, each a deformation of the whole."""
    body.shape_key_add(name="rest", from_mix=False)
    time = times(frames)
    for number in range(2):
        key = body.shape_key_add(name=str(number), from_mix=False)
        key.slider_min, key.slider_max = -2.0, 2.0
        moved = random_deformation(chance, float(chance.uniform(0.3, 1.0)))(shape.points)
        key.data.foreach_set("co", moved.astype(np.float32).ravel())
        pace, begin = float(chance.uniform(2.0, 9.0)), float(chance.uniform(0, 6.28)) + phase
        for index, moment in enumerate(time):
            key.value = math.sin(pace * moment + begin)
            key.keyframe_insert("value", frame=index - 1)


def _figure(chance: np.random.Generator, phase: float, material: Any, frames: int) -> tuple[Any, list[Any]]:
    """Returns a trunk with a head and two to six swinging limbs of two or three parts."""
    root = bpy.data.objects.new("figure", None)
    bpy.context.scene.collection.objects.link(root)
    upright = chance.random() < 0.5
    half = float(chance.uniform(0.28, 0.42))
    wide = float(chance.uniform(0.13, 0.24))
    trunk = ball()
    trunk = Shape(trunk.points * ((wide, wide * 0.8, half) if upright else (half, wide, wide)), trunk.faces)
    parts = [add_mesh(trunk, material)]
    head = ball(10, 14)
    large = float(chance.uniform(0.1, 0.18))
    parts.append(add_mesh(Shape(head.points * large * np.exp(chance.normal(0, 0.15, 3)), head.faces), material))
    parts[1].location = (0, 0, half + 0.8 * large) if upright else (half + 0.7 * large, 0, wide)
    for part in parts:
        part.parent = root
    joints = (
        [(side * wide, 0, 0.75 * half) for side in (-1, 1)] + [(side * wide * 0.6, 0, -0.8 * half) for side in (-1, 1)]
        if upright
        else [(along * half * 0.75, side * wide * 0.6, -0.3 * wide) for along in (-1, 1) for side in (-1, 1)]
    )
    if chance.random() < 0.3:
        joints = [tuple(trunk.points[int(chance.integers(len(trunk.points)))]) for _ in range(chance.integers(2, 7))]
    thick, pace = float(chance.uniform(0.05, 0.1)), float(chance.uniform(4, 12))
    swing = float(chance.uniform(0.25, 0.9))
    for number, joint in enumerate(joints):
        above: Any = root
        place = joint
        length, radius = float(chance.uniform(0.22, 0.42)), thick
        begin = phase + math.pi * (number % 2) + float(chance.normal(0, 0.2))
        for depth in range(int(chance.integers(2, 4))):
            limb = add_mesh(capsule(length, radius, radius * 0.75), material)
            limb.parent, limb.location = above, place
            rest = chance.normal(0, 0.35, 2)
            for index, moment in enumerate(times(frames)):
                angle = swing * math.sin(pace * moment + begin - 0.7 * depth)
                limb.rotation_euler = (rest[0] + (angle if upright else 0.3 * angle), rest[1] + 0.8 * angle, 0)
                limb.keyframe_insert("rotation_euler", frame=index - 1)
            parts.append(limb)
            above, place = limb, (0, 0, -length)
            length, radius = length * 0.9, radius * 0.75
    return root, parts


def _blob(chance: np.random.Generator) -> Shape:
    """Returns balls along a random walk, merged into one shape."""
    single = ball(10, 14)
    points: list[np.ndarray] = []
    faces: list[list[int]] = []
    place = np.zeros(3)
    for _ in range(int(chance.integers(3, 9))):
        radius = float(chance.uniform(0.2, 0.5))
        base = len(points) * len(single.points)
        points.append(single.points * radius + place)
        faces += [[base + i for i in face] for face in single.faces]
        step = chance.normal(0, 1, 3)
        place = place + step / np.linalg.norm(step) * radius * 1.15
        if chance.random() < 0.25:
            place = np.zeros(3)
    mesh = bpy.data.meshes.new("balls")
    mesh.from_pydata(normal_size(np.concatenate(points)).tolist(), [], faces)
    body = bpy.data.objects.new("balls", mesh)
    bpy.context.scene.collection.objects.link(body)
    remesh = body.modifiers.new("remesh", "REMESH")
    remesh.mode, remesh.voxel_size = "VOXEL", 0.075
    smooth = body.modifiers.new("smooth", "SMOOTH")
    smooth.factor, smooth.iterations = 0.6, 5
    bpy.context.view_layer.update()
    evaluated = body.evaluated_get(bpy.context.evaluated_depsgraph_get())
    grown = bpy.data.meshes.new_from_object(evaluated)
    flat = np.empty(len(grown.vertices) * 3, np.float32)
    grown.vertices.foreach_get("co", flat)
    whole = Shape(normal_size(flat.reshape(-1, 3).astype(np.float64)), [tuple(p.vertices) for p in grown.polygons])
    bpy.data.objects.remove(body)
    bpy.data.meshes.remove(mesh)
    bpy.data.meshes.remove(grown)
    return whole
