"""Simulates an artist in a hurry: short, wobbly, off-centre strokes that sometimes leave the object.

The careful robot always draws the best possible stroke, which flatters a network trained on such strokes. RITM (Sofiiuk
et al. 2021) and the DAVIS interactive robot (Caelles et al. 2018) vary the position within the error region; here
position, length, shape and occasionally the label vary too. Seeded: the same picture, number and masks always give the
same stroke, and two networks get the same chances.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from ..core.types import Label, Stroke
from .robot import BRUSH_SHARE, CAREFUL, Robot, depth_of, middle_path

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Mask = NDArray[np.bool_]
    Points = NDArray[np.float64]

LENGTH = (0.15, 0.5)
"""Least and greatest share of the careful stroke's length."""
OFFSET, FARTHEST = 0.35, 0.8
"""Standard deviation and limit of the shift from the middle line, in depths of the region (its half width)."""
WOBBLE = (0.15, 0.4)
"""Range of the amplitude across the stroke, in depths."""
BRUSH = (0.7, 1.4)
"""Range of the radius, relative to the careful one."""
CROSSES, WRONG = 0.15, 0.07
"""Share of strokes that run on beyond the region, and of those entirely on the wrong side."""

_CHOICES = 5
_SPACING = 2.0


@dataclass(frozen=True, slots=True)
class Sloppy:
    """Draws somewhere in one of the worse errors, preferring the worst.

    Attributes:
        seed: another seed is another artist of the same kind.
    """

    seed: int = 0
    name: str = "sloppy"

    def stroke(self, mask: Mask | None, truth: Mask, counted: Mask | None, key: tuple[str, int]) -> Stroke | None:
        """See `Robot`."""
        rng = np.random.default_rng((self.seed, zlib.crc32(key[0].encode()), key[1]))
        found = _region(mask, truth, counted, rng)
        if found is None:
            return None
        region, label = found
        middle, depth = middle_path(region)
        radius = max(0.5, min(BRUSH_SHARE * float(np.hypot(*truth.shape)), 0.8 * depth) * rng.uniform(*BRUSH))
        shift = np.clip(rng.normal(0, OFFSET, 2), -FARTHEST, FARTHEST) * depth
        line = _wobbly(_piece(middle, rng), depth, rng) + shift
        if rng.random() < CROSSES:
            line = np.concatenate((line, line[-1:] + _direction(rng) * depth * rng.uniform(1.2, 2.0)))
        if rng.random() < WRONG and mask is not None:
            line, label = _astray(line, truth if label is Label.KEEP else ~truth, label, depth + 2 * radius)
        height, width = truth.shape
        return Stroke(np.clip(line, 0.0, (width - 0.5, height - 0.5)), radius, label)


ROBOTS: dict[str, Robot] = {"careful": CAREFUL, "sloppy": Sloppy()}


def _region(
    mask: Mask | None, truth: Mask, counted: Mask | None, rng: np.random.Generator
) -> tuple[Mask, Label] | None:
    """Returns one connected error and the label of a stroke against it; None when there is no error."""
    wrong = truth if mask is None else mask != truth
    if counted is not None:
        wrong = wrong & counted
    parts: list[tuple[float, Mask, Label]] = []
    for side, label in ((truth, Label.KEEP), (~truth, Label.REMOVE)):
        _, numbers = cv2.connectedComponents((wrong & side).astype(np.uint8), connectivity=4)
        weights = np.bincount(numbers.ravel(), weights=depth_of(wrong & side).ravel())
        weights[0] = 0.0
        worst = np.argsort(weights)[::-1][:_CHOICES]
        parts += [(float(weights[n]), numbers == n, label) for n in worst if weights[n] > 0]
    if not parts:
        return None
    parts.sort(key=lambda part: -part[0])
    chances = np.array([part[0] for part in parts[:_CHOICES]])
    _, region, label = parts[int(rng.choice(len(chances), p=chances / chances.sum()))]
    return region, label


def _piece(line: Points, rng: np.random.Generator) -> Points:
    """Returns a short piece of a line (N, 2) with evenly spaced points; at least one."""
    along = np.concatenate(([0.0], np.cumsum(np.hypot(*np.diff(line, axis=0).T)))) if len(line) > 1 else np.zeros(1)
    length = along[-1] * rng.uniform(*LENGTH)
    begin = rng.uniform(0, along[-1] - length)
    at = np.linspace(begin, begin + length, max(1, round(length / _SPACING)))
    return np.stack([np.interp(at, along, line[:, axis]) for axis in (0, 1)], axis=1)


def _wobbly(line: Points, depth: float, rng: np.random.Generator) -> Points:
    """Returns a line with waves across it."""
    amplitude, waves, phase = depth * rng.uniform(*WOBBLE), rng.uniform(0.5, 2.5), rng.uniform(0, 2 * np.pi)
    if len(line) < 2:
        return line
    way = line[-1] - line[0]
    across = np.array([-way[1], way[0]]) / max(float(np.hypot(*way)), 1e-6)
    swing = np.sin(np.linspace(0, 2 * np.pi * waves, len(line)) + phase) - np.sin(phase)
    return np.asarray(line + amplitude * swing[:, None] * across)


def _astray(line: Points, right: Mask, label: Label, distance: float) -> tuple[Points, Label]:
    """Returns a stroke that is wrong: moved off the `right` side, or with the other label."""
    height, width = right.shape
    for angle in np.linspace(0, 2 * np.pi, 8, endpoint=False):
        moved = line + distance * np.array([np.cos(angle), np.sin(angle)])
        x, y = np.floor(moved).astype(int).T
        inside = (x >= 0) & (x < width) & (y >= 0) & (y < height)
        if inside.all() and not right[y, x].any():
            return moved, label
    return line, Label.REMOVE if label is Label.KEEP else Label.KEEP


def _direction(rng: np.random.Generator) -> Points:
    angle = rng.uniform(0, 2 * np.pi)
    return np.array([np.cos(angle), np.sin(angle)])
