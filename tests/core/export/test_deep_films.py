"""Clips with more than 8 bits keep them in 16-bit PNG, EXR, ProRes, HEVC and FFV1; where they cannot, that is said."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pictures_kit as kit
import pytest

from blender_cutout.cli import main
from blender_cutout.core.clips.movie import DeepMovie
from blender_cutout.core.clips.opening import open_clip
from blender_cutout.core.errors import InputError, StoreError
from blender_cutout.core.export import deep
from blender_cutout.core.export.film import FilmLook, write_film
from blender_cutout.core.images import oiio_pictures

pytestmark = pytest.mark.libraries

SIZE = (64, 128)
MATTE = np.zeros(SIZE, np.float32)
MATTE[8:56, 16:112] = 1
MATTE[8:56, 100:112] = 128 / 255
SOLID = MATTE == 1
HIGH = np.asarray(np.random.default_rng(4).integers(0, 65536, (*SIZE, 3)), np.uint16)


def film(media: Path, target: Path, look: FilmLook, objects: Any = None) -> str:
    """Writes a film of all frames; returns the closing message."""
    with open_clip(media) as clip:
        steps = list(write_film(clip, media, range(len(clip)), lambda frame: MATTE, target, look, objects=objects))
    return steps[-1].sound


def png16_clip(folder: Path) -> Path:
    folder.mkdir()
    cv2.imwrite(str(folder / "0.png"), cv2.cvtColor(HIGH, cv2.COLOR_RGB2BGR))
    return folder


def ramp() -> np.ndarray:
    """Returns planes (3, H, W) of 10-bit YUV: every value in luma, a little colour."""
    luma = 200 + np.arange(SIZE[0] * SIZE[1]).reshape(SIZE) % 600
    return np.stack([luma, np.full(SIZE, 500), np.full(SIZE, 530)]).astype(np.uint16)


def ten_bit_clip(path: Path, pixels: str = "yuv444p10le") -> Path:
    """A lossless movie with 10 bits, tagged BT.709."""
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream("ffv1", rate=25)
        stream.height, stream.width = SIZE
        stream.pix_fmt = pixels
        stream.codec_context.colorspace = stream.codec_context.color_trc = stream.codec_context.color_primaries = 1
        frame: Any = av.VideoFrame(SIZE[1], SIZE[0], pixels)
        for plane, values in zip(frame.planes, ramp(), strict=True):
            rows = np.zeros((SIZE[0], plane.line_size // 2), np.uint16)
            rows[:, : SIZE[1]] = values
            plane.update(rows)
        for n in range(2):
            frame.pts, frame.time_base = n, Fraction(1, 25)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def planes(path: Path) -> list[np.ndarray]:
    """The planes of a movie's first frame, as stored."""
    with av.open(str(path)) as container:
        frame: Any = next(container.decode(video=0))
        return [
            np.frombuffer(plane, np.uint16).reshape(plane.height, -1)[:, : plane.width].copy() for plane in frame.planes
        ]


def exr(path: Path) -> dict[str, np.ndarray]:
    """The channels of an EXR by name."""
    with open_exr(path) as source:
        spec = source.spec()
        for number, name in enumerate(spec.channelnames):
            assert str(spec.channelformat(number)) == ("float" if "." in name else "half")
        pixels = source.read_image("float")
        return {name: np.ascontiguousarray(pixels[..., n]) for n, name in enumerate(spec.channelnames)}


@contextmanager
def open_exr(path: Path) -> Iterator[Any]:
    import OpenImageIO as oiio

    source = oiio.ImageInput.open(str(path))
    yield source
    source.close()


def test_16_bit_pictures_keep_every_bit(tmp_path: Path) -> None:
    media = png16_clip(tmp_path / "clip")
    film(media, tmp_path / "out", FilmLook(pictures="png16"))
    found = cv2.cvtColor(cv2.imread(str(tmp_path / "out" / "000000.png"), cv2.IMREAD_UNCHANGED), cv2.COLOR_BGRA2RGBA)
    assert np.array_equal(found[..., :3], HIGH)
    assert np.array_equal(found[..., 3], np.rint(MATTE * 65535))
    film(media, tmp_path / "over", FilmLook("#404040", pictures="png16"))
    found = cv2.cvtColor(cv2.imread(str(tmp_path / "over" / "000000.png"), cv2.IMREAD_UNCHANGED), cv2.COLOR_BGR2RGB)
    assert np.array_equal(found[SOLID], HIGH[SOLID])
    mixed = 64 * 257 + MATTE[..., None] * (HIGH - 64.0 * 257)
    assert np.abs(found - mixed).max() <= 1


