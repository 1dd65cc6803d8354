"""Tests that a clip's own transparency is kept: clear pixels stay clear in every result, whatever their colour."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest

from blender_cutout.core.clips.opening import open_clip
from blender_cutout.core.export.film import FilmLook, write_film

SIZE = (64, 96)
COUNT = 3


def picture(number: int) -> np.ndarray:
    """Returns (H, W, 4) RGBA: transparent green rubbish, and a red block, half of it half transparent."""
    image = np.zeros((*SIZE, 4), np.uint8)
    image[..., 1] = 255
    left = 16 + 8 * number
    image[16:48, left : left + 32] = (220, 30, 30, 255)
    image[32:48, left : left + 32, 3] = 128
    return image


def write_pngs(folder: Path) -> Path:
    folder.mkdir()
    for n in range(COUNT):
        cv2.imwrite(str(folder / f"{n:04d}.png"), cv2.cvtColor(picture(n), cv2.COLOR_RGBA2BGRA))
    return folder


def write_movie(path: Path, codec: str, pixels: str, **options: str) -> Path:
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream(codec, rate=24, options=options)
        stream.height, stream.width, stream.pix_fmt = *SIZE, pixels
        for n in range(COUNT):
            frame: Any = av.VideoFrame.from_ndarray(picture(n), format="rgba").reformat(format=pixels, threads=1)
            frame.pts, frame.time_base = n, Fraction(1, 24)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


CLIPS: dict[str, Callable[[Path], Path]] = {
    "pictures": write_pngs,
    "ffv1.mkv": lambda p: write_movie(p, "ffv1", "bgra"),
    "prores.mov": lambda p: write_movie(p, "prores_ks", "yuva444p10le", profile="4444"),
    "vp9.webm": lambda p: write_movie(p, "libvpx-vp9", "yuva420p", **{"auto-alt-ref": "0", "crf": "4", "b": "0"}),
}


@pytest.mark.parametrize("name", CLIPS)
def test_alpha_is_that_of_the_frame_in_any_order(name, tmp_path, monkeypatch):
    monkeypatch.setattr("blender_cutout.core.clips.source.CACHE_BYTES", 1)
    with open_clip(CLIPS[name](tmp_path / name)) as source:
        for n in (2, 0, 1, 1, 0, 2):
            alpha = source.alpha(n)
            assert alpha.dtype == np.float32
            assert np.abs(alpha - picture(n)[..., 3] / np.float32(255)).mean() < 0.02
            assert source[n].shape == (*SIZE, 3)


@pytest.mark.parametrize("name", CLIPS)
def test_what_is_clear_stays_clear_under_a_mask_of_everything(name, tmp_path):
    with open_clip(CLIPS[name](tmp_path / name)) as source:
        for look, target in ((FilmLook(""), "clear"), (FilmLook("#0000ff"), "blue")):
            steps = write_film(source, tmp_path, [0], lambda _: np.ones(SIZE, np.float32), tmp_path / target, look)
            assert list(steps)
    clear = cv2.imread(str(tmp_path / "clear" / "000000.png"), cv2.IMREAD_UNCHANGED)
    assert clear[60, 90, 3] == 0
    assert clear[24, 32, 3] == 255
    assert abs(int(clear[40, 32, 3]) - 128) <= 4
    blue = cv2.imread(str(tmp_path / "blue" / "000000.png"))
    assert np.abs(blue[60, 90].astype(int) - (255, 0, 0)).max() <= 2
    assert blue[24, 32, 2] > 190


def test_clips_without_alpha_have_none(tmp_path, write_movie):
    plain = tmp_path / "plain"
    plain.mkdir()
    cv2.imwrite(str(plain / "0.png"), picture(0)[..., :3])
    cv2.imwrite(str(tmp_path / "0.jpg"), picture(0)[..., :3])
    for clip in (plain, tmp_path / "0.jpg", write_movie([picture(0)[..., :3]] * 2)):
        with open_clip(clip) as source:
            assert source.alpha(0) is None


def test_a_palette_picture_with_a_clear_colour_has_alpha(tmp_path):
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = b"".join(b"\0" + bytes([0] * 4 + [1] * 4) for _ in range(8))
    (tmp_path / "p.png").write_bytes(
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", struct.pack(">IIBBBBB", 8, 8, 8, 3, 0, 0, 0))
        + chunk(b"PLTE", bytes([0, 255, 0, 200, 0, 0]))
        + chunk(b"tRNS", b"\0")
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )
    with open_clip(tmp_path / "p.png") as source:
        assert (source.alpha(0)[:, :4] == 0).all()
        assert (source.alpha(0)[:, 4:] == 1).all()
