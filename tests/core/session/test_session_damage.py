"""Tests tracks whose files or clip were damaged, changed or lost, and full disks."""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
from session_kit import (
    ALL,
    FILM,
    add_corner,
    keep,
    make_engine,
    reopened,
    run,
    snapshot,
)

from blender_cutout.core.errors import StoreError
from blender_cutout.core.export import sequence as export_module
from blender_cutout.core.export.delivery import deliver
from blender_cutout.core.fakes import iou
from blender_cutout.core.images import matte as matte_module
from blender_cutout.core.images.matte import read_mask
from blender_cutout.core.session.actions import Round
from blender_cutout.core.session.track_session import TrackSession
from blender_cutout.core.types import Clip


def test_lost_masks_of_rounds_come_back_and_lost_propagated_ones_count_as_not_done(
    session: TrackSession, media: Path
) -> None:
    session.apply_round(keep(4))
    session.apply_round(add_corner(4))
    before = snapshot(session)
    run(session)
    shutil.rmtree(session.folder / "mattes")
    again = reopened(session, media)
    assert again.done_ranges() == ((4, 5),)
    assert snapshot(again) == before
    assert run(again)
    assert again.done_ranges() == ((0, 16),)
    again.close()


def test_a_round_that_was_killed_before_its_mask_is_computed_when_asked_for(
    session: TrackSession, media: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object, **__: object) -> None:
        raise SystemExit  # what nothing catches: the process is gone

    with monkeypatch.context() as patch:
        patch.setattr(session._engine, "refine_grey", killed)
        with pytest.raises(SystemExit):
            session.apply_round(keep(4))
    again = reopened(session, media)
    assert again.keyframes() == (4,)
    assert iou(again.matte(4), FILM.matte(4)) > 0.9  # type: ignore[arg-type]
    again.close()


def test_a_damaged_mask_is_made_again(session: TrackSession) -> None:
    _, path = session.apply_round(keep(4))
    good = path.read_bytes()
    path.write_bytes(good[:20])
    assert iou(session.matte(4), FILM.matte(4)) > 0.9  # type: ignore[arg-type]
    assert path.read_bytes() == good


def test_moved_media_is_fine_and_other_media_is_refused(session: TrackSession, media: Path, tmp_path: Path) -> None:
    session.apply_round(keep(4))
    session.close()
    elsewhere = tmp_path / "moved"
    shutil.copytree(media, elsewhere)  # keeps the times, as moving does
    with TrackSession.open(Clip(str(elsewhere)), session.folder, make_engine()) as moved:
        assert moved.keyframes() == (4,)
    (elsewhere / "bild 000.png").unlink()
    with pytest.raises(StoreError, match="changed") as caught:
        TrackSession.open(Clip(str(elsewhere)), session.folder, make_engine())
    assert "new cutout" in caught.value.hint
    with pytest.raises(StoreError, match="was made for the clip"):
        TrackSession.open(Clip(str(media), ("bild 003.png",)), session.folder, make_engine())
    assert not (session.folder / "lock").exists()  # a refusal leaves no lock behind


@pytest.mark.parametrize(
    ("change", "said"),
    [("shorter", "it has 10 frames, no longer 16"), ("longer", "17 frames, not 16"), ("size", "52 pixels")],
)
def test_what_changed_of_the_clip_is_said_and_nothing_is_lost(
    session: TrackSession, media: Path, tmp_path: Path, change: str, said: str
) -> None:
    place = tmp_path / "film"
    shutil.copytree(media, place)
    session.apply_round(keep(4))
    session.close()
    with TrackSession.open(Clip(str(place)), session.folder, make_engine()) as moved:
        run(moved)
        before = snapshot(moved)
    for file in sorted(place.iterdir())[10:] if change == "shorter" else sorted(place.iterdir()):
        if change == "shorter":
            file.rename(tmp_path / file.name)
        elif change == "size":
            picture = cv2.imdecode(np.fromfile(file, np.uint8), cv2.IMREAD_COLOR)
            file.write_bytes(cv2.imencode(".png", picture[:52])[1].tobytes())
    if change == "longer":
        shutil.copy(place / "bild 000.png", place / "bild 900.png")
    with pytest.raises(StoreError, match=said) as caught:
        TrackSession.open(Clip(str(place)), session.folder, make_engine())
    assert "Nothing of the old one is lost" in caught.value.hint
    shutil.rmtree(place)
    shutil.copytree(media, place)
    with TrackSession.open(Clip(str(place)), session.folder, make_engine()) as again:
        assert snapshot(again) == before


