"""Adds a clip's surroundings: background, floor, clutter, light and camera. Needs bpy."""

from __future__ import annotations

import math
from typing import Any

import bpy
import numpy as np

from .bodies import add_mesh
from .looks import Looks
from .shapes import Shape, random_shape
from .view import FARTHEST, View, times

BACK = 15.0
"""Depth of the far picture, in metres."""


def add_surroundings(view: View, looks: Looks, grounded: bool) -> None:
    """Adds a far picture; with `grounded` a floor too, sometimes a room's walls, and clutter."""
    chance = looks.chance
    wide, tall = (1.7 * half for half in view.half(BACK))
    if not grounded:
        _card(looks.backdrop(), wide, tall, view.place(0, 0, BACK))
        return
    room = chance.random() < 0.35
    if room:
        back = float(chance.uniform(FARTHEST + 1, BACK))
        wall = looks.ground(float(chance.uniform(2, 8)))
        _card(wall, 40, 20, (0, back, -view.floor + 20))
        if chance.random() < 0.6:
            side = float(chance.choice((-1, 1)))
            card = _card(
                wall, 40, 20, (side * float(chance.uniform(0.7, 1.0)) * view.half(back)[0], 0, 20 - view.floor)
            )
            card.rotation_euler[2] = math.pi / 2
    else:
        _card(looks.backdrop(), wide, tall, (0, BACK, -view.floor + 0.9 * tall))
    shape = Shape(np.array([(-60, -5, 0), (60, -5, 0), (60, 60, 0), (-60, 60, 0)], float), [(0, 1, 2, 3)])
    floor = add_mesh(shape, looks.ground(float(chance.uniform(1.5, 7))), "floor", smooth=False)
    floor.location = (0, 0, -view.floor)
    for _ in range(int(chance.integers(0, 5))):
        _clutter(view, looks)


def _clutter(view: View, looks: Looks) -> None:
    chance = looks.chance
    shape = random_shape(chance)
    size = float(chance.uniform(0.25, 1.1))
    thing = add_mesh(shape, looks.surface(), "clutter")
    x, y, z = view.on_floor(float(chance.uniform(-1, 1)), float(chance.uniform(5.5, FARTHEST + 4)))
    thing.scale = (size, size, size)
    thing.location = (x, y, z - float(shape.points[:, 2].min()) * size)
    thing.rotation_euler[2] = float(chance.uniform(0, 6.28))


def _card(material: Any, wide: float, tall: float, place: tuple[float, float, float]) -> Any:
    """Adds an upright plane; Generated coordinates run over it as over a picture: x across, z up."""
    mesh = bpy.data.meshes.new("card")
    corners = [(-wide, 0, -tall), (wide, 0, -tall), (wide, 0, tall), (-wide, 0, tall)]
    mesh.from_pydata(corners, [], [(0, 1, 2, 3)])
    mesh.materials.append(material)
    card = bpy.data.objects.new("card", mesh)
    card.location = place
    bpy.context.scene.collection.objects.link(card)
    return card


def add_light(looks: Looks, frames: int) -> None:
    """Adds a sun of random strength, colour and direction; sometimes it moves or flickers."""
    chance = looks.chance
    data = bpy.data.lights.new("sun", "SUN")
    data.angle = 0.01
    data.color = np.clip(np.exp(chance.normal(0, 0.12, 3)), 0.5, 1.5)
    lamp = bpy.data.objects.new("sun", data)
    bpy.context.scene.collection.objects.link(lamp)
    strength = float(chance.uniform(1.0, 4.0))
    tilt, turn = float(chance.uniform(0.2, 1.1)), float(chance.uniform(-1.4, 1.4))
    data.energy = strength
    lamp.rotation_euler = (tilt, 0, turn)
    if chance.random() < 0.25:
        pace, depth = float(chance.uniform(1, 14)), float(chance.uniform(0.2, 0.7))
        for index, moment in enumerate(times(frames)):
            data.energy = strength * (1 + depth * math.sin(pace * moment))
            data.keyframe_insert("energy", frame=index - 1)
            lamp.rotation_euler = (tilt, 0, turn + 0.5 * moment)
            lamp.keyframe_insert("rotation_euler", frame=index - 1)


def exposures(chance: np.random.Generator, frames: int) -> list[float]:
    """Returns the exposure of each frame in stops: mostly level, sometimes drifting or flickering."""
    level = float(chance.normal(0.0, 0.25))
    if chance.random() > 0.25:
        return [level] * frames
    drift, flicker = float(chance.normal(0, 0.6)), float(chance.uniform(0, 0.2))
    return [level + drift * (i / frames - 0.5) + flicker * float(chance.normal()) for i in range(frames)]


def add_camera(view: View, chance: np.random.Generator, frames: int) -> None:
    """Adds the camera: still, panning, shaking, zooming or moving."""
    data = bpy.data.cameras.new("camera")
    data.sensor_fit, data.angle = "HORIZONTAL", view.angle
    camera = bpy.data.objects.new("camera", data)
    scene = bpy.context.scene
    scene.collection.objects.link(camera)
    scene.camera = camera
    moves = chance.random(4) < (0.55, 0.45, 0.3, 0.45)
    pan = chance.normal(0, 0.08, 2) * moves[0]
    shake = float(np.exp(chance.normal(-5.2, 0.6))) * moves[1]
    roll = float(chance.normal(0, 0.04)) * moves[0]
    zoom = float(chance.normal(0, 0.12)) * moves[2]
    way = chance.normal(0, (0.3, 0.35, 0.08)) * moves[3]
    for index, moment in enumerate(times(frames)):
        t = moment - 0.5
        wobble = chance.normal(0, 1, 3) * shake
        camera.location = way * t
        camera.rotation_euler = (
            math.pi / 2 - view.pitch + pan[0] * t + wobble[0],
            roll * t + 0.5 * wobble[1],
            pan[1] * t + wobble[2],
        )
        data.angle = view.angle * math.exp(zoom * t)
        camera.keyframe_insert("location", frame=index - 1)
        camera.keyframe_insert("rotation_euler", frame=index - 1)
        data.keyframe_insert("lens", frame=index - 1)
