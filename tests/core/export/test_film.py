"""Tests films for other programs: every frame, alpha and sound correct, or no file at all."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest

from blender_cutout.core.clips.movie import MovieWithAlpha
from blender_cutout.core.clips.opening import open_clip
from blender_cutout.core.errors import InputError, StoreError
from blender_cutout.core.export import film as module
from blender_cutout.core.export import picture_files
from blender_cutout.core.export.composite import over, rgba
from blender_cutout.core.export.film import FilmLook, FilmStep, write_film
from blender_cutout.core.export.mkv_aspect import write_aspect
from blender_cutout.core.export.movie_writer import MovieWriter
from blender_cutout.core.fakes import SyntheticClip

pytestmark = pytest.mark.libraries

SHOT = SyntheticClip(length=14, height=72, width=120, radius=14)


def soft(frame: int) -> np.ndarray:
    return np.asarray(cv2.GaussianBlur(SHOT.matte(frame), (0, 0), 2), np.float32)


def tone(rate: int = 48000, seconds: float = 0.56) -> np.ndarray:
    t = np.arange(int(rate * seconds)) / rate
    return (np.sin(2 * np.pi * (300 + 900 * t) * t) * 20000).astype(np.int16)


def make_clip(path: Path, codec: str | None) -> Path:
    """A lossless movie of the shot at 25 frames per second, with a rising tone."""
    with av.open(str(path), "w") as container:
        video: Any = container.add_stream("ffv1", rate=25)
        video.height, video.width = SHOT.size
        video.pix_fmt = "bgr0"
        audio: Any = container.add_stream(codec, rate=48000, layout="mono") if codec else None
        for n in range(len(SHOT)):
            container.mux(video.encode(av.VideoFrame.from_ndarray(SHOT[n], format="rgb24")))
        container.mux(video.encode(None))
        if audio is not None:
            samples = tone()
            for at in range(0, len(samples), 1024):
                frame: Any = av.AudioFrame.from_ndarray(samples[None, at : at + 1024], format="s16", layout="mono")
                frame.sample_rate, frame.pts, frame.time_base = 48000, at, Fraction(1, 48000)
                container.mux(audio.encode(frame))
            container.mux(audio.encode(None))
    return path


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return make_clip(tmp_path / "Aufnahme ü.mkv", "pcm_s16le")


def film(media: Path, target: Path, look: FilmLook | None = None, frames: range = range(14)) -> list[FilmStep]:
    with open_clip(media) as source:
        steps = list(write_film(source, media, list(frames), soft, target, look))
    assert [s.checked for s in steps if s.checked] == (
        [] if module.is_movie(target) is False else [*range(1, len(frames) + 1)]
    )
    return [step for step in steps if not step.checked]


def sound_of(path: Path) -> np.ndarray:
    with av.open(str(path)) as container:
        if not container.streams.audio:
            return np.zeros(0, np.int16)
        pieces: list[np.ndarray] = []
        for frame in container.decode(audio=0):
            if not pieces and frame.pts:  # what starts late is silent until then
                pieces.append(np.zeros(round(float(frame.pts * frame.time_base) * 48000), np.int16))
            pieces.append(frame.to_ndarray().reshape(-1))
        return np.concatenate(pieces)


@pytest.mark.parametrize(("suffix", "colours", "alpha"), [(".mkv", 0, 0), (".mov", 12, 3)])
def test_a_movie_with_alpha_has_every_frame_in_its_place(
    clip: Path, tmp_path: Path, suffix: str, colours: int, alpha: int
) -> None:
    target = tmp_path / "neu" / f"film{suffix}"
    steps = film(clip, target)
    assert [step.done for step in steps] == list(range(1, 15))
    with MovieWithAlpha(target) as movie:
        assert (len(movie), movie.size, movie.fps) == (14, SHOT.size, 25.0)
        for n in range(14):
            off = np.abs(movie[n].astype(int) - rgba(SHOT[n], soft(n)))
            assert off[..., 3].max() <= alpha
            assert np.percentile(off[..., :3], 99) <= colours
    assert [p.name for p in target.parent.iterdir()] == [target.name]


@pytest.mark.parametrize("suffix", [".mkv", ".mov", ".mp4"])
def test_over_a_colour_and_a_movie_that_is_repeated(clip: Path, tmp_path: Path, suffix: str) -> None:
    back = tmp_path / "back.mkv"
    shades = [np.full((72, 120, 3), (20 * n, 90, 30), np.uint8) for n in range(5)]
    with MovieWriter(back, (72, 120), 25) as writer:
        for shade in shades:
            writer.write(shade)
    for look, behind in (
        (FilmLook("#204060"), lambda n: (32, 64, 96)),
        (FilmLook(str(back)), lambda n: shades[n % 5][0, 0]),
    ):
        target = tmp_path / f"over{suffix}"
        film(clip, target, look)
        with open_clip(target) as movie:
            for n in range(14):
                plain = np.full((72, 120, 3), behind(n), np.uint8)
                off = np.abs(movie[n].astype(int) - over(SHOT[n], soft(n), plain))
                assert off.max() == 0 if suffix == ".mkv" else np.percentile(off, 95) <= 12


def test_pictures_are_named_by_clip_frame_and_exact(clip: Path, tmp_path: Path) -> None:
    steps = film(clip, tmp_path / "bilder", frames=range(3, 7))
    assert [step.path.name for step in steps if step.path] == [f"{n:06d}.png" for n in range(3, 7)]
    for n in range(3, 7):
        found = cv2.imdecode(np.fromfile(tmp_path / "bilder" / f"{n:06d}.png", np.uint8), cv2.IMREAD_UNCHANGED)
        assert np.array_equal(cv2.cvtColor(found, cv2.COLOR_BGRA2RGBA), rgba(SHOT[n], soft(n)))
    assert steps[-1].sound == "Pictures hold no sound."


@pytest.mark.parametrize(("suffix", "codec"), [(".mkv", "pcm_s16le"), (".mov", "pcm_s16le"), (".mkv", "flac")])
def test_sound_is_the_same_to_the_sample_and_in_its_place(tmp_path: Path, suffix: str, codec: str) -> None:
    media = make_clip(tmp_path / "in.mkv", codec)
    steps = film(media, tmp_path / f"out{suffix}")
    assert steps[-1].sound == f"The clip's sound ({codec}) was copied as it is."
    assert np.array_equal(sound_of(tmp_path / f"out{suffix}"), sound_of(media))


def test_of_a_part_of_the_clip_the_sound_of_that_part_is_taken(clip: Path, tmp_path: Path) -> None:
    film(clip, tmp_path / "part.mkv", frames=range(5, 10))
    found, whole = sound_of(tmp_path / "part.mkv"), tone()
    assert 0.15 < len(found) / 48000 < 0.25
    first = np.flatnonzero(found)[0]
    assert first < 1200, "at most the rest of a packet is missing"
    begin = 5 * 1920
    # Matroska's time stamps are whole milliseconds, 48 samples.
    off = [
        np.abs(found[first:7000].astype(int) - whole[begin + first + d : begin + 7000 + d]).max()
        for d in range(-60, 61)
    ]
    assert min(off) <= 1


def test_alpha_has_no_wrong_pixels_at_the_seams_of_threads(tmp_path: Path) -> None:
    """FFmpeg's scaler did so with several threads, at 480p on nearly every other frame."""
    y, x = np.mgrid[:480, :854]
    ramp = ((x * 2 + y) % 256).astype(np.uint8)
    with MovieWriter(tmp_path / "x.mov", (480, 854), 25, alpha=True) as writer:
        for _ in range(6):
            writer.write(np.dstack([ramp] * 4))
    with MovieWithAlpha(tmp_path / "x.mov") as movie:
        for n in range(6):
            assert np.abs(movie[n][..., 3].astype(int) - ramp).max() <= 1


