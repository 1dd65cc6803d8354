"""Tests J, F and decay against an independent implementation, pixel by pixel from the definition."""

from __future__ import annotations

import math

import numpy as np
import pytest

from blender_cutout.evaluate import metrics


def naive_boundary(mask: np.ndarray) -> np.ndarray:
    height, width = mask.shape
    out = np.zeros_like(mask)
    for y in range(height):
        for x in range(width):
            right, below = min(x + 1, width - 1), min(y + 1, height - 1)
            out[y, x] = mask[y, x] != mask[y, right] or mask[y, x] != mask[below, x] or mask[y, x] != mask[below, right]
    return out


def naive_f(mask: np.ndarray, truth: np.ndarray, digital: bool = True) -> float:
    """For every boundary pixel, looks for one of the other mask within the tolerance, pixel by pixel."""
    reach = math.ceil(0.008 * math.hypot(*truth.shape))
    found, wanted = np.argwhere(naive_boundary(mask)), np.argwhere(naive_boundary(truth))
    if not len(found) and not len(wanted):
        return 1.0
    if not len(found) or not len(wanted):
        return 0.0
    down, across = (np.abs(found[:, None, axis] - wanted[None, :, axis]) for axis in (0, 1))
    # A digital disc: in each row as wide as the circle, rounded to whole pixels.
    wide = np.sqrt(np.maximum(0, reach**2 - down**2))
    near = (down <= reach) & (across <= (np.rint(wide) if digital else wide))
    precision, recall = near.any(axis=1).mean(), near.any(axis=0).mean()
    return 0.0 if precision + recall == 0 else 2 * precision * recall / (precision + recall)


def random_shape(rng: np.random.Generator, size: tuple[int, int]) -> np.ndarray:
    """Returns a few ellipses, some of them subtracted."""
    y, x = np.mgrid[: size[0], : size[1]]
    mask = np.zeros(size, bool)
    for number in range(rng.integers(1, 5)):
        cy, cx = rng.random(2) * size
        ry, rx = rng.uniform(0.05, 0.4, 2) * size
        inside = ((y - cy) / ry) ** 2 + ((x - cx) / rx) ** 2 < 1
        mask = mask & ~inside if number == 2 else mask | inside
    return mask


@pytest.mark.parametrize("seed", range(12))
def test_j_and_f_agree_with_the_definition_on_random_shapes(seed: int) -> None:
    rng = np.random.default_rng(seed)
    size = (int(rng.integers(40, 90)), int(rng.integers(40, 120)))
    truth = random_shape(rng, size)
    moved = np.roll(truth, rng.integers(-6, 7, 2), axis=(0, 1))
    mask = moved if seed % 2 else random_shape(rng, size)
    assert metrics.contour_accuracy(mask, truth) == pytest.approx(naive_f(mask, truth), abs=1e-9)
    union = sum(1 for a, b in zip(mask.flat, truth.flat, strict=True) if a or b)
    both = sum(1 for a, b in zip(mask.flat, truth.flat, strict=True) if a and b)
    assert metrics.iou(mask, truth) == pytest.approx(both / union if union else 1.0)


def test_empty_masks() -> None:
    empty, full = np.zeros((30, 30), bool), np.zeros((30, 30), bool)
    full[10:20, 10:20] = True
    assert metrics.iou(empty, empty) == 1.0
    assert metrics.contour_accuracy(empty, empty) == 1.0
    assert metrics.iou(empty, full) == 0.0
    assert metrics.contour_accuracy(empty, full) == 0.0
    assert metrics.contour_accuracy(full, empty) == 0.0
    assert metrics.contour_accuracy(full, full) == 1.0


def test_pixels_that_are_not_counted_change_nothing() -> None:
    truth = np.zeros((20, 20), bool)
    truth[5:15, 5:15] = True
    counted = np.ones_like(truth)
    counted[:, 12:] = False
    mask = truth.copy()
    mask[:, 12:] = True
    assert metrics.iou(mask, truth) < 1
    assert metrics.iou(mask, truth, counted) == 1.0
    assert metrics.mean_error(mask.astype(np.float32), truth, counted) == 0.0
    assert metrics.mean_error(mask.astype(np.float32), truth) == pytest.approx((mask != truth).mean())


def test_decay_is_the_first_quarter_less_the_last() -> None:
    assert metrics.decay([1.0, 0.9, 0.5, 0.5, 0.5, 0.5, 0.3, 0.1]) == pytest.approx(0.75)
    assert metrics.decay([1.0, 0.5, 0.2]) is None


def test_f_agrees_to_five_thousandths_at_the_size_of_film() -> None:
    """Returns a mask with a network's kind of error at its rim: many pixels in some places, none in others."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:480, :854]
    angle = np.arctan2(y - 240, x - 400)
    waves = sum(rng.uniform(1, 14) * np.sin(k * angle + rng.uniform(0, 6)) for k in (2, 3, 5, 9, 17))
    radius = np.hypot(y - 240, x - 400)
    truth = radius < 130 + waves
    mask = radius < 130 + waves + rng.uniform(9, 16) * np.sin(7 * angle + rng.uniform(0, 6))
    wanted = naive_f(mask, truth)
    assert 0.5 < wanted < 0.9
    assert metrics.contour_accuracy(mask, truth) == pytest.approx(wanted, abs=0.005)
    strict = naive_f(mask, truth, digital=False)  # what docs/measures.md says of a disc that is not rounded
    assert strict <= metrics.contour_accuracy(mask, truth) < strict + 0.03
