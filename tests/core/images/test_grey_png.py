"""Tests that any reader decodes our grey PNGs, and that reusing the last picture changes only the time."""

from __future__ import annotations

import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest

from blender_cutout.core.images import grey_png
from blender_cutout.core.images.grey_png import BAND, _joined, pack
from blender_cutout.core.images.matte import is_whole_png
from blender_cutout.formats.png import read_grey


def noise(size: tuple[int, int], seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, size, np.uint8)


def disc(size: tuple[int, int], x: float = 0.5) -> np.ndarray:
    rows, columns = np.mgrid[: size[0], : size[1]]
    apart = np.hypot(columns - x * size[1], rows - 0.5 * size[0])
    return (np.clip((size[0] / 5 - apart) / 8 + 0.5, 0, 1) * 255).astype(np.uint8)


@pytest.mark.parametrize("size", [(1, 1), (1, 300), (300, 1), (BAND, 7), (BAND + 1, 50), (480, 854)])
@pytest.mark.parametrize("kind", [noise, disc, np.zeros])
def test_every_reader_sees_the_picture(tmp_path: Path, size: tuple[int, int], kind) -> None:
    grey = kind(size).astype(np.uint8)
    data = pack(grey).png()
    assert is_whole_png(data, size)
    seen = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    np.testing.assert_array_equal(seen.reshape(size), grey)
    path = tmp_path / "grey.png"
    path.write_bytes(data)
    np.testing.assert_array_equal(read_grey(path), grey)


def test_masks_take_no_more_room_than_opencv_needs() -> None:
    grey = disc((1080, 1920))
    assert len(pack(grey).png()) < 1.02 * len(cv2.imencode(".png", grey)[1])


def test_one_before_changes_nothing_but_the_work(monkeypatch: pytest.MonkeyPatch) -> None:
    first = disc((480, 854))
    after = first.copy()
    after[100:110, 400:420] ^= 255  # rows of one band
    fresh = pack(after).png()
    before, other, smaller = pack(first), pack(noise((480, 854))), pack(disc((479, 854)))
    worked: list[int] = []
    real = grey_png._band
    monkeypatch.setattr(grey_png, "_band", lambda band: worked.append(len(band)) or real(band))
    assert pack(after, before).png() == fresh
    assert worked == [BAND]
    assert pack(after, other).png() == fresh
    assert pack(after, smaller).png() == fresh


def test_sums_are_joined_as_zlib_has_them() -> None:
    data = noise((1, 200_000)).tobytes()
    for cut in (0, 1, 5552, 65521, 199_999, 200_000):
        first, second = data[:cut], data[cut:]
        assert _joined(zlib.adler32(first), zlib.adler32(second), len(second)) == zlib.adler32(data)
