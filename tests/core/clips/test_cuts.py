"""Tests cut detection: real cuts, but not flashes, pans and rotations; and masks that end at a cut."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from film_kit import FIRST, SECOND, SIZE, Film

from blender_cutout.core.clips.cuts import CutFinder
from blender_cutout.core.fakes import FakePropagationNet, iou
from blender_cutout.core.propagation.outcome import Cause, Stop
from blender_cutout.core.propagation.plan import Pass
from blender_cutout.core.propagation.propagate import propagate
from blender_cutout.core.types import Direction, FrameRange, PropagationOptions


def cuts(film: Film) -> list[int]:
    """Returns the first frame of each new shot."""
    finder = CutFinder(film)
    found = [frame for frame in range(1, len(film)) if finder.between(frame - 1, frame)]
    backward = CutFinder(film)
    assert found == [f for f in range(len(film) - 1, 0, -1) if backward.between(f, f - 1)][::-1]
    return found


def test_cuts_are_found_to_the_frame_in_either_direction() -> None:
    film = Film([(FIRST, 10 + 2 * f) for f in range(7)] + [(SECOND, 300)] * 5 + [(FIRST, 900)] * 4)
    assert cuts(film) == [7, 12]


@pytest.mark.parametrize("speed", [0, 6, 20, 60])
def test_pans_are_none(speed: int) -> None:
    """Moves by up to three tenths of the picture's width a frame."""
    assert cuts(Film([(FIRST, speed * f) for f in range(12)])) == []


@pytest.mark.parametrize("frames", [1, 2, 3])
def test_a_flash_is_none(frames: int) -> None:
    light = {5 + n: (3.0, 90.0) for n in range(frames)}
    assert cuts(Film([(FIRST, 10 + 2 * f) for f in range(14)], light)) == []
    dark = {5 + n: (0.02, 0.0) for n in range(frames)}
    assert cuts(Film([(FIRST, 10 + 2 * f) for f in range(14)], dark)) == []


def test_a_lamp_that_is_switched_off_is_none() -> None:
    assert cuts(Film([(FIRST, 10)] * 12, {f: (0.35, 0.0) for f in range(6, 12)})) == []


def test_a_cut_right_behind_a_flash_is_found() -> None:
    film = Film([(FIRST, 10)] * 6 + [(SECOND, 300)] * 6, {5: (3.0, 90.0)})
    assert len(cuts(film)) == 1


def test_noise_is_none() -> None:
    rng = np.random.default_rng(0)

    class Noisy(Film):
        def __getitem__(self, frame: int) -> np.ndarray:
            image = super().__getitem__(frame) + rng.normal(0, 20, (*SIZE, 3))
            return np.clip(image, 0, 255).astype(np.uint8)

    assert cuts(Noisy([(FIRST, 10)] * 10)) == []


def test_only_a_few_frames_are_held_and_each_is_read_once() -> None:
    reads: list[int] = []

    class Counting(Film):
        def __getitem__(self, frame: int) -> np.ndarray:
            reads.append(frame)
            return super().__getitem__(frame)

    film = Counting([(FIRST, 2 * f) for f in range(60)])
    finder = CutFinder(film)
    assert not any(finder.between(f - 1, f) for f in range(1, 60))
    assert sorted(reads) == list(range(60))
    assert len(finder._small) <= 10


class TwoShots:
    """A red disc in front of a wall; from frame 8 on, a red disc in front of another wall."""

    size = SIZE

    def __init__(self, cut: tuple[int, ...] = (8,), length: int = 16) -> None:
        self.cut, self.length = cut, length

    def __len__(self) -> int:
        return self.length

    def shot(self, frame: int) -> int:
        return sum(frame >= cut for cut in self.cut)

    def matte(self, frame: int) -> np.ndarray:
        y, x = np.mgrid[: SIZE[0], : SIZE[1]] + 0.5
        return ((x - (60 + 3 * frame)) ** 2 + (y - 60) ** 2 < 18**2).astype(np.float32)

    def __getitem__(self, frame: int) -> np.ndarray:
        wall = (FIRST, SECOND)[self.shot(frame) % 2]
        image = wall[100 : 100 + SIZE[0], : SIZE[1]] // 2
        image[self.matte(frame) > 0.5] = (220, 40, 40)
        return image


def run(film: Any, keys: tuple[int, ...], **more: Any) -> tuple[dict[int, np.ndarray], list[Stop]]:
    halts: list[Stop] = []
    keyframes = {key: film.matte(key) for key in keys}
    stream: Iterator[Any] = propagate(
        FakePropagationNet(), film, keyframes, **{"options": PropagationOptions(), "notice": halts.append, **more}
    )
    given = [(frame, matte) for frame, matte, _ in stream]
    assert len({frame for frame, _ in given}) == len(given)
    return dict(given), halts


