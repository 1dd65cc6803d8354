"""Tests joint runs that are stopped, undone, corrected and repeated."""

from __future__ import annotations

import itertools

import group_kit
import pytest
from group_kit import ALL, BLUE, FILM, RED, Table, add_corner, assert_both_are_found, keep, owners

from blender_cutout.core.fakes import iou
from blender_cutout.core.propagation.outcome import MatteKind
from blender_cutout.core.types import Direction, FrameRange

media, table = group_kit.media, group_kit.table


@pytest.mark.parametrize("after", [1, 4, 9])
def test_a_run_that_was_stopped_goes_on_where_it_was(table: Table, after: int) -> None:
    table.tracks[RED].apply_round(keep(2, RED))
    table.tracks[BLUE].apply_round(keep(9, BLUE))
    steps = table.run().steps()
    list(itertools.islice(steps, after))
    steps.close()
    table.open()
    run = table.run()
    assert len(list(run.steps())) == run.total
    assert_both_are_found(table)
    resumed, looks = table.pictures(), table.net.counts["segment"]
    heads = [track.head for track in table.tracks]
    stamps = [sorted((p, p.stat().st_mtime_ns) for p in t.folder.rglob("*.png")) for t in table.tracks]
    table.together()
    assert table.net.counts["segment"] == looks, "done once is done"
    assert [track.head for track in table.tracks] == heads
    assert stamps == [sorted((p, p.stat().st_mtime_ns) for p in t.folder.rglob("*.png")) for t in table.tracks]
    for track in table.tracks:
        track.checkout(track.parent)
    assert [len(pictures) for pictures in table.pictures()] == [1, 1]
    table.together()
    assert table.pictures() == resumed
    assert [track.head for track in table.tracks] == heads


def test_killed_between_the_journals_it_is_one_run_all_the_same(table: Table, monkeypatch: pytest.MonkeyPatch) -> None:
    red, blue = table.tracks
    red.apply_round(keep(2, RED))
    blue.apply_round(keep(2, BLUE))

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(blue, "_record", killed)
        with pytest.raises(KeyboardInterrupt):
            list(table.run().steps())
    assert red.group
    assert not blue.group
    table.open()
    table.together()
    red, blue = table.tracks
    assert red.group == blue.group != ""
    assert [len(track.part().journal.chain()) for track in table.tracks] == [2, 2]
    assert_both_are_found(table)


def test_undoing_one_and_going_on_together_is_the_same_run(table: Table) -> None:
    for n, track in enumerate(table.tracks):
        track.apply_round(keep(4, n))
    table.together()
    before, heads = table.pictures(), [track.head for track in table.tracks]
    looks = table.net.counts["segment"]
    table.tracks[RED].undo()
    assert [len(pictures) for pictures in table.pictures()] == [1, len(FILM)]
    table.together()
    assert (table.pictures(), [track.head for track in table.tracks]) == (before, heads)
    assert table.net.counts["segment"] == looks


def test_a_correction_of_one_is_carried_on_and_fused_for_all(table: Table) -> None:
    red, blue = table.tracks
    for n, track in enumerate(table.tracks):
        track.apply_round(keep(0, n))
        track.apply_round(keep(13, n))
    table.together()
    first = table.pictures()
    red.apply_round(add_corner(6))
    given = table.together()
    assert {kind for _, kind in given[8]} == {MatteKind.FUSED}
    second = table.pictures()
    assert first[BLUE][0] == second[BLUE][0]
    assert first[RED][13] == second[RED][13]
    assert (red.matte(6)[:9, :9] > 0.5).any()  # type: ignore[index]
    for frame in ALL:
        assert owners(table, frame).max() <= 1
        assert iou(blue.matte(frame), FILM.mattes(frame)[BLUE]) > 0.9  # type: ignore[arg-type]
    for track in table.tracks:
        track.undo()
    red.undo()
    assert table.pictures() == first


def test_a_correction_in_one_direction_does_not_undo_the_other(table: Table) -> None:
    for n, track in enumerate(table.tracks):
        track.apply_round(keep(0, n))
    table.together()
    table.tracks[RED].apply_round(add_corner(6))
    table.together(direction=Direction.FORWARD)
    forward = table.pictures()
    table.together(direction=Direction.BACKWARD)
    both = table.pictures()
    for n in (RED, BLUE):
        assert {f: both[n][f] for f in range(6, 14)} == {f: forward[n][f] for f in range(6, 14)}
    assert both[RED][4] != forward[RED][4]


def test_a_stretch_beside_no_new_keyframe_is_not_computed_again(table: Table) -> None:
    red = table.tracks[RED]
    for n, track in enumerate(table.tracks):
        track.apply_round(keep(0, n))
        track.apply_round(keep(8, n))
    table.together()
    looks = table.net.counts["segment"]
    first = table.pictures()
    red.apply_round(add_corner(11))
    table.together()
    second = table.pictures()
    assert [f for f in ALL if first[RED][f] != second[RED][f]] == [9, 10, 11, 12, 13]
    assert table.net.counts["segment"] - looks <= 10


def test_a_wider_range_costs_only_the_new_frames(table: Table) -> None:
    for n, track in enumerate(table.tracks):
        track.apply_round(keep(0, n))
    table.together(FrameRange(0, 8), Direction.FORWARD)
    assert table.tracks[RED].done_ranges() == ((0, 8),)
    looks = table.net.counts["segment"]
    table.together(ALL, Direction.FORWARD)
    assert table.net.counts["segment"] - looks <= 2 * (len(FILM) - 8)
    assert_both_are_found(table)


def test_alone_after_together_is_computed_again_and_together_after_alone_too(table: Table) -> None:
    red, blue = table.tracks
    for n, track in enumerate(table.tracks):
        track.apply_round(keep(4, n))
    table.together()
    joint = [track.head for track in table.tracks]
    list(red.propagate(ALL, Direction.BOTH))
    assert (red.parent, red.group, blue.head) == (joint[RED], "", joint[BLUE])
    looks = table.net.counts["segment"]
    table.together()
    assert table.net.counts["segment"] - looks >= len(FILM) - 1
    assert red.group == blue.group != ""
    assert_both_are_found(table)


def test_a_third_object_joins_later(table: Table) -> None:
    for n, track in enumerate(table.tracks):
        track.apply_round(keep(4, n))
    table.together()
    table.open(3)
    table.tracks[2].apply_round(add_corner(4))
    table.together()
    third = table.tracks[2]
    assert third.group == table.tracks[RED].group
    assert third.done_ranges() == ((0, len(FILM)),)
    for frame in ALL:
        assert owners(table, frame).max() <= 1


def test_after_a_change_of_weights_everything_is_computed_again(table: Table) -> None:
    for n, track in enumerate(table.tracks):
        track.apply_round(keep(4, n))
    table.together()
    heads = [track.head for track in table.tracks]
    table.open()
    table.engine.weights_id = "other"
    table.together()
    assert table.net.counts["segment"] >= len(FILM) - 1
    assert [track.parent for track in table.tracks] == heads
    assert_both_are_found(table)
