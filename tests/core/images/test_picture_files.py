"""Tests picture files whose header claims too much, and masks that are not masks."""

from __future__ import annotations

import os
import struct
import time
import tracemalloc
import zlib
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from pace_kit import slowness

from blender_cutout.core.clips.foreign_mask_sequence import ForeignMattes
from blender_cutout.core.clips.picture import read_alpha, read_picture
from blender_cutout.core.errors import FrameReadError, InputError, SizeMismatch
from blender_cutout.core.images.matte import grey_of_png, read_grey
from blender_cutout.core.images.picture_files import header_size

pytestmark = pytest.mark.libraries

SIZE = (48, 64)
RAMP = np.tile(np.linspace(0, 255, 64).astype(np.uint8), (48, 1))
COLOURS = np.dstack([RAMP, RAMP[::-1, ::-1], np.full_like(RAMP, 90)])


def png(width: int, height: int, body: bytes = b"", header: bytes | None = None) -> bytes:
    """Returns a PNG with any header."""
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0) if header is None else header
    chunks = ((b"IHDR", head), (b"IDAT", zlib.compress(body)), (b"IEND", b""))
    parts = (struct.pack(">I", len(b)) + k + b + struct.pack(">I", zlib.crc32(k + b)) for k, b in chunks)
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp", ".tif", ".bmp"])
@pytest.mark.parametrize("picture", [RAMP, COLOURS], ids=["grey", "colours"])
def test_the_size_is_read_from_the_header(suffix: str, picture: np.ndarray) -> None:
    data = cv2.imencode(suffix, picture)[1].tobytes()
    assert header_size(data) == SIZE
    for end in range(len(data[:600])):
        assert header_size(data[:end]) in (None, SIZE)


def test_the_size_of_lossless_and_extended_webp() -> None:
    data = cv2.imencode(".webp", COLOURS, [cv2.IMWRITE_WEBP_QUALITY, 101])[1].tobytes()
    assert data[12:16] == b"VP8L"
    assert header_size(data) == SIZE
    data = cv2.imencode(".webp", np.dstack([COLOURS, RAMP]))[1].tobytes()
    assert header_size(data) == SIZE


@pytest.mark.parametrize(
    "data", [b"", b"II*\0", b"\xff\xd8", b"\xff\xd8\xff", b"BM", b"RIFFxxxxWEBPVP8X", b"P5 9 9 255 "]
)
def test_what_has_no_header_has_no_size(data: bytes) -> None:
    assert header_size(data) is None


def tiff(pixels: np.ndarray, turn: int, alpha: int | None) -> bytes:
    """Returns a TIFF (H, W, channels), with tags for orientation and extra samples."""
    (height, width, channels), body = pixels.shape, pixels.tobytes()
    tags = [(256, 4, [width]), (257, 4, [height]), (258, 3, [8 * pixels.itemsize] * channels), (259, 3, [1])]
    tags += [(262, 3, [2]), (273, 4, [8]), (274, 3, [turn]), (277, 3, [channels]), (278, 4, [height])]
    tags += [(279, 4, [len(body)])] + ([] if alpha is None else [(338, 3, [alpha])])
    head, more = struct.pack("<H", len(tags)), b""
    for tag, kind, values in tags:
        raw = struct.pack(f"<{len(values)}{'H' if kind == 3 else 'I'}", *values)
        place = struct.pack("<I", 8 + len(body) + 2 + 12 * len(tags) + 4 + len(more)) if len(raw) > 4 else b""
        more += raw if len(raw) > 4 else b""
        head += struct.pack("<HHI", tag, kind, len(values)) + (place or raw.ljust(4, b"\0"))
    return b"II*\0" + struct.pack("<I", 8 + len(body)) + body + head + bytes(4) + more


@pytest.mark.parametrize("turn", range(1, 9))
@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_a_tiffs_turn_is_ignored_as_in_blender(tmp_path: Path, turn: int, kind: type) -> None:
    path = tmp_path / "a.tif"
    path.write_bytes(tiff(COLOURS.astype(kind) * (257 if kind is np.uint16 else 1), turn, None))
    assert np.array_equal(read_picture(path), COLOURS)


@pytest.mark.parametrize("alpha", [None, 0, 1, 2])
@pytest.mark.parametrize(("kind", "shown"), [(np.uint8, (100, 50, 0)), (np.uint16, (199, 100, 0))])
def test_a_tiffs_alpha_is_straight_in_8_bits_and_multiplied_in_16_as_in_blender(
    tmp_path: Path, alpha: int | None, kind: type, shown: tuple[int, ...]
) -> None:
    pixels = np.full((*SIZE, 4), (100, 50, 0, 128)).astype(kind) * (257 if kind is np.uint16 else 1)
    path = tmp_path / "a.tif"
    path.write_bytes(tiff(pixels.astype(kind), 1, alpha))
    assert tuple(read_picture(path)[5, 5]) == shown
    found = read_alpha(path)
    assert found is not None
    assert abs(float(found[5, 5]) - 128 / 255) < 1e-4


