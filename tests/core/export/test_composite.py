"""Tests the cutout over a background: its edge, colours, and movies with the right pixels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from blender_cutout.core.clips.opening import open_clip
from blender_cutout.core.errors import InputError, SizeMismatch, StoreError
from blender_cutout.core.export.composite import cover, over, rgba
from blender_cutout.core.export.film import parse_colour
from blender_cutout.core.export.movie_writer import MovieWriter


@pytest.fixture
def picture() -> np.ndarray:
    y, x = np.mgrid[:64, :96]
    return np.stack((2 * x, 3 * y, 255 - x - y), axis=-1).astype(np.uint8)


@pytest.fixture
def square() -> np.ndarray:
    matte = np.zeros((64, 96), np.float32)
    matte[20:40, 30:60] = 1.0
    return matte


def test_every_pixel_is_the_rounded_mix_of_picture_and_background(picture: np.ndarray) -> None:
    matte = np.random.default_rng(0).random((64, 96), np.float32)
    background = np.full((64, 96, 3), (10, 200, 90), np.uint8)
    expected = picture * matte[..., None].astype(np.float64) + background * (1 - matte[..., None].astype(np.float64))
    result = over(picture, matte, background)
    assert result.dtype == np.uint8
    assert np.abs(result - expected).max() <= 0.501


def test_full_matte_gives_the_picture_and_empty_matte_the_background(picture: np.ndarray) -> None:
    background = 255 - picture
    ones, zeros = np.ones((64, 96), np.float32), np.zeros((64, 96), np.float32)
    assert np.array_equal(over(picture, ones, background), picture)
    assert np.array_equal(over(picture, zeros, background), background)


def test_rgba_keeps_all_colours_and_puts_the_matte_into_alpha(picture: np.ndarray, square: np.ndarray) -> None:
    result = rgba(picture, square * 0.5)
    assert np.array_equal(result[..., :3], picture)
    assert np.array_equal(np.unique(result[..., 3]), [0, 128])


def test_a_matte_or_background_of_another_size_is_refused(picture: np.ndarray) -> None:
    with pytest.raises(SizeMismatch, match=r"90 x 64.*96 x 64"):
        over(picture, np.zeros((64, 90), np.float32), picture)
    with pytest.raises(SizeMismatch, match=r"50 x 64.*96 x 64"):
        over(picture, np.zeros((64, 96), np.float32), picture[:, :50])


@pytest.mark.parametrize("size", [(64, 96), (32, 96), (100, 20), (128, 192)])
def test_cover_fills_the_frame_from_the_middle_with_the_aspect_kept(size: tuple[int, int]) -> None:
    picture = np.zeros((64, 96, 3), np.uint8)
    picture[24:40, 40:56] = 255  # a square in the middle
    result = cover(picture, size)
    assert result.shape == (*size, 3)
    rows, columns = np.nonzero(result[..., 0] > 127)
    wide, tall = columns.max() - columns.min() + 1, rows.max() - rows.min() + 1
    limit = min(size)
    assert abs(min(wide, limit) - min(tall, limit)) <= 2
    assert abs(rows.mean() + 0.5 - size[0] / 2) <= 1
    assert abs(columns.mean() + 0.5 - size[1] / 2) <= 1


def test_colours_are_read_as_people_write_them() -> None:
    assert parse_colour("#00b140") == (0, 177, 64)
    assert parse_colour("#fff") == (255, 255, 255)
    assert parse_colour("Green") == (0, 255, 0)
    assert parse_colour("beach.jpg") is None
    with pytest.raises(InputError, match="#rrggbb"):
        parse_colour("#12345")


@pytest.mark.parametrize(("suffix", "off"), [(".mkv", 0.0), (".mov", 1.0), (".mp4", 4.0)])
@pytest.mark.parametrize("size", [(64, 96), (63, 95)])
def test_a_movie_gives_its_frames_back(
    tmp_path: Path, picture: np.ndarray, suffix: str, off: float, size: tuple[int, int]
) -> None:
    picture = np.ascontiguousarray(picture[: size[0], : size[1]])
    path = tmp_path / f"Fähre über Bord{suffix}"
    with MovieWriter(path, size, 30000 / 1001) as movie:
        for shift in range(5):
            movie.write(np.roll(picture, 4 * shift, axis=0))
    with open_clip(path) as clip:
        assert len(clip) == 5
        assert clip.size == size
        assert clip.fps == pytest.approx(29.97, abs=0.01)
        for shift in range(5):
            error = np.abs(clip[shift].astype(int) - np.roll(picture, 4 * shift, axis=0))
            assert error.mean() <= off, f"frame {shift}"
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


def test_an_ffv1_movie_keeps_alpha_exactly(tmp_path: Path, picture: np.ndarray, square: np.ndarray) -> None:
    import av

    cut = rgba(picture, square * 0.7)
    path = tmp_path / "cut.mkv"
    with MovieWriter(path, (64, 96), 25, alpha=True) as movie:
        movie.write(cut)
    with av.open(str(path)) as container:
        frame = next(container.decode(video=0))
        assert np.array_equal(frame.to_ndarray(format="rgba"), cut)


def test_mp4_with_alpha_and_unknown_endings_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="transparency"):
        MovieWriter(tmp_path / "a.mp4", (64, 96), 25, alpha=True)
    with pytest.raises(InputError, match=r"\.mkv"):
        MovieWriter(tmp_path / "a.avi", (64, 96), 25)
    with pytest.raises(StoreError, match="cannot be written"):
        MovieWriter(tmp_path / "no" / "such" / "folder.mkv", (64, 96), 25)


def test_a_movie_that_is_interrupted_leaves_no_file(tmp_path: Path, picture: np.ndarray) -> None:
    def stopped() -> None:
        with MovieWriter(tmp_path / "a.mp4", (64, 96), 25) as movie:
            movie.write(picture)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stopped()
    assert list(tmp_path.iterdir()) == []