class TestPropagationEndsAtACut:
    def test_the_frames_behind_are_left_out_and_reported(self) -> None:
        film = TwoShots()
        found, halts = run(film, (0,))
        assert sorted(found) == list(range(8))
        assert all(iou(found[f], film.matte(f)) > 0.9 for f in found)
        assert halts == [Stop(Cause.CUT, 8, 8, 15)]

    def test_a_keyframe_beyond_reaches_them_backward(self) -> None:
        film = TwoShots()
        found, halts = run(film, (0, 14))
        assert sorted(found) == list(range(16))
        assert halts == []

    def test_forward_alone_leaves_them_out(self) -> None:
        found, halts = run(TwoShots(), (0, 12), direction=Direction.FORWARD)
        assert sorted(found) == [*range(8), *range(12, 16)]
        assert halts == [Stop(Cause.CUT, 8, 8, 11)]

    def test_backward_it_ends_at_the_cut_too(self) -> None:
        found, halts = run(TwoShots(), (12,))
        assert sorted(found) == list(range(8, 16))
        assert halts == [Stop(Cause.CUT, 7, 0, 7)]

    def test_a_shot_between_two_cuts_without_a_keyframe_stays_empty(self) -> None:
        found, halts = run(TwoShots((5, 10)), (2, 13))
        assert sorted(found) == [*range(5), *range(10, 16)]
        assert halts == [Stop(Cause.CUT, 5, 5, 9)]

    def test_who_wants_to_goes_across(self) -> None:
        found, halts = run(TwoShots(), (0,), options=PropagationOptions(stop_at_cuts=False))
        assert sorted(found) == list(range(16))
        assert halts == []

    def test_only_frames_of_the_range_are_reported(self) -> None:
        found, halts = run(TwoShots(), (0,), frame_range=FrameRange(2, 11))
        assert sorted(found) == list(range(2, 8))
        assert halts == [Stop(Cause.CUT, 8, 8, 10)]
        _, halts = run(TwoShots(), (0,), frame_range=FrameRange(2, 8))
        assert halts == []

    def test_earlier_results_behind_the_cut_stay(self) -> None:
        film = TwoShots()
        earlier = {f: np.full(SIZE, 0.25, np.float32) for f in range(16)}
        found, halts = run(film, (0,), previous=earlier)
        assert all(found[f] is earlier[f] or np.array_equal(found[f], earlier[f]) for f in range(8, 16))
        assert iou(found[7], film.matte(7)) > 0.9
        assert halts == []

    def test_a_new_keyframe_behind_the_cut_leaves_what_is_before_it(self) -> None:
        film = TwoShots()
        before, _ = run(film, (0,))
        found, halts = run(film, (0, 12), previous=before)
        assert sorted(found) == list(range(16))
        assert all(np.array_equal(found[f], before[f]) for f in range(8))
        assert all(iou(found[f], film.matte(f)) > 0.9 for f in range(8, 16))
        assert halts == []


class Unsure(FakePropagationNet):
    """Is less certain from one frame on, which has a mark in the picture's corner."""

    def segment(self, query: Any, memory: Any, previous: Any = None) -> np.ndarray:
        found = super().segment(query, memory, previous)
        return found * np.float32(0.7) if (query.image[..., 1] > 250).any() else found


class Marked(TwoShots):
    def __init__(self, doubtful: range) -> None:
        super().__init__(cut=())
        self.doubtful = doubtful

    def __getitem__(self, frame: int) -> np.ndarray:
        image = super().__getitem__(frame)
        if frame in self.doubtful:
            image[58:62, 58 + 3 * frame : 62 + 3 * frame] = (255, 255, 255)
        return image


class TestUntilItLooksWrong:
    def go(self, keys: tuple[int, ...], stop_below: float, **more: Any) -> tuple[list[int], list[Stop]]:
        film, halts = Marked(range(6, 10)), []
        keyframes = {key: film.matte(key) for key in keys}
        options = PropagationOptions(stop_below=stop_below)
        stream = propagate(Unsure(), film, keyframes, options=options, notice=halts.append, **more)
        return sorted(frame for frame, _, _ in stream), halts

    def test_it_goes_through_when_nothing_is_asked(self) -> None:
        assert self.go((0,), 0.0) == (list(range(16)), [])

    def test_it_ends_with_the_frame_in_doubt(self) -> None:
        assert self.go((0,), 0.8) == (list(range(7)), [Stop(Cause.DOUBT, 6, 7, 15)])

    def test_from_two_sides_only_what_neither_reaches_is_left_out(self) -> None:
        assert self.go((0, 15), 0.8) == ([*range(7), *range(9, 16)], [Stop(Cause.DOUBT, 6, 7, 8)])

    def test_a_low_bar_is_not_hit(self) -> None:
        assert self.go((0,), 1e-6) == (list(range(16)), [])


def test_the_rest_of_a_pass_comes_from_the_other_keyframe_or_is_not_computed() -> None:
    step = Pass(0, range(1, 10), beyond=20)
    assert step.rest(4, False) == Pass(20, range(19, 3, -1))
    assert Pass(0, range(1, 10)).rest(4, True) == Pass(0, range(4, 10), compute=False, keep=True)
    assert Pass(20, range(19, 3, -1), beyond=0).rest(7, False) == Pass(0, range(1, 8))
