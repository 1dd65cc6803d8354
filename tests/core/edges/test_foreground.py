"""Tests the object's own colours, on pictures whose colours are known."""

from __future__ import annotations

import numpy as np
import pytest

from blender_cutout.core.edges.foreground import estimate_foreground


def scene(size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Returns a picture, its alpha and its true foreground: one smooth colour over another."""
    height, width = size
    y, x = np.mgrid[:height, :width]
    front = np.stack((150 + 60 * x / width, 40 + 40 * y / height, np.full(size, 30.0)), axis=-1)
    back = np.stack((np.full(size, 20.0), 160 - 60 * x / width, 120 + 60 * y / height), axis=-1)
    alpha = np.clip(0.5 + (x - width / 2) / 16, 0, 1).astype(np.float32)
    image = alpha[..., None] * front + (1 - alpha[..., None]) * back
    return np.rint(image).astype(np.uint8), alpha, front


@pytest.mark.parametrize("size", [(64, 96), (33, 57), (97, 20)])
def test_half_transparent_pixels_get_the_objects_colour(size: tuple[int, int]) -> None:
    image, alpha, front = scene(size)
    found = estimate_foreground(image, alpha)
    half = (alpha > 0.2) & (alpha < 1)
    assert found.dtype == np.uint8
    assert np.abs(found[half] - front[half]).mean() < 8
    assert np.abs(image[half] - front[half]).mean() > 30


def test_solid_pixels_keep_their_colour_to_the_bit() -> None:
    image, alpha, _ = scene((40, 60))
    noisy = np.random.default_rng(0).integers(0, 256, image.shape, np.uint8)
    assert np.array_equal(estimate_foreground(noisy, alpha)[alpha == 1], noisy[alpha == 1])


@pytest.mark.parametrize("value", [0.0, 0.5, 1.0])
def test_even_alphas_and_single_pixels_give_colours_too(value: float) -> None:
    for size in ((1, 1), (1, 9), (12, 5)):
        image = np.full((*size, 3), (10, 200, 90), np.uint8)
        found = estimate_foreground(image, np.full(size, value, np.float32))
        assert np.abs(found.astype(int) - image).max() <= 2