def test_aac_goes_into_mp4(tmp_path: Path) -> None:
    media = make_clip(tmp_path / "in.mkv", "aac")
    assert "(aac) was copied" in film(media, tmp_path / "out.mp4", FilmLook("white"))[-1].sound
    a, b = sound_of(tmp_path / "out.mp4"), sound_of(media)
    assert len(a) == pytest.approx(len(b), abs=2048)


def test_sound_that_does_not_fit_is_left_out_and_that_is_said(clip: Path, tmp_path: Path) -> None:
    assert (
        "(pcm_s16le) was left out: .mp4 does not hold it" in film(clip, tmp_path / "a.mp4", FilmLook("white"))[-1].sound
    )
    assert "at the clip's own rate" in film(clip, tmp_path / "b.mkv", FilmLook(fps=30))[-1].sound
    silent = make_clip(tmp_path / "silent.mkv", None)
    assert film(silent, tmp_path / "c.mkv")[-1].sound == "The clip has no sound."
    for name in ("a.mp4", "b.mkv", "c.mkv"):
        assert len(sound_of(tmp_path / name)) == 0


def test_stopped_in_the_middle_there_is_no_file_and_an_older_one_stays(clip: Path, tmp_path: Path) -> None:
    target = tmp_path / "film.mkv"
    target.write_bytes(b"older")
    with open_clip(clip) as source:
        steps = write_film(source, clip, list(range(14)), soft, target)
        next(steps)
        next(steps)
        steps.close()
    assert target.read_bytes() == b"older"
    assert sorted(p.name for p in tmp_path.iterdir()) == [clip.name, "film.mkv"]


