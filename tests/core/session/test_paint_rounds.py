"""Tests rounds of exact paint: their pixels are what was painted, in every later round and propagation."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from session_kit import ALL, FILM, add_corner, keep, make_engine, write_film

from blender_cutout.core.errors import InputError, StrokeError
from blender_cutout.core.refinement.paint import paint, painted_area
from blender_cutout.core.session.actions import PaintRound, Round
from blender_cutout.core.session.journal import Journal
from blender_cutout.core.session.track_session import TrackSession
from blender_cutout.core.types import Box, Clip, Direction, FrameRange, Label, Paint, Stroke

SIZE = (FILM.height, FILM.width)
WIRE = Paint([(3, 30), (95, 33)], 1.5, Label.KEEP)
HOLE = Paint([(0, 30.5), (100, 30.5)], 1.5, Label.REMOVE)
SOFT = Paint([(80, 10)], 4, Label.KEEP, 6)


@pytest.fixture(scope="module")
def media(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_film(tmp_path_factory.mktemp("film"), FILM)


@pytest.fixture
def session(media: Path, tmp_path: Path) -> Iterator[TrackSession]:
    with TrackSession.open(Clip(str(media)), tmp_path / "track", make_engine()) as opened:
        yield opened


def painted(frame: int, *shapes: Paint) -> PaintRound:
    return PaintRound(frame, shapes)


def matte(session: TrackSession, frame: int) -> np.ndarray:
    found = session.matte(frame)
    assert found is not None
    return found


def test_paint_alone_is_a_keyframe_of_exactly_its_pixels(session: TrackSession) -> None:
    session.apply_round(painted(3, WIRE))
    assert session.keyframes() == (3,)
    assert np.array_equal(matte(session, 3), paint(np.zeros(SIZE, np.float32), [WIRE]))


def test_painted_pixels_stay_through_strokes_first_guesses_and_propagation(session: TrackSession) -> None:
    session.apply_round(keep(0))
    list(session.propagate(ALL, Direction.BOTH))
    session.apply_round(painted(5, WIRE, HOLE, SOFT))
    area, before = painted_area([WIRE, HOLE, SOFT], SIZE), matte(session, 5)
    over = Round(5, (Stroke([(0, 30), (99, 30)], 5, Label.KEEP), Stroke([(80, 0), (80, 20)], 5, Label.REMOVE)))
    for round_ in (add_corner(5), over, Round(5, auto=True), Round(5, auto=True, box=Box(10, 10, 60, 50))):
        session.apply_round(round_)
        assert np.array_equal(matte(session, 5)[area], before[area])
    assert not np.array_equal(matte(session, 5), before)
    drawn = matte(session, 5)
    list(session.propagate(ALL, Direction.BOTH))
    assert np.array_equal(matte(session, 5), drawn)


def test_paint_is_carried_to_other_frames(session: TrackSession) -> None:
    disc = Paint([FILM.centre(4)], FILM.radius, Label.KEEP)
    session.apply_round(painted(4, disc))
    list(session.propagate(ALL, Direction.BOTH))
    assert np.count_nonzero(matte(session, 9) > 0.5) > 100


def test_eight_rounds_end_with_the_painted_truth_on_all_painted_frames(session: TrackSession) -> None:
    """As an artist paints: strokes, then outlines around what is missing and what is too much."""
    frames, ended = (0, 9, 4, 2, 7, 5, 1, 6), {}
    for number, frame in enumerate(frames):
        truth = FILM.mattes(frame)[0] > 0.5
        truth[20:24, 10:90] = number % 2 == 0  # what no network finds
        session.apply_round(keep(frame))
        wrong = matte(session, frame) > 0.5
        shapes = (*outlines(truth & ~wrong, Label.KEEP), *outlines(wrong & ~truth, Label.REMOVE))
        session.apply_round(painted(frame, *shapes))
        ended[frame] = truth
        list(session.propagate(ALL, Direction.BOTH))
    for frame, truth in ended.items():
        found = matte(session, frame) > 0.5
        assert np.count_nonzero(found & truth) / np.count_nonzero(found | truth) > 0.99


def outlines(region: np.ndarray, label: Label) -> list[Paint]:
    large = np.kron(region.astype(np.uint8), np.ones((2, 2), np.uint8))
    found, _ = cv2.findContours(large, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    return [Paint(line[:, 0] / 2 + 0.25, 0.0, label) for line in found]


def test_later_paint_wins_and_undo_brings_the_pixels_back(session: TrackSession) -> None:
    session.apply_round(keep(2))
    before = matte(session, 2)
    session.apply_round(painted(2, WIRE))
    wired = matte(session, 2)
    session.apply_round(painted(2, HOLE))
    assert not matte(session, 2)[29:32].any()
    head = session.head
    session.undo()
    assert np.array_equal(matte(session, 2), wired)
    session.undo()
    assert np.array_equal(matte(session, 2), before)
    session.checkout(head)
    assert np.array_equal(matte(session, 2), paint(wired, [HOLE]))


def test_lost_masks_of_paint_rounds_are_made_again_to_the_bit(media: Path, tmp_path: Path) -> None:
    folder = tmp_path / "track"
    with TrackSession.open(Clip(str(media)), folder, make_engine()) as session:
        for round_ in (keep(5), painted(5, WIRE, SOFT), add_corner(5), painted(5, HOLE)):
            session.apply_round(round_)
        before = matte(session, 5)
    shutil.rmtree(folder / "mattes")
    with TrackSession.open(Clip(str(media)), folder, make_engine()) as session:
        assert np.array_equal(matte(session, 5), before)


def test_mask_lost_above_paint_still_keeps_its_pixels(media: Path, tmp_path: Path) -> None:
    folder = tmp_path / "track"
    with TrackSession.open(Clip(str(media)), folder, make_engine()) as session:
        session.apply_round(painted(5, HOLE))
        top, _ = session.apply_round(Round(5, (Stroke([(0, 30), (99, 30)], 5, Label.KEEP),)))
        before = matte(session, 5)
    shutil.rmtree(folder / "mattes" / top)
    with TrackSession.open(Clip(str(media)), folder, make_engine()) as session:
        assert np.array_equal(matte(session, 5), before)
        assert not before[29:32].any()


def test_paint_is_refused_on_locked_frames_and_without_shapes(session: TrackSession) -> None:
    session.apply_round(keep(2))
    session.lock(FrameRange(2, 3))
    with pytest.raises(InputError, match="is locked"):
        session.apply_round(painted(2, WIRE))
    with pytest.raises(StrokeError):
        session.apply_round(painted(3))


def test_box_is_a_first_guess_within_it(session: TrackSession) -> None:
    x, y = FILM.centre(6)
    session.apply_round(Round(6, auto=True, box=Box(int(x) - 15, int(y) - 15, int(x) + 15, int(y) + 15)))
    found = matte(session, 6) > 0.5
    truth = FILM.mattes(6)[0] > 0.5
    assert np.count_nonzero(found & truth) / np.count_nonzero(found | truth) > 0.9
    session.apply_round(Round(6, auto=True, box=Box(int(x) - 15, int(y) - 15, int(x), int(y) + 15)))
    assert not (matte(session, 6)[:, int(x) :] > 0).any()


def test_click_of_one_point_is_a_stroke(session: TrackSession) -> None:
    session.apply_round(Round(1, (Stroke([FILM.centre(1)], 0.5, Label.KEEP),)))
    assert np.count_nonzero(matte(session, 1) > 0.5) > 200


def test_older_version_does_not_know_the_new_rounds_and_so_refuses_them(session: TrackSession) -> None:
    session.apply_round(painted(5, WIRE))
    session.apply_round(Round(5, auto=True, box=Box(0, 0, 50, 50)))
    lines = (session.folder / "rounds.jsonl").read_text().splitlines()
    assert [json.loads(line)["record"]["action"] for line in lines] == ["paint", "box"]
    again = Journal(session.folder / "rounds.jsonl")
    assert [op.action for op in again.chain()] == [
        Round(5, auto=True, box=Box(0, 0, 50, 50)),
        PaintRound(5, (WIRE,)),
    ]
