"""Objects that are carried through the clip together: each keeps its journal, and no pixel has two owners."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from blender_cutout.core.engine import Engine, EngineSettings
from blender_cutout.core.errors import InputError
from blender_cutout.core.fakes import FakePropagationNet, FakeScribbleNet, SyntheticClip, iou
from blender_cutout.core.group import GroupRun
from blender_cutout.core.matte import read_mask
from blender_cutout.core.propagate import PropagationSettings
from blender_cutout.core.session import TrackSession
from blender_cutout.core.types import Clip, Direction, FrameRange, Label, MatteKind, Round, Stroke
from blender_cutout.core.union import export_union

FILM = SyntheticClip(length=14, height=70, width=100, radius=12, objects=2)
ALL = FrameRange(0, len(FILM))
RED, BLUE = 0, 1


@pytest.fixture(scope="module")
def media(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("Zwei Scheiben")
    for frame in range(len(FILM)):
        data = cv2.imencode(".png", cv2.cvtColor(FILM[frame], cv2.COLOR_RGB2BGR))[1]
        (folder / f"{frame:03d}.png").write_bytes(data.tobytes())
    return folder


class Table:
    """The tracks of one clip, opened and opened again."""

    def __init__(self, media: Path, folder: Path) -> None:
        self.media, self.folder = media, folder
        self.net = FakePropagationNet()
        self.tracks: list[TrackSession] = []

    def open(self, count: int = 2) -> list[TrackSession]:
        """As after a crash, or on another day."""
        for track in self.tracks:
            track.close()
        self.net = FakePropagationNet()
        self.engine = Engine(
            FakeScribbleNet(),
            self.net,
            EngineSettings(96, PropagationSettings(working_px=96)),
            tier="draft",
            weights_id="fake",
        )
        clip = Clip(str(self.media))
        self.tracks = [TrackSession.open(clip, self.folder / f"Spur {n}", self.engine) for n in range(count)]
        return self.tracks

    def run(self, frames: FrameRange = ALL, direction: Direction = Direction.BOTH) -> GroupRun:
        names = ("red", "blue", "third")[: len(self.tracks)]
        return GroupRun(self.tracks, names, self.engine, frames, direction)

    def together(self, frames: FrameRange = ALL, direction: Direction = Direction.BOTH) -> dict[int, tuple]:
        """Runs to the end; frame -> mattes."""
        run = self.run(frames, direction)
        steps = list(run.steps())
        assert sum(not step.pending for step in steps) == run.total or direction is not Direction.BOTH
        return {step.frame: step.mattes for step in steps if step.mattes}

    def pictures(self) -> list[dict[int, bytes]]:
        """Every track's masks, by frame."""
        return [{f: p.read_bytes() for f in ALL if (p := track.matte_path(f))} for track in self.tracks]


@pytest.fixture
def table(media: Path, tmp_path: Path) -> Iterator[Table]:
    made = Table(media, tmp_path / "Projekt ü_cutout")
    made.open()
    yield made
    for track in made.tracks:
        track.close()


def keep(frame: int, n: int) -> Round:
    return Round(frame, (Stroke([FILM.centre(frame, n)], 3, Label.KEEP),))


def add_corner(frame: int) -> Round:
    """A wrong stroke on the background, easy to find again."""
    return Round(frame, (Stroke([(5, 5)], 4, Label.KEEP),))


def owners(table: Table, frame: int) -> np.ndarray:
    found = [read_mask(p) for track in table.tracks if (p := track.matte_path(frame))]
    return (np.stack(found) > 0.5).sum(axis=0)


def assert_both_are_found(table: Table) -> None:
    for frame in ALL:
        for n, track in enumerate(table.tracks):
            matte = track.matte(frame)
            assert matte is not None, (frame, n)
            assert iou(matte, FILM.mattes(frame)[n]) > 0.9, (frame, n)
        assert owners(table, frame).max() <= 1


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
        with pytest.raises(InputError, match="red and blue are not cut out of the same clip"):
            GroupRun([table.tracks[RED], third], ("red", "blue"), table.engine, ALL, Direction.BOTH)


def test_the_same_colour_is_not_given_to_two(table: Table) -> None:
    """Both want the red disc: alone each gets all of it, together no pixel has two owners."""
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


def test_the_union_is_written_as_one_sequence(table: Table, tmp_path: Path) -> None:
    red, blue = table.tracks
    red.apply_round(keep(4, RED))
    list(red.propagate(ALL, Direction.BOTH))
    blue.apply_round(keep(4, BLUE))
    target = tmp_path / "alle"
    steps = list(export_union(table.tracks, [3, 4, -1], target))
    assert (steps[-1].total, steps[-1].black, steps[-1].missing) == (3, 1, 1), "one of them is missing on frame 3"
    assert iou(read_mask(target / "000001.png"), FILM.mattes(3)[RED]) > 0.9
    assert iou(read_mask(target / "000002.png"), FILM.mattes(4).max(axis=0)) > 0.9
    assert not read_mask(target / "000003.png").any()
    table.together()
    steps = list(export_union(table.tracks, list(ALL), target))
    assert steps[-1].missing == 0
    for frame in ALL:
        assert iou(read_mask(target / f"{frame + 1:06d}.png"), FILM.mattes(frame).max(axis=0)) > 0.9
    with pytest.raises(InputError, match="no object"):
        list(export_union([], [0], target))