def test_stopped_while_it_is_checked_there_is_no_file(clip: Path, tmp_path: Path) -> None:
    with open_clip(clip) as source:
        steps = write_film(source, clip, list(range(14)), soft, tmp_path / "film.mov")
        while not next(steps).checked:
            pass
        steps.close()
    assert [p.name for p in tmp_path.iterdir()] == [clip.name]


def spoil(name: str) -> Callable[..., Any]:
    """A writer that writes something other than what it is given."""

    class Wrong(MovieWriter):
        def write(self, picture: np.ndarray) -> None:
            self._proof.add(picture)
            real, self._proof = self._proof, type(self._proof)(".mkv", (1, 1), False)
            number = len(real._means)
            if name == "doubled" and number == 5:
                super().write(picture)
            if name == "shifted" and number > 3:
                picture = rgba(SHOT[number - 2], soft(number - 2))
            if name == "opaque":
                picture = np.dstack([picture[..., :3], np.full(picture.shape[:2], 255, np.uint8)])
            if name == "multiplied":
                colours = picture[..., :3].astype(np.float32) * (picture[..., 3:] / 255)
                picture = np.dstack([colours.astype(np.uint8), picture[..., 3]])
            if not (name == "missing" and number == 8):
                super().write(picture)
            self._proof = real

    return Wrong


@pytest.mark.parametrize("suffix", [".mkv", ".mov"])
@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("missing", "has 13 frames, 14 were written"),
        ("doubled", "has 15 frames, 14 were written"),
        ("shifted", "frame 3"),
        ("opaque", "frame 0"),
        ("multiplied", "frame 0"),
    ],
)
def test_a_movie_that_is_not_what_was_written_is_not_kept(
    clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str, name: str, said: str
) -> None:
    monkeypatch.setattr("blender_cutout.core.export.movie_writer.MovieWriter", spoil(name))
    with pytest.raises(StoreError, match=said) as caught:
        film(clip, tmp_path / f"x{suffix}")
    assert caught.value.hint
    assert [p.name for p in tmp_path.iterdir()] == [clip.name]


