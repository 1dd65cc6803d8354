"""Tests which rendered objects are labelled: visible ones, neither tiny nor huge, that stand out."""

from __future__ import annotations

import numpy as np

from blender_cutout.devtools.rendered_clips import checks


def masks(*boxes: tuple[int, int, int, int], frames: int = 5) -> list[np.ndarray]:
    """Masks of 80 x 100 whose objects are boxes: top, bottom, left, right."""
    mask = np.zeros((80, 100), np.uint8)
    for number, (top, bottom, left, right) in enumerate(boxes, 1):
        mask[top:bottom, left:right] = number
    return [mask.copy() for _ in range(frames)]


def test_tiny_and_huge_objects_are_not_labelled() -> None:
    shown = masks((0, 75, 0, 60), (10, 40, 65, 90), (76, 79, 95, 98))
    assert checks.worthwhile(shown, 4) == [2]


def test_an_object_that_is_there_for_a_moment_only_is_not_labelled() -> None:
    shown = masks((10, 40, 10, 40), (50, 70, 50, 90))
    for mask in shown[2:]:
        mask[mask == 2] = 0
    assert checks.worthwhile(shown, 2) == [1]


def test_a_texture_alone_makes_no_outline() -> None:
    rng = np.random.default_rng(1)
    noise = rng.integers(0, 255, (80, 100, 3)).astype(np.uint8)
    (mask,) = masks((20, 60, 30, 70), frames=1)
    same = checks.contrast(noise, mask == 1)
    assert same < checks.LEAST_CONTRAST
    brighter = noise // 4
    brighter[mask == 1] += 100
    assert 100 > checks.contrast(brighter, mask == 1) > 60
    flat = np.full((80, 100, 3), 90, np.uint8)
    assert checks.visible([flat], [mask], [1]) == []
    assert checks.visible([brighter], [mask], [1]) == [1]


def test_dust_is_not_labelled() -> None:
    rng = np.random.default_rng(4)
    picture = np.full((80, 100, 3), 60, np.uint8)
    dust, solid = (np.zeros((80, 100), np.uint8) for _ in range(2))
    dust[rng.random((80, 100)) < 0.2] = 1
    solid[20:60, 30:70] = 1
    for mask in (dust, solid):
        picture[:] = 60
        picture[mask == 1] = 200
        assert checks.visible([picture], [mask], [1]) == ([1] if mask is solid else [])


def test_black_white_and_flat_pictures_are_refused() -> None:
    rng = np.random.default_rng(2)
    good = rng.integers(40, 200, (40, 60, 3)).astype(np.uint8)
    assert checks.is_exposed([good])
    for bad in (good // 12, np.clip(good.astype(int) + 215, 0, 255).astype(np.uint8), np.full_like(good, 120)):
        assert not checks.is_exposed([good, bad])
