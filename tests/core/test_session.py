"""A track as the artist lives it: rounds, propagation, undo, crash, correction, export; judged by the masks."""

from __future__ import annotations

import errno
import itertools
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from blender_cutout.core import export as export_module
from blender_cutout.core import matte as matte_module
from blender_cutout.core.engine import Engine, EngineSettings
from blender_cutout.core.errors import InputError, StoreError, StrokeError
from blender_cutout.core.fakes import FakePropagationNet, FakeScribbleNet, SyntheticClip, iou
from blender_cutout.core.matte import read_mask
from blender_cutout.core.propagate import PropagationSettings
from blender_cutout.core.session import TrackSession
from blender_cutout.core.types import Clip, Direction, FrameRange, Label, MatteKind, Round, Stroke

FILM = SyntheticClip(length=16, height=60, width=100, radius=10)
ALL = FrameRange(0, len(FILM))


def make_engine(tier: str = "draft", net: FakePropagationNet | None = None) -> Engine:
    settings = EngineSettings(96, PropagationSettings(working_px=96))
    return Engine(FakeScribbleNet(), net or FakePropagationNet(), settings, tier=tier, weights_id="fake")


@pytest.fixture(scope="module")
def media(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("Bilder für Test 中")
    for frame in range(len(FILM)):
        data = cv2.imencode(".png", cv2.cvtColor(FILM[frame], cv2.COLOR_RGB2BGR))[1]
        (folder / f"bild {frame:03d}.png").write_bytes(data.tobytes())
    return folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "Projekt – Kopie_cutout" / "spur 1"


@pytest.fixture
def session(media: Path, folder: Path) -> Iterator[TrackSession]:
    with TrackSession.open(Clip(str(media)), folder, make_engine()) as opened:
        yield opened


def reopened(
    session: TrackSession, media: Path, tier: str = "draft", net: FakePropagationNet | None = None
) -> TrackSession:
    session.close()
    return TrackSession.open(Clip(str(media)), session.folder, make_engine(tier, net))


def keep(frame: int) -> Round:
    return Round(frame, (Stroke([FILM.centre(frame)], 3, Label.KEEP),))


def add_corner(frame: int) -> Round:
    """A wrong stroke on the background: a visible change that is easy to find again."""
    return Round(frame, (Stroke([(5, 5)], 4, Label.KEEP),))


def snapshot(session: TrackSession) -> dict[int, bytes]:
    found = {}
    for frame in range(len(FILM)):
        path = session.matte_path(frame)
        if path is not None:
            found[frame] = path.read_bytes()
    return found


def stamps(folder: Path) -> dict[str, int]:
    return {str(p.relative_to(folder)): p.stat().st_mtime_ns for p in sorted((folder / "mattes").rglob("*.png"))}


def run(session: TrackSession, frames: FrameRange = ALL, direction: Direction = Direction.BOTH) -> list[int]:
    return [frame for frame, _, _ in session.propagate(frames, direction)]


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
        assert path.is_file()  # on disk when told
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
    assert session.done_ranges() == ((0, 6),)
    times = stamps(session.folder)
    net = FakePropagationNet()
    again = reopened(session, media, net=net)
    assert again.done_ranges() == ((0, 6),)
    assert run(again, ALL, Direction.FORWARD) == list(ALL)
    looked_at = net.counts["segment"]
    assert run(again, ALL, Direction.FORWARD) == list(ALL)
    assert net.counts["segment"] == looked_at <= 2 * (len(FILM) - len(first))
    after = stamps(again.folder)
    assert {name: after[name] for name in times} == times
    assert len(after) == len(times) + len(FILM) - len(first)
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


def test_another_tier_computes_anew(session: TrackSession, media: Path) -> None:
    session.apply_round(keep(0))
    run(session)
    head, number = session.head, len(stamps(session.folder))
    again = reopened(session, media, "fine")
    run(again)
    assert again.head != head
    assert len(stamps(again.folder)) == number + len(FILM) - 1
    again.close()


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
        patch.setattr(session._engine, "refine", killed)
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
    assert "new cut-out" in caught.value.hint
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


def test_a_keyframe_outside_the_clip_is_told_and_the_rest_goes_on(session: TrackSession, media: Path) -> None:
    session.apply_round(keep(4))
    session._record(session.head, Round(40, keep(4).strokes))
    again = reopened(session, media)
    assert "drawn on frame 40" in again.warnings[0]
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
    steps = list(again.export(list(ALL), tmp_path / "out"))
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


def test_two_processes_cannot_have_the_same_track(session: TrackSession, media: Path) -> None:
    with pytest.raises(StoreError, match=f"process {os.getpid()}"):
        TrackSession.open(Clip(str(media)), session.folder, make_engine())


def test_export_writes_a_complete_sequence_with_black_where_nothing_is(session: TrackSession, tmp_path: Path) -> None:
    session.apply_round(keep(4))
    run(session, FrameRange(0, 8))
    target = tmp_path / "Ausgabe ü"
    steps = list(session.export([3, -1, 4, 12, 3], target))
    assert (steps[-1].done, steps[-1].total, steps[-1].black, steps[-1].missing) == (5, 5, 2, 1)
    assert sorted(p.name for p in target.iterdir()) == [f"{n:06d}.png" for n in range(1, 6)]
    picture = [read_mask(target / f"{n:06d}.png") for n in range(1, 6)]
    assert all(p.shape == FILM.size for p in picture)
    assert iou(picture[0], FILM.matte(3)) > 0.9
    assert iou(picture[2], FILM.matte(4)) > 0.9
    assert picture[1].max() == picture[3].max() == 0
    assert np.array_equal(picture[0], picture[4])
    assert list(session.export([4], target))[-1].total == 1
    assert [p.name for p in target.iterdir()] == ["000001.png"]
    assert [p.name for p in tmp_path.iterdir() if p.name.startswith(".")] == []


def test_an_interrupted_export_leaves_the_old_set(session: TrackSession, tmp_path: Path) -> None:
    session.apply_round(keep(4))
    target = tmp_path / "out"
    list(session.export([4, 4], target))
    steps = session.export([4, -1, -1], target)
    next(steps)
    assert sorted(p.name for p in target.iterdir()) == ["000001.png", "000002.png"]
    steps.close()  # type: ignore[attr-defined]
    assert sorted(p.name for p in target.iterdir()) == ["000001.png", "000002.png"]
    assert not (tmp_path / ".out.new").exists()


def test_export_never_replaces_a_folder_with_other_files(session: TrackSession, tmp_path: Path) -> None:
    session.apply_round(keep(4))
    target = tmp_path / "home"
    target.mkdir()
    (target / "holiday.jpg").write_bytes(b"dear")
    with pytest.raises(StoreError, match=r"holiday\.jpg"):
        list(session.export([4], target))
    assert (target / "holiday.jpg").read_bytes() == b"dear"
    with pytest.raises(InputError, match="no frame"):
        list(session.export([], tmp_path / "x"))


def test_a_full_disk_stops_with_the_path_and_keeps_what_is_done(
    session: TrackSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    session.apply_round(keep(0))
    write, room = Path.write_bytes, iter(range(3))

    def limited(self: Path, data: bytes) -> int:
        if self.name.endswith(".part") and next(room, None) is None:
            write(self, data[:10])
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(self, data)

    with monkeypatch.context() as patch:
        patch.setattr(matte_module.Path, "write_bytes", limited)
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
        list(session.export([0, 1], tmp_path / "out"))
    assert not (tmp_path / "out").exists()
    assert not (tmp_path / ".out.new").exists()


def test_a_round_that_fails_on_a_full_disk_can_be_drawn_again_as_the_same_round(
    session: TrackSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(matte_module.Path, "write_bytes", full)
        patch.setattr(type(session._journal), "move_head", lambda self, head: (_ for _ in ()).throw(StoreError("full")))
        with pytest.raises(StoreError):
            session.apply_round(keep(4))
    assert (session.head, session.keyframes()) == ("", ())
    first, _ = session.apply_round(keep(4))
    assert session.parent == ""
    assert [op.id for op in session._journal.chain()] == [first]


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
        patch.setattr("blender_cutout.core.folder.os.rename", other_disk)
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
    monkeypatch.setattr("blender_cutout.core.store.os.scandir", lambda place: listed.append(place) or scandir(place))
    for _ in range(3):
        assert again.done_ranges() == ((0, 10_000),)
    assert listed == [folder]
    again.close()