def test_a_keyframe_outside_the_clip_is_reported_and_the_rest_goes_on(session: TrackSession, media: Path) -> None:
    session.apply_round(keep(4))
    session._record(session.head, Round(40, keep(4).strokes))
    again = reopened(session, media)
    assert "drawn on clip frame 40" in again.warnings[0]
    assert again.keyframes() == (4,)
    assert len(run(again)) == len(FILM)
    assert again.done_ranges() == ((0, len(FILM)),)
    again.close()


@pytest.mark.parametrize("damage", ["other size", "half", "flipped bit", "zeros"])
def test_pictures_that_are_no_mattes_of_this_clip_are_made_again_or_left_out(
    session: TrackSession, media: Path, tmp_path: Path, damage: str
) -> None:
    session.apply_round(keep(4))
    run(session)
    before = snapshot(session)
    for frame in (4, 7):
        path = session.matte_path(frame)
        assert path is not None
        data = bytearray(path.read_bytes())
        if damage == "other size":
            data = bytearray(matte_module.to_png(np.zeros((20, 30), np.float32)))
        elif damage == "half":
            del data[len(data) // 2 :]
        elif damage == "flipped bit":
            data[len(data) // 2] ^= 4
        else:
            data[:] = b"\0" * len(data)
        path.write_bytes(data)
    again = reopened(session, media)
    steps = list(deliver([again], list(ALL), tmp_path / "out"))
    assert steps[-1].missing == 1, "frame 7 has none; that of frame 4 is drawn again"
    assert (tmp_path / "out" / "000005.png").read_bytes() == before[4]
    assert read_mask(tmp_path / "out" / "000008.png").max() == 0
    run(again)
    assert snapshot(again) == before
    again.close()


def test_a_folder_of_a_newer_version_is_refused(session: TrackSession, media: Path) -> None:
    session.close()
    path = session.folder / "session.json"
    path.write_text(path.read_text(encoding="utf-8").replace('"version": 2', '"version": 99'), encoding="utf-8")
    with pytest.raises(StoreError, match="newer version"):
        TrackSession.open(Clip(str(media)), session.folder, make_engine())


def test_a_full_disk_stops_with_the_path_and_keeps_what_is_done(
    session: TrackSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    session.apply_round(keep(0))
    replace, room = os.replace, iter(range(3))

    def limited(part: Path, target: Path) -> None:
        if target.suffix == ".png" and next(room, None) is None:
            raise OSError(errno.ENOSPC, "No space left on device")
        replace(part, target)

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", limited)
        with pytest.raises(StoreError, match="No space left") as caught:
            run(session)
    assert ".png" in caught.value.text
    assert session.done_ranges() == ((0, 4),)
    assert not list(session.folder.rglob("*.part"))
    assert len(run(session)) == len(FILM)

    def no_room(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(export_module.shutil, "copyfile", no_room)
    with pytest.raises(StoreError, match="disk is full"):
        list(deliver([session], [0, 1], tmp_path / "out"))
    assert not (tmp_path / "out").exists()
    assert [p.name for p in tmp_path.iterdir() if p.name.startswith(".")] == []


def test_a_round_that_fails_on_a_full_disk_can_be_drawn_again_as_the_same_round(
    session: TrackSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", full)
        patch.setattr(type(session._journal), "move_head", lambda self, head: (_ for _ in ()).throw(StoreError("full")))
        with pytest.raises(StoreError):
            session.apply_round(keep(4))
    assert (session.head, session.keyframes()) == ("", ())
    first, _ = session.apply_round(keep(4))
    assert session.parent == ""
    assert [op.id for op in session._journal.chain()] == [first]
