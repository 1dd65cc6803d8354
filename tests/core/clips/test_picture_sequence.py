"""Tests reports about odd clips: gaps, foreign files, animated pictures, damaged frames; the rest still works."""

from __future__ import annotations

from pathlib import Path

import av
import clips_kit
import cv2
import numpy as np
import pytest

from blender_cutout.core.clips.opening import open_clip
from blender_cutout.core.clips.picture import read_picture
from blender_cutout.core.clips.picture_sequence import sequence_notes
from blender_cutout.core.errors import FrameReadError
from blender_cutout.core.fakes import number_of, numbered


@pytest.mark.parametrize(
    ("names", "says"),
    [
        (["a.0998.png", "a.0999.png", "a.1000.png", "a.1001.png"], ""),
        (["7.png"], ""),
        (["shot_2_v3.png", "shot_3_v3.png"], ""),
        (["Frame1.PNG", "frame2.png"], ""),
        (["a1_b1.png", "a1_b2.png", "a2_b9.png"], ""),
        (["s.1001.png", "s.1002.png", "s.1005.png"], "2 pictures are missing.*number 1003"),
        (["0.png", "2.png"], "1 picture is missing.*number 1"),
        (["1.jpg", "1.png", "2.jpg", "2.png"], "Not all pictures.*2 are like 1.jpg, others like 1.png"),
        (["1.png", "2.png", "preview.png"], "2 are like 1.png, others like preview.png"),
    ],
)
def test_gaps_duplicates_and_unrelated_files_are_reported(names, says, tmp_path):
    notes = sequence_notes(tmp_path, names)
    assert len(notes) == bool(says)
    if says:
        import re

        assert re.search(says, notes[0])


def test_a_folder_with_a_gap_says_so_once(tmp_path: Path):
    for n in (1, 2, 5):
        cv2.imwrite(str(tmp_path / f"{n}.png"), numbered(n))
    with open_clip(tmp_path) as source:
        assert [number_of(source[n]) for n in range(len(source))] == [1, 2, 5]
        assert len(source.take_notes()) == 1
        assert source.take_notes() == []


@pytest.mark.parametrize(("name", "codec"), [("a.png", "apng"), ("b.webp", "libwebp_anim")])
def test_of_an_animated_picture_it_is_said_that_only_the_first_is_used(name, codec, tmp_path):
    with av.open(str(tmp_path / name), "w", format="apng" if codec == "apng" else None) as container:
        stream = container.add_stream(codec, rate=24)
        stream.height, stream.width = 64, 128
        stream.pix_fmt = "rgb24" if codec == "apng" else "bgra"
        for n in range(3):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(numbered(n + 1), format="rgb24")))
        container.mux(stream.encode(None))
    with open_clip(tmp_path / name) as source:
        assert len(source) == 1
        assert "is animated" in source.take_notes()[0]


def damaged(path: Path, first: int, count: int) -> Path:
    """A movie with some packets zeroed."""
    options = {**clips_kit.NO_B, "g": "8"}
    clips_kit.encode(path, clips_kit.even(24), clips_kit.Fraction(1, 24), 24, options=options)
    with av.open(str(path)) as container:
        packets = [(p.pos, p.size) for p in container.demux(video=0) if p.size]
    data = bytearray(path.read_bytes())
    for place, size in packets[first : first + count]:
        data[place : place + size] = bytes(size)
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("order", ["forward", "backward"])
def test_the_frame_before_stands_for_a_damaged_one_which_is_named(order, tmp_path):
    with open_clip(damaged(tmp_path / "clip.mp4", 11, 2)) as source:
        assert len(source) == clips_kit.COUNT
        frames = range(len(source)) if order == "forward" else reversed(range(len(source)))
        found = {n: number_of(source[n]) for n in frames}
        assert [found[n] for n in (9, 10, 11, 12, 16, 17, 35)] == [10, 11, 11, 11, 17, 18, 36]
        notes = source.take_notes()
    assert len(notes) == 1
    assert "11 of the clip is damaged" in notes[0]
    assert "1 more" in notes[0]


def test_a_long_damaged_part_is_an_error_that_names_the_way_on(tmp_path):
    for count, stop, rest in ((29, 33, "0:33"), (26, 31, "32:36")):
        with open_clip(damaged(tmp_path / "clip.mp4", 6, count)) as source:
            assert number_of(source[20]) == 6
            with pytest.raises(FrameReadError, match="is damaged") as caught:
                source[stop]
            assert f"--range {rest}." in caught.value.hint
            if rest == "32:36":
                assert [number_of(source[n]) for n in range(32, 36)] == [33, 34, 35, 36]


@pytest.mark.parametrize("kind", ["movie", "pictures"])
def test_for_measures_a_damaged_frame_stays_an_error(kind, tmp_path):
    path = damaged(tmp_path / "clip.mp4", 6, 1) if kind == "movie" else pictures(tmp_path / "clip", (6,))
    with open_clip(path, strict=True) as source, pytest.raises(FrameReadError, match=r"damaged|empty"):
        source[6]


def pictures(folder: Path, damaged: tuple[int, ...]) -> Path:
    folder.mkdir()
    for n in range(8):
        cv2.imwrite(str(folder / f"{n}.png"), numbered(n + 1))
    for n in damaged:
        (folder / f"{n}.png").write_bytes((folder / f"{n}.png").read_bytes()[:60] if n % 2 else b"")
    return folder


def test_the_picture_before_stands_for_damaged_ones_amid_a_sequence(tmp_path):
    with open_clip(pictures(tmp_path / "clip", (3, 4))) as source:
        assert [number_of(source[n]) for n in range(8)] == [1, 2, 3, 3, 3, 6, 7, 8]
        assert source.alpha(3) is None
        notes = source.take_notes()
    assert [note.split(" is ")[0] for note in notes] == ["3.png", "4.png"]


def test_damaged_pictures_at_the_end_may_be_in_the_making_and_stay_an_error(tmp_path):
    with open_clip(pictures(tmp_path / "clip", (6, 7))) as source:
        assert number_of(source[5]) == 6
        with pytest.raises(FrameReadError, match=r"6\.png is an empty file") as caught:
            source[6]
        assert "--range 0:6." in caught.value.hint
        assert caught.value.code == "FrameReadError"


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_a_tiff_of_floats_is_read_as_it_is_seen_in_blender(channels, tmp_path):
    values = np.full((8, 8, channels), 0.5, np.float32)
    values[0] = 2.0
    cv2.imwrite(str(tmp_path / "f.tif"), values)
    picture = read_picture(tmp_path / "f.tif")
    assert picture.shape == (8, 8, 3)
    assert picture[4, 4].tolist() == [128] * 3
    assert picture[0, 0].tolist() == [255] * 3


def test_a_kind_of_picture_that_is_not_read_is_named(tmp_path):
    (tmp_path / "photo.heic").write_bytes(b"anything")
    with pytest.raises(FrameReadError, match=r"photo\.heic is not a supported kind of picture"):
        read_picture(tmp_path / "photo.heic")
