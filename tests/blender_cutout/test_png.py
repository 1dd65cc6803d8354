"""Grey PNG files read without OpenCV give the pixels that OpenCV reads."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest

from blender_cutout.core.matte import to_png
from blender_cutout.host.png import read_grey


def soft_disc(height: int, width: int) -> np.ndarray:
    y, x = np.mgrid[:height, :width]
    return np.clip((height / 3 - np.hypot(x - width * 0.4, y - height * 0.6)) / 5 + 0.5, 0, 1).astype(np.float32)


def filters_of(data: bytes) -> set[int]:
    """The filters that a PNG's rows use."""
    at, packed = 8, b""
    while at < len(data):
        (size,) = struct.unpack_from(">I", data, at)
        if data[at + 4 : at + 8] == b"IHDR":
            width, height = struct.unpack_from(">II", data, at + 8)
        if data[at + 4 : at + 8] == b"IDAT":
            packed += data[at + 8 : at + 8 + size]
        at += size + 12
    return set(np.frombuffer(zlib.decompress(packed), np.uint8).reshape(height, width + 1)[:, 0].tolist())


@pytest.mark.parametrize("size", [(1, 1), (3, 5), (120, 201)])
def test_a_matte_of_the_engine_is_read_to_the_bit(tmp_path: Path, size: tuple[int, int]) -> None:
    path = tmp_path / "000001.png"
    path.write_bytes(to_png(soft_disc(*size)))
    read = read_grey(path)
    assert read.dtype == np.uint8
    np.testing.assert_array_equal(read, cv2.imread(str(path), cv2.IMREAD_GRAYSCALE))


def test_the_engine_writes_the_filter_that_is_read_without_a_loop() -> None:
    assert filters_of(to_png(soft_disc(90, 160))) == {1}


def test_every_filter_of_the_format_is_understood(tmp_path: Path) -> None:
    noise = np.random.default_rng(1).integers(0, 256, (60, 40), np.uint8)
    image = np.vstack([np.round(soft_disc(120, 40) * 255).astype(np.uint8), noise])
    data = cv2.imencode(".png", image, [cv2.IMWRITE_PNG_COMPRESSION, 1])[1].tobytes()
    assert filters_of(data) >= {0, 3, 4}, "the picture no longer provokes the filters to be tested"
    path = tmp_path / "mask.png"
    path.write_bytes(data)
    np.testing.assert_array_equal(read_grey(path), image)


def test_what_is_no_whole_grey_png_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "mask.png"
    good = to_png(soft_disc(40, 60))
    colour = cv2.imencode(".png", np.zeros((4, 4, 3), np.uint8))[1].tobytes()
    for data in (b"", b"no picture", good[: len(good) // 2], good[:20], colour):
        path.write_bytes(data)
        with pytest.raises(ValueError, match=r"is no|is damaged"):
            read_grey(path)
    with pytest.raises(OSError, match=r"missing\.png"):
        read_grey(tmp_path / "missing.png")
