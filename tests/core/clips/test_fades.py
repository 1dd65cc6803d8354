"""Tests dissolves and fades: detected in both directions, but not changing light or camera moves."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest
from film_kit import FIRST, SECOND, SIZE, Film

from blender_cutout.core.clips.cuts import CutFinder
from blender_cutout.core.clips.fades import WINDOWS, FadeFinder
from blender_cutout.core.fakes import FakePropagationNet, iou
from blender_cutout.core.propagation.outcome import Cause
from blender_cutout.core.propagation.propagate import propagate
from blender_cutout.core.types import FrameRange, PropagationOptions

BEGIN = 10


def rich(scenery: np.ndarray, seed: int) -> np.ndarray:
    """The landscape in bright light, with grass and leaves."""
    rng = np.random.default_rng(seed)
    leaves = [cv2.resize(rng.normal(0, 1, (n, 4 * n, 1)), (1600, 400)) * 25 for n in (50, 100)]
    clouds = (scenery.astype(np.float32) - scenery.mean(axis=(0, 1))) * 2.5
    return np.clip(clouds + sum(leaves)[..., None] + 120, 0, 255).astype(np.uint8)


ONE, OTHER = rich(FIRST, 3), rich(SECOND, 4)


class Transition:
    """A slow pan that fades into another one from frame `BEGIN` on, directly or through a colour."""

    size = SIZE

    def __init__(self, length: int, colour: int | None = None, pan: int = 2) -> None:
        self.length, self.colour, self.pan = length, colour, pan
        self.end = BEGIN + (length if colour is None else 2 * length + 3)

    def __len__(self) -> int:
        return self.end + 10

    def of(self, scenery: np.ndarray, frame: int) -> np.ndarray:
        left = 10 + self.pan * frame
        return scenery[100 : 100 + SIZE[0], left : left + SIZE[1]].astype(np.float32)

    def share(self, frame: int, begin: int) -> float:
        return float(np.clip((frame - begin + 1) / (self.length + 1), 0, 1))

    def __getitem__(self, frame: int) -> np.ndarray:
        first, second = self.of(ONE, frame), self.of(OTHER, frame)
        gone = self.share(frame, BEGIN)
        if self.colour is None:
            image = first * (1 - gone) + second * gone
        else:
            come = self.share(frame, self.end - self.length)
            image = first * (1 - gone) + second * come + self.colour * (gone - come)
        return np.clip(np.rint(image), 0, 255).astype(np.uint8)


def stop(film: Any, start: int, last: int) -> int | None:
    """Returns the first frame at which a transition is found; None = none."""
    finder, step = FadeFinder(CutFinder(film)), 1 if last > start else -1
    return next((f for f in range(start + step, last + step, step) if finder.behind(start, f)), None)


@pytest.mark.parametrize(
    ("length", "colour"),
    [
        (length, colour)
        for length in (6, 9, 12, 16, 20, 25)
        for colour in (None, 0, 255, 128)
        if (length, colour) != (25, None)
    ],
)
def test_transitions_are_noticed_on_the_way_in_either_direction(length: int, colour: int | None) -> None:
    film = Transition(length, colour)
    forward, backward = stop(film, 0, len(film) - 1), stop(film, len(film) - 1, 0)
    assert forward is not None
    assert backward is not None
    assert BEGIN + 2 < forward <= film.end
    assert BEGIN <= backward < film.end - 2


@pytest.mark.parametrize("speed", [0, 2, 6, 20])
@pytest.mark.parametrize("scenery", [FIRST, SECOND, ONE], ids=["soft", "softer", "rich"])
def test_pans_are_none(speed: int, scenery: np.ndarray) -> None:
    assert stop(Film([(scenery, speed * f) for f in range(60)]), 0, 59) is None


@pytest.mark.parametrize("length", [6, 12, 25])
@pytest.mark.parametrize("speed", [0, 8])
@pytest.mark.parametrize(("gain", "offset"), [(0.4, 0.0), (1.6, 0.0), (0.6, 90.0)])
def test_light_that_changes_slowly_is_none(length: int, speed: int, gain: float, offset: float) -> None:
    share = {f: min(1.0, max(0.0, (f - 8) / length)) for f in range(50)}
    light = {f: (1 + (gain - 1) * s, offset * s) for f, s in share.items()}
    film = Film([(ONE, speed * f) for f in range(50)], light)
    assert stop(film, 0, 49) is None
    assert stop(film, 49, 0) is None


@pytest.mark.parametrize("frames", [1, 3])
@pytest.mark.parametrize("light", [(0.0, 255.0), (0.0, 0.0), (1.5, 120.0)])
def test_a_flash_is_none(frames: int, light: tuple[float, float]) -> None:
    lights = {12 + n: light for n in range(frames)}
    assert stop(Film([(ONE, 10 + 2 * f) for f in range(40)], lights), 0, 39) is None


def test_black_that_stays_is_an_end() -> None:
    light = {f: (0.0, 0.0) for f in range(12, 30)}
    assert stop(Film([(ONE, 10)] * 30, light), 0, 29) == 12


def test_a_film_of_nothing_has_no_end() -> None:
    assert stop(np.full((30, 40, 60, 3), 7, np.uint8), 0, 29) is None


def test_each_way_has_its_own_past() -> None:
    film = Transition(12)
    start = BEGIN + 6
    expected = stop(film, start, 0), stop(film, start, len(film) - 1)
    finder = FadeFinder(CutFinder(film))
    ways = range(start - 1, -1, -1), range(start + 1, len(film))
    assert tuple(next((f for f in way if finder.behind(start, f)), None) for way in ways) == expected


def test_frames_that_were_passed_over_are_looked_at_too_each_once() -> None:
    film, reads = Transition(12), list[int]()

    class Counting(Transition):
        def __getitem__(self, frame: int) -> np.ndarray:
            reads.append(frame)
            return super().__getitem__(frame)

    expected = stop(film, 0, len(film) - 1)
    assert expected is not None
    finder = FadeFinder(CutFinder(Counting(12)))
    for frame in (expected - 4, expected - 3, expected - 1):
        assert not finder.behind(0, frame)
    assert finder.behind(0, expected)
    assert sorted(reads) == list(range(max(0, expected - 4 - WINDOWS[-1]), expected + 1))
    assert len(finder._seen) <= WINDOWS[-1] + 1


class TestPropagation:
    """A disc in front of a wall, fading into another disc in front of another wall."""

    def film(self, colour: int | None = None) -> Any:
        class Discs(Transition):
            def matte(self, frame: int) -> np.ndarray:
                y, x = np.mgrid[: SIZE[0], : SIZE[1]] + 0.5
                return ((x - (60 + frame)) ** 2 + (y - 60) ** 2 < 18**2).astype(np.float32)

            def of(self, scenery: np.ndarray, frame: int) -> np.ndarray:
                image = super().of(scenery, frame)
                image[self.matte(frame) > 0.5] = (220, 40, 40)
                return image

        return Discs(12, colour)

    def go(self, film: Any, keys: tuple[int, ...], **more: Any) -> tuple[dict[int, np.ndarray], list[Any]]:
        halts: list[Any] = []
        keyframes = {key: film.matte(key) for key in keys}
        given = {"options": PropagationOptions(), "notice": halts.append, **more}
        return {f: m for f, m, _ in propagate(FakePropagationNet(), film, keyframes, **given)}, halts

    @pytest.mark.parametrize("colour", [None, 0])
    def test_it_ends_in_the_transition_and_says_so(self, colour: int | None) -> None:
        film = self.film(colour)
        found, halts = self.go(film, (0,))
        (halt,) = halts
        assert halt.cause is Cause.CUT
        assert BEGIN < halt.at <= film.end
        assert (halt.first, halt.last) == (halt.at, len(film) - 1)
        assert sorted(found) == list(range(halt.at))
        assert all(iou(found[f], film.matte(f)) > 0.9 for f in range(BEGIN))

    def test_a_keyframe_in_the_other_shot_gives_the_rest(self) -> None:
        film = self.film()
        found, halts = self.go(film, (0, len(film) - 1))
        assert sorted(found) == list(range(len(film)))
        assert halts == []

    def test_what_was_interrupted_ends_at_the_same_frame(self) -> None:
        film = self.film()
        whole, halts = self.go(film, (0,))
        known = {f: whole[f] for f in sorted(whole)[:-2]}
        again, more = self.go(film, (0,), known=known.get)
        assert sorted(again) == sorted(whole)
        assert more == halts

    def test_only_what_is_asked_for_counts(self) -> None:
        found, halts = self.go(self.film(), (0,), frame_range=FrameRange(0, BEGIN))
        assert sorted(found) == list(range(BEGIN))
        assert halts == []

    def test_it_goes_on_where_that_is_wanted(self) -> None:
        film = self.film()
        found, halts = self.go(film, (0,), options=PropagationOptions(stop_at_cuts=False))
        assert sorted(found) == list(range(len(film)))
        assert halts == []
