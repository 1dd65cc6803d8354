"""Splits one object into two by image processing, so that touching, similar parts get ids of their own."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray

SMALLEST_PART = 0.15
"""Least share of the object's area."""


def split_object(
    image: NDArray[np.uint8], mask: NDArray[np.bool_], rng: np.random.Generator
) -> NDArray[np.bool_] | None:
    """Returns an object's two parts (2, h, w), disjoint and together the object; None when no even split was found.

    Half of the splits are cuts along a line, half are clusters of colour and place.

    Args:
        image: (h, w, 3).
        mask: (h, w), the object.
        rng: source of randomness.
    """
    ys, xs = np.nonzero(mask)
    if len(ys) < 64:
        return None
    place = np.stack((xs, ys), axis=1).astype(np.float64)
    place = (place - place.mean(axis=0)) / max(float(place.std(axis=0).max()), 1.0)
    for _ in range(3):
        second = _cut(place, rng) if rng.random() < 0.5 else _clusters(place, image[ys, xs], rng)
        part = np.zeros(mask.shape, bool)
        part[ys, xs] = second
        part = _smooth(part, mask)
        share = part.sum() / len(ys)
        if SMALLEST_PART <= share <= 1.0 - SMALLEST_PART:
            parts = np.stack((mask & ~part, part))
            return parts if rng.random() < 0.5 else parts[::-1]
    return None


def _cut(place: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.bool_]:
    angle = rng.uniform(0.0, np.pi)
    along = place @ np.array([np.cos(angle), np.sin(angle)])
    return np.asarray(along > np.quantile(along, rng.uniform(0.25, 0.75)))


def _clusters(place: NDArray[np.float64], colour: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.bool_]:
    """Clusters colour and place into two means (Lloyd's algorithm on some of the pixels)."""
    tone = colour.astype(np.float64)
    tone = (tone - tone.mean(axis=0)) / max(float(tone.std(axis=0).max()), 8.0)
    features = np.concatenate((place * rng.uniform(0.4, 1.2), tone), axis=1)
    some = features[rng.choice(len(features), min(len(features), 800), replace=False)]
    means = some[:2].copy()
    for _ in range(6):
        nearest = _nearer(some, means)
        if nearest.all() or not nearest.any():
            break
        means = np.stack((some[~nearest].mean(axis=0), some[nearest].mean(axis=0)))
    return _nearer(features, means)


def _nearer(features: NDArray[np.float64], means: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Returns which features are nearer to the second mean."""
    return np.asarray(features @ (means[1] - means[0]) > 0.5 * (np.square(means[1]) - np.square(means[0])).sum())


def _smooth(part: NDArray[np.bool_], mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Returns the part without specks: every place joins the part that has the larger share around it."""
    planes = torch.from_numpy(np.stack((part, mask)).astype(np.float32))[None]
    near = F.avg_pool2d(planes, 9, 1, 4)[0].numpy()
    return np.asarray(mask & (near[0] > 0.5 * near[1]))
