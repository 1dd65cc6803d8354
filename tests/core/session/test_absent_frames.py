"""Tests frames marked as without the object: empty to the bit, and nothing is carried through them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from session_kit import ALL, FILM, add_corner, keep, make_engine, reopened, snapshot, write_film

from blender_cutout.core.errors import InputError
from blender_cutout.core.fakes import iou
from blender_cutout.core.session.actions import LAST_FRAME, Absence, Operation, PaintRound
from blender_cutout.core.session.journal import Journal
from blender_cutout.core.session.track_session import TrackSession
from blender_cutout.core.types import Clip, Direction, FrameRange, Label, Paint

GONE = FrameRange(6, 9)


@pytest.fixture(scope="module")
def media(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_film(tmp_path_factory.mktemp("film"), FILM)


@pytest.fixture
def session(media: Path, tmp_path: Path) -> Iterator[TrackSession]:
    with TrackSession.open(Clip(str(media)), tmp_path / "track", make_engine()) as opened:
        yield opened


def propagate(session: TrackSession, direction: Direction = Direction.BOTH) -> dict[int, str]:
    return {frame: kind.value for frame, path, kind in session.propagate(ALL, direction) if path is not None}


def empty(session: TrackSession) -> list[int]:
    return [frame for frame in ALL if (found := session.matte(frame)) is not None and not found.any()]


def right(session: TrackSession, frame: int) -> bool:
    found = session.matte(frame)
    return found is not None and iou(found, FILM.matte(frame)) > 0.8


def test_marked_frames_are_empty_before_and_after_every_propagation(session: TrackSession) -> None:
    session.apply_round(keep(0))
    session.mark_absent(GONE)
    assert empty(session) == list(GONE)
    propagate(session)
    assert empty(session) == list(GONE)
    assert all(right(session, frame) for frame in ALL if frame not in GONE)
    assert session.absent_ranges() == ((6, 9),)
    assert session.done_ranges() == ((0, len(FILM)),)


def test_mark_on_a_finished_clip_leaves_what_is_before_it_and_undo_brings_all_back(session: TrackSession) -> None:
    session.apply_round(keep(0))
    propagate(session)
    before = snapshot(session)
    session.mark_absent(GONE)
    assert session.corrected() == tuple(GONE)
    assert empty(session) == list(GONE)
    propagate(session)
    after = snapshot(session)
    assert {frame: data for frame, data in after.items() if frame < 6} == {
        frame: data for frame, data in before.items() if frame < 6
    }
    session.undo()
    session.undo()
    assert snapshot(session) == before


def test_mark_taken_off_gives_the_masks_back(session: TrackSession) -> None:
    session.apply_round(keep(0))
    propagate(session)
    before = snapshot(session)
    session.mark_absent(GONE)
    session.mark_absent(FrameRange(7, 8), absent=False)
    assert empty(session) == [6, 8]
    assert session.absent_ranges() == ((6, 7), (8, 9))
    assert snapshot(session)[7] == before[7]
    session.mark_absent(GONE, absent=False)
    assert snapshot(session) == before
    with pytest.raises(InputError):
        session.mark_absent(GONE, absent=False)


def test_marked_keyframe_is_none_until_the_mark_is_off(session: TrackSession) -> None:
    session.apply_round(keep(0))
    session.apply_round(keep(7))
    drawn = session.matte(7)
    session.mark_absent(GONE)
    assert session.keyframes() == (0,)
    propagate(session)
    assert empty(session) == list(GONE)
    session.mark_absent(FrameRange(7, 8), absent=False)
    assert session.keyframes() == (0, 7)
    assert np.array_equal(session.matte(7), drawn)  # type: ignore[arg-type]


def test_strokes_and_paint_on_a_marked_frame_are_refused(session: TrackSession) -> None:
    session.apply_round(keep(0))
    session.mark_absent(GONE)
    for round_ in (keep(7), PaintRound(7, (Paint([(5, 5)], 3, Label.KEEP),))):
        with pytest.raises(InputError, match="marked Not Here"):
            session.apply_round(round_)
    with pytest.raises(InputError, match="The clip has no"):
        session.mark_absent(FrameRange(10, 900))


def test_marks_survive_reopening_and_lost_masks(session: TrackSession, media: Path) -> None:
    session.apply_round(keep(0))
    session.mark_absent(GONE)
    for path in (session.folder / "mattes").rglob("*.png"):
        path.unlink()
    with reopened(session, media) as again:
        assert empty(again) == list(GONE)
        assert again.absent_ranges() == ((6, 9),)


def test_correction_beside_marked_frames_does_not_pass_them(session: TrackSession) -> None:
    session.apply_round(keep(0))
    session.apply_round(keep(12))
    session.mark_absent(GONE)
    propagate(session)
    before = snapshot(session)
    session.apply_round(add_corner(3))
    propagate(session)
    after = snapshot(session)
    assert {f: d for f, d in after.items() if f >= 6} == {f: d for f, d in before.items() if f >= 6}
    assert after[4] != before[4]


def test_mark_that_reaches_far_beyond_the_clip_costs_no_more_than_the_clip(session: TrackSession, media: Path) -> None:
    session.apply_round(keep(0))
    propagate(session)
    session.close()
    Journal(session.folder / "rounds.jsonl").append(
        Operation("feedfeedfeedfeed", session.head, Absence(FrameRange(6, LAST_FRAME)))
    )
    with reopened(session, media) as again:
        assert again.absent_ranges() == ((6, len(FILM)),)
        assert again.corrected() == tuple(range(6, len(FILM)))
        propagate(again)
        assert empty(again) == list(range(6, len(FILM)))
