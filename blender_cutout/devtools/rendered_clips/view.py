"""Models the camera: where in the world a point of the picture is, and how things move through the picture."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Path = NDArray[np.float64]
"""(frames + 2, 3): across and up in the picture (-1 to 1 at its edges), depth; begins a frame before the first."""

NEAREST, FARTHEST = 4.0, 9.0
"""Depths between which things move, in metres."""


@dataclass(frozen=True, slots=True)
class View:
    """A camera at the origin that looks along y, `pitch` radians downwards; `floor` metres below it lies the ground."""

    width: int
    height: int
    angle: float
    pitch: float
    floor: float

    def half(self, depth: float) -> tuple[float, float]:
        """Returns half the width and half the height of the picture at a depth, in metres."""
        wide = depth * math.tan(self.angle / 2)
        return wide, wide * self.height / self.width

    def place(self, across: float, up: float, depth: float) -> tuple[float, float, float]:
        """Returns x, y, z of a place in the picture at a depth along the camera's axis."""
        wide, tall = self.half(depth)
        sine, cosine = math.sin(-self.pitch), math.cos(-self.pitch)
        return across * wide, depth * cosine - up * tall * sine, depth * sine + up * tall * cosine

    def on_floor(self, across: float, depth: float) -> tuple[float, float, float]:
        """Returns x, y, z of a place on the ground."""
        return across * self.half(depth)[0], depth, -self.floor


def random_view(chance: np.random.Generator, sizes: tuple[tuple[int, int], ...], grounded: bool) -> View:
    """Returns a random camera; one that sees the ground looks down a little."""
    width, height = sizes[int(chance.integers(len(sizes)))]
    floor = float(chance.uniform(0.9, 2.2))
    pitch = math.atan(floor / 6.5) * float(chance.uniform(0.5, 0.95)) if grounded else 0.0
    return View(width, height, math.radians(float(chance.uniform(34, 58))), pitch, floor)


def times(frames: int) -> NDArray[np.float64]:
    """Returns time in the clip, 0 at its first and 1 at its last frame, with a frame more at each end."""
    return np.arange(-1, frames + 1) / max(frames - 1, 1)


def wander(chance: np.random.Generator, frames: int, pace: float) -> Path:
    """Returns a smooth path from one random place to another.

    Args:
        chance: source of randomness.
        frames: of the clip.
        pace: how far it goes, in halves of the picture.
    """
    time = times(frames)[:, None]
    middle = chance.uniform((-0.55, -0.5, NEAREST), (0.55, 0.5, FARTHEST))
    heading = float(chance.uniform(0, 2 * math.pi))
    step = pace * np.array([math.cos(heading), 0.7 * math.sin(heading), float(chance.normal(0, 1.2))])
    sway = chance.normal(0, (0.1, 0.1, 0.15)) * np.sin(time * chance.uniform(2, 7, 3) + chance.uniform(0, 6.28, 3))
    return _kept(middle + (time - 0.5) * step + sway)


def crossing(chance: np.random.Generator, frames: int, number: int, level: float, depth: float) -> Path:
    """Returns the path of one of several crossing things: even numbers go right, odd ones left."""
    way = 1.0 if number % 2 == 0 else -1.0
    reach = float(chance.uniform(0.3, 0.8))
    time = times(frames)
    meet = float(chance.uniform(0.3, 0.7))
    out = np.empty((len(time), 3))
    out[:, 0] = way * 2 * reach * (time - meet) + float(chance.normal(0, 0.08))
    out[:, 1] = level + float(chance.normal(0, 0.08)) + float(chance.normal(0, 0.12)) * np.sin(3 * time)
    out[:, 2] = depth + 0.9 * number + float(chance.uniform(-0.2, 0.2))
    return out


def leaving(chance: np.random.Generator, frames: int, size: float) -> Path:
    """Returns the path of a thing that leaves the picture at a side and comes back; `size` in halves of the picture."""
    out = wander(chance, frames, 0.15)
    side = 1.0 if chance.random() < 0.5 else -1.0
    far = 1.0 + size + float(chance.uniform(0.15, 0.5)) - side * out[:, 0]
    out[:, 0] += side * far * np.sin(np.clip(times(frames), 0, 1) * math.pi) ** float(chance.uniform(0.8, 1.6))
    return out


def passing(chance: np.random.Generator, frames: int) -> tuple[Path, tuple[float, float, float]]:
    """Returns the path of a thing that is hidden for a while, and the place (across, up, depth) of what hides it."""
    out = wander(chance, frames, 0.0)
    time, way = times(frames), 1.0 if chance.random() < 0.5 else -1.0
    reach = float(chance.uniform(0.45, 0.8))
    middle = float(chance.uniform(-0.15, 0.15))
    out[:, 0] = middle + way * reach * (2 * time - 1) * np.abs(2 * time - 1) ** float(chance.uniform(0.0, 0.6))
    return out, (middle, float(out[len(out) // 2, 1]), float(out[:, 2].min()) * 0.8)


def _kept(path: Path) -> Path:
    path[:, 2] = np.clip(path[:, 2], NEAREST - 1, FARTHEST + 2)
    return path
