"""Tests that loading trained networks draws no random numbers and leaves the garbage collector as it was."""

from __future__ import annotations

import gc
from typing import Any

import numpy as np
import pytest
import torch

from blender_cutout.compose import load_engine
from blender_cutout.models.inference import predictors


@pytest.mark.parametrize("sweeping", [True, False])
def test_hardly_a_random_number_is_drawn_and_the_sweeper_is_left_as_it_was(
    sweeping: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[int] = []
    real = torch.Tensor.uniform_

    def uniform_(tensor: torch.Tensor, *given: Any, **named: Any) -> torch.Tensor:
        drawn.append(tensor.numel())
        return real(tensor, *given, **named)

    monkeypatch.setattr(torch.Tensor, "uniform_", uniform_)
    (gc.enable if sweeping else gc.disable)()
    try:
        load_engine("draft", "cpu")
        assert gc.isenabled() is sweeping
    finally:
        gc.enable()
    assert sum(drawn) < 200_000, "of the millions that the networks have"


def test_it_is_the_same_network(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    image, empty = rng.integers(0, 256, (96, 128, 3), np.uint8), np.zeros((96, 128), np.float32)
    keep = empty.copy()
    keep[40:50, 50:70] = 1
    found = predictors.load_scribble().predict(image, empty, keep, empty)

    class Filled:
        def __enter__(self) -> None: ...

        def __exit__(self, *_: object) -> None: ...

    monkeypatch.setattr(predictors, "_Unfilled", Filled)
    plain = predictors.load_scribble().predict(image, empty, keep, empty)
    np.testing.assert_array_equal(found, plain)
