"""Tests a network that sees its input mirrored or at another scale."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from blender_cutout.models.inference.ensemble import CropLook, members
from blender_cutout.models.inference.predictors import PropagationPredictor
from blender_cutout.models.networks.propagation_net import PropagationNet

SIDE = 96


def predictor(seed: int = 1) -> PropagationPredictor:
    torch.manual_seed(seed)
    return PropagationPredictor(PropagationNet())


def scene() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(3)
    first, second = rng.integers(0, 255, (2, SIDE, SIDE, 3), np.uint8)
    mattes = np.zeros((1, SIDE, SIDE), np.float32)
    mattes[0, 16:64, 8:32] = 1.0
    return first, second, mattes


def answer(
    net: PropagationPredictor | CropLook, first: np.ndarray, second: np.ndarray, mattes: np.ndarray
) -> np.ndarray:
    key = net.encode_key(first)
    value = net.encode_value(first, key, mattes)  # type: ignore[arg-type]
    return net.segment(net.encode_key(second), [(key, value)], mattes)  # type: ignore[arg-type,list-item]


def test_a_mirrored_view_of_the_mirrored_picture_answers_as_the_network_itself() -> None:
    first, second, mattes = scene()
    plain = answer(predictor(), first, second, mattes)
    mirrored = answer(CropLook(predictor(), mirrored=True), first[:, ::-1], second[:, ::-1], mattes[..., ::-1])
    np.testing.assert_allclose(mirrored[..., ::-1], plain, atol=1e-4)


def test_a_smaller_view_answers_at_the_crops_size_what_the_smaller_picture_gives() -> None:
    first, second = (picture.repeat(2, axis=0).repeat(2, axis=1) for picture in scene()[:2])
    mattes = scene()[2].repeat(2, axis=1).repeat(2, axis=2)
    small = answer(predictor(), *scene())
    found = answer(CropLook(predictor(), scale=0.5), first, second, mattes)
    assert found.shape == (1, 2 * SIDE, 2 * SIDE)
    pooled = found.reshape(1, SIDE, 2, SIDE, 2).mean(axis=(2, 4))
    assert np.abs(pooled - small).mean() < 0.02


@pytest.mark.parametrize("scale", [0.0, -1.0, 3.0])
def test_a_scale_that_makes_no_sense_is_refused(scale: float) -> None:
    with pytest.raises(ValueError, match="scale"):
        CropLook(predictor(), scale)


def test_looks_of_one_network_share_its_weights_and_not_its_memory() -> None:
    own = predictor()
    plain, mirrored = members([own], [(0, 1.0, False), (0, 1.0, True)])
    assert plain is own
    assert isinstance(mirrored, CropLook)
    first, second, mattes = scene()
    alone = answer(predictor(), first, second, mattes)
    answer(mirrored, first, second, mattes)
    np.testing.assert_allclose(answer(plain, first, second, mattes), alone, atol=1e-4)
    assert mirrored.predictor.stack is not own.stack
