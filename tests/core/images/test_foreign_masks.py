"""Tests masks of other programs: labels, palettes, bit depths and sizes are read correctly or refused."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest

from blender_cutout.core.clips.foreign_mask_sequence import ForeignMattes
from blender_cutout.core.errors import InputError, SizeMismatch
from blender_cutout.core.images.foreign_masks import MaskReader

pytestmark = pytest.mark.libraries

SIZE = (60, 100)
DAVIS = bytes([0, 0, 0, 128, 0, 0, 0, 128, 0, 128, 128, 0])


def labels(*ids: int, at: int = 20) -> np.ndarray:
    """A square for each object."""
    picture = np.zeros(SIZE, np.uint8)
    for place, label in enumerate(ids):
        picture[at : at + 20, 5 + 30 * place : 30 + 30 * place] = label
    return picture


def palette_png(indexes: np.ndarray, bits: int = 8, palette: bytes = DAVIS) -> bytes:
    height, width = indexes.shape
    spread = np.unpackbits(indexes[..., None], axis=-1)[..., 8 - bits :].reshape(height, -1)
    rows = np.packbits(spread, axis=1)
    raw = b"".join(b"\0" + row.tobytes() for row in rows)
    chunks = ((b"IHDR", struct.pack(">IIBBBBB", width, height, bits, 3, 0, 0, 0)), (b"PLTE", palette))
    chunks = (*chunks, (b"IDAT", zlib.compress(raw)), (b"IEND", b""))
    parts = (struct.pack(">I", len(b)) + k + b + struct.pack(">I", zlib.crc32(k + b)) for k, b in chunks)
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def save(path: Path, picture: np.ndarray) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(cv2.imencode(path.suffix, picture)[1].tobytes())
    return path


def folder(path: Path, *files: bytes) -> Path:
    path.mkdir()
    for number, data in enumerate(files):
        (path / f"{number:05d}.png").write_bytes(data)
    return path


@pytest.mark.parametrize("bits", [2, 4, 8])
def test_a_palette_with_one_object_is_that_object_and_it_is_said(tmp_path: Path, bits: int) -> None:
    masks = ForeignMattes(folder(tmp_path / "m", palette_png(labels(1), bits)), SIZE)
    assert np.array_equal(masks.read(0), labels(255))
    assert masks.take_notes() == ["The masks are labels; their only object, 1, is used."]
    assert masks.take_notes() == []


@pytest.mark.parametrize("kind", ["palette", "8 bits", "16 bits"])
def test_of_several_objects_one_must_be_chosen(tmp_path: Path, kind: str) -> None:
    picture = labels(1, 3)
    path = tmp_path / "m" / "0.png"
    save(path, picture.astype(np.uint16) if kind == "16 bits" else picture)
    if kind == "palette":
        path.write_bytes(palette_png(picture))
    with pytest.raises(InputError, match="several objects: there are 1 and 3") as caught:
        ForeignMattes(path, SIZE)
    assert "--object" in caught.value.hint
    assert np.array_equal(ForeignMattes(path, SIZE, 3).read(0), labels(0, 255))
    with pytest.raises(InputError, match=r"no object 2 in the masks: there are 1 and 3"):
        ForeignMattes(path, SIZE, 2)


@pytest.mark.parametrize("ids", [(100, 200), (128, 200), (1, 255), (38, 75, 113)])
def test_bright_labels_are_labels_too(tmp_path: Path, ids: tuple[int, ...]) -> None:
    paths = [save(tmp_path / "0.png", labels(*ids)), save(tmp_path / "1.png", labels(ids[0]))]
    with pytest.raises(InputError, match=f"several objects: there are {ids[0]}"):
        MaskReader(SIZE, None, paths)
    assert np.array_equal(MaskReader(SIZE, ids[1], paths).read(paths[0]) > 0, labels(*ids) == ids[1])


def test_steps_of_a_soft_edge_and_trimaps_are_no_labels(tmp_path: Path) -> None:
    soft = np.rint(cv2.GaussianBlur(labels(255), (0, 0), 1) / 85).astype(np.uint8) * 85
    trimap = cv2.dilate(labels(128), np.ones((9, 9), np.uint8))
    trimap[labels(255) > 0] = 255
    for name, picture in (("soft.png", soft), ("trimap.png", trimap)):
        path = save(tmp_path / name, picture)
        assert np.array_equal(MaskReader(SIZE, None, [path]).read(path), picture)


def test_masks_of_0_and_1_are_never_taken_for_black(tmp_path: Path) -> None:
    masks = ForeignMattes(save(tmp_path / "a.png", labels(1)), SIZE)
    assert np.array_equal(masks.read(0), labels(255))


def test_an_object_that_comes_later_is_not_mixed_with_the_first(tmp_path: Path) -> None:
    paths = [save(tmp_path / f"{n:03d}.png", labels(1)) for n in range(60)]
    reader = MaskReader(SIZE, None, paths)
    save(paths[31], labels(2))
    with pytest.raises(InputError, match="there are 1 and 2"):
        reader.read(paths[31])


def test_dark_frames_amid_true_masks_stay_shades(tmp_path: Path) -> None:
    paths = [save(tmp_path / "0.png", labels(255)), save(tmp_path / "1.png", labels(1))]
    assert np.array_equal(MaskReader(SIZE, None, paths).read(paths[1]), labels(1))


def test_a_grey_palette_is_a_mask(tmp_path: Path) -> None:
    masks = ForeignMattes(folder(tmp_path / "m", palette_png(labels(1), 2, bytes([0, 0, 0, 255, 255, 255]))), SIZE)
    assert np.array_equal(masks.read(0), labels(255))


def test_void_pixels_are_no_object(tmp_path: Path) -> None:
    palette = (DAVIS + bytes(768))[:765] + bytes([224, 224, 192])
    masks = ForeignMattes(folder(tmp_path / "m", palette_png(labels(1, 255), 8, palette)), SIZE)
    assert np.array_equal(masks.read(0), labels(255))


def test_a_choice_among_true_masks_is_refused(tmp_path: Path) -> None:
    soft = cv2.GaussianBlur(labels(255), (0, 0), 4)
    with pytest.raises(InputError, match="no labels"):
        ForeignMattes(save(tmp_path / "a.png", soft), SIZE, 1)


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_16_bits_and_floats_keep_their_shades(tmp_path: Path, suffix: str) -> None:
    soft = cv2.GaussianBlur(labels(255), (0, 0), 2)
    deep = soft.astype(np.uint16) * 257 if suffix == ".png" else soft.astype(np.float32) / 255
    assert np.array_equal(ForeignMattes(save(tmp_path / f"a{suffix}", deep), SIZE).read(0), soft)


def test_floats_from_0_to_255_are_refused_rather_than_full(tmp_path: Path) -> None:
    masks = ForeignMattes(save(tmp_path / "a.tif", labels(255).astype(np.float32)), SIZE)
    with pytest.raises(InputError, match="values up to 255"):
        masks.read(0)


def test_a_small_object_in_colour_is_refused_rather_than_empty(tmp_path: Path) -> None:
    picture = np.zeros((*SIZE, 3), np.uint8)
    picture[4:8, 4:8, 2] = 128
    with pytest.raises(InputError, match="colour picture"):
        ForeignMattes(save(tmp_path / "a.png", picture), SIZE).read(0)


@pytest.mark.parametrize("size", [(30, 50), (120, 200), (121, 199)])
def test_half_and_double_size_are_resized_and_it_is_said(tmp_path: Path, size: tuple[int, int]) -> None:
    given = cv2.resize(labels(255), size[::-1], interpolation=cv2.INTER_NEAREST)
    masks = ForeignMattes(save(tmp_path / "a.png", given), SIZE)
    found = masks.read(0)
    assert found.shape == SIZE
    assert ((found > 127) != (labels(255) > 127)).mean() < 0.02
    (note,) = masks.take_notes()
    assert f"{size[1]} x {size[0]}" in note
    assert "100 x 60" in note


@pytest.mark.parametrize("size", [(30, 53), (90, 150), (240, 400), (60, 101)])
def test_other_sizes_are_refused(tmp_path: Path, size: tuple[int, int]) -> None:
    masks = ForeignMattes(save(tmp_path / "a.png", np.full(size, 255, np.uint8)), SIZE)
    with pytest.raises(SizeMismatch, match=f"{size[1]} x {size[0]} pixels, the clip 100 x 60"):
        masks.read(0)
