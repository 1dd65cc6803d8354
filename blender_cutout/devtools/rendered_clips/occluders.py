"""Adds what stands or drifts in front of the things: bars, fences, poles, wires, leaves, boards and smoke. Needs bpy.

All of it is background in the masks.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import bpy
import numpy as np

from .bodies import add_mesh, key_path
from .looks import Looks
from .shapes import Shape, ball
from .view import Path, View, times

NEAR = 2.6
"""Depth of what stands in front, in metres."""


def add_occluder(kind: str, view: View, looks: Looks, frames: int) -> None:
    """Adds one of `KINDS` in front of all things; some of it sways or drifts."""
    chance = looks.chance
    made = _KINDS[kind](view, looks)
    if chance.random() < 0.4:
        drift = chance.normal(0, (0.12, 0.0, 0.05)) * view.half(NEAR)[0]
        sway = float(chance.normal(0, 0.03))
        time = times(frames)
        places = [np.array(made.location) + drift * moment for moment in time]
        turns = [np.add(made.rotation_euler, (0, sway * math.sin(4 * moment), 0)) for moment in time]
        key_path(made, places, turns, made.scale)


def add_board(view: View, looks: Looks, place: tuple[float, float, float], size: float) -> None:
    """Adds a board, a trunk or a stone that hides a thing of `size` metres passing behind `place`."""
    chance = looks.chance
    x, y, z = view.place(*place)
    kind = int(chance.integers(3))
    wide = 0.8 * size * float(chance.uniform(1.0, 1.3))
    if kind == 0:
        shape = _box(wide, 0.06, size * float(chance.uniform(1.2, 2.5)))
    elif kind == 1:
        shape = Shape(_rod(40) * (wide, wide, 8.0), _rod_faces(40))
    else:
        stone = ball(18, 28)
        shape = Shape(stone.points * (1.25 * wide, wide, 1.3 * size), stone.faces)
    board = add_mesh(shape, looks.surface(), "board", smooth=kind > 0)
    board.location = (x, y, z)
    board.rotation_euler = (0, float(chance.normal(0, 0.08)), float(chance.normal(0, 0.3)) if kind == 0 else 0)


def add_smoke(view: View, looks: Looks, path: Path, size: float, frames: int) -> None:
    """Adds puffs of smoke that start at a thing's places, rise, grow and fade, before or behind it."""
    chance = looks.chance
    grey = float(chance.uniform(0.25, 0.95))
    colour = np.clip(grey * np.array((1, 1, 1)) * np.exp(chance.normal(0, 0.06, 3)), 0, 1)
    material = looks.puff(colour, float(chance.uniform(0.35, 1.0)))
    mesh = bpy.data.meshes.new("puff")
    mesh.from_pydata([(-1, 0, -1), (1, 0, -1), (1, 0, 1), (-1, 0, 1)], [], [(0, 1, 2, 3)])
    mesh.materials.append(material)
    wind = chance.normal((0, 0, 0.3), (0.5, 0.1, 0.25))
    front = chance.random() < 0.6
    time = times(frames)
    for _ in range(int(chance.integers(4, 10))):
        puff = bpy.data.objects.new("puff", mesh)
        bpy.context.scene.collection.objects.link(puff)
        puff.visible_shadow = False
        start = int(chance.integers(len(path)))
        across, up, depth = path[start]
        origin = np.array(view.place(across, up, depth + (-1 if front else 1) * size * float(chance.uniform(0.9, 1.5))))
        origin += chance.normal(0, 0.5 * size, 3) * (1, 0.2, 0.6)
        large = size * float(chance.uniform(0.5, 1.3))
        turn = float(chance.uniform(0, 6.28))
        for index, moment in enumerate(time):
            age = moment - time[start]
            puff.location = origin + wind * age
            puff.rotation_euler = (0, turn + 0.5 * age, 0)
            puff.scale = (large * (1 + 0.35 * age),) * 3
            for name in ("location", "rotation_euler", "scale"):
                puff.keyframe_insert(name, frame=index - 1)


def _bars(view: View, looks: Looks) -> Any:
    """Adds parallel bars, upright or slanted."""
    chance = looks.chance
    wide, _ = view.half(NEAR)
    gap = wide * float(chance.uniform(0.12, 0.5))
    thick = gap * float(chance.uniform(0.04, 0.16))
    count = int(3 * wide / gap) + 1
    return _grating(view, looks, [(gap * (i - count / 2), thick) for i in range(count)], [])


def _fence(view: View, looks: Looks) -> Any:
    """Adds crossed wires or boards."""
    chance = looks.chance
    wide, _ = view.half(NEAR)
    gap = wide * float(chance.uniform(0.1, 0.35))
    thick = gap * float(chance.uniform(0.03, 0.08))
    count = int(3.2 * wide / gap) + 1
    lines = [(gap * (i - count / 2), thick) for i in range(count)]
    made = _grating(view, looks, lines, lines)
    if chance.random() < 0.5:
        made.rotation_euler[1] = math.pi / 4
    return made


def _poles(view: View, looks: Looks) -> Any:
    """Adds one to three poles at random places."""
    chance = looks.chance
    wide, _ = view.half(NEAR)
    lines = [
        (float(chance.uniform(-0.8, 0.8)) * wide, wide * float(chance.uniform(0.02, 0.07)))
        for _ in range(int(chance.integers(1, 4)))
    ]
    return _grating(view, looks, lines, [])


