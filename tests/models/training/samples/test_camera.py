"""Tests that motion blur and compression change pictures as cameras and codecs do."""

from __future__ import annotations

import pytest
import torch

from blender_cutout.models.training.samples import camera


def _edge() -> torch.Tensor:
    """A picture that is dark on the left and bright on the right."""
    image = torch.zeros(3, 48, 48)
    image[:, :, 24:] = 200.0
    return image


def test_blur_smears_across_an_edge_but_not_along_it() -> None:
    across = camera.motion_blur(_edge(), None, 10.0, 0.0)
    along = camera.motion_blur(_edge(), None, 0.0, 10.0)
    torch.testing.assert_close(along, _edge(), atol=1e-3, rtol=0)
    assert 60 < float(across[0, 24, 23]) < 140
    assert float(across[0, 24, 19]) > 5
    assert float(across[0, 24, 15]) < 1
    assert float(across.mean()) == pytest.approx(float(_edge().mean()), abs=1.0)


def test_slow_motion_leaves_the_picture_as_it_is() -> None:
    assert torch.equal(camera.motion_blur(_edge(), None, 1.0, 1.0), _edge())


def test_only_what_moves_is_blurred() -> None:
    torch.manual_seed(0)
    image = torch.rand(3, 64, 64) * 255
    matte = torch.zeros(1, 64, 64)
    matte[:, 20:40, 20:40] = 1
    blurred = camera.motion_blur(image, matte, 8.0, 3.0)
    change = (blurred - image).abs().mean(dim=0)
    assert float(change[24:36, 24:36].mean()) > 20
    assert float(change[:10].max()) == 0
    assert float(change[20:40, 15:18].mean()) > 1  # the object's smear reaches over its rim


@pytest.mark.parametrize(("dx", "dy"), [(0.0, 2.0), (7.3, -4.1), (500.0, 500.0)])
def test_a_streak_is_a_centred_line_whose_weights_sum_to_one(dx: float, dy: float) -> None:
    kernel = camera.streak_kernel(dx, dy)
    assert kernel.shape[0] % 2 == 1
    assert kernel.shape[0] <= camera.LONGEST_STREAK + 4
    assert float(kernel.sum()) == pytest.approx(1.0, abs=1e-5)
    torch.testing.assert_close(kernel, kernel.flip(0, 1), atol=1e-5, rtol=0)


def _smooth() -> torch.Tensor:
    ramp = torch.linspace(20, 230, 64)
    return torch.stack((ramp[None].expand(64, 64), ramp[:, None].expand(64, 64), torch.full((64, 64), 90.0)))[None]


def test_compression_costs_more_the_lower_the_quality() -> None:
    torch.manual_seed(1)
    image = (_smooth() + torch.randn(1, 3, 64, 64) * 12).clamp(0, 255)
    errors = [float((camera.compress(image, q) - image).abs().mean()) for q in (95, 60, 30, 10)]
    assert errors == sorted(errors)
    assert errors[0] < 4
    assert 5 < errors[3] < 25


def test_compression_steps_lie_at_the_borders_of_blocks() -> None:
    out = camera.compress(_smooth(), 5, (3, 5))[0, 0]
    steps = (out[:, 1:] - out[:, :-1]).abs().mean(dim=0)
    border = torch.zeros(63, dtype=torch.bool)
    border[2::8] = True  # blocks begin 5 pixels before the picture: at 3, 11, 19, …
    assert float(steps[border].mean()) > 2 * float(steps[~border].mean())


def test_a_flat_picture_survives_compression() -> None:
    flat = torch.full((2, 3, 32, 32), 117.0)
    torch.testing.assert_close(camera.compress(flat, 50), flat, atol=2.0, rtol=0)
