"""Tests folders of pictures and single pictures as clips."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from blender_cutout.core.clips.opening import open_clip
from blender_cutout.core.clips.source import natural_key
from blender_cutout.core.errors import FrameReadError
from blender_cutout.core.fakes import number_of, numbered
from blender_cutout.core.types import Clip


def write_picture(path: Path, image: np.ndarray) -> None:
    ok, data = cv2.imencode(path.suffix, cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
    assert ok
    path.write_bytes(data.tobytes())


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".jpeg", ".webp", ".tif", ".bmp", ".PNG"])
def test_folder_is_read_in_natural_name_order(tmp_path: Path, suffix):
    folder = tmp_path / "Bilder ä 片"
    folder.mkdir()
    for n in (1, 2, 9, 10, 100):
        write_picture(folder / f"shot_{n}{suffix}", numbered(n))
    (folder / "notes.txt").write_text("not a picture")
    (folder / "._shot_3.png").write_text("a hidden file")
    with open_clip(folder) as source:
        assert [number_of(source[n]) for n in range(len(source))] == [1, 2, 9, 10, 100]
        assert source.size == (64, 128)
        assert source.fps == 0


def test_given_files_keep_their_order_and_may_repeat(tmp_path: Path):
    for n in (1, 2, 3):
        write_picture(tmp_path / f"{n}.png", numbered(n))
    with open_clip(Clip(str(tmp_path), ("3.png", "1.png", "3.png"))) as source:
        assert [number_of(source[n]) for n in range(3)] == [3, 1, 3]


def test_single_picture_is_a_clip_of_one_frame(tmp_path: Path):
    write_picture(tmp_path / "still.png", numbered(5))
    with open_clip(str(tmp_path / "still.png")) as source:
        assert len(source) == 1
        assert number_of(source[0]) == 5


def test_colours_are_rgb_and_alpha_and_16_bits_are_brought_to_8(tmp_path: Path):
    rgba16 = np.zeros((8, 8, 4), np.uint16)
    rgba16[:] = (200 * 257, 60 * 257, 30 * 257, 100 * 257)  # OpenCV writes blue first
    cv2.imwrite(str(tmp_path / "a.png"), rgba16)
    with open_clip(tmp_path / "a.png") as source:
        assert np.abs(source[0].astype(int) - (30, 60, 200)).max() <= 1
        assert source[0].dtype == np.uint8


def test_grey_picture_becomes_rgb(tmp_path: Path):
    cv2.imwrite(str(tmp_path / "a.png"), np.full((4, 6), 77, np.uint8))
    with open_clip(tmp_path / "a.png") as source:
        assert source[0].shape == (4, 6, 3)
        assert (source[0] == 77).all()


def test_frames_cannot_be_changed_by_the_caller(tmp_path: Path):
    write_picture(tmp_path / "a.png", numbered(1))
    with open_clip(tmp_path / "a.png") as source, pytest.raises(ValueError, match="read-only"):
        source[0][0, 0] = 7


def test_cache_is_bounded(tmp_path: Path, monkeypatch):
    monkeypatch.setattr("blender_cutout.core.clips.source.CACHE_BYTES", 3 * numbered(0).size)
    for n in range(10):
        write_picture(tmp_path / f"{n}.png", numbered(n))
    with open_clip(tmp_path) as source:
        for n in range(10):
            source[n]
        assert len(source._kept) == 3


def _empty_file(folder: Path) -> Path:
    (folder / "clip.mp4").touch()
    return folder / "clip.mp4"


def _empty_picture(folder: Path) -> Path:
    (folder / "a.png").touch()
    return folder


def _damaged_picture(folder: Path) -> Path:
    (folder / "a.png").write_bytes(b"\x89PNG\r\n\x1a\nrubbish")
    return folder


def _no_pictures(folder: Path) -> Path:
    (folder / "a.txt").write_text("text")
    return folder


def _missing_file(folder: Path) -> Clip:
    write_picture(folder / "1.png", numbered(1))
    return Clip(str(folder), ("1.png", "2.png"))


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda folder: folder / "nothing.mp4", "does not exist"),
        (_empty_file, "empty file"),
        (_empty_picture, "empty file"),
        (_damaged_picture, "damaged or not a picture"),
        (_no_pictures, "no pictures"),
        (_missing_file, "1 of 2 pictures are missing"),
        (lambda folder: folder / ("x" * 5000 + ".mp4"), "cannot be opened"),
        (lambda folder: Clip(str(folder), ("x" * 5000 + ".png",)), "cannot be opened"),
    ],
)
def test_what_cannot_be_a_clip_is_a_clear_error(tmp_path: Path, make, says):
    with pytest.raises(FrameReadError, match=says) as caught:
        open_clip(make(tmp_path))
    assert caught.value.hint
    assert len(caught.value.text) < 1000


def test_pictures_of_different_sizes_name_both_sizes(tmp_path: Path):
    write_picture(tmp_path / "1.png", numbered(1))
    write_picture(tmp_path / "2.png", numbered(2, (64, 160)))
    with open_clip(tmp_path) as source, pytest.raises(FrameReadError, match=r"160 x 64.*128 x 64"):
        source[1]


@pytest.mark.parametrize("frame", [-1, 1, 99])
def test_frame_outside_the_clip_says_how_many_there_are(tmp_path: Path, frame):
    write_picture(tmp_path / "1.png", numbered(1))
    with open_clip(tmp_path) as source, pytest.raises(FrameReadError, match="which has 1 frames"):
        source[frame]


def test_fingerprint_survives_a_move_and_notices_a_changed_picture(tmp_path: Path):
    folder = tmp_path / "a"
    folder.mkdir()
    for n in range(5):
        write_picture(folder / f"{n}.png", numbered(n))
    with open_clip(folder) as source:
        first = source.fingerprint
    moved = folder.rename(tmp_path / "b")
    with open_clip(moved) as source:
        assert source.fingerprint == first
    write_picture(moved / "1.png", numbered(33))
    with open_clip(moved) as source:
        assert source.fingerprint != first


def test_names_sort_with_numbers_as_numbers():
    names = ["b1", "a10", "a2", "A1", "a2b", "a", "10", "9"]
    assert sorted(names, key=natural_key) == ["9", "10", "a", "A1", "a2", "a2b", "a10", "b1"]
