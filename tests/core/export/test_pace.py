"""Tests that films keep their clip's pace: variable rates are evened out, sound stays in sync."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import clips_kit
import numpy as np
import pytest

from blender_cutout.core.clips.opening import open_clip
from blender_cutout.core.export.film import FilmLook, write_film
from blender_cutout.core.fakes import number_of, numbered


def film(
    media: Path, target: Path, frames: range | None = None, look: FilmLook | None = None
) -> tuple[list[int], Any, str]:
    """Returns the numbers on a film's frames, its rate, and the messages."""
    with open_clip(media) as source:
        white = np.ones(source.size, np.float32)
        chosen = list(frames or range(len(source)))
        steps = [s for s in write_film(source, media, chosen, lambda _: white, target, look or FilmLook("black"))]
    with av.open(str(target)) as container:
        stream = container.streams.video[0]
        return (
            [number_of(picture.to_ndarray(format="rgb24")) for picture in container.decode(video=0)],
            stream.average_rate,
            steps[-1].sound,
        )


@pytest.mark.parametrize("name", ["even.mp4", "recorded.mp4", "jitter.mp4", "jitter-much.mp4", "b.avi", "cut.mov"])
def test_a_constant_rate_stays_frame_by_frame_however_its_stamps_jitter(name, tmp_path):
    clip = clips_kit.CLIPS[name](tmp_path / name)
    first = 16 if name == "cut.mov" else 1
    numbers, rate, said = film(clip, tmp_path / "film.mkv")
    assert numbers == list(range(first, clips_kit.COUNT + 1))
    assert float(rate) == pytest.approx(24 if name in ("even.mp4", "b.avi", "cut.mov") else 30, rel=0.003)
    assert "varies" not in said


@pytest.mark.parametrize("name", ["dropped.mp4", "dropped.mkv"])
def test_where_frames_were_dropped_the_one_before_is_held(name, tmp_path):
    clip = clips_kit.CLIPS[name](tmp_path / name)
    numbers, rate, said = film(clip, tmp_path / "film.mp4")
    assert rate == 30
    wanted, number = [], 0
    for place in range(44):
        number += place not in (7, 8, 21, 22, 23, 40)
        wanted.append(number)
    assert numbers == wanted
    assert "The clip's frame rate varies" in said


def test_null_frames_hold_the_picture_as_long_as_the_clip_does(tmp_path):
    numbers, _, _ = film(clips_kit.CLIPS["null.avi"](tmp_path / "null.avi"), tmp_path / "film.mkv")
    assert len(numbers) == 40
    assert numbers[9:14] == [10, 10, 10, 10, 11]


def test_a_phone_clip_of_a_part_is_evened_from_its_first_frame(tmp_path):
    clip = clips_kit.CLIPS["phone.mp4"](tmp_path / "phone.mp4")
    numbers, rate, _ = film(clip, tmp_path / "film.mkv", range(10, 16))
    assert rate == 30
    assert numbers[:10] == [11, 12, 13, 13, 14, 14, 15, 15, 16, 16]


def test_another_rate_that_is_asked_for_takes_the_frames_one_by_one(tmp_path):
    clip = clips_kit.CLIPS["dropped.mp4"](tmp_path / "dropped.mp4")
    numbers, rate, said = film(clip, tmp_path / "film.mkv", look=FilmLook("black", fps=12))
    assert (numbers, rate) == (list(range(1, 39)), 12)
    assert "varies" not in said


def backgrounds(clip: Path, behind: Path, target: Path) -> list[int]:
    """Returns the numbers on the background, seen through an empty mask."""
    with open_clip(clip) as source:
        nothing = np.zeros(source.size, np.float32)
        assert list(write_film(source, clip, range(len(source)), lambda _: nothing, target, FilmLook(str(behind))))
    with open_clip(target) as source:
        return [number_of(source[n]) for n in range(len(source))]


@pytest.mark.parametrize("target", ["film.mkv", "pictures"])
def test_a_background_movie_runs_at_its_own_speed_and_is_repeated(target, tmp_path):
    clip = clips_kit.encode(tmp_path / "clip.mp4", clips_kit.even(30, 24), Fraction(1, 30), options=clips_kit.X264)
    fast = clips_kit.encode(tmp_path / "60.mp4", clips_kit.even(60, 40), Fraction(1, 60), 60, options=clips_kit.X264)
    slow = clips_kit.encode(tmp_path / "15.mp4", clips_kit.even(15, 40), Fraction(1, 15), 15, options=clips_kit.X264)
    assert backgrounds(clip, fast, tmp_path / "a" / target) == [1 + 2 * n % 40 for n in range(24)]
    assert backgrounds(clip, slow, tmp_path / "b" / target)[:21:2] == list(range(1, 12))
    assert backgrounds(clip, clip, tmp_path / "c" / target) == list(range(1, 25))


def test_a_flash_stays_with_its_beep(tmp_path: Path):
    clip = tmp_path / "clip.mkv"
    times = [n / 10 for n in range(10)] + [1 + n / 30 for n in range(30)]
    with av.open(str(clip), "w") as container:
        pictures: Any = container.add_stream("ffv1", rate=30)
        pictures.height, pictures.width, pictures.pix_fmt = 64, 128, "bgr0"
        pictures.codec_context.time_base = pictures.time_base = Fraction(1, 1000)
        sound: Any = container.add_stream("pcm_s16le", rate=8000, layout="mono")
        for number, time in enumerate(times):
            frame: Any = av.VideoFrame.from_ndarray(numbered(255 if number == 25 else 0), format="rgb24")
            frame.pts, frame.time_base = round(1000 * time), Fraction(1, 1000)
            container.mux(pictures.encode(frame))
        container.mux(pictures.encode(None))
        samples = np.zeros(16000, np.int16)
        samples[12000:12400] = 20000  # 1.5 s, as picture 25
        for at in range(0, 16000, 400):
            part: Any = av.AudioFrame.from_ndarray(samples[None, at : at + 400], format="s16", layout="mono")
            part.sample_rate, part.pts, part.time_base = 8000, at, Fraction(1, 8000)
            container.mux(sound.encode(part))
        container.mux(sound.encode(None))
    numbers, rate, said = film(clip, tmp_path / "film.mkv")
    assert "was copied as it is" in said
    with av.open(str(tmp_path / "film.mkv")) as container:
        heard = np.concatenate([part.to_ndarray().reshape(-1) for part in container.decode(audio=0)])
    flash, beep = numbers.index(255) / rate, np.flatnonzero(heard > 10000)[0] / 8000
    assert abs(float(flash) - beep) < 0.02
    assert abs(beep - 1.5) < 0.01
