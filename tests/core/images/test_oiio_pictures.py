"""Tests EXR, DPX, TGA and HDR pictures as clips and masks: correct, or refused with one clear sentence."""

from __future__ import annotations

import os
import struct
import sys
import time
from pathlib import Path

import numpy as np
import pictures_kit as kit
import pytest
from pace_kit import slowness

from blender_cutout.core.clips.foreign_mask_sequence import ForeignMattes
from blender_cutout.core.clips.opening import open_clip
from blender_cutout.core.clips.picture import bits_of, read_alpha, read_deep, read_picture
from blender_cutout.core.errors import CutoutError, EnvironmentMissing, FrameReadError, InputError, SizeMismatch
from blender_cutout.core.images import oiio_pictures
from blender_cutout.core.images.foreign_masks import MaskReader

pytestmark = pytest.mark.libraries

SUFFIXES = (".exr", ".dpx", ".tga", ".hdr")
DISC = np.asarray((np.hypot(*(np.mgrid[:20, :40] - np.array([10, 20])[:, None, None])) < 8)[..., None], np.float32)


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """One good file of each kind."""
    folder = tmp_path_factory.mktemp("good")
    names = {".exr": "half.exr", ".dpx": "ten.dpx", ".tga": "clear.tga", ".hdr": "radiance.hdr"}
    for name in names.values():
        kit.PICTURES[name](folder / name)
    return {suffix: folder / name for suffix, name in names.items()}


def test_a_folder_of_exr_is_a_clip(tmp_path: Path) -> None:
    for n in range(3):
        kit.write(tmp_path / f"shot.{n}.exr", kit.flat(0.2 * n, 0.5, 1.5, 0.5), names=kit.PLAIN)
    with open_clip(tmp_path) as clip:
        assert (len(clip), clip.size, clip.bits, clip.take_notes()) == (3, (20, 40), 16, [])
        # Alpha is divided out before the sRGB curve: 0.4 and 1.0 of light are 170 and 255.
        assert clip[1][5, 5].tolist() == [170, 255, 255]
        assert clip.alpha(1).max() == 0.5  # type: ignore[union-attr]
        with clip.deep() as deep:
            light = oiio_pictures.from_srgb(deep[1])
            assert light[5, 5] == pytest.approx((0.4, 1.0, 3.0), rel=1e-3)


def test_16_bits_are_all_there(tmp_path: Path) -> None:
    kit.PICTURES["sixteen.png"](tmp_path / "a.png")
    kit.write(tmp_path / "a.dpx", kit.straight()[..., :3], "uint16")
    expected = np.rint(kit.straight()[..., :3] * 65535)
    assert bits_of(tmp_path / "a.png") == bits_of(tmp_path / "a.dpx") == 16
    assert (np.rint(read_deep(tmp_path / "a.png") * 65535) == expected).all()
    light = oiio_pictures.from_srgb(read_deep(tmp_path / "a.dpx"))
    assert (np.rint(light * 65535) == expected).all()


def test_layers_and_windows_that_are_left_out_are_named(tmp_path: Path) -> None:
    kit.LAYERED["layers.exr"](tmp_path / "layers.exr")
    with open_clip(tmp_path / "layers.exr") as clip:
        assert "the one View.Combined is used" in clip.take_notes()[0]
    kit.PICTURES["window.exr"](tmp_path / "window.exr")
    with open_clip(tmp_path / "window.exr") as clip:
        assert clip.size == (20, 40)
        assert "40 x 20 of 80 x 60 pixels" in clip.take_notes()[0]


