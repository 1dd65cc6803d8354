"""Makes random meshes, about one unit in radius, and random deformations of them: pure numpy."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Points: TypeAlias = NDArray[np.float64]
"""(N, 3), x, y, z."""
Deformation: TypeAlias = Callable[[Points], Points]


@dataclass(frozen=True, slots=True)
class Shape:
    """A closed mesh: `points` (N, 3) and faces, tuples of three or more point numbers."""

    points: Points
    faces: list[tuple[int, ...]]


def random_shape(chance: np.random.Generator) -> Shape:
    """Returns a random shape, bent or twisted in most cases, its farthest point at distance 1."""
    makers = (_lumpy, _superquadric, _tube, _lathe, _prism)
    made = makers[int(chance.choice(len(makers), p=(0.32, 0.2, 0.16, 0.2, 0.12)))](chance)
    points = made.points * np.exp(chance.normal(0.0, 0.22, 3))
    if chance.random() < 0.65:
        points = random_deformation(chance, 0.9)(normal_size(points))
    return Shape(normal_size(points), made.faces)


def normal_size(points: Points) -> Points:
    """Returns the points centred, the farthest one at distance 1."""
    centred = points - (points.max(axis=0) + points.min(axis=0)) / 2
    return np.asarray(centred / np.linalg.norm(centred, axis=1).max())


def random_deformation(chance: np.random.Generator, strength: float) -> Deformation:
    """Returns a bend, twist, taper or wave of points within distance 1, about a random axis.

    Args:
        chance: source of randomness.
        strength: 1 bends by about half a turn.
    """
    turn = _rotation(chance)
    amount = strength * float(chance.uniform(0.5, 1.0)) * (1 if chance.random() < 0.5 else -1)
    kind = (_bent, _twisted, _tapered, _waved)[int(chance.integers(4))]
    phase = float(chance.uniform(0, 2 * math.pi))
    return lambda points: kind(points @ turn, amount, phase) @ turn.T


def capsule(length: float, radius: float, end_radius: float, around: int = 12) -> Shape:
    """Returns a limb from the origin down to z = -length, with round ends."""
    sphere = _sphere(12, around)
    points = sphere.points.copy()
    low = points[:, 2] < 0
    points *= np.where(low, end_radius, radius)[:, None]
    points[low, 2] -= length
    return Shape(points, sphere.faces)


def ball(rings: int = 14, around: int = 20) -> Shape:
    """Returns a sphere of radius 1."""
    return _sphere(rings, around)


def _rotation(chance: np.random.Generator) -> Points:
    turn, _ = np.linalg.qr(chance.normal(size=(3, 3)))
    return np.asarray(turn, np.float64)


def _bent(points: Points, amount: float, _phase: float) -> Points:
    if abs(amount) < 1e-3:
        return points
    radius, angle = 1.0 / amount, points[:, 2] * amount
    x = (points[:, 0] - radius) * np.cos(angle) + radius
    z = -(points[:, 0] - radius) * np.sin(angle)
    return np.stack((x, points[:, 1], z), axis=1)


def _twisted(points: Points, amount: float, _phase: float) -> Points:
    angle = 2.0 * amount * points[:, 2]
    x, y = points[:, 0], points[:, 1]
    return np.stack(
        (x * np.cos(angle) - y * np.sin(angle), x * np.sin(angle) + y * np.cos(angle), points[:, 2]), axis=1
    )


def _tapered(points: Points, amount: float, _phase: float) -> Points:
    scale = np.clip(1.0 + 0.7 * amount * points[:, 2], 0.15, 2.0)
    shape: Points = points * np.stack((scale, scale, np.ones_like(scale)), axis=1)
    return shape


def _waved(points: Points, amount: float, phase: float) -> Points:
    out: Points = points.copy()
    out[:, 0] += 0.22 * amount * np.sin(4.0 * points[:, 2] + phase)
    out[:, 1] += 0.22 * amount * np.cos(3.0 * points[:, 2] + phase)
    return out


def _sphere(rings: int, around: int) -> Shape:
    up = np.linspace(0, math.pi, rings + 1)[1:-1]
    turn = np.arange(around) / around * 2 * math.pi
    grid = np.stack(
        (np.outer(np.sin(up), np.cos(turn)), np.outer(np.sin(up), np.sin(turn)), np.outer(np.cos(up), np.ones(around))),
        axis=-1,
    )
    points = np.concatenate((grid.reshape(-1, 3), [(0, 0, 1), (0, 0, -1)]))
    return Shape(points, _capped(rings - 1, around))


def _capped(rows: int, around: int) -> list[tuple[int, ...]]:
    """Returns the faces of rows of points that go round, closed by one point at each end (the last two)."""
    faces: list[tuple[int, ...]] = []
    top, bottom = rows * around, rows * around + 1
    for j in range(around):
        following = (j + 1) % around
        faces.append((top, j, following))
        faces.append((bottom, (rows - 1) * around + following, (rows - 1) * around + j))
        for i in range(rows - 1):
            a, b = i * around, (i + 1) * around
            faces.append((a + j, b + j, b + following, a + following))
    return faces


def _lumpy(chance: np.random.Generator) -> Shape:
    """Returns a potato, a stone or a star: a sphere with lumps, dents and grain."""
    sphere = _sphere(28, 40)
    radius = np.full(len(sphere.points), 0.6)
    sharp = float(np.exp(chance.uniform(0.3, 2.6)))
    for _ in range(int(chance.integers(2, 9))):
        centre = _rotation(chance)[0]
        radius += float(chance.uniform(-0.25, 0.75)) * np.exp(sharp * (sphere.points @ centre - 1.0))
    for _ in range(int(chance.integers(0, 4))):
        wave = chance.normal(0.0, 5.0, 3)
        radius += 0.04 * np.sin(sphere.points @ wave + float(chance.uniform(0, 6.28)))
    return Shape(sphere.points * np.maximum(radius, 0.12)[:, None], sphere.faces)


def _superquadric(chance: np.random.Generator) -> Shape:
    """Returns a box, a cylinder, an octahedron, or something in between."""
    sphere = _sphere(26, 40)
    sideways, upwards = np.exp(chance.uniform(-1.6, 0.7, 2))
    flat = np.linalg.norm(sphere.points[:, :2], axis=1)
    share = sphere.points[:, :2] / np.maximum(flat, 1e-9)[:, None]
    level = np.sign(share) * np.abs(share) ** sideways * (flat**upwards)[:, None]
    height = np.sign(sphere.points[:, 2]) * np.abs(sphere.points[:, 2]) ** upwards
    return Shape(np.concatenate((level, height[:, None]), axis=1), sphere.faces)


def _tube(chance: np.random.Generator) -> Shape:
    """Returns a ring, a knot or a tangled loop."""
    steps, around = 110, 10
    along = np.arange(steps) / steps * 2 * math.pi
    line = np.zeros((steps, 3))
    for order in range(1, int(chance.integers(2, 5))):
        line += np.outer(np.cos(order * along), chance.normal(0, 1.0 / order, 3))
        line += np.outer(np.sin(order * along), chance.normal(0, 1.0 / order, 3))
    line = normal_size(line)
    ahead = np.roll(line, -1, axis=0) - np.roll(line, 1, axis=0)
    ahead /= np.maximum(np.linalg.norm(ahead, axis=1), 1e-9)[:, None]
    side = np.cross(ahead, _rotation(chance)[0])
    side /= np.maximum(np.linalg.norm(side, axis=1), 1e-9)[:, None]
    across = np.cross(ahead, side)
    thick = float(chance.uniform(0.07, 0.22)) * (1 + 0.4 * np.sin(along * int(chance.integers(1, 4))))
    turn = np.arange(around) / around * 2 * math.pi
    ring = side[:, None] * np.cos(turn)[None, :, None] + across[:, None] * np.sin(turn)[None, :, None]
    points = (line[:, None] + thick[:, None, None] * ring).reshape(-1, 3)
    faces: list[tuple[int, ...]] = []
    for i in range(steps):
        a, b = i * around, (i + 1) % steps * around
        faces += [(a + j, b + j, b + (j + 1) % around, a + (j + 1) % around) for j in range(around)]
    return Shape(points, faces)


def _lathe(chance: np.random.Generator) -> Shape:
    """Returns a vase, a bottle or a spindle: a profile turned about an axis."""
    rows, around = 30, 28
    height = np.linspace(1.0, -1.0, rows)
    stops = int(chance.integers(4, 8))
    radius = np.interp(height, np.linspace(-1, 1, stops), chance.uniform(0.12, 0.75, stops))
    radius = np.convolve(np.pad(radius, 2, "edge"), np.ones(5) / 5, "valid")
    turn = np.arange(around) / around * 2 * math.pi
    points = np.stack(
        (np.outer(radius, np.cos(turn)), np.outer(radius, np.sin(turn)), np.outer(height, np.ones(around))), axis=-1
    ).reshape(-1, 3)
    return Shape(np.concatenate((points, [(0, 0, 1.02), (0, 0, -1.02)])), _capped(rows, around))


def _prism(chance: np.random.Generator) -> Shape:
    """Returns a thick plate with the outline of a star, a gear or a splash."""
    around, rows = 96, 7
    turn = np.arange(around) / around * 2 * math.pi
    outline = np.full(around, 1.0)
    for _ in range(int(chance.integers(1, 4))):
        count = int(chance.integers(2, 8))
        outline += float(chance.uniform(0.1, 0.4)) * np.sin(count * turn + float(chance.uniform(0, 6.28)))
    outline = np.maximum(outline, 0.2)
    if chance.random() < 0.3:
        outline = np.where(np.sin(turn * int(chance.integers(4, 12))) > 0, outline, 0.7 * outline)
    thick = float(chance.uniform(0.06, 0.4))
    height = np.linspace(thick, -thick, rows)
    rim = 1.0 - 0.15 * (np.abs(height) / thick) ** 4
    points = np.stack(
        (
            np.outer(rim, outline * np.cos(turn)),
            np.outer(rim, outline * np.sin(turn)),
            np.outer(height, np.ones(around)),
        ),
        axis=-1,
    ).reshape(-1, 3)
    return Shape(np.concatenate((points, [(0, 0, thick), (0, 0, -thick)])), _capped(rows, around))