def _wires(view: View, looks: Looks) -> Any:
    """Adds a few lines of a pixel or two across the picture."""
    chance = looks.chance
    wide, tall = view.half(NEAR)
    thin = 2 * wide / view.width
    lines = [
        (float(chance.uniform(-0.7, 0.7)) * tall, thin * float(chance.uniform(0.5, 1.4)))
        for _ in range(int(chance.integers(1, 6)))
    ]
    return _grating(view, looks, [], lines)


def _grating(
    view: View, looks: Looks, upright: Sequence[tuple[float, float]], level: Sequence[tuple[float, float]]
) -> Any:
    """Adds rods given by place and radius in one mesh, tilted a little."""
    long = 3.0 * max(view.half(NEAR))
    points: list[np.ndarray] = []
    faces: list[tuple[int, ...]] = []
    for lines, across in ((upright, False), (level, True)):
        for place, radius in lines:
            rod = _rod(8) * (radius, radius, long)
            if across:
                rod = rod[:, [2, 1, 0]] + (0, 2 * radius, place)
            else:
                rod[:, 0] += place
            base = 16 * len(points)
            points.append(rod)
            faces += [tuple(base + i for i in face) for face in _rod_faces(8)]
    chance = looks.chance
    shape = Shape(np.concatenate(points), faces)
    material = looks.surface() if chance.random() < 0.3 else looks.plain(chance.uniform(0.01, 0.6, 3) ** 1.5)
    made = add_mesh(shape, material, "grating", smooth=False)
    made.location = view.place(0, 0, NEAR)
    made.rotation_euler = (-view.pitch, float(chance.normal(0, 0.12)), float(chance.normal(0, 0.15)))
    return made


def _leaves(view: View, looks: Looks) -> Any:
    """Adds leaves hanging into the picture from one side, in one mesh."""
    chance = looks.chance
    wide, tall = view.half(NEAR)
    outline = np.array(
        [(0, 0, 0), (0.3, 0.05, 0.2), (0.7, 0.03, 0.19), (1, -0.08, 0), (0.7, 0.03, -0.19), (0.3, 0.05, -0.2)]
    )
    length = wide * float(chance.uniform(0.1, 0.3))
    corner = np.array([float(chance.choice((-1, 1))) * wide, 0, float(chance.uniform(-1, 1)) * tall])
    points, faces = [], []
    for number in range(int(chance.integers(12, 60))):
        turn, _ = np.linalg.qr(chance.normal(size=(3, 3)))
        flat = chance.normal(0, 0.25, 3)
        angle = float(chance.uniform(0, 6.28))
        plane = np.array([[math.cos(angle), 0, math.sin(angle)], [0, 1, 0], [-math.sin(angle), 0, math.cos(angle)]])
        leaf = outline @ plane * length * float(chance.uniform(0.5, 1.1)) + 0.25 * length * (outline @ turn) * flat
        place = corner * float(chance.uniform(0.1, 1.1)) + chance.normal(0, 0.35, 3) * (wide, 0.1, tall)
        points.append(leaf + place)
        faces += [tuple(6 * number + i for i in face) for face in ((0, 1, 5), (1, 2, 4, 5), (2, 3, 4))]
    green = chance.uniform(0.02, 0.3, 3) * (0.9, 1.3, 0.4)
    material = looks.surface() if chance.random() < 0.3 else looks.plain(green)
    made = add_mesh(Shape(np.concatenate(points), faces), material, "leaves", smooth=False)
    made.location = view.place(0, 0, NEAR)
    return made


def _lace(view: View, looks: Looks) -> Any:
    """Adds a plane with holes over all or part of the picture."""
    chance = looks.chance
    wide, _ = view.half(NEAR)
    reach = float(chance.uniform(0.5, 1.5))
    mesh = Shape(np.array([(-1, 0, -1), (1, 0, -1), (1, 0, 1), (-1, 0, 1)]) * reach * wide, [(0, 1, 2, 3)])
    made = add_mesh(mesh, looks.lace(float(chance.uniform(0.1, 0.35))), "lace", smooth=False)
    made.location = view.place(float(chance.uniform(-1, 1)), float(chance.uniform(-1, 1)), NEAR)
    made.rotation_euler = (-view.pitch, float(chance.uniform(0, 6.28)), 0)
    return made


_KINDS = {"bars": _bars, "fence": _fence, "poles": _poles, "wires": _wires, "leaves": _leaves, "lace": _lace}
KINDS = tuple(_KINDS)
"""What `add_occluder` can add."""


def _rod(around: int) -> np.ndarray:
    """Returns the points of an upright rod of radius and half length 1, the lower ring first."""
    turn = np.arange(around) / around * 2 * math.pi
    ring = np.stack((np.cos(turn), np.sin(turn)), axis=1)
    return np.concatenate([np.column_stack((ring, np.full(around, end))) for end in (-1.0, 1.0)])


def _rod_faces(around: int) -> list[tuple[int, ...]]:
    return [(j, (j + 1) % around, around + (j + 1) % around, around + j) for j in range(around)]


def _box(x: float, y: float, z: float) -> Shape:
    corners = np.array([(i, j, k) for i in (-x, x) for j in (-y, y) for k in (-z, z)])
    return Shape(corners, [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)])
