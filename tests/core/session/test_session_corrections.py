"""Tests corrections of a propagated track: what they reach, what they leave alone, and interruptions."""

from __future__ import annotations

import itertools
from contextlib import closing
from pathlib import Path

import pytest
from session_kit import ALL, FILM, add_corner, keep, make_engine, reopened, run, snapshot, stamps

from blender_cutout.core.errors import StrokeError
from blender_cutout.core.fakes import iou
from blender_cutout.core.propagation.outcome import MatteKind
from blender_cutout.core.session.actions import Round
from blender_cutout.core.session.track_session import TrackSession
from blender_cutout.core.types import Clip, Direction, FrameRange, Label, Stroke


def test_a_correction_wins_beyond_itself_and_keyframes_stay_to_the_bit(session: TrackSession) -> None:
    session.apply_round(keep(0))
    run(session)
    old = snapshot(session)
    times = stamps(session.folder)
    session.apply_round(add_corner(8))
    corrected = snapshot(session)[8]
    kinds = {frame: kind for frame, _, kind in session.propagate(ALL, Direction.BOTH)}
    new = snapshot(session)
    assert new[0] == old[0]
    assert new[8] == corrected != old[8]
    assert kinds[8] is MatteKind.DRAWN
    assert {kinds[f] for f in range(1, 8)} == {MatteKind.FUSED}
    assert {kinds[f] for f in range(9, 16)} == {MatteKind.PROPAGATED}
    for frame in range(9, 16):  # the corner's colour is taken in beyond the new keyframe
        assert session.matte(frame)[5, 5] > 0.5  # type: ignore[index]
        assert new[frame] != old[frame]
    assert {name: stamps(session.folder)[name] for name in times} == times  # the old run is still there
    session.undo()
    session.undo()
    assert snapshot(session) == old


def test_a_correction_in_one_direction_does_not_undo_the_other(session: TrackSession) -> None:
    session.apply_round(keep(0))
    run(session)
    session.apply_round(add_corner(8))
    run(session, ALL, Direction.FORWARD)
    forward = snapshot(session)
    run(session, ALL, Direction.BACKWARD)
    both = snapshot(session)
    assert {f: both[f] for f in range(8, 16)} == {f: forward[f] for f in range(8, 16)}
    assert all(both[f] != forward[f] for f in range(5, 8))


def test_frames_that_a_correction_does_not_reach_are_not_written_again(session: TrackSession) -> None:
    session.apply_round(keep(0))
    session.apply_round(keep(6))
    session.apply_round(keep(10))
    run(session)
    number = len(stamps(session.folder))
    session.apply_round(add_corner(10))
    assert run(session) is not None
    # From the corrected keyframe to its old neighbour and to the end; the stretch 0..6 is untouched.
    assert len(stamps(session.folder)) == number + 1 + 3 + 5
    assert session.done_ranges() == ((0, 16),)


def test_an_interrupted_correction_ends_as_an_uninterrupted_one(media: Path, tmp_path: Path) -> None:
    results = []
    for name, stop in (("a", None), ("b", 4)):
        with TrackSession.open(Clip(str(media)), tmp_path / name, make_engine()) as session:
            session.apply_round(keep(0))
            run(session)
            session.apply_round(add_corner(8))
            if stop:
                steps = session.propagate(ALL, Direction.BOTH)
                list(itertools.islice(steps, stop))
                steps.close()  # type: ignore[attr-defined]
            run(session)
            results.append([session.matte(f) for f in ALL])
    assert all(iou(a, b) > 0.98 for a, b in zip(*results, strict=True))  # type: ignore[arg-type]


@pytest.mark.parametrize("part", ["stopped", "range"])
def test_a_correction_that_did_not_reach_everything_is_not_lost_by_one_elsewhere(
    media: Path, tmp_path: Path, part: str
) -> None:
    results = []
    for name in ("at once", part):
        with TrackSession.open(Clip(str(media)), tmp_path / name, make_engine()) as session:
            session.apply_round(keep(0))
            run(session)
            session.apply_round(add_corner(8))
            if name == "stopped":
                with closing(session.propagate(ALL, Direction.BOTH)) as steps:  # type: ignore[type-var]
                    list(itertools.islice(steps, 12))
            elif name == "range":
                run(session, FrameRange(7, 10))
            session.apply_round(add_corner(12))
            kinds = {frame: kind for frame, _, kind in session.propagate(ALL, Direction.BOTH)}
            results.append((kinds, [session.matte(f).tobytes() for f in ALL]))  # type: ignore[union-attr]
    assert results[0] == results[1]
    assert results[0][0][3] is MatteKind.FUSED


@pytest.mark.parametrize("stop", [None, 4])
def test_after_a_change_of_tier_everything_is_made_again_and_until_then_nothing(
    session: TrackSession, media: Path, stop: int | None
) -> None:
    session.apply_round(keep(0))
    session.apply_round(keep(6))
    run(session)
    session.apply_round(add_corner(10))
    run(session)  # the stretch 0..6 is of the first run
    session.lock(FrameRange(3, 4))
    old, made_by = snapshot(session), tuple(session.overview.mattes())
    with reopened(session, media, "fine") as other:
        assert snapshot(other) == old, "masks stay"
        if stop:
            steps = other.propagate(ALL, Direction.BOTH)
            list(itertools.islice(steps, stop))
            steps.close()  # type: ignore[attr-defined]
        run(other)
        earlier = {owner for _, _, owner in made_by}
        owners = {frame: owner for start, stop, owner in tuple(other.overview.mattes()) for frame in range(start, stop)}
        assert {frame for frame, owner in owners.items() if owner in earlier} == {0, 3, 6, 10}, "drawn or locked"
        assert {frame: snapshot(other)[frame] for frame in (0, 3, 6, 10)} == {f: old[f] for f in (0, 3, 6, 10)}
        new = snapshot(other)
        other.apply_round(keep(14))
        run(other)
        assert {frame: snapshot(other)[frame] for frame in range(11)} == {frame: new[frame] for frame in range(11)}


def test_a_correction_with_another_tier_leaves_the_frames_that_it_does_not_concern(
    session: TrackSession, media: Path
) -> None:
    session.apply_round(keep(0))
    session.apply_round(keep(6))
    run(session)
    old = snapshot(session)
    with reopened(session, media, "fine") as other:
        other.apply_round(add_corner(10))
        run(other)
        new = snapshot(other)
        assert {frame for frame in range(16) if new[frame] != old[frame]} <= set(range(7, 16))
        assert new[10] != old[10]


def test_a_round_of_more_points_than_anyone_draws_is_refused(session: TrackSession) -> None:
    strokes = tuple(Stroke([FILM.centre(4)] * 60_000, 3, Label.KEEP) for _ in range(2))
    with pytest.raises(StrokeError, match="more than 100000 points"):
        session.apply_round(Round(4, strokes))
    assert session.keyframes() == ()


def test_undo_takes_back_the_parts_on_the_way_to_a_whole_propagation(session: TrackSession) -> None:
    head = session.apply_round(keep(6))[0]
    run(session, FrameRange(4, 9))
    run(session, FrameRange(0, 12))
    run(session)
    assert session.done_ranges() == ((0, 16),)
    assert session.undo() == head
    assert session.done_ranges() == ((6, 7),)


def test_undo_takes_back_one_propagation_of_two_ways(session: TrackSession) -> None:
    session.apply_round(keep(6))
    run(session, FrameRange(4, 16), Direction.FORWARD)
    run(session, ALL, Direction.BACKWARD)
    session.undo()
    assert session.done_ranges() == ((6, 16),)