def test_8_bit_pictures_of_a_deeper_clip_come_with_a_word(tmp_path: Path) -> None:
    said = film(png16_clip(tmp_path / "clip"), tmp_path / "out", FilmLook())
    assert "The clip has 16 bits a channel, the film 8" in said
    assert cv2.imread(str(tmp_path / "out" / "000000.png"), cv2.IMREAD_UNCHANGED).dtype == np.uint8


@pytest.mark.parametrize(("kind", "factor"), [("exr", MATTE), ("exr-straight", np.ones_like(MATTE))])
def test_exr_holds_light_with_colours_multiplied_or_not(tmp_path: Path, kind: str, factor: np.ndarray) -> None:
    light = kit.flat(0.25, 1.5, 4.0)
    media = tmp_path / "clip"
    media.mkdir()
    kit.write(media / "0.exr", np.resize(light, (*SIZE, 3)))
    film(media, tmp_path / "out", FilmLook(pictures=kind), {"cat": lambda frame: 1 - MATTE})
    found = exr(tmp_path / "out" / "000000.exr")
    assert list(found) == ["R", "G", "B", "A", "cat"]
    for name, value in zip("RGB", (0.25, 1.5, 4.0), strict=True):
        assert np.array_equal(found[name], (value * factor).astype(np.float16))
    assert np.array_equal(found["A"], MATTE.astype(np.float16))
    assert np.array_equal(found["cat"], (1 - MATTE).astype(np.float16))


def test_a_cryptomatte_holds_ids_and_coverage_as_floats(tmp_path: Path) -> None:
    objects = {
        "cat": lambda frame: MATTE * 0.75,
        "Hündin": lambda frame: MATTE * 0.25,
        "no one": lambda frame: 0 * MATTE,
    }
    film(png16_clip(tmp_path / "clip"), tmp_path / "out", FilmLook(pictures="exr-cryptomatte"), objects)
    found = exr(tmp_path / "out" / "000000.exr")
    layer = "CryptoObject"
    assert list(found) == [*"RGBA", *(f"{layer}{level}.{channel}" for level in ("00", "01") for channel in "rgba")]
    ids, covered = found[f"{layer}00.r"], found[f"{layer}00.g"]
    assert np.array_equal(covered, MATTE * np.float32(0.75))
    assert np.array_equal(found[f"{layer}00.a"], MATTE * np.float32(0.25))
    assert len(np.unique(ids[SOLID])) == 1
    assert not ids[MATTE == 0].any()
    with open_exr(tmp_path / "out" / "000000.exr") as source:
        header = {
            entry.name.rpartition("/")[2]: entry.value for entry in source.spec().extra_attribs if "/" in entry.name
        }
    assert (header["name"], header["hash"]) == (layer, "MurmurHash3_32")
    manifest = json.loads(header["manifest"])
    assert list(manifest) == list(objects)
    assert int(ids[SOLID].view(np.uint32)[0]) == int(manifest["cat"], 16)


def test_highlights_of_exr_are_not_cut_off_without_a_word(tmp_path: Path) -> None:
    media = tmp_path / "clip"
    media.mkdir()
    kit.write(media / "0.exr", np.resize(kit.flat(0.25, 1.5, 4.0), (*SIZE, 3)))
    for target, look in (
        (tmp_path / "png", FilmLook(pictures="png16")),
        (tmp_path / "a.mkv", FilmLook("white")),
        (tmp_path / "b.mp4", FilmLook("white")),
    ):
        assert "brighter than white in the clip is cut off" in film(media, target, look)
    assert "cut off" not in film(media, tmp_path / "exr", FilmLook(pictures="exr"))


def test_exr_over_a_background_is_linear_and_opaque(tmp_path: Path) -> None:
    media = png16_clip(tmp_path / "clip")
    film(media, tmp_path / "out", FilmLook("#808080", pictures="exr"))
    found = exr(tmp_path / "out" / "000000.exr")
    assert list(found) == ["R", "G", "B"]
    assert found["R"][0, 0] == pytest.approx(0.2159, rel=1e-3)
    light = oiio_pictures.from_srgb(HIGH[SOLID] / np.float32(65535))
    assert np.abs(np.dstack([found[c] for c in "RGB"])[SOLID] - light).max() < 1e-3


