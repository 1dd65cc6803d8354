"""Tests that HDR clips are converted to pictures for ordinary screens."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from blender_cutout.core.clips.hdr import map_tones
from blender_cutout.core.clips.opening import open_clip

pytestmark = pytest.mark.libraries

PQ, HLG = 16, 18
FROM_709 = np.array(((0.6274, 0.3293, 0.0433), (0.0691, 0.9195, 0.0114), (0.0164, 0.0880, 0.8956)))
"""ITU-R BT.2087."""


def pq(nits: np.ndarray) -> np.ndarray:
    """SMPTE ST 2084."""
    power = (np.asarray(nits) / 10000) ** (2610 / 16384)
    return ((3424 / 4096 + 2413 / 128 * power) / (1 + 2392 / 128 * power)) ** (2523 / 32)


def hlg(scene: float) -> float:
    """ITU-R BT.2100."""
    return float(np.sqrt(3 * scene) if scene <= 1 / 12 else 0.17883277 * np.log(12 * scene - 0.28466892) + 0.55991073)


def coded(colour: tuple[int, int, int], white: float = 203.0) -> np.ndarray:
    """Returns the PQ values of a BT.709 colour whose white has this many nits."""
    return pq(white * (FROM_709 @ (np.array(colour) / 255) ** 2.4).clip(0))


@pytest.mark.parametrize("colour", [(0, 0, 0), (16, 16, 16), (128, 128, 128), (200, 60, 30), (20, 140, 220)])
def test_colours_of_ordinary_brightness_come_back(colour: tuple[int, int, int]) -> None:
    signal = np.rint(coded(colour) * 65535).astype(np.uint16).reshape(1, 1, 3)
    assert np.abs(map_tones(signal, PQ)[0, 0].astype(int) - colour).max() <= 2


def test_highlights_keep_their_order_and_hue() -> None:
    nits = np.geomspace(100, 4000, 40)
    grey = np.repeat(np.rint(pq(nits) * 65535).astype(np.uint16)[None, :, None], 3, axis=2)
    shown = map_tones(grey, PQ)[0].astype(int)
    assert (np.diff(shown[:, 0]) >= 0).all()
    assert 235 <= shown[np.argmin(abs(nits - 203)), 0] <= 252
    assert np.ptp(shown, axis=1).max() <= 1
    red = np.rint(coded((250, 60, 60), 1000) * 65535).astype(np.uint16).reshape(1, 1, 3)
    red_shown = map_tones(red, PQ)[0, 0].astype(int)
    assert red_shown[0] > 240
    assert abs(red_shown[1] - red_shown[2]) <= 3
    assert red_shown[1] < 100


def test_hlg_white_is_nearly_white_and_its_black_black() -> None:
    signal = np.rint(np.array([[[0.75] * 3, [0.0] * 3, [hlg(0.02)] * 3]]) * 65535).astype(np.uint16)
    white, black, grey = map_tones(signal, HLG)[0, :, 0].astype(int)
    assert 235 <= white <= 252
    assert black == 0
    assert abs(grey - 255 * (1000 / 203 * 0.02**1.2) ** (1 / 2.4)) <= 2


@pytest.mark.parametrize("transfer", [PQ, HLG])
def test_a_clip_is_read_converted_and_it_is_said(tmp_path: Path, transfer: int) -> None:
    path = tmp_path / "hdr.mkv"
    code = float(coded((128, 128, 128))[0]) if transfer == PQ else hlg(0.05)
    luma = round(64 + 876 * code)
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream("ffv1", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p10le"
        context = stream.codec_context
        context.color_primaries, context.color_trc, context.colorspace, context.color_range = 9, transfer, 9, 1
        for _ in range(2):
            frame: Any = av.VideoFrame(64, 48, "yuv420p10le")
            for plane, value in zip(frame.planes, (luma, 512, 512), strict=True):
                plane.update(np.full(plane.buffer_size // 2, value, np.uint16).tobytes())
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    right = 128 if transfer == PQ else 255 * (1000 / 203 * 0.05**1.2) ** (1 / 2.4)
    with open_clip(path) as clip:
        assert np.abs(clip[1].astype(int) - right).max() <= 2
        (note,) = clip.take_notes()
    assert "HDR" in note
    assert "converted to BT.709" in note
