"""Tests masks on disk, checks of input, and pixels shared between objects."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from blender_cutout.core.errors import InputError, SizeMismatch, StoreError
from blender_cutout.core.fakes import aggregate
from blender_cutout.core.images.matte import check_image, check_matte, from_png, read_mask, to_png, write_mask

pytestmark = pytest.mark.libraries

RAMP = np.linspace(0, 1, 48 * 64, dtype=np.float32).reshape(48, 64)


def test_png_keeps_a_matte_to_half_an_8_bit_step_and_8_bit_values_exactly():
    assert np.abs(from_png(to_png(RAMP)) - RAMP).max() <= 0.5 / 255 + 1e-6
    steps = np.arange(256, dtype=np.float32).reshape(16, 16) / 255
    np.testing.assert_array_equal(from_png(to_png(steps)), steps)


def test_mask_file_is_8_bit_grey_at_source_size_and_leaves_no_part_file(tmp_path: Path):
    path = tmp_path / "Mäske 1.png"
    write_mask(path, RAMP)
    data = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_UNCHANGED)
    assert data.shape == (48, 64)
    assert data.dtype == np.uint8
    assert [p.name for p in tmp_path.iterdir()] == [path.name]
    np.testing.assert_allclose(read_mask(path, (48, 64)), RAMP, atol=0.5 / 255 + 1e-6)


def test_mask_of_another_size_names_both_sizes(tmp_path: Path):
    write_mask(tmp_path / "a.png", RAMP)
    with pytest.raises(SizeMismatch, match=r"64 x 48 pixels, the picture 1920 x 1080"):
        read_mask(tmp_path / "a.png", (1080, 1920))


@pytest.mark.parametrize("content", [None, b"", b"no picture"])
def test_unreadable_mask_is_a_clear_error(tmp_path: Path, content):
    path = tmp_path / "a.png"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError) as caught:
        read_mask(path)
    assert str(path) in caught.value.text
    assert caught.value.hint


def test_write_into_a_missing_folder_is_a_store_error(tmp_path: Path):
    with pytest.raises(StoreError, match="cannot be written"):
        write_mask(tmp_path / "nothing" / "a.png", RAMP)


@pytest.mark.parametrize(
    ("matte", "says"),
    [
        (np.zeros((4, 4), np.uint8), "uint8"),
        (np.zeros((4, 4), bool), "bool"),
        (np.full((4, 4), 2.0, np.float32), "from 2 to 2"),
        (np.full((4, 4), np.nan, np.float32), "nan"),
        (np.full((4, 4), -0.1, np.float32), r"from -0\.1"),
        (np.zeros(4, np.float32), r"array \(4,\)"),
        ([[0.0]], "a list"),
        (None, "a NoneType"),
    ],
)
def test_wrong_mattes_are_clear_errors(matte, says):
    with pytest.raises(InputError, match=says) as caught:
        check_matte(matte)
    assert caught.value.hint


def test_right_mattes_pass_unchanged_and_doubles_become_float32():
    assert check_matte(RAMP) is RAMP
    assert check_matte(RAMP.astype(np.float64)).dtype == np.float32
    assert check_matte(np.stack((RAMP, RAMP)), (48, 64)).shape == (2, 48, 64)


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((4, 4), np.uint8),
        np.zeros((4, 4, 4), np.uint8),
        np.zeros((4, 4, 3), np.float32),
        np.zeros((4, 4, 3), bool),
        "x",
    ],
)
def test_wrong_pictures_are_clear_errors(image):
    with pytest.raises(InputError, match="of uint8") as caught:
        check_image(image)
    assert caught.value.hint


def test_objects_share_pixels_and_the_surer_one_wins():
    mattes = np.stack((np.full((2, 2), 0.9), np.full((2, 2), 0.6))).astype(np.float32)
    shared = aggregate(mattes)
    assert (shared.sum(axis=0) <= 1 + 1e-5).all()
    assert (shared[0] > shared[1]).all()
    alone = aggregate(mattes[:1])
    np.testing.assert_array_equal(alone, mattes[:1])
    far_apart = np.stack((np.eye(2), np.zeros((2, 2)))).astype(np.float32)
    np.testing.assert_allclose(aggregate(far_apart), far_apart, atol=1e-4)