def test_a_torn_movie_is_not_kept(clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from blender_cutout.core.export.readback import Proof

    check = Proof.check

    def torn(self: Proof, part: Path, path: Path) -> Iterator[int]:
        part.write_bytes(part.read_bytes()[: part.stat().st_size // 2])
        return check(self, part, path)

    monkeypatch.setattr(Proof, "check", torn)
    with pytest.raises(StoreError, match="read again"):
        film(clip, tmp_path / "x.mkv")
    assert not list(tmp_path.glob("*x.mkv*"))


def test_a_picture_that_is_not_what_was_written_is_not_kept(
    clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = picture_files.png
    monkeypatch.setattr(picture_files, "png", lambda picture: real(255 - picture))
    with pytest.raises(StoreError, match="not the picture"):
        film(clip, tmp_path / "bilder")
    assert list((tmp_path / "bilder").iterdir()) == []


def test_what_cannot_be_written_is_said_before(clip: Path, tmp_path: Path) -> None:
    for target, look, text in (
        (tmp_path / "a.mp4", FilmLook(), "holds no transparency"),
        (tmp_path / "a.avi", FilmLook(), "not a supported kind of movie"),
        (tmp_path / "a.mkv", FilmLook("no such file"), "neither a colour nor a file"),
    ):
        with pytest.raises(InputError, match=text):
            film(clip, target, look)
    with pytest.raises(InputError, match="no frame to write"):
        film(clip, tmp_path / "a.mkv", frames=range(0))
    assert [p.name for p in tmp_path.iterdir()] == [clip.name]


def fine(size: tuple[int, int], kind: str) -> np.ndarray:
    """Returns pictures (H, W, 3) that are hard for a codec."""
    y, x = np.mgrid[: size[0], : size[1]]
    if kind == "ramp":
        return np.dstack([x * 255 // (size[1] - 1), y * 255 // (size[0] - 1), (x + y) % 256]).astype(np.uint8)
    if kind == "noise":
        return np.random.default_rng(1).integers(0, 256, (*size, 3), np.uint8)
    return np.where(((x // 3) % 2)[..., None], np.array([220, 20, 30]), np.array([0, 177, 64])).astype(np.uint8)


WIDTHS = (66, 68, 96, 98, 100, 102, 110, 126, 128, 130, 132, 200, 322)


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv"])
@pytest.mark.parametrize(
    "size",
    [*((64, width) for width in WIDTHS), (60, 98), (480, 100), (60, 1000), (100, 100), (33, 47), (16, 16)],
    ids=str,
)
def test_good_movies_of_small_clips_are_kept(tmp_path: Path, suffix: str, size: tuple[int, int]) -> None:
    for kind in ("ramp", "noise", "stripes"):
        path = tmp_path / f"{kind}{suffix}"
        with MovieWriter(path, size, 25) as writer:
            for frame in range(3):
                writer.write(np.roll(fine(size, kind), frame, axis=1))
        assert path.exists()


@pytest.mark.parametrize("suffix", [".mp4", ".mov"])
@pytest.mark.parametrize("size", [(60, 98), (64, 130), (100, 480), (33, 47)], ids=str)
@pytest.mark.parametrize("name", ["red for blue", "darker", "right columns lost", "one frame black"])
def test_wrong_movies_of_small_clips_are_not_kept(
    tmp_path: Path, suffix: str, size: tuple[int, int], name: str
) -> None:
    picture = fine(size, "ramp")
    meant = picture.copy()
    if name == "red for blue":
        meant = picture[..., ::-1]
    elif name == "darker":
        meant = (picture * 0.8).astype(np.uint8)
    elif name == "right columns lost":
        meant[:, -8:] = 0

    def write_otherwise() -> None:
        with MovieWriter(tmp_path / f"x{suffix}", size, 25) as writer:
            for frame in range(3):
                writer.write(picture * 0 if name == "one frame black" and frame == 1 else picture)
                writer._proof._means.pop()
                writer._proof.add(meant)

    with pytest.raises(StoreError, match="colours of frame"):
        write_otherwise()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("pixels", ["yuv420p", "yuva420p", "yuv422p", "yuva444p", "yuva444p10le", "bgra"])
@pytest.mark.parametrize("width", [64, 66, 68, 98, 100, 1922])
def test_the_last_columns_of_a_movie_are_read_as_the_others(tmp_path: Path, pixels: str, width: int) -> None:
    path = tmp_path / "x.mkv"
    plain = np.full((48, width, 4), (200, 90, 30, 255), np.uint8)
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream("ffv1", rate=25)
        stream.height, stream.width, stream.pix_fmt = 48, width, pixels
        frame: Any = av.VideoFrame.from_ndarray(plain, format="rgba")
        container.mux(stream.encode(frame if pixels == "bgra" else frame.reformat(format=pixels, threads=1)))
        container.mux(stream.encode(None))
    with MovieWithAlpha(path) as movie:
        found = movie[0].astype(int)
        assert np.ptp(found[..., :3], axis=(0, 1)).max() <= 6
        assert (found[..., 3] == 255).all()
        assert movie.has_alpha == ("a" in pixels)


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv"])
@pytest.mark.parametrize("aspect", [Fraction(64, 45), Fraction(10, 11)])
def test_the_shape_of_the_clips_pixels_is_kept(tmp_path: Path, suffix: str, aspect: Fraction) -> None:
    media = tmp_path / "pal.mp4"
    with av.open(str(media), "w") as container:
        video: Any = container.add_stream("libx264", rate=25)
        video.height, video.width, video.pix_fmt = *SHOT.size, "yuv420p"
        video.codec_context.sample_aspect_ratio = aspect
        for n in range(14):
            container.mux(video.encode(av.VideoFrame.from_ndarray(SHOT[n], format="rgb24")))
        container.mux(video.encode(None))
    for look in (FilmLook("white"), FilmLook()) if suffix != ".mp4" else (FilmLook("white"),):
        said = film(media, tmp_path / f"out{suffix}", look)[-1].sound
        with av.open(str(tmp_path / f"out{suffix}")) as container:
            assert container.streams.video[0].sample_aspect_ratio == aspect
            assert len([packet for packet in container.demux(video=0) if packet.size]) == 14
        assert "not square" not in said


def test_the_patched_header_of_a_matroska_film_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "a.mkv"
    with MovieWriter(path, (48, 64), 25, pixel_aspect=Fraction(64, 45)) as writer:
        writer.write(np.zeros((48, 64, 3), np.uint8))
    data, name = path.read_bytes(), b"\x16\x54\xae\x6b"
    start = data.index(name, data.index(name) + 4)  # the first one is in the table of contents
    place = start + 4 + (9 - data[start + 4].bit_length())
    size = int.from_bytes(data[start + 4 : place], "big") & ((1 << 7 * (place - start - 4)) - 1)
    assert data[place] == 0xBF
    assert int.from_bytes(data[place + 2 : place + 6], "little") == zlib.crc32(data[place + 6 : place + size])


def test_a_matroska_file_that_cannot_be_patched_stays_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "a.mkv"
    for data in (b"", b"\x1a", b"\x1a\x45\xdf\xa3\x80" + bytes(50), bytes(range(256)) * 9, b"\xff" * 900):
        path.write_bytes(data)
        assert not write_aspect(path, (48, 64), Fraction(64, 45))
        assert path.read_bytes() == data
