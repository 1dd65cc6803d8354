"""Tests that common movies have all their frames, and that time stamps tell which one Blender shows."""

from __future__ import annotations

import random
from fractions import Fraction
from pathlib import Path

import clips_kit
import numpy as np
import pytest

from blender_cutout.core.clips.opening import open_clip
from blender_cutout.core.clips.shown_frames import Stamps, doubt_of, frames_of, shown
from blender_cutout.core.fakes import number_of

THIRTY = Fraction(30)


def stamps(seconds: list[float], rate: Fraction = THIRTY, length: float = 0, **more) -> Stamps:
    base = Fraction(1, 90000)
    ticks = [round(second * 90000) for second in seconds]
    return Stamps(ticks, base, more.pop("start", 0), rate, Fraction(length or len(seconds) / float(rate)), **more)


@pytest.mark.parametrize("name", sorted(clips_kit.CLIPS))
def test_all_frames_are_there_and_right_in_any_order(name, tmp_path, monkeypatch):
    path = clips_kit.CLIPS[name](tmp_path / name)
    monkeypatch.setattr("blender_cutout.core.clips.source.CACHE_BYTES", 6 * 64 * 128 * 3)
    with open_clip(path) as source:
        numbers = [number_of(source[n]) for n in range(len(source))]
        raw = numbers
        if source.turned:  # upside down: the blocks are in reverse
            numbers = [int(f"{number:08b}"[::-1], 2) for number in numbers]
        wanted = list(range(numbers[0], numbers[-1] + 1))
        assert numbers == (wanted * 2 if name == "joined.ts" else wanted)
        assert numbers[0] == {"cut.mp4": 16, "cut.mov": 16, "inside.ts": 13}.get(name, 1)
        assert numbers[-1] >= 28
        for n in random.Random(1).choices(range(len(source)), k=20):
            assert number_of(source[n]) == raw[n]
        assert bool(doubt_of(source.shown)) == (name in clips_kit.UNTOLD)


def test_pictures_up_to_the_end_count_although_the_sound_goes_on(tmp_path: Path):
    import av

    path = tmp_path / "clip.mkv"
    with av.open(str(path), "w") as container:
        pictures = container.add_stream("libx264", rate=30, options=dict(clips_kit.X264))
        pictures.height, pictures.width = 64, 128
        sound = container.add_stream("pcm_s16le", rate=8000, layout="mono")
        from blender_cutout.core.fakes import numbered

        for number in range(1, 31):
            container.mux(pictures.encode(av.VideoFrame.from_ndarray(numbered(number), format="rgb24")))
        container.mux(pictures.encode(None))
        for part in range(30):
            silence = av.AudioFrame.from_ndarray(np.zeros((1, 800), np.int16), format="s16", layout="mono")
            silence.sample_rate, silence.pts, silence.time_base = 8000, 800 * part, Fraction(1, 8000)
            container.mux(sound.encode(silence))
        container.mux(sound.encode(None))
    with open_clip(path) as source:
        assert [number_of(source[n]) for n in range(len(source))] == list(range(1, 31))


def test_a_constant_rate_shows_each_frame_once_and_needs_no_word():
    assert shown(stamps([n / 30 for n in range(20)])) == ""
    assert frames_of("") == ()


def test_the_frame_with_the_last_stamp_at_or_before_the_time_is_shown():
    text = shown(stamps([0, 1 / 30, 4 / 30, 5 / 30 + 0.001], length=7 / 30))
    assert frames_of(text) == (0, 1, 1, 1, 2, 2, 3)
    assert doubt_of(text) == ""


def test_before_the_first_picture_the_first_one_is_held():
    assert frames_of(shown(stamps([2.1, 2.2], rate=Fraction(10), length=0.3, start=180000))) == (0, 0, 1)


def test_a_jump_that_lands_after_the_wanted_time_is_a_doubt():
    keys = [(0, 0), (20000, 40000)]
    assert "after a jump" in doubt_of(shown(stamps([n / 30 for n in range(20)], keys=keys)))
    assert not doubt_of(shown(stamps([n / 30 for n in range(20)], keys=[(0, 6000), (36000, 42000)])))


@pytest.mark.parametrize(
    ("rate", "length"), [(Fraction(0), 1.0), (THIRTY, 10.0**9)], ids=["no rate", "an impossible length"]
)
def test_a_header_that_does_not_tell_is_a_doubt_and_no_memory(rate, length):
    text = shown(stamps([0, 1], rate=rate, length=length))
    assert doubt_of(text).endswith(".")
    assert frames_of(text) == ()


@pytest.mark.parametrize("text", ["rubbish", "eNo=", "!", "eNqLNtAxxAENyMexAMVNEBw", "\x00", "äöü"])
def test_damaged_text_counts_as_not_known(text):
    assert frames_of(text) == ()


def test_long_clips_stay_short_as_text():
    clip = stamps([round(n / 30, 3) for n in range(100_000)])
    text = shown(clip)
    assert len(text) < 4000
    assert len(frames_of(text)) == 100_000
