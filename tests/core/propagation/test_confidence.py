"""Tests how likely mattes are said to be right."""

from __future__ import annotations

import numpy as np
import pytest

from blender_cutout.core.propagation.confidence import calibrated, certainty, confidence


def square(value: float) -> np.ndarray:
    matte = np.zeros((40, 60), np.float32)
    matte[10:30, 10:30] = value
    return matte


def test_an_empty_matte_has_none() -> None:
    assert confidence(square(0.0)) == 0.0


def test_the_least_sure_object_counts() -> None:
    both = np.stack([square(1.0), square(0.8)])
    assert confidence(both) == confidence(square(0.8)) < 0.1 < 0.9 < confidence(square(1.0))


def test_a_matte_in_pieces_is_less_likely_right() -> None:
    pieces = square(1.0)
    pieces[10:30, 18:22] = 0
    assert certainty(pieces) == pytest.approx(0.5**0.5)
    assert confidence(pieces) < 0.15


@pytest.mark.parametrize(("certain", "share"), [(0.0, 0.0), (0.822, 0.5), (0.84, 0.586), (0.94, 0.908), (1.0, 0.969)])
def test_the_curve(certain: float, share: float) -> None:
    assert calibrated(certain) == pytest.approx(share, abs=1e-3)