def test_windows_of_several_sizes_are_in_doubt(tmp_path: Path) -> None:
    for n in range(3):
        kit.write(tmp_path / f"{n}.exr", kit.light()[: 12 + n], window=(0, 0, 80, 60))
    with open_clip(tmp_path) as clip:
        assert clip.shown == "!The EXR pictures have data windows of different sizes."
        with pytest.raises(FrameReadError, match=r"1\.exr is 40 x 13 pixels, 0\.exr 40 x 12"):
            clip[1]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_files_that_are_cut_off_end_in_one_sentence(suffix: str, good: dict[str, Path], tmp_path: Path) -> None:
    data, path = good[suffix].read_bytes(), tmp_path / f"a{suffix}"
    said = []
    for end in sorted({0, 1, 4, 17, 18, 40, 300, len(data) // 2}):
        path.write_bytes(data[:end])
        for read in (read_picture, read_deep, read_alpha, bits_of):
            try:
                read(path)
            except FrameReadError as error:
                said.append(error.text)
    assert len(said) > 20
    assert all(text.endswith(("damaged or cut off.", "another kind of file.", "an empty file.")) for text in said)


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("other", [*SUFFIXES, "text", "png"])
def test_renamed_files_are_called_what_they_are(suffix: str, other: str, good: dict[str, Path], tmp_path: Path) -> None:
    if suffix == other:
        return
    path = tmp_path / f"a{suffix}"
    if other == "png":
        kit.PICTURES["sixteen.png"](tmp_path / "a.png")
    data = (
        b"no picture at all, " * 40
        if other == "text"
        else (tmp_path / "a.png").read_bytes()
        if other == "png"
        else None
    )
    path.write_bytes(good[other].read_bytes() if data is None else data)
    with pytest.raises(
        FrameReadError, match=rf"is damaged, or not \{suffix} but another kind of file|is damaged or cut"
    ):
        read_picture(path)


def test_names_in_another_encoding_can_be_shown(tmp_path: Path) -> None:
    names = [f"{layer}.{channel}" for layer in ("layer1", "zzz") for channel in "RGB"]
    kit.write(tmp_path / "a.exr", np.dstack([kit.light(False), kit.flat(0.1, 0.2, 0.3)]), names=names)
    data = (tmp_path / "a.exr").read_bytes()
    (tmp_path / "a.exr").write_bytes(data.replace(b"layer1", b"l\xe4yer1"))
    with open_clip(tmp_path / "a.exr") as clip:
        assert "the one l?yer1 is used" in clip.take_notes()[0]


def huge(suffix: str, good: dict[str, Path]) -> bytes:
    """A file whose header claims 60,000 x 60,000 pixels."""
    data, side = bytearray(good[suffix].read_bytes()), 60_000
    if suffix == ".exr":
        for name in (b"dataWindow", b"displayWindow"):
            place = data.index(name) + len(name) + 1 + len("box2i") + 1 + 4
            struct.pack_into("<4i", data, place, 0, 0, side - 1, side - 1)
    elif suffix == ".dpx":
        struct.pack_into(">2I" if data[:4] == b"SDPX" else "<2I", data, 772, side, side)
    elif suffix == ".tga":
        struct.pack_into("<2H", data, 12, side, side)
    else:
        data = bytearray(data.replace(b"-Y 20 +X 40", b"-Y %d +X %d" % (side, side)))
    return bytes(data)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_header_that_claims_too_much_is_refused_before_anything_is_decoded(
    suffix: str, good: dict[str, Path], tmp_path: Path
) -> None:
    path = tmp_path / f"a{suffix}"
    path.write_bytes(huge(suffix, good))
    began = time.process_time()
    with pytest.raises(FrameReadError, match=r"the limit is 268 million|damaged or cut off"):
        read_picture(path)
    assert time.process_time() - began < 2 * slowness()


def test_a_deep_exr_and_one_without_colours_are_refused_with_the_reason(tmp_path: Path) -> None:
    kit.write(tmp_path / "depth.exr", kit.flat(0.5), names=("Z",))
    with pytest.raises(FrameReadError, match="has no colour channels"):
        read_picture(tmp_path / "depth.exr")


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.exr")
    with pytest.raises(FrameReadError):
        read_picture(tmp_path / "a.exr")


def test_without_the_library_it_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kit.PICTURES["half.exr"](tmp_path / "a.exr")
    monkeypatch.setitem(sys.modules, "OpenImageIO", None)
    with pytest.raises(EnvironmentMissing, match="Set Up Engine"), open_clip(tmp_path / "a.exr"):
        pass


@pytest.mark.parametrize(
    ("name", "values", "names"),
    [
        ("grey.exr", DISC, ("Y",)),
        ("lone.exr", DISC, ("matte",)),
        ("alpha.exr", np.dstack([kit.flat(0.2, 0.4, 0.6), DISC]) * DISC, kit.PLAIN),
        ("white.exr", np.repeat(DISC, 3, axis=2), ("R", "G", "B")),
        ("grey.tga", DISC, ()),
        ("white.dpx", np.repeat(DISC, 3, axis=2), ()),
    ],
)
def test_masks_are_read_from_them(tmp_path: Path, name: str, values: np.ndarray, names: tuple[str, ...]) -> None:
    path = tmp_path / name
    kit.write(path, values, "half" if path.suffix == ".exr" else "uint8", names)
    with ForeignMattes(tmp_path, (20, 40)) as masks:
        assert np.array_equal(masks.read(0), (DISC[..., 0] * 255).astype(np.uint8))
    with pytest.raises(SizeMismatch), ForeignMattes(tmp_path, (77, 40)) as masks:
        masks.read(0)


def test_a_mask_in_a_damaged_exr_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.exr"
    path.write_bytes(b"v/1\x01" + bytes(50))
    with pytest.raises(InputError, match="damaged or cut off"):
        MaskReader((20, 40), None, [path]).read(path)


def test_a_movie_named_exr_is_no_picture(tmp_path: Path) -> None:
    (tmp_path / "a.exr").write_bytes(b"\0\0\0\x18ftypmp42" + bytes(100))
    with pytest.raises(CutoutError, match="another kind of file"), open_clip(tmp_path / "a.exr"):
        pass