def test_prores_keeps_the_ten_bits_of_its_clip(tmp_path: Path) -> None:
    for look in (FilmLook(), FilmLook("#204060")):
        film(ten_bit_clip(tmp_path / "clip.mkv"), tmp_path / "out.mov", look)
        luma = planes(tmp_path / "out.mov")[0].astype(int)
        luma = luma // (4 if luma.max() > 1023 else 1)  # FFmpeg decodes ProRes 4444 to 12 bits
        off = np.abs(luma - ramp()[0])[SOLID]
        assert np.median(off) <= 1
        assert len(np.unique(luma[SOLID])) > 400  # 8 bits have 150 of these


def test_an_mp4_keeps_the_ten_bits_of_its_clip(tmp_path: Path) -> None:
    assert "bits" not in film(ten_bit_clip(tmp_path / "clip.mkv"), tmp_path / "out.mp4", FilmLook("#204060"))
    off = np.abs(planes(tmp_path / "out.mp4")[0].astype(int) - ramp()[0])[MATTE == 1]
    assert np.median(off) <= 1
    with av.open(str(tmp_path / "out.mp4")) as container:
        context = container.streams.video[0].codec_context
        assert (context.name, context.codec_tag, context.format.name) == ("hevc", "hvc1", "yuv420p10le")
        assert (context.color_primaries, context.color_trc, context.colorspace, context.color_range) == (1, 1, 1, 1)


def test_an_mp4_too_small_for_ten_bits_says_so(tmp_path: Path) -> None:
    (tmp_path / "clip").mkdir()
    cv2.imwrite(str(tmp_path / "clip" / "0.png"), np.full((12, 40, 3), 30000, np.uint16))
    with open_clip(tmp_path / "clip") as clip:
        matte = np.ones((12, 40), np.float32)
        *_, last = write_film(clip, tmp_path, [0], lambda frame: matte, tmp_path / "a.mp4", FilmLook("white"))
    assert "The clip has 16 bits a channel, the film 8" in last.sound


def test_an_opaque_mkv_keeps_all_bits_and_one_with_alpha_says_so(tmp_path: Path) -> None:
    media = ten_bit_clip(tmp_path / "clip.mkv")
    assert "bits" not in film(media, tmp_path / "over.mkv", FilmLook("#204060"))
    with DeepMovie(media) as before, DeepMovie(tmp_path / "over.mkv") as after:
        assert after.bits == 16
        assert np.abs(before[1] - after[1])[SOLID].max() < 1e-5
        assert after[1][0, 0] == pytest.approx((32 / 255, 64 / 255, 96 / 255), abs=1e-5)
        luma = (ramp()[0] - 64) / 876  # of BT.709, whose white FFmpeg's scaler puts at 255/256
        grey = after[1] @ np.array([0.2126, 0.7152, 0.0722])
        assert np.abs(grey - luma)[SOLID].max() < 0.5 / 1023
    said = film(media, tmp_path / "clear.mkv", FilmLook())
    assert "The clip has 10 bits a channel, the film 8" in said
    with open_clip(tmp_path / "clear.mkv") as clip:
        assert clip.bits == 8


def test_clips_of_8_bits_are_written_as_ever(tmp_path: Path) -> None:
    media = tmp_path / "clip"
    media.mkdir()
    cv2.imwrite(str(media / "0.png"), (HIGH >> 8).astype(np.uint8))
    assert "bits" not in film(media, tmp_path / "out.mkv", FilmLook("#204060"))
    with open_clip(tmp_path / "out.mkv") as clip:
        assert clip.bits == 8


def test_an_exr_that_reads_back_as_something_else_is_not_kept(tmp_path: Path) -> None:
    part = tmp_path / "a.part.exr"
    kit.write(part, kit.flat(0.5, 0.5, 0.5))
    with pytest.raises(StoreError, match=r"b\.exr was read again"):
        deep.check_exr(
            oiio_pictures.library(), part, tmp_path / "b.exr", list("RGB"), np.zeros((20, 40, 3), np.float16)
        )
    assert list(tmp_path.iterdir()) == []


def test_an_exr_that_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    media = png16_clip(tmp_path / "clip")
    out = tmp_path / "out"
    out.mkdir()
    (out / "000000.exr").mkdir()
    with pytest.raises(StoreError):
        film(media, out, FilmLook(pictures="exr"))
    assert [path.name for path in out.iterdir()] == ["000000.exr"]


def test_names_of_channels_make_no_layers() -> None:
    assert deep.channel_names({"Katze.links": 0, "A": 0, "Zoë 2": 0}) == {
        "Katze.links": "Katze_links", "A": "A_mask", "Zoë 2": "Zoë 2",
    }  # fmt: skip
    with pytest.raises(InputError, match="same name"):
        deep.channel_names({"a.b": 0, "a_b": 0})