@pytest.mark.parametrize("start", [20, 10**6, 2**63, 2**64 - 4])
def test_a_tiff_that_points_nowhere_is_a_damaged_picture(tmp_path: Path, start: int) -> None:
    path = tmp_path / "a.tif"
    path.write_bytes(b"II+\0" + struct.pack("<HHQ", 8, 0, start) + bytes(20))
    with pytest.raises(FrameReadError, match="damaged"):
        read_picture(path)
    with pytest.raises(FrameReadError, match="damaged"):
        read_alpha(path)


def in_a_folder(path: Path) -> None:
    ForeignMattes(path, SIZE).read(0)


READERS: list[Callable[[Path], object]] = [read_grey, lambda p: read_grey(p, SIZE), in_a_folder, read_picture]


@pytest.mark.parametrize("read", READERS)
@pytest.mark.parametrize("side", [20_000, 40_000])
def test_a_picture_that_claims_to_be_huge_is_refused_before_it_is_decoded(
    tmp_path: Path, read: Callable[[Path], object], side: int
) -> None:
    path = tmp_path / "huge.png"
    path.write_bytes(png(side, side, bytes(1000)))
    with pytest.raises(InputError, match=rf"{side} x {side}") as caught:
        read(path)
    assert caught.value.hint


def test_a_mask_of_another_size_is_refused_before_it_is_decoded(tmp_path: Path) -> None:
    path = tmp_path / "large.png"
    path.write_bytes(cv2.imencode(".png", np.zeros((4000, 4000), np.uint8))[1].tobytes())
    tracemalloc.start()
    try:
        with pytest.raises(SizeMismatch, match="4000 x 4000"):
            read_grey(path, SIZE)
        assert tracemalloc.get_traced_memory()[1] < 4_000_000
    finally:
        tracemalloc.stop()


def test_a_mask_that_unpacks_to_far_more_than_it_shows_is_refused_soon(tmp_path: Path) -> None:
    packer = zlib.compressobj(9)
    packed = b"".join(packer.compress(bytes(2**20)) for _ in range(256)) + packer.flush()
    head = png(64, 48).partition(b"IDAT")[0][:-4]
    body = b"IDAT" + packed
    tail = struct.pack(">I", 0) + b"IEND" + struct.pack(">I", zlib.crc32(b"IEND"))
    path = tmp_path / "much.png"
    path.write_bytes(head + struct.pack(">I", len(packed)) + body + struct.pack(">I", zlib.crc32(body)) + tail)
    begun = time.process_time()
    with pytest.raises(InputError, match="damaged"):
        read_grey(path, SIZE)
    assert time.process_time() - begun < slowness()


def test_a_large_mask_full_of_detail_is_read(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (1200, 1600), np.uint8)
    for level in (0, 1, 9):
        data = cv2.imencode(".png", noise, [cv2.IMWRITE_PNG_COMPRESSION, level])[1].tobytes()
        assert np.array_equal(grey_of_png(data), noise)


@pytest.mark.parametrize("read", READERS)
def test_what_is_damaged_is_an_error_of_our_own(tmp_path: Path, read: Callable[[Path], object]) -> None:
    whole = cv2.imencode(".png", RAMP)[1].tobytes()
    bad = [b"", whole[:60], png(64, 48, header=b""), png(0, 48), png(64, 48, b"x"), b"\xff\xd8\xff\xc0", b"text"]
    for number, data in enumerate(bad[:2] if read is read_picture else bad):
        path = tmp_path / f"{number}.png"
        path.write_bytes(data)
        with pytest.raises(InputError) as caught:
            read(path)
        assert path.name in str(caught.value)


@pytest.mark.skipif(os.name == "nt", reason="no such files there")
@pytest.mark.parametrize("read", READERS[:2] + READERS[3:])
def test_a_pipe_and_a_device_are_refused_at_once(tmp_path: Path, read: Callable[[Path], object]) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "device.png").symlink_to("/dev/zero")
    for name in ("pipe.png", "device.png"):
        with pytest.raises(InputError, match=r"cannot be read \(Not an ordinary file"):
            read(tmp_path / name)


@pytest.mark.parametrize("read", READERS[:3])
@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tif"])
def test_a_colour_photo_is_no_mask_however_it_is_given(
    tmp_path: Path, read: Callable[[Path], object], suffix: str
) -> None:
    path = tmp_path / f"photo{suffix}"
    path.write_bytes(cv2.imencode(suffix, COLOURS)[1].tobytes())
    with pytest.raises(InputError, match=r"no mask in .*photo.*colour picture without transparency"):
        read(path)


def test_masks_of_all_kinds_mean_the_same() -> None:
    kinds = {
        "grey": RAMP,
        "16 bits": RAMP.astype(np.uint16) * 257,
        "three channels": np.dstack([RAMP] * 3),
        "alpha": np.dstack([COLOURS, RAMP]),
    }
    for name, picture in kinds.items():
        assert np.array_equal(grey_of_png(cv2.imencode(".png", picture)[1].tobytes()), RAMP), name
    floats = (RAMP / np.float32(255)).astype(np.float32)
    assert np.array_equal(grey_of_png(cv2.imencode(".tif", floats)[1].tobytes()), RAMP)
