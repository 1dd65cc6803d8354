"""Tests a third-party foreground network (an ONNX file), and unreleased weights."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from onnx_kit import brightness_model

from blender_cutout.core.errors import InputError
from blender_cutout.evaluate.peers import OutsideNet


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "helle Flächen.onnx"
    path.write_bytes(brightness_model())
    return path


def test_the_first_output_is_stretched_to_the_whole_range_at_the_pictures_size(model: Path) -> None:
    image = np.full((120, 200, 3), 60, np.uint8)
    image[30:90, 50:150] = 180
    matte = OutsideNet(model).foreground(image)
    assert matte.shape == (120, 200)
    assert matte.dtype == np.float32
    assert matte[60, 100] == pytest.approx(1.0, abs=1e-4)
    assert matte[5, 5] == pytest.approx(0.0, abs=1e-4)
    truth = image[..., 0] > 100
    assert ((matte > 0.5) & truth).sum() / ((matte > 0.5) | truth).sum() > 0.97


def test_a_picture_of_one_colour_gives_numbers(model: Path) -> None:
    assert np.isfinite(OutsideNet(model).foreground(np.zeros((40, 60, 3), np.uint8))).all()


def test_a_file_that_is_no_network_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="does not exist"):
        OutsideNet(tmp_path / "none.onnx")
    (tmp_path / "text.onnx").write_text("not a network")
    with pytest.raises(InputError, match="cannot run"):
        OutsideNet(tmp_path / "text.onnx")
