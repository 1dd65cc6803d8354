"""Tests that views show what they claim to."""

from __future__ import annotations

import numpy as np
import torch

from blender_cutout.models.training.samples import warps
from blender_cutout.models.training.samples.pool import Pool

CPU = torch.device("cpu")


def test_a_view_of_the_whole_picture_changes_nothing(pool: Pool) -> None:
    picture = pool[0]
    view = warps.WarpView(warps.crop_matrix(110, 80, 110, 80)[:2])
    image, mask = warps.render(picture.image, picture.mask > 127, view, (160, 220), True, CPU)
    np.testing.assert_allclose(image.permute(1, 2, 0).numpy(), picture.image, atol=0.6)
    np.testing.assert_allclose(mask[0].numpy(), picture.mask / 255, atol=0.01)


def test_a_magnified_view_shows_the_place_it_names(pool: Pool) -> None:
    picture = pool[0]
    view = warps.WarpView(warps.crop_matrix(100, 80, 10, 10)[:2])
    image, mask = warps.render(picture.image, picture.mask > 127, view, (64, 64), True, CPU)
    assert mask.min() > 0.99
    assert image[0].mean() > 200 > image[2].mean()


def test_masks_of_several_parts_move_with_the_picture(pool: Pool) -> None:
    """In a warped and rotated view, the parts stay disjoint, and together they cover the bright disc."""
    picture = pool[0]
    whole = picture.mask > 127
    left = whole & (np.arange(whole.shape[1]) < 100)
    rng = np.random.default_rng(0)
    turned = warps.motion_matrix(100, 80, 0.4, 1.2, 0.1, 4, -3) @ warps.crop_matrix(100, 80, 60, 60)
    view = warps.WarpView(turned[:2], warps.random_bend(rng, 3.0))
    image, parts = warps.render(picture.image, np.stack((left, whole & ~left)), view, (96, 96), True, CPU)
    assert parts.shape == (2, 96, 96)
    assert float(parts.sum(dim=0).max()) <= 1.001
    redness = image[0] - image[2]
    covered = parts.sum(dim=0)
    assert float(redness[covered > 0.95].min()) > 60
    assert float(redness[covered < 0.05].max()) < 40


def test_only_the_part_of_the_picture_that_a_view_sees_is_read(pool: Pool) -> None:
    """However a view is warped, cropping the source first must not change the result."""
    picture = pool[1]
    for seed in range(8):
        rng = np.random.default_rng(seed)
        world = warps.motion_matrix(100, 80, float(rng.normal()), 1.0, 0.1, 0, 0) @ warps.crop_matrix(100, 80, 25, 18)
        view = warps.WarpView(world[:2], warps.random_bend(rng, 8.0))
        shown, _ = warps.render(picture.image, None, view, (64, 64), True, CPU)
        wide = np.pad(picture.image, ((200, 200), (200, 200), (0, 0)), mode="edge")
        moved = world.copy()
        moved[:2, 2] += 200
        again, _ = warps.render(wide, None, warps.WarpView(moved[:2], view.bend), (64, 64), True, CPU)
        torch.testing.assert_close(shown, again, atol=0.6, rtol=0)


def test_two_changes_of_colour_at_once_are_the_same_as_one_after_the_other() -> None:
    image = torch.rand(3, 8, 9, generator=torch.Generator().manual_seed(0)) * 100.0 + 70.0
    clip = warps.Colour((1.05, 0.97, 1.0), 0.02, 1.1, 0.8, 1.2)
    frame = warps.Colour((0.99, 1.01, 1.02), -0.01, 0.95, 1.1, 1.0)
    torch.testing.assert_close(warps.recoloured(image, (clip, frame)), frame(clip(image)), atol=1e-2, rtol=1e-4)
    grey = image.mean(dim=0, keepdim=True).expand(3, -1, -1)
    plain = warps.Colour((1.0, 1.0, 1.0), 0.0, 1.0, 0.0, 1.0)
    torch.testing.assert_close(plain(image), grey, atol=1e-2, rtol=1e-4)
