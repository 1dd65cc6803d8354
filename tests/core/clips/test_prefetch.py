"""Tests work done ahead of time: its results and errors are those of doing it on demand."""

from __future__ import annotations

import threading
from pathlib import Path

import cv2
import numpy as np
import pytest

from blender_cutout.core.clips.opening import open_clip
from blender_cutout.core.clips.prefetch import Prefetcher
from blender_cutout.core.clips.source import VideoSource
from blender_cutout.core.errors import FrameReadError
from blender_cutout.core.fakes import SyntheticClip, number_of, numbered
from blender_cutout.core.propagation.outcome import MatteKind
from blender_cutout.core.propagation.stabilise import stabilised


def ours() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name.startswith("ahead")]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for n in range(6):
        cv2.imwrite(str(tmp_path / f"{n}.png"), numbered(n))
    return tmp_path


def test_a_frame_read_ahead_is_the_same_frame_and_its_file_is_not_read_again(folder: Path) -> None:
    with open_clip(folder) as source:
        source.prefetch(3)
        source._ahead.wait()
        (folder / "3.png").unlink()
        assert number_of(source[3]) == 3
    assert not ours()


def test_frames_outside_the_clip_are_not_read_ahead(folder: Path) -> None:
    with open_clip(folder) as source:
        source.prefetch(6)
        source.prefetch(-1)
        assert not ours()


def test_what_cannot_be_read_ahead_is_an_error_when_it_is_asked_for(folder: Path) -> None:
    (folder / "4.png").write_bytes(b"no picture")
    with open_clip(folder, strict=True) as source:
        source.prefetch(4)
        source._ahead.wait()
        with pytest.raises(FrameReadError, match=r"4\.png"):
            source[4]
        assert number_of(source[5]) == 5


def test_frames_asked_for_by_several_threads_are_the_right_ones(folder: Path) -> None:
    wrong: list[int] = []

    def ask(source: VideoSource, first: int) -> None:
        for n in range(60):
            number = (first + 5 * n) % 6
            source.prefetch(number + 1)
            if number_of(source[number]) != number:
                wrong.append(number)

    with open_clip(folder) as source:
        threads = [threading.Thread(target=ask, args=(source, first)) for first in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert not wrong


def test_closing_waits_for_what_is_being_done() -> None:
    ahead, gate, done = Prefetcher(), threading.Event(), []
    ahead.begin(lambda: done.append(gate.wait(10)))
    ahead.begin(lambda: done.append(False))  # busy: this is left out
    gate.set()
    ahead.close()
    ahead.close()
    assert done == [True]
    assert not ours()


class Stranger:
    """A clip that must not be read from two threads."""

    def __init__(self, film: SyntheticClip) -> None:
        self._film, self._thread = film, threading.get_ident()

    def __len__(self) -> int:
        return len(self._film)

    def __getitem__(self, frame: int) -> np.ndarray:
        assert threading.get_ident() == self._thread
        return self._film[frame]


@pytest.mark.parametrize("backward", [False, True])
def test_mattes_are_as_stable_whether_the_clip_is_read_ahead_or_not(backward: bool) -> None:
    film = SyntheticClip(length=8, height=60, width=100, radius=12)
    order = range(7, -1, -1) if backward else range(8)
    pictures = [film[frame] for frame in range(8)]

    def results():
        for frame in order:
            yield frame, np.roll(film.matte(frame), frame % 2, axis=0), MatteKind.PROPAGATED

    alone = [(step.frame, step.matte) for step in stabilised(results(), Stranger(film), 1.0)]
    ahead = [(step.frame, step.matte) for step in stabilised(results(), pictures, 1.0)]
    assert [frame for frame, _ in ahead] == list(order)
    for (_, one), (_, other) in zip(alone, ahead, strict=True):
        assert np.array_equal(one, other)
    assert not ours()


def test_a_run_that_is_left_ends_its_thread() -> None:
    film = SyntheticClip(length=8, height=60, width=100, radius=12)
    pictures = [film[frame] for frame in range(8)]
    run = stabilised(((f, film.matte(f), MatteKind.PROPAGATED) for f in range(8)), pictures, 1.0)
    for _ in range(3):
        next(run)
    run.close()
    assert not ours()
