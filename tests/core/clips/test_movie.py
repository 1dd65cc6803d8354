"""Tests that movies return the right frame for every number, in any order, even when truncated."""

from __future__ import annotations

import random
import struct
from pathlib import Path

import av
import numpy as np
import pytest

from blender_cutout.core.clips.movie import Movie, MovieWithAlpha
from blender_cutout.core.clips.opening import open_clip
from blender_cutout.core.clips.source import DecodedCache
from blender_cutout.core.errors import FrameReadError
from blender_cutout.core.fakes import number_of, numbered

pytestmark = pytest.mark.libraries

COUNT = 90
PICTURES = [numbered(n) for n in range(COUNT)]
LONG_GOP = {"g": "250", "bf": "3", "crf": "20", "preset": "ultrafast", "x264-params": "b-adapt=0:b-pyramid=normal"}
OPEN_GOP = {"bf": "3", "preset": "ultrafast", "x264-params": "open-gop=1:keyint=20:min-keyint=20:scenecut=0:b-adapt=0"}
KINDS = {
    "h264-long-gop": {"options": LONG_GOP},
    "h264-open-gop-mkv": {"name": "clip.mkv", "options": OPEN_GOP},
    "h264-start-later-ts": {"name": "clip.ts", "options": OPEN_GOP, "times": range(1000, 1000 + COUNT)},
    "h264-start-later-mkv": {"name": "clip.mkv", "options": LONG_GOP, "times": range(77, 77 + COUNT)},
    "mpeg4-mp4": {"codec": "mpeg4", "options": {"bf": "2", "g": "12"}},
    "mpeg4-avi": {"name": "clip.avi", "codec": "mpeg4", "options": {"g": "12"}},
    "mpeg4-b-frames-avi": {"name": "clip.avi", "codec": "mpeg4", "options": {"bf": "2", "g": "12"}},
    "variable-rate": {
        "name": "clip.mkv",
        "options": LONG_GOP,
        "times": np.cumsum([1 + n % 3 for n in range(COUNT)]).tolist(),
    },
    "every-frame-key": {"name": "clip.mov", "codec": "mjpeg", "options": {"strict": "unofficial"}},
    "raw-stream": {"name": "clip.h264", "options": LONG_GOP},
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_frame_is_right_forward_backward_and_at_random(kind, write_movie, monkeypatch):
    path = write_movie(PICTURES, **KINDS[kind])
    # A cache of a few frames: what is read comes from the decoder, not from memory.
    monkeypatch.setattr("blender_cutout.core.clips.source.CACHE_BYTES", 6 * PICTURES[0].size)
    shuffled = random.Random(1).choices(range(COUNT), k=60)
    with open_clip(path) as source:
        assert len(source) == COUNT
        assert source.size == PICTURES[0].shape[:2]
        for order in (range(COUNT), reversed(range(COUNT)), shuffled):
            assert [(n, number_of(source[n])) for n in order if number_of(source[n]) != n] == []


@pytest.mark.parametrize("kind", ["h264-long-gop", "h264-open-gop-mkv", "h264-start-later-ts"])
@pytest.mark.parametrize("share", [0.35, 0.7, 0.95])
def test_truncated_movie_gives_its_whole_frames_and_no_more(kind, share, write_movie):
    noise = np.random.default_rng(0)
    pictures = [np.maximum(p, noise.integers(0, 60, p.shape, dtype=np.uint8)) for p in PICTURES]
    path = write_movie(
        pictures, **KINDS[kind], container_options={"movflags": "faststart"} if kind == "h264-long-gop" else None
    )
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    with open_clip(path) as source:
        assert 0.2 * share * COUNT < len(source) < COUNT
        for n in (*range(len(source)), len(source) - 1, 0):
            assert number_of(source[n]) == n
        with pytest.raises(FrameReadError, match="outside the clip"):
            source[len(source)]
        assert "cut off" in source.shown


def test_walking_forward_decodes_each_frame_once(write_movie, monkeypatch):
    from blender_cutout.core.clips.movie import Movie

    decoded = []
    original = Movie._number
    monkeypatch.setattr(Movie, "_number", lambda self, frame, times: decoded.append(1) or original(self, frame, times))
    with open_clip(write_movie(PICTURES, options=LONG_GOP)) as source:
        for n in range(COUNT):
            source[n]
    assert len(decoded) == COUNT


def test_walking_backward_through_a_long_gop_does_not_decode_it_for_every_frame(write_movie, monkeypatch):
    from blender_cutout.core.clips.movie import Movie

    decoded = []
    original = Movie._number
    monkeypatch.setattr(Movie, "_number", lambda self, frame, times: decoded.append(1) or original(self, frame, times))
    monkeypatch.setattr("blender_cutout.core.clips.source.CACHE_BYTES", 32 * PICTURES[0].size)
    with open_clip(write_movie(PICTURES, options=LONG_GOP)) as source:
        assert [number_of(source[n]) for n in reversed(range(COUNT))] == list(reversed(range(COUNT)))
    assert len(decoded) < 8 * COUNT


@pytest.mark.parametrize(("tag", "size"), [(1, (64, 128)), (5, (64, 128)), (None, (64, 128)), (1, (720, 128))])
def test_colours_follow_the_tagged_matrix(tag, size, write_movie):
    image = np.empty((*size, 3), np.uint8)
    image[:] = (30, 60, 200)
    with open_clip(write_movie([image] * 3, options={"qp": "0"}, colorspace=tag)) as source:
        assert np.abs(source[1].astype(int) - image).max() <= 3


@pytest.mark.parametrize("matrix", ["undef", "smpte170m", "bt470bg"])
def test_hd_without_a_tag_or_with_one_of_bt601_is_read_as_in_blender(matrix, write_movie):
    image = np.empty((720, 128, 3), np.uint8)
    image[:] = (30, 60, 200)
    options = {"qp": "0", "x264-params": f"colormatrix={matrix}"}
    path = write_movie([image] * 2, options=options, name="hd.mkv")  # written with BT.601
    with open_clip(path) as source:
        assert np.abs(source[0].astype(int) - image).max() <= 3


@pytest.mark.parametrize("layout", ["yuv420p10le", "yuv422p10le", "yuv444p12le"])
def test_white_and_grey_of_deep_movies_are_exact_in_every_row(tmp_path: Path, layout: str) -> None:
    bits = int(layout[-4:-2])
    with av.open(str(tmp_path / "deep.mkv"), "w") as container:
        stream = container.add_stream("ffv1", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, layout
        for luma in (235, 126):
            frame = av.VideoFrame(64, 48, layout)
            for plane, value in zip(frame.planes, (luma, 128, 128), strict=True):
                plane.update(np.full(plane.buffer_size // 2, value << bits - 8, np.uint16).tobytes())
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    for kind in (Movie, MovieWithAlpha):
        with kind(tmp_path / "deep.mkv") as movie:
            assert [np.unique(movie[n][..., :3]).tolist() for n in range(2)] == [[255], [128]]


def test_rotated_movie_is_turned_upright(write_movie):
    image = np.zeros((64, 128, 3), np.uint8)
    image[:16, :32] = 255
    path = write_movie([image] * 3, options={"qp": "0"})
    data = bytearray(path.read_bytes())
    matrix = data.find(b"tkhd") + 40  # ISO 14496-12: the track's display matrix, here a quarter turn with the clock
    for n, value in enumerate((0, 1 << 16, 0, -1 << 16, 0, 0, 64 << 16, 0, 1 << 30)):
        struct.pack_into(">i", data, matrix + 4 * n, value)
    path.write_bytes(data)
    with open_clip(path) as source:
        assert source.size == (128, 64)
        assert source.turned in (90, 270)
        np.testing.assert_array_equal(source[2] > 127, np.rot90(image, -1) > 127)


def test_text_called_mp4_is_a_clear_error(tmp_path: Path):
    path = tmp_path / "notes.mp4"
    path.write_text("not a movie at all\n" * 100)
    with pytest.raises(FrameReadError, match="not a movie") as caught:
        open_clip(path)
    assert caught.value.hint


def test_movie_cut_before_its_index_is_a_clear_error(write_movie):
    path = write_movie(PICTURES, options=LONG_GOP)
    path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(FrameReadError, match="damaged or cut off"):
        open_clip(path)


def test_movie_with_zeroed_middle_never_gives_a_wrong_frame_number_for_whole_frames(write_movie):
    path = write_movie(PICTURES, name="clip.ts", options=OPEN_GOP)
    data = bytearray(path.read_bytes())
    packets = len(data) // 188
    for n in range(int(packets * 0.5), int(packets * 0.55)):
        data[n * 188 : (n + 1) * 188] = bytes(188)
    path.write_bytes(data)
    with open_clip(path) as source:
        assert number_of(source[3]) == 3
        assert number_of(source[len(source) - 1]) == COUNT - 1


def test_non_ascii_and_spaced_movie_path(write_movie):
    with open_clip(write_movie(PICTURES[:5], name="Ä clip – ñ 片.mp4")) as source:
        assert number_of(source[4]) == 4


def test_fps_fingerprint_and_closing(write_movie, tmp_path: Path):
    path = write_movie(PICTURES[:10])
    with open_clip(path) as source:
        assert source.fps == 24.0
        first = source.fingerprint
    moved = tmp_path / "elsewhere" / "renamed.mp4"
    moved.parent.mkdir()
    path.rename(moved)
    with open_clip(moved) as source:
        assert source.fingerprint == first
        source.close()
        with pytest.raises(FrameReadError, match="closed"):
            source[3]
    with moved.open("ab") as file:
        file.write(b"more")
    with open_clip(moved) as source:
        assert source.fingerprint != first


def test_what_a_decoder_passed_is_bounded_and_given_out_once():
    class Plane:
        buffer_size = 10

    class Decoded:
        planes = (Plane(), Plane())

    passed, frames = DecodedCache(), [Decoded() for _ in range(5)]
    for number, frame in enumerate(frames):
        passed.add(number, frame, 60)
    assert len(passed) == 3
    assert passed.take(1) is None
    assert passed.take(3) is frames[3]
    assert passed.take(3) is None
    passed.add(5, frames[0], 60)
    assert len(passed) == 3
    passed.clear()
    assert len(passed) == 0
