"""Tests several propagation networks as one."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from blender_cutout.models.inference.ensemble import PropagationEnsemble, mean_answer
from blender_cutout.models.inference.predictors import PropagationPredictor
from blender_cutout.models.networks.propagation_net import PropagationNet

SIDE = 64


def predictor(seed: int, size: str = "small") -> PropagationPredictor:
    torch.manual_seed(seed)
    return PropagationPredictor(PropagationNet(size=size))  # type: ignore[arg-type]


def answer(net: PropagationEnsemble | PropagationPredictor, objects: int = 1) -> np.ndarray:
    rng = np.random.default_rng(3)
    first, second = rng.integers(0, 255, (2, SIDE, SIDE, 3), np.uint8)
    mattes = np.zeros((objects, SIDE, SIDE), np.float32)
    mattes[0, 16:48, 8:32] = 1.0
    if objects == 2:
        mattes[1, 16:48, 36:56] = 1.0
    key = net.encode_key(first)  # type: ignore[arg-type]
    value = net.encode_value(first, key, mattes)  # type: ignore[arg-type]
    return net.segment(net.encode_key(second), [(key, value)])  # type: ignore[arg-type,list-item]


def test_one_member_answers_as_it_would_alone() -> None:
    alone, together = answer(predictor(1)), answer(PropagationEnsemble([predictor(1)]))
    assert together.shape == (1, SIDE, SIDE)
    np.testing.assert_allclose(together, alone, atol=1e-4)


def test_two_members_of_different_size_answer_between_the_two() -> None:
    one, other = answer(predictor(1)), answer(predictor(2, "large"))
    both = answer(PropagationEnsemble([predictor(1), predictor(2, "large")]))
    low, high = np.minimum(one, other), np.maximum(one, other)
    assert np.abs(one - other).max() > 0.01
    assert (both >= low - 1e-4).all()
    assert (both <= high + 1e-4).all()


def test_what_one_member_alone_sees_is_outvoted() -> None:
    answers = np.array([[[[0.6]]], [[[0.05]]], [[[0.05]]]], np.float32)
    assert mean_answer(answers).item() < 0.2


def test_answers_for_several_objects_still_share_every_pixel() -> None:
    both = answer(PropagationEnsemble([predictor(1), predictor(2)]), objects=2)
    assert both.shape == (2, SIDE, SIDE)
    assert (both.sum(axis=0) <= 1.0 + 1e-5).all()
    rng = np.random.default_rng(0)
    raw = rng.dirichlet((1, 1, 1), (4, 5)).astype(np.float32)[..., 1:].transpose(2, 0, 1)
    np.testing.assert_allclose(mean_answer(np.stack((raw, raw))), raw, atol=1e-4)


def test_a_change_is_carried_by_the_mean_of_both() -> None:
    members = [predictor(1), predictor(2)]
    rng = np.random.default_rng(5)
    image, other = rng.integers(0, 255, (2, SIDE, SIDE, 3), np.uint8)
    change = np.zeros((2, SIDE, SIDE), np.float32)
    change[0, :, :32] = 1.0
    ensemble = PropagationEnsemble(members)
    carried = ensemble.attention(ensemble.encode_key(other), ensemble.encode_key(image), change)
    each = [m.attention(m.encode_key(other), m.encode_key(image), change) for m in members]
    np.testing.assert_allclose(carried, (each[0] + each[1]) / 2, atol=1e-5)


def test_an_ensemble_of_none_is_refused() -> None:
    with pytest.raises(ValueError, match="members"):
        PropagationEnsemble([])
