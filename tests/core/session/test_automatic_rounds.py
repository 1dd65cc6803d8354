"""Tests rounds without strokes of a person, a head or the sky: first rounds like any other, in the journal too."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from session_kit import ALL, FILM, add_corner, make_engine, reopened, write_film

from blender_cutout.core.fakes import iou
from blender_cutout.core.session.actions import NewerError, Round, action_from_json, action_to_json
from blender_cutout.core.session.track_session import TrackSession
from blender_cutout.core.types import AUTO_MODES, Clip, Direction

PERSON = Round(2, auto=True, mode="person")


@pytest.fixture(scope="module")
def media(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_film(tmp_path_factory.mktemp("film"), FILM)


@pytest.fixture
def session(media: Path, tmp_path: Path) -> Iterator[TrackSession]:
    with TrackSession.open(Clip(str(media)), tmp_path / "track", make_engine()) as opened:
        yield opened


def matte(session: TrackSession, frame: int) -> np.ndarray:
    found = session.matte(frame)
    assert found is not None
    return found


def test_a_person_is_propagated_corrected_and_undone(session: TrackSession) -> None:
    session.apply_round(PERSON)
    assert session.keyframes() == (2,)
    assert iou(matte(session, 2), FILM.matte(2)) > 0.9
    first = matte(session, 2)
    list(session.propagate(ALL, Direction.BOTH))
    assert all(iou(matte(session, frame), FILM.matte(frame)) > 0.9 for frame in range(len(FILM)))
    session.apply_round(add_corner(2))
    assert matte(session, 2)[5, 5] > 0.5
    session.undo()
    session.undo()
    np.testing.assert_array_equal(matte(session, 2), first)
    session.undo()
    assert session.matte(2) is None


def test_nothing_found_is_an_empty_mask(session: TrackSession) -> None:
    session.apply_round(Round(0, auto=True, mode="sky"))
    assert not matte(session, 0).any()


def test_the_person_that_was_meant_is_computed_again_when_its_mask_is_lost(tmp_path: Path) -> None:
    image = np.full((60, 100, 3), 90, np.uint8)
    image[5:55, 5:40], image[20:40, 70:85] = (220, 40, 40), (220, 40, 40)
    folder = tmp_path / "people"
    folder.mkdir()
    for frame in range(2):
        cv2.imwrite(str(folder / f"{frame}.png"), image[..., ::-1])
    with TrackSession.open(Clip(str(folder)), tmp_path / "track", make_engine()) as opened:
        _, path = opened.apply_round(Round(0, auto=True, mode="person", at=(75, 30)))
        first = matte(opened, 0)
    path.unlink()
    with TrackSession.open(Clip(str(folder)), tmp_path / "track", make_engine()) as opened:
        np.testing.assert_array_equal(matte(opened, 0), first)
    assert first[30, 75] > 0.5
    assert first[30, 20] == 0


def test_it_is_there_when_the_track_is_opened_again(session: TrackSession, media: Path) -> None:
    session.apply_round(PERSON)
    before = matte(session, 2)
    again = reopened(session, media)
    np.testing.assert_array_equal(matte(again, 2), before)
    again.close()


@pytest.mark.parametrize("mode", AUTO_MODES)
def test_the_journal_gives_back_the_round(mode: str) -> None:
    round_ = Round(7, auto=True, mode=mode)
    assert action_from_json(json.loads(json.dumps(action_to_json(round_)))) == round_


def test_the_journal_gives_back_which_person_was_meant() -> None:
    round_ = Round(7, auto=True, mode="person", at=(12.5, 40.0))
    assert action_from_json(json.loads(json.dumps(action_to_json(round_)))) == round_


@pytest.mark.parametrize("at", [[1], [1, 2, 3], ["x", "y"], [float("nan"), 1], [1, float("inf")], None])
def test_a_point_that_is_none_is_damage(at: object) -> None:
    with pytest.raises((ValueError, TypeError)):
        action_from_json({"action": "pointed", "frame": 3, "mode": "person", "at": at})


def test_a_foreground_is_recorded_as_before() -> None:
    record = {"action": "round", "frame": 3, "strokes": [], "zoom": 1.0, "auto": True}
    assert action_to_json(Round(3, auto=True)) == record


def test_a_mode_of_a_later_version_is_not_guessed() -> None:
    with pytest.raises(NewerError):
        action_from_json({"action": "automatic", "frame": 3, "mode": "hands"})
