"""Tests objects propagated together: each keeps its journal, and no pixel has two owners."""

from __future__ import annotations

from pathlib import Path

import cv2
import group_kit
import numpy as np
import pytest
from group_kit import ALL, BLUE, FILM, RED, Table, assert_both_are_found, keep, owners

from blender_cutout.core.errors import InputError
from blender_cutout.core.export.delivery import deliver
from blender_cutout.core.fakes import iou
from blender_cutout.core.images.matte import read_mask
from blender_cutout.core.propagation.outcome import MatteKind
from blender_cutout.core.session.actions import Round
from blender_cutout.core.session.propagation_run import PropagationRun
from blender_cutout.core.session.track_session import TrackSession
from blender_cutout.core.types import Clip, Direction, FrameRange, Label, Stroke

media, table = group_kit.media, group_kit.table


def test_both_objects_are_carried_through_the_clip_with_one_look_at_each_frame(table: Table) -> None:
    red, blue = table.tracks
    red.apply_round(keep(4, RED))
    blue.apply_round(keep(4, BLUE))
    drawn = [pictures[4] for pictures in table.pictures()]
    given = table.together()
    assert sorted(given) == list(ALL)
    assert [kind for _, kind in given[4]] == [MatteKind.DRAWN] * 2
    assert {kind for frame in ALL if frame != 4 for _, kind in given[frame]} == {MatteKind.PROPAGATED}
    assert_both_are_found(table)
    assert [pictures[4] for pictures in table.pictures()] == drawn
    assert [track.done_ranges() for track in table.tracks] == [((0, len(FILM)),)] * 2
    looks = table.net.counts["segment"]
    table.open()
    for track in table.tracks:
        track.undo()
        list(track.propagate(ALL, Direction.BOTH))
    assert looks < table.net.counts["segment"]


def test_keyframes_on_different_frames_are_joined(table: Table) -> None:
    red, blue = table.tracks
    red.apply_round(keep(2, RED))
    blue.apply_round(keep(9, BLUE))
    given = table.together()
    assert [kind for _, kind in given[2]] == [MatteKind.DRAWN, MatteKind.PROPAGATED]
    assert [kind for _, kind in given[9]] == [MatteKind.PROPAGATED, MatteKind.DRAWN]
    assert_both_are_found(table)
    assert (red.keyframes(), blue.keyframes()) == ((2,), (9,))


def test_in_one_direction_the_other_objects_keyframe_is_reached_all_the_same(table: Table) -> None:
    table.tracks[RED].apply_round(keep(2, RED))
    table.tracks[BLUE].apply_round(keep(9, BLUE))
    assert sorted(table.together(direction=Direction.FORWARD)) == list(range(2, len(FILM)))
    for frame in range(2, len(FILM)):
        for n, track in enumerate(table.tracks):
            assert iou(track.matte(frame), FILM.mattes(frame)[n]) > 0.9  # type: ignore[arg-type]


def test_an_object_takes_part_with_the_mask_that_it_has_there(table: Table) -> None:
    red, blue = table.tracks
    red.apply_round(keep(2, RED))
    list(red.propagate(ALL, Direction.BOTH))
    blue.apply_round(keep(9, BLUE))
    there = red.matte_path(9)
    list(blue.propagate(ALL, Direction.BOTH))
    looks = table.net.counts["segment"]
    run = table.run()
    assert run.total == len(FILM), "nothing has to be looked for beforehand"
    list(run.steps())
    assert red.matte_path(9) == there
    assert table.net.counts["segment"] - looks <= 2 * len(FILM)
    assert_both_are_found(table)


def test_an_object_without_a_mask_is_refused_by_its_name_and_nothing_changes(table: Table) -> None:
    red, blue = table.tracks
    head, _ = red.apply_round(keep(2, RED))
    with pytest.raises(InputError, match="blue has no mask") as caught:
        table.run()
    assert "lock" in caught.value.hint
    assert (red.head, blue.head) == (head, "")
    blue.apply_round(keep(2, BLUE))
    with pytest.raises(InputError, match="past the clip"):
        table.run(FrameRange(0, 99))


def test_objects_of_different_clips_are_refused(table: Table, tmp_path: Path) -> None:
    other = tmp_path / "anderer Film"
    other.mkdir()
    cv2.imwrite(str(other / "a.png"), np.zeros((70, 100, 3), np.uint8))
    table.tracks[RED].apply_round(keep(2, RED))
    with TrackSession.open(Clip(str(other)), tmp_path / "dritte", table.engine) as third:
        third.apply_round(Round(0, (Stroke([(5, 5)], 3, Label.KEEP),)))
        with pytest.raises(InputError, match="red and blue do not come from the same clip"):
            PropagationRun([table.tracks[RED].part(), third.part()], ("red", "blue"), table.engine, ALL, Direction.BOTH)


def test_the_same_colour_is_not_given_to_two(table: Table) -> None:
    """Both claim the red disc: alone, each gets all of it; together, no pixel has two owners."""
    for track in table.tracks:
        track.apply_round(keep(4, RED))
    run = table.run()
    assert len(run.warnings) == 1
    assert "red and blue overlap on clip frame 4" in run.warnings[0]
    list(run.steps())
    for frame in ALL:
        if frame != 4:
            assert owners(table, frame).max() <= 1
    table.open()
    for track in table.tracks:
        track.undo()
        list(track.propagate(ALL, Direction.BOTH))
    assert owners(table, 8).max() == 2


def test_what_was_drawn_for_one_is_taken_from_the_other(table: Table) -> None:
    red, blue = table.tracks
    red.apply_round(keep(4, RED))
    blue.apply_round(keep(8, RED))  # the same object, on another frame
    drawn = red.matte(4)
    table.together()
    assert np.array_equal(red.matte(4), drawn)  # type: ignore[arg-type]
    assert blue.matte(4).max() < 0.5  # type: ignore[union-attr]
    assert red.matte(8).max() < 0.5  # type: ignore[union-attr]


def test_the_union_is_written_as_one_sequence(table: Table, tmp_path: Path) -> None:
    red, blue = table.tracks
    red.apply_round(keep(4, RED))
    list(red.propagate(ALL, Direction.BOTH))
    blue.apply_round(keep(4, BLUE))
    target = tmp_path / "alle"
    steps = list(deliver(table.tracks, [3, 4, -1], target))
    assert (steps[-1].total, steps[-1].black, steps[-1].missing) == (3, 1, 1), "one of them is missing on frame 3"
    assert iou(read_mask(target / "000001.png"), FILM.mattes(3)[RED]) > 0.9
    assert iou(read_mask(target / "000002.png"), FILM.mattes(4).max(axis=0)) > 0.9
    assert not read_mask(target / "000003.png").any()
    table.together()
    steps = list(deliver(table.tracks, list(ALL), target))
    assert steps[-1].missing == 0
    for frame in ALL:
        assert iou(read_mask(target / f"{frame + 1:06d}.png"), FILM.mattes(frame).max(axis=0)) > 0.9
    with pytest.raises(InputError, match="no object"):
        list(deliver([], [0], target))
