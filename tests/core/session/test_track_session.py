"""Tests a track in use: rounds, propagation, undo, crash, correction, export; by its masks."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
from session_kit import (
    ALL,
    FILM,
    add_corner,
    keep,
    reopened,
    run,
    snapshot,
    stamps,
)

from blender_cutout.core.errors import InputError, StrokeError
from blender_cutout.core.fakes import FakePropagationNet, iou
from blender_cutout.core.images.matte import read_mask
from blender_cutout.core.propagation.outcome import MatteKind
from blender_cutout.core.session.actions import Round
from blender_cutout.core.session.track_session import TrackSession
from blender_cutout.core.types import Direction, FrameRange, Label, Stroke


def test_a_round_gives_a_mask_and_a_correction_changes_it(session: TrackSession) -> None:
    head, path = session.apply_round(keep(4))
    assert iou(read_mask(path), FILM.matte(4)) > 0.9
    assert (session.head, session.parent, session.keyframes(), session.done_ranges()) == (head, "", (4,), ((4, 5),))
    second, _ = session.apply_round(Round(4, (Stroke([FILM.centre(4)], 3, Label.REMOVE),)))
    assert session.parent == head
    matte = session.matte(4)
    assert matte is not None
    assert matte.sum() < 0.5 * FILM.matte(4).sum()
    assert second != head


def test_auto_proposes_the_object(session: TrackSession) -> None:
    session.apply_round(Round(2, auto=True))
    matte = session.matte(2)
    assert matte is not None
    assert iou(matte, FILM.matte(2)) > 0.9


def test_undo_and_redo_bring_back_the_same_bytes_without_computing(session: TrackSession) -> None:
    first, _ = session.apply_round(keep(4))
    before = snapshot(session)
    second, _ = session.apply_round(add_corner(4))
    after = snapshot(session)
    times = stamps(session.folder)
    assert before != after
    assert session.undo() == first
    assert snapshot(session) == before
    session.checkout(second)
    assert snapshot(session) == after
    session.checkout("")
    assert (session.keyframes(), session.done_ranges(), session.matte(4)) == ((), (), None)
    assert session.apply_round(keep(4))[0] == first  # the same strokes are the same operation
    assert stamps(session.folder) == times
    session.undo()
    with pytest.raises(InputError, match="nothing to undo"):
        session.undo()
    with pytest.raises(InputError, match="not known"):
        session.checkout("0123")


def test_propagation_covers_the_clip_and_leaves_the_keyframe_alone(session: TrackSession) -> None:
    session.apply_round(keep(6))
    drawn = snapshot(session)[6]
    seen = {}
    for frame, path, kind in session.propagate(ALL, Direction.BOTH):
        assert path.is_file()  # on disk when reported
        seen[frame] = kind
    assert sorted(seen) == list(ALL)
    assert seen.pop(6) is MatteKind.DRAWN
    assert set(seen.values()) == {MatteKind.PROPAGATED}
    assert session.done_ranges() == ((0, len(FILM)),)
    assert snapshot(session)[6] == drawn
    for frame in ALL:
        assert iou(session.matte(frame), FILM.matte(frame)) > 0.9  # type: ignore[arg-type]
    session.undo()
    assert session.done_ranges() == ((6, 7),)


def test_directions_reach_their_side_only_and_add_up(session: TrackSession) -> None:
    session.apply_round(keep(6))
    run(session, ALL, Direction.FORWARD)
    assert session.done_ranges() == ((6, 16),)
    run(session, ALL, Direction.BACKWARD)
    assert session.done_ranges() == ((0, 16),)


def test_what_cannot_be_done_is_said_and_changes_nothing(session: TrackSession) -> None:
    for call, error in (
        (lambda: session.apply_round(keep(4).__class__(99, keep(4).strokes)), InputError),
        (lambda: session.apply_round(Round(3)), StrokeError),
        (lambda: session.apply_round(Round(3, (Stroke([(900, 900)], 3, "keep"),))), StrokeError),
        (lambda: run(session), InputError),
    ):
        with pytest.raises(error) as caught:
            call()
        assert caught.value.hint
        assert (session.head, session.done_ranges()) == ("", ())
    session.apply_round(keep(4))
    head = session.head
    with pytest.raises(InputError, match="past the clip"):
        run(session, FrameRange(0, 99))
    assert session.head == head


def test_everything_is_there_after_closing_and_opening(session: TrackSession, media: Path) -> None:
    session.apply_round(keep(6))
    run(session)
    before, head = snapshot(session), session.head
    again = reopened(session, media)
    assert (again.head, again.keyframes(), again.done_ranges()) == (head, (6,), ((0, 16),))
    assert snapshot(again) == before
    assert again.warnings == []
    again.close()


def test_a_propagation_stopped_in_the_middle_goes_on_where_it_was(session: TrackSession, media: Path) -> None:
    session.apply_round(keep(0))
    steps = session.propagate(ALL, Direction.FORWARD)
    first = [frame for frame, _, _ in itertools.islice(steps, 6)]
    steps.close()  # type: ignore[attr-defined]
    ((start, stop),) = session.done_ranges()
    assert start == 0
    assert 6 <= stop <= 8, "what was told of, and what was on its way to the disk"
    times = stamps(session.folder)
    assert len(times) == stop
    net = FakePropagationNet()
    again = reopened(session, media, net=net)
    assert again.done_ranges() == ((0, stop),)
    assert run(again, ALL, Direction.FORWARD) == list(ALL)
    looked_at = net.counts["segment"]
    assert run(again, ALL, Direction.FORWARD) == list(ALL)
    assert net.counts["segment"] == looked_at <= 2 * (len(FILM) - len(first))
    after = stamps(again.folder)
    assert {name: after[name] for name in times} == times
    assert len(after) == len(FILM)
    assert len(again._journal.operations) == 2  # one round, one propagation: not a third step to undo
    again.close()


def test_the_same_again_after_an_undo_finds_what_is_there(session: TrackSession) -> None:
    session.apply_round(keep(0))
    run(session)
    times, head = stamps(session.folder), session.head
    session.undo()
    run(session)
    assert session.head == head
    assert stamps(session.folder) == times


def test_a_longer_range_keeps_the_frames_that_are_done(session: TrackSession) -> None:
    session.apply_round(keep(0))
    run(session, FrameRange(0, 5), Direction.FORWARD)
    times = stamps(session.folder)
    run(session, FrameRange(3, 12), Direction.FORWARD)
    assert session.done_ranges() == ((0, 12),)
    after = stamps(session.folder)
    assert {name: after[name] for name in times} == times
    assert len(after) == 12


def test_another_tier_computes_again(session: TrackSession, media: Path) -> None:
    session.apply_round(keep(0))
    run(session)
    head, number = session.head, len(stamps(session.folder))
    again = reopened(session, media, "fine")
    run(again)
    assert again.head != head
    assert len(stamps(again.folder)) == number + len(FILM) - 1
    again.close()
