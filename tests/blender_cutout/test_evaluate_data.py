"""Which clips and pictures are found in a folder."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from blender_cutout.core.errors import InputError
from blender_cutout.evaluate.data import find_data, read_truth


def picture(path: Path, value: int | np.ndarray = 0) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    array = value if isinstance(value, np.ndarray) else np.full((8, 10), value, np.uint8)
    path.write_bytes(cv2.imencode(path.suffix, array)[1].tobytes())


@pytest.fixture
def data(tmp_path: Path) -> Path:
    root = tmp_path / "Prüf daten"
    for name in ("b2", "b10"):
        for frame in range(3):
            picture(root / "video" / name / "frames" / f"{frame:05d}.jpg")
            picture(root / "video" / name / "masks" / f"{frame:05d}.png", 255)
    (root / "video" / "b2" / "masks" / "00001.png").unlink()
    picture(root / "video" / "no masks" / "frames" / "00000.jpg")
    for name in ("one", "two"):
        picture(root / "stills" / "images" / f"{name}.webp")
    picture(root / "stills" / "masks" / "two.png", 255)
    return root


def test_all_of_the_layout_is_found_in_natural_order(data: Path) -> None:
    found = find_data(data)
    assert [s.name for s in found.sequences] == ["b2", "b10"]
    assert list(found.sequences[0].truth) == [0, 2]
    assert found.sequences[1].clip.files == ("00000.jpg", "00001.jpg", "00002.jpg")
    assert [s.name for s in found.stills] == ["two"]


@pytest.mark.parametrize(("part", "clips", "stills"), [("video", 2, 0), ("video/b10", 1, 0), ("stills", 0, 1)])
def test_a_part_of_the_layout_will_do(data: Path, part: str, clips: int, stills: int) -> None:
    found = find_data(data / part)
    assert (len(found.sequences), len(found.stills)) == (clips, stills)


def test_a_folder_of_something_else_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="does not exist"):
        find_data(tmp_path / "missing")
    with pytest.raises(InputError, match="Expected"):
        find_data(tmp_path)


def test_masks_have_object_background_and_what_is_not_counted(tmp_path: Path) -> None:
    grey = np.zeros((4, 6), np.uint8)
    grey[1, 1], grey[2, 2] = 255, 128
    picture(tmp_path / "mask.png", grey)
    known = read_truth(tmp_path / "mask.png")
    assert known is not None
    assert np.argwhere(known[0]).tolist() == [[1, 1]]
    assert np.argwhere(~known[1]).tolist() == [[2, 2]]
    grey[3, 3] = 7
    picture(tmp_path / "regions.png", grey)
    assert read_truth(tmp_path / "regions.png") is None
