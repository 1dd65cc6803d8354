"""Tests approved frames: nothing changes them, to the bit, and recomputed stretches end at them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from session_kit import add_corner, make_engine, write_film

from blender_cutout.core.errors import InputError
from blender_cutout.core.fakes import FakePropagationNet, SyntheticClip
from blender_cutout.core.propagation.outcome import MatteKind
from blender_cutout.core.propagation.propagate import propagate
from blender_cutout.core.session.actions import Round
from blender_cutout.core.session.propagation_run import PropagationRun
from blender_cutout.core.session.track_session import TrackSession
from blender_cutout.core.types import Clip, Direction, FrameRange, Label, Stroke

FILM = SyntheticClip(length=12, height=60, width=100, radius=10, objects=2)
ALL = FrameRange(0, len(FILM))


@pytest.fixture(scope="module")
def media(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_film(tmp_path_factory.mktemp("Gesperrt"), FILM)


@pytest.fixture
def tracks(media: Path, tmp_path: Path) -> Iterator[list[TrackSession]]:
    found = [TrackSession.open(Clip(str(media)), tmp_path / f"Spur {n}", make_engine()) for n in range(2)]
    yield found
    for track in found:
        track.close()


@pytest.fixture
def session(tracks: list[TrackSession]) -> TrackSession:
    return tracks[0]


def keep(frame: int, n: int = 0) -> Round:
    return Round(frame, (Stroke([FILM.centre(frame, n)], 3, Label.KEEP),))


def run(session: TrackSession, direction: Direction = Direction.BOTH) -> dict[int, MatteKind]:
    return {frame: kind for frame, _, kind in session.propagate(ALL, direction)}


def pictures(session: TrackSession) -> dict[int, bytes]:
    return {frame: path.read_bytes() for frame in ALL if (path := session.matte_path(frame))}


def test_locked_frames_keep_every_bit_and_end_what_is_computed_again(session: TrackSession) -> None:
    session.apply_round(keep(0))
    run(session)
    old = pictures(session)
    session.lock(FrameRange(4, 6))
    assert tuple(session.overview.locked()) == ((4, 6),)
    session.apply_round(add_corner(9))
    kinds = run(session)
    new = pictures(session)
    assert {kinds[f] for f in (4, 5)} == {MatteKind.LOCKED}
    assert {f for f in ALL if new[f] == old[f]} == {0, 1, 2, 3, 4, 5}  # nothing beyond the lock is touched either
    assert {kinds[f] for f in (1, 2, 3)} == {MatteKind.KEPT}
    assert {kinds[f] for f in (6, 7, 8)} == {MatteKind.FUSED}


def test_without_the_lock_the_same_correction_changes_these_frames(session: TrackSession) -> None:
    session.apply_round(keep(0))
    run(session)
    old = pictures(session)
    session.apply_round(add_corner(9))
    run(session)
    new = pictures(session)
    assert {f for f in ALL if new[f] == old[f]} == {0}


def test_a_lock_is_a_step_that_is_undone_and_survives_the_process(session: TrackSession, media: Path) -> None:
    session.apply_round(keep(0))
    run(session)
    before = session.head
    head = session.lock(FrameRange(2, 8))
    session.lock(FrameRange(4, 5), locked=False)
    assert tuple(session.overview.locked()) == ((2, 4), (5, 8))
    session.undo()
    assert (session.head, tuple(session.overview.locked())) == (head, ((2, 8),))
    session.close()
    with TrackSession.open(Clip(str(media)), session.folder, make_engine()) as again:
        assert tuple(again.overview.locked()) == ((2, 8),)
        again.undo()
        assert (again.head, tuple(again.overview.locked())) == (before, ())
        again.checkout(head)
        assert tuple(again.overview.locked()) == ((2, 8),)


def test_strokes_on_a_locked_frame_are_refused_and_leave_nothing(session: TrackSession) -> None:
    session.apply_round(keep(0))
    run(session)
    session.lock(FrameRange(3, 4))
    head, old = session.head, pictures(session)
    with pytest.raises(InputError, match="Clip frame 3 is locked") as caught:
        session.apply_round(add_corner(3))
    assert "Unlock" in caught.value.hint
    assert (session.head, pictures(session)) == (head, old)
    session.lock(FrameRange(3, 4), locked=False)
    session.apply_round(add_corner(3))
    assert pictures(session)[3] != old[3]


def test_only_frames_with_a_mask_can_be_locked_and_only_locked_ones_unlocked(session: TrackSession) -> None:
    session.apply_round(keep(5))
    with pytest.raises(InputError, match="Clip frame 6 has no mask"):
        session.lock(FrameRange(5, 8))
    with pytest.raises(InputError, match="nothing locked"):
        session.lock(FrameRange(0, 8), locked=False)
    assert tuple(session.overview.locked()) == ()


def test_locking_again_is_no_further_step(session: TrackSession) -> None:
    session.apply_round(keep(5))
    assert session.lock(FrameRange(5, 6)) == session.lock(FrameRange(5, 6)) == session.head


def test_after_a_lock_nothing_is_computed_again(session: TrackSession) -> None:
    session.apply_round(keep(0))
    run(session)
    old = {frame: session.matte_path(frame) for frame in ALL}
    head = session.lock(FrameRange(4, 6))
    run(session)
    assert {frame: session.matte_path(frame) for frame in ALL} == old
    assert session.head == head


def test_a_lock_after_a_fused_run_keeps_the_fused_mask(session: TrackSession) -> None:
    session.apply_round(keep(0))
    run(session)
    session.apply_round(add_corner(9))
    run(session)
    fused = pictures(session)
    session.lock(FrameRange(5, 6))
    session.apply_round(Round(11, (Stroke([(5, 5)], 4, Label.REMOVE),)))
    run(session)
    run(session)
    assert pictures(session)[5] == fused[5]


def test_a_frame_that_was_locked_is_carried_again_when_it_is_free(session: TrackSession) -> None:
    session.apply_round(keep(0))
    run(session)
    old = pictures(session)
    session.lock(FrameRange(4, 6))
    session.apply_round(add_corner(9))
    run(session)
    session.lock(FrameRange(4, 6), locked=False)
    run(session)
    new = pictures(session)
    assert new[4] != old[4]


def test_a_locked_object_of_several_keeps_its_mask_and_the_others_give_way(tracks: list[TrackSession]) -> None:
    for n, track in enumerate(tracks):
        track.apply_round(keep(0, n))
    run_together(tracks)
    old = [pictures(track) for track in tracks]
    tracks[0].lock(FrameRange(3, 6))
    tracks[1].apply_round(add_corner(9))
    tracks[1].apply_round(Round(9, (Stroke([FILM.centre(9, 0)], 3, Label.KEEP),)))  # takes the red disc too
    kinds = run_together(tracks)
    new = [pictures(track) for track in tracks]
    assert all(new[0][frame] == old[0][frame] for frame in (3, 4, 5))
    assert {kinds[frame][0] for frame in (3, 4, 5)} == {MatteKind.LOCKED}
    assert any(new[1][frame] != old[1][frame] for frame in (3, 4, 5))
    for frame in ALL:
        owned = np.stack([track.matte(frame) for track in tracks]) > 0.5  # type: ignore[misc]
        assert owned.sum(axis=0).max() <= 1


def test_frames_locked_for_all_objects_end_a_joint_run(tracks: list[TrackSession]) -> None:
    for n, track in enumerate(tracks):
        track.apply_round(keep(0, n))
    run_together(tracks)
    old = [pictures(track) for track in tracks]
    for track in tracks:
        track.lock(FrameRange(4, 6))
    tracks[1].apply_round(add_corner(9))
    run_together(tracks)
    new = [pictures(track) for track in tracks]
    for n in range(2):
        assert all(new[n][frame] == old[n][frame] for frame in range(6))
    assert new[1][8] != old[1][8]


def run_together(tracks: list[TrackSession]) -> dict[int, list[MatteKind]]:
    parts = [track.part() for track in tracks]
    steps = PropagationRun(parts, ("red", "blue"), make_engine(), ALL, Direction.BOTH).steps()
    return {step.frame: [kind for _, kind in step.mattes] for step in steps if step.mattes}


def test_a_locked_frame_shows_the_network_what_the_object_is() -> None:
    """A locked frame that was corrected elsewhere enters the memory, so it is found on the next frame."""
    film = SyntheticClip(length=10, objects=2)
    earlier = {frame: film.mattes(frame)[1] for frame in range(5)}  # the other disc
    results = propagate(
        FakePropagationNet(), film, {0: film.matte(0)}, previous=None, known=earlier.get, locked=[1, 2, 3, 4]
    )
    found = {frame: matte for frame, matte, _ in results}
    assert (found[5][film.mattes(5)[1] > 0.5] > 0.5).mean() > 0.9
