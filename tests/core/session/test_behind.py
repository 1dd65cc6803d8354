"""Tests masks written in the background: in order, reported only once on disk, and without losing errors."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import pytest
from session_kit import ALL, FILM, keep, make_engine, reopened, run, snapshot

from blender_cutout.core.errors import StoreError
from blender_cutout.core.fakes import FakePropagationNet
from blender_cutout.core.images.matte import is_whole_png
from blender_cutout.core.session import store as module
from blender_cutout.core.session.store import BackgroundWriter
from blender_cutout.core.session.track_session import TrackSession
from blender_cutout.core.types import Clip, Direction, PropagationOptions


@pytest.fixture
def media(tmp_path: Path) -> Path:
    folder = tmp_path / "film"
    folder.mkdir()
    for frame in range(len(FILM)):
        cv2.imwrite(str(folder / f"{frame:03d}.png"), FILM[frame][:, :, ::-1])
    return folder


@pytest.fixture
def net() -> FakePropagationNet:
    return FakePropagationNet()


@pytest.fixture
def session(media: Path, tmp_path: Path, net: FakePropagationNet) -> Iterator[TrackSession]:
    with TrackSession.open(Clip(str(media)), tmp_path / "track", make_engine(net=net)) as opened:
        opened.apply_round(keep(0))
        yield opened


def frame_of(path: Path) -> int:
    return int(path.stem)


def test_things_are_done_in_order_and_only_so_many_wait() -> None:
    behind, done, gate = BackgroundWriter(2), [], threading.Event()

    def work(number: int) -> int:
        assert gate.wait(10)
        done.append(number)
        if number == 2:
            raise ValueError(number)
        return number

    futures = [behind.put(lambda n=n: work(n)) for n in range(2)]  # type: ignore[misc]
    late = threading.Thread(target=lambda: futures.extend(behind.put(lambda n=n: work(n)) for n in (2, 3)))  # type: ignore[misc]
    late.start()
    late.join(0.1)
    assert late.is_alive(), "there is room for two"
    gate.set()
    late.join(120)
    behind.close()
    assert done == [0, 1, 2, 3]
    assert [f.result() for f in futures if not f.exception()] == [0, 1, 3]
    assert behind.put(lambda: 7).result() == 7, "it starts over"
    behind.close()


def test_the_network_works_while_a_mask_is_written(
    session: TrackSession, net: FakePropagationNet, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, looked = module.write_png, []

    def slow(path: Path, data: bytes) -> None:
        deadline = time.monotonic() + 120
        while net.counts["segment"] < 2 and time.monotonic() < deadline:
            time.sleep(0.001)
        looked.append(net.counts["segment"])
        real(path, data)

    steps = session.propagate(ALL, Direction.FORWARD)
    next(steps)  # the keyframe: it is there
    with monkeypatch.context() as patch:
        patch.setattr(module, "write_png", slow)
        for _, path, _ in [next(steps), next(steps)]:
            assert path is not None
            assert is_whole_png(path.read_bytes())
    steps.close()  # type: ignore[attr-defined]
    assert looked[0] >= 2, "at the frame after it, before the first one was on disk"


@pytest.mark.parametrize("stability", [0.0, 1.0])
def test_what_is_reported_is_on_disk_in_order_and_unchanged(session: TrackSession, stability: float) -> None:
    reached = []
    for frame, path, _ in session.propagate(ALL, Direction.FORWARD, PropagationOptions(stability=stability)):
        assert path is not None
        assert is_whole_png(path.read_bytes())
        reached.append(frame)
        assert session.done_ranges() == ((0, frame + 1),)
    assert reached == list(ALL)
    assert not [t for t in threading.enumerate() if t.name.startswith("masks")], "the thread has ended"


@pytest.mark.parametrize("stability", [0.0, 1.0])
def test_a_mask_that_cannot_be_written_ends_it_with_that_error_and_the_rest_is_kept(
    session: TrackSession, monkeypatch: pytest.MonkeyPatch, stability: float
) -> None:
    real, options = module.write_png, PropagationOptions(stability=stability)

    def refused(path: Path, data: bytes) -> None:
        if frame_of(path) == 5:
            raise StoreError("The disk is full.", "Free some space.")
        real(path, data)

    reached: list[int] = []
    with monkeypatch.context() as patch:
        patch.setattr(module, "write_png", refused)
        with pytest.raises(StoreError, match="full"):
            reached.extend(frame for frame, _, _ in session.propagate(ALL, Direction.FORWARD, options))
    assert reached == [0, 1, 2, 3, 4]
    assert session.done_ranges()[0] == (0, 5)
    assert [f for f, _, _ in session.propagate(ALL, Direction.FORWARD, options)] == list(ALL)
    assert session.done_ranges() == ((0, 16),)


def test_a_track_that_is_moved_meanwhile_takes_along_what_is_being_written(
    session: TrackSession, tmp_path: Path, media: Path
) -> None:
    steps = session.propagate(ALL, Direction.FORWARD)
    reached: list[tuple[int, Any]] = [(f, p) for _, (f, p, _) in zip(range(4), steps, strict=False)]
    session.move(tmp_path / "saved" / "track")
    reached += [(f, p) for f, p, _ in steps]
    assert [frame for frame, _ in reached] == list(ALL)
    for _, path in reached[4:]:
        assert path.parent.parent == tmp_path / "saved" / "track" / "mattes"
    assert sorted(snapshot(session)) == list(ALL)
    assert not (tmp_path / "track").exists()
    again = reopened(session, media)
    assert again.done_ranges() == ((0, 16),)
    assert run(again, ALL, Direction.FORWARD) == list(ALL)
    again.close()
