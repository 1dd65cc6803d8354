"""Tests that grey PNGs read without OpenCV give OpenCV's pixels."""

from __future__ import annotations

import os
import struct
import time
import tracemalloc
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
from pace_kit import slowness

from blender_cutout.core.images.matte import to_png
from blender_cutout.formats.png import read_grey


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


def packed(width: int, height: int, body: bytes) -> bytes:
    """A grey PNG that claims a size and holds something else."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("width", "height", "unpacked", "size", "words"),
    [
        (100, 60, 128 << 20, None, "damaged"),
        (100, 60, 128 << 20, (60, 100), "damaged"),
        (30_000, 30_000, 1 << 20, None, "too large"),
        (2**31, 2**31, 1 << 10, None, "too large"),
        (30_000, 30_000, 1 << 20, (60, 100), "not 100×60"),
        (61, 60, 60 * 62, (60, 100), "not 100×60"),
        (16384, 8192, 1 << 20, None, "damaged"),
        (0, 60, 60, None, "damaged"),
    ],
)
def test_what_unpacks_to_more_than_it_says_or_says_too_much_costs_nothing(
    tmp_path: Path, width: int, height: int, unpacked: int, size: tuple[int, int] | None, words: str
) -> None:
    path = tmp_path / "mask.png"
    path.write_bytes(packed(width, height, zlib.compress(bytes(unpacked), 9)))
    tracemalloc.start()
    begun = time.process_time()
    try:
        with pytest.raises(ValueError, match=words):
            read_grey(path, size)
        assert time.process_time() - begun < slowness()
        assert tracemalloc.get_traced_memory()[1] < 8 << 20
    finally:
        tracemalloc.stop()


def test_a_large_mask_that_must_be_unpacked_pixel_by_pixel_is_refused_at_once(tmp_path: Path) -> None:
    path = tmp_path / "mask.png"
    path.write_bytes(packed(4096, 4096, zlib.compress((b"\4" + bytes(4096)) * 4096)))
    begun = time.process_time()
    with pytest.raises(ValueError, match="too large for the way it is compressed"):
        read_grey(path)
    assert time.process_time() - begun < 2 * slowness()


@pytest.mark.skipif(os.name == "nt", reason="there are no such pipes")
def test_a_pipe_is_refused_without_waiting(tmp_path: Path) -> None:
    path = tmp_path / "mask.png"
    os.mkfifo(path)
    with pytest.raises(OSError, match="pipe"):
        read_grey(path)
