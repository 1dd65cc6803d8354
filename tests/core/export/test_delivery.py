"""Tests what is written for others, by the files: inverted masks, pictures with alpha, splines."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pictures_kit
import pytest

from blender_cutout.core.clips.opening import open_clip
from blender_cutout.core.errors import InputError, SizeMismatch, StoreError
from blender_cutout.core.export.delivery import deliver
from blender_cutout.core.images.matte import read_mask, write_mask
from blender_cutout.core.images.oiio_pictures import read_channels

SIZE = (60, 80)


class Source:
    size = SIZE
    bits, linear, hdr = 8, False, None

    def __getitem__(self, frame: int) -> np.ndarray:
        y, x = np.mgrid[: SIZE[0], : SIZE[1]]
        return np.stack([x * 3, y * 4, 0 * x + 10 * frame], axis=-1).astype(np.uint8)

    def alpha(self, frame: int) -> None:
        return None


class Session:
    """A track with a soft block on frames 0 and 1."""

    def __init__(self, folder: Path, left: int = 10) -> None:
        self.source: Any = Source()
        self.folder = folder
        folder.mkdir()
        for frame in (0, 1):
            matte = np.zeros(SIZE, np.float32)
            matte[20:40, left + frame : left + 20 + frame] = 1
            write_mask(folder / f"{frame}.png", cv2.GaussianBlur(matte, (0, 0), 1.5))

    def is_final(self, frame: int) -> bool:
        return False

    def matte_path(self, frame: int) -> Path | None:
        path = self.folder / f"{frame}.png"
        return path if path.is_file() else None


@pytest.fixture
def session(tmp_path: Path) -> Any:
    return Session(tmp_path / "track")


def files(folder: Path) -> list[np.ndarray]:
    return [cv2.imread(str(path), cv2.IMREAD_UNCHANGED) for path in sorted(folder.iterdir())]


def test_inverted_masks_keep_what_the_masks_cut_away_and_all_where_there_is_none(session: Any, tmp_path: Path) -> None:
    *_, last = deliver([session], (1, 5, -1), tmp_path / "plain")
    *_, turned = deliver([session], (1, 5, -1), tmp_path / "turned", "mask", True)
    assert (last.missing, turned.missing, turned.done) == (1, 1, 3)
    for one, other in zip(files(tmp_path / "plain"), files(tmp_path / "turned"), strict=True):
        assert np.array_equal(255 - one, other)


def test_cutouts_have_the_clips_own_colours_under_the_matte(session: Any, tmp_path: Path) -> None:
    *_, last = deliver([session], (1, 3, -1), tmp_path / "cutouts", "cutout")
    assert (last.done, last.missing) == (3, 1)
    shown, lacking, nothing = files(tmp_path / "cutouts")
    matte = np.round(read_mask(session.matte_path(1)) * 255)
    assert np.array_equal(shown[..., 3], matte)
    seen = matte > 0
    assert np.array_equal(shown[..., 2::-1][seen], Source()[1][seen])
    assert not lacking.any()
    assert not nothing.any()
    assert lacking.shape == nothing.shape == (*SIZE, 4)


def test_cutouts_keep_the_bits_of_a_deep_clip(session: Any, tmp_path: Path) -> None:
    deep = np.asarray(np.random.default_rng(4).integers(0, 65536, (*SIZE, 3)), np.uint16)
    cv2.imwrite(str(tmp_path / "clip.png"), deep)
    with open_clip(tmp_path / "clip.png") as session.source:
        list(deliver([session], (0, -1), tmp_path / "cutouts", "cutout"))
    shown, nothing = files(tmp_path / "cutouts")
    alpha = np.rint(read_mask(session.matte_path(0)) * 65535)
    assert np.array_equal(shown[..., 3], alpha)
    assert np.array_equal(shown[..., :3][alpha > 0], deep[alpha > 0])
    assert nothing.dtype == np.uint16
    assert not nothing.any()


def test_cutouts_of_linear_light_keep_highlights(session: Any, tmp_path: Path) -> None:
    light = np.full((*SIZE, 3), (0.25, 1.0, 6.0), np.float32)
    pictures_kit.write(tmp_path / "clip.exr", light, names=("R", "G", "B"))
    for _ in range(2):  # the second replaces the first
        with open_clip(tmp_path / "clip.exr") as session.source:
            list(deliver([session], (0, -1), tmp_path / "cutouts", "cutout"))
    assert [path.name for path in sorted((tmp_path / "cutouts").iterdir())] == ["000001.exr", "000002.exr"]
    values, has_alpha = read_channels(tmp_path / "cutouts" / "000001.exr", "it")
    matte = read_mask(session.matte_path(0))[..., None]
    assert has_alpha
    assert np.allclose(values[..., 3:], matte, atol=1e-3)
    assert np.allclose(values[..., :3], light * matte, rtol=2e-3)
    assert not read_channels(tmp_path / "cutouts" / "000002.exr", "it")[0].any()


def test_an_inverted_cutout_is_the_background_and_whole_where_there_is_no_mask(session: Any, tmp_path: Path) -> None:
    *_, last = deliver([session], (0, 3), tmp_path / "cutouts", "cutout", True)
    assert last.missing == 1
    shown, whole = files(tmp_path / "cutouts")
    assert np.array_equal(shown[..., 3], 255 - np.round(read_mask(session.matte_path(0)) * 255))
    assert np.array_equal(whole[..., 2::-1], Source()[3])
    assert (whole[..., 3] == 255).all()


def test_the_union_of_two_tracks_is_cut_out(session: Any, tmp_path: Path) -> None:
    other = Session(tmp_path / "other", left=50)
    list(deliver([session, other], (0,), tmp_path / "cutouts", "cutout"))
    (shown,) = files(tmp_path / "cutouts")
    assert shown[30, 20, 3] == shown[30, 60, 3] == 255
    assert shown[30, 40, 3] == 0


def test_splines_are_a_file_that_is_replaced_whole(session: Any, tmp_path: Path) -> None:
    folder = tmp_path / "splines"
    for invert in (False, True):
        *_, last = deliver([session], (0, 1, 1, 7), folder, "splines", invert)
        assert (last.done, last.missing) == (4, 1)
    assert [path.name for path in folder.iterdir()] == ["splines.json"]
    record = json.loads((folder / "splines.json").read_text())
    assert (record["width"], record["height"], record["frames"], record["invert"]) == (80, 60, 4, True)
    (spline,) = record["splines"]
    points = np.array(spline["points"])
    assert (spline["first"], spline["hole"], points.shape[0], points.shape[2]) == (0, False, 3, 6)
    low, high = points[0, :, :2].min(axis=0), points[0, :, :2].max(axis=0)
    assert np.abs(low - (10, 20)).max() < 1
    assert np.abs(high - (30, 40)).max() < 1


def test_what_cannot_be_delivered_is_refused(session: Any, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="form"):
        deliver([session], (0,), tmp_path / "x", "hologram")
    for form in ("mask", "cutout", "splines"):
        with pytest.raises(InputError, match="no object"):
            list(deliver([], (0,), tmp_path / "x", form, True))
        with pytest.raises(InputError, match="no frame"):
            list(deliver([session], (), tmp_path / "x", form, True))
    other = Session(tmp_path / "other")
    other.source = type("Large", (Source,), {"size": (90, 90)})()
    with pytest.raises(SizeMismatch):
        deliver([session, other], (0,), tmp_path / "x", "cutout")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").touch()
    with pytest.raises(StoreError):
        list(deliver([session], (0,), tmp_path / "full", "cutout"))
    assert not (tmp_path / "x").exists()


@pytest.mark.skipif(os.name == "nt", reason="links need rights there")
def test_splines_are_not_written_through_a_link(session: Any, tmp_path: Path) -> None:
    folder, victim = tmp_path / "splines", tmp_path / "thesis.txt"
    folder.mkdir()
    victim.write_text("my own")
    for name in ("splines.json", f".splines.json.{os.getpid()}.part", "splines.json.part"):
        (folder / name).symlink_to(victim)
    list(deliver([session], (0, 1), folder, "splines"))
    assert victim.read_text() == "my own"
    assert json.loads((folder / "splines.json").read_text())["frames"] == 2
    assert not (folder / "splines.json").is_symlink()
