"""Tests a track's folder: one owner, read-only places, moving, exporting, long clips."""

from __future__ import annotations

import errno
import itertools
import os
from pathlib import Path

import numpy as np
import pytest
from session_kit import (
    ALL,
    FILM,
    keep,
    make_engine,
    reopened,
    run,
)

from blender_cutout.core.errors import InputError, StoreError
from blender_cutout.core.export.delivery import deliver
from blender_cutout.core.fakes import iou
from blender_cutout.core.images.matte import read_mask
from blender_cutout.core.session.track_session import TrackSession
from blender_cutout.core.types import Clip, Direction, FrameRange


def test_two_processes_cannot_have_the_same_track(session: TrackSession, media: Path) -> None:
    with pytest.raises(StoreError, match=f"process {os.getpid()}"):
        TrackSession.open(Clip(str(media)), session.folder, make_engine())


def test_export_writes_a_complete_sequence_with_black_where_nothing_is(session: TrackSession, tmp_path: Path) -> None:
    session.apply_round(keep(4))
    run(session, FrameRange(0, 8))
    target = tmp_path / "Ausgabe ü"
    steps = list(deliver([session], [3, -1, 4, 12, 3], target))
    assert (steps[-1].done, steps[-1].total, steps[-1].black, steps[-1].missing) == (5, 5, 2, 1)
    assert sorted(p.name for p in target.iterdir()) == [f"{n:06d}.png" for n in range(1, 6)]
    picture = [read_mask(target / f"{n:06d}.png") for n in range(1, 6)]
    assert all(p.shape == FILM.size for p in picture)
    assert iou(picture[0], FILM.matte(3)) > 0.9
    assert iou(picture[2], FILM.matte(4)) > 0.9
    assert picture[1].max() == picture[3].max() == 0
    assert np.array_equal(picture[0], picture[4])
    assert list(deliver([session], [4], target))[-1].total == 1
    assert [p.name for p in target.iterdir()] == ["000001.png"]
    assert [p.name for p in tmp_path.iterdir() if p.name.startswith(".")] == []


def test_an_interrupted_export_leaves_the_old_set(session: TrackSession, tmp_path: Path) -> None:
    session.apply_round(keep(4))
    target = tmp_path / "out"
    list(deliver([session], [4, 4], target))
    steps = deliver([session], [4, -1, -1], target)
    next(steps)
    assert sorted(p.name for p in target.iterdir()) == ["000001.png", "000002.png"]
    steps.close()  # type: ignore[attr-defined]
    assert sorted(p.name for p in target.iterdir()) == ["000001.png", "000002.png"]
    assert [p.name for p in tmp_path.iterdir() if p.name.startswith(".")] == []


def test_export_never_replaces_a_folder_with_other_files(session: TrackSession, tmp_path: Path) -> None:
    session.apply_round(keep(4))
    target = tmp_path / "home"
    target.mkdir()
    (target / "holiday.jpg").write_bytes(b"dear")
    with pytest.raises(StoreError, match=r"holiday\.jpg"):
        list(deliver([session], [4], target))
    assert (target / "holiday.jpg").read_bytes() == b"dear"
    with pytest.raises(InputError, match="no frame"):
        list(deliver([session], [], tmp_path / "x"))


def test_a_read_only_place_is_a_clear_error(media: Path, tmp_path: Path) -> None:
    blocker = tmp_path / "file"
    blocker.write_text("not a folder")
    with pytest.raises(StoreError) as caught:
        TrackSession.open(Clip(str(media)), blocker / "track", make_engine())
    assert str(blocker) in caught.value.text
    assert caught.value.hint


def test_a_moved_track_goes_on_in_its_new_place(session: TrackSession, tmp_path: Path, media: Path) -> None:
    session.apply_round(keep(0))
    steps = session.propagate(ALL, Direction.FORWARD)
    list(itertools.islice(steps, 4))
    old, target = session.folder, tmp_path / "saved" / "neu ä"
    session.move(target)
    frames = [frame for frame, path, _ in steps if path.is_relative_to(target)]
    assert frames == list(range(4, 16))
    assert not old.exists()
    again = reopened(session, media)
    assert again.folder == target
    assert again.done_ranges() == ((0, 16),)
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "x").write_text("")
    with pytest.raises(StoreError, match="not empty"):
        again.move(tmp_path / "taken")
    assert again.done_ranges() == ((0, 16),)
    again.close()


def test_a_move_to_another_disk_copies(
    session: TrackSession, tmp_path: Path, media: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    session.apply_round(keep(0))
    old = session.folder

    def other_disk(*_: object) -> None:
        raise OSError(errno.EXDEV, "Invalid cross-device link")

    with monkeypatch.context() as patch:
        patch.setattr("blender_cutout.core.session.folder.os.rename", other_disk)
        session.move(tmp_path / "far")
    assert not old.exists()
    assert iou(session.matte(0), FILM.matte(0)) > 0.9  # type: ignore[arg-type]
    again = reopened(session, media)
    assert again.keyframes() == (0,)
    again.close()


def test_a_clip_of_ten_thousand_frames_is_listed_once(
    session: TrackSession, media: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    session.apply_round(keep(0))
    run(session, FrameRange(0, 2))
    folder = session.folder / "mattes" / session.head
    for frame in range(2, 10_000):
        os.link(folder / "000001.png", folder / f"{frame:06d}.png")
    again = reopened(session, media)
    listed: list[Path] = []
    scandir = os.scandir
    monkeypatch.setattr(
        "blender_cutout.core.session.store.os.scandir", lambda place: listed.append(place) or scandir(place)
    )
    for _ in range(3):
        assert again.done_ranges() == ((0, len(FILM)),), "what lies beyond the clip does not count"
    assert listed == [folder]
    again.close()