def test_the_command_writes_a_channel_for_each_object(tmp_path: Path) -> None:
    media = png16_clip(tmp_path / "clip")
    for name, matte in (("cat", MATTE), ("dog", 1 - MATTE)):
        (tmp_path / name).mkdir()
        cv2.imwrite(str(tmp_path / name / "000000.png"), np.rint(matte * 255).astype(np.uint8))
    masks = ["--masks", str(tmp_path / "cat"), "--masks", str(tmp_path / "dog")]
    assert main(["composite", str(media), *masks, "--rgba", "--pictures", "exr", "-o", str(tmp_path / "out")]) == 0
    found = exr(tmp_path / "out" / "000000.exr")
    assert list(found) == ["R", "G", "B", "A", "cat", "dog"]
    assert np.abs(found["A"] - 1).max() < 1e-3
    assert np.abs(found["dog"] - (1 - MATTE)).max() < 1e-3


def hdr_clip(path: Path, transfer: int) -> Path:
    """A lossless 10-bit HDR movie in BT.2020: steps of grey in columns, up to the brightest."""
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream("ffv1", rate=25)
        stream.height, stream.width = SIZE
        stream.pix_fmt = "yuv444p10le"
        context = stream.codec_context
        context.colorspace, context.color_primaries, context.color_trc = 9, 9, transfer
        frame: Any = av.VideoFrame(SIZE[1], SIZE[0], "yuv444p10le")
        for plane, values in zip(frame.planes, hdr_planes(), strict=True):
            rows = np.zeros((SIZE[0], plane.line_size // 2), np.uint16)
            rows[:, : SIZE[1]] = values
            plane.update(rows)
        frame.pts, frame.time_base = 0, Fraction(1, 25)
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def hdr_planes() -> np.ndarray:
    luma = np.tile(np.linspace(64, 940, SIZE[1]).astype(np.uint16), (SIZE[0], 1))
    return np.stack([luma, np.full(SIZE, 512), np.full(SIZE, 512)]).astype(np.uint16)


@pytest.mark.parametrize("transfer", [16, 18])
def test_hdr_films_keep_values_and_tags(tmp_path: Path, transfer: int) -> None:
    media = hdr_clip(tmp_path / "clip.mkv", transfer)
    films = (
        ("a.mov", FilmLook()),
        ("b.mov", FilmLook("white")),
        ("c.mkv", FilmLook("#808080")),
        ("d.mp4", FilmLook("white")),
    )
    for name, look in films:
        assert "The film is HDR" in film(media, tmp_path / name, look)
        with DeepMovie(media, keep_hdr=True) as before, DeepMovie(tmp_path / name, keep_hdr=True) as after:
            assert after.hdr == (transfer, 9)
            if name.endswith(".mov"):
                data = (tmp_path / name).read_bytes()
                head = data.index(b"icpf")  # the frame's own header, which some programs prefer to the file's
                assert tuple(data[head + 18 : head + 21]) == (9, transfer, 9)
            assert (
                np.abs(before[0] - after[0])[SOLID].max()
                < {".mov": 2e-3, ".mkv": 1e-5, ".mp4": 8e-3}[Path(name).suffix]
            )
        with open_clip(tmp_path / name) as clip:
            if look.background:  # as the artist sees it: the background has the colour that was asked for
                assert np.abs(clip[0][2, 2].astype(int) - (128 if name == "c.mkv" else 255)).max() <= 12
            with open_clip(media) as original:
                assert np.abs(clip[0].astype(int) - original[0])[SOLID].max() <= (5 if name == "d.mp4" else 2)


def test_other_films_of_hdr_clips_are_converted_with_a_word(tmp_path: Path) -> None:
    media = hdr_clip(tmp_path / "clip.mkv", 16)
    with open_clip(media) as clip:
        assert "HDR (PQ)" in clip.take_notes()[0]
        shown = clip[0].astype(int)
    film(media, tmp_path / "a.mkv", FilmLook())
    with open_clip(tmp_path / "a.mkv") as clip:
        assert clip.hdr is None
        assert np.abs(clip[0].astype(int) - shown)[SOLID].mean() < 3
    film(media, tmp_path / "png", FilmLook(pictures="png16"))
    found = cv2.imread(str(tmp_path / "png" / "000000.png"), cv2.IMREAD_UNCHANGED)[..., 2::-1] / 257.0
    assert np.abs(found - shown)[SOLID].max() < 1
