"""Tests rounds on large pictures: shown early, complete when done, and withdrawn if they cannot be stored."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from session_kit import make_engine

from blender_cutout.core import messages as m
from blender_cutout.core.errors import StoreError
from blender_cutout.core.fakes import SyntheticClip, iou
from blender_cutout.core.images.matte import read_mask
from blender_cutout.core.images.preview import preview_path
from blender_cutout.core.session import store
from blender_cutout.core.session.track_session import TrackSession
from blender_cutout.core.types import Clip
from blender_cutout.worker import track_jobs
from blender_cutout.worker.track_states import StateSender


def apply(message: m.ApplyRound, session: TrackSession, send: Callable[[m.Event], None]) -> m.Done:
    return track_jobs.apply(message, session, make_engine(), send, StateSender(send))


FILM = SyntheticClip(length=3, height=720, width=1280, radius=90)


@pytest.fixture
def session(tmp_path: Path) -> Iterator[TrackSession]:
    media = tmp_path / "film"
    media.mkdir()
    for frame in range(len(FILM)):
        cv2.imwrite(str(media / f"{frame}.png"), FILM[frame][:, :, ::-1])
    with TrackSession.open(Clip(str(media)), tmp_path / "track", make_engine()) as opened:
        yield opened


def round_on(frame: int, job: str = "j") -> m.ApplyRound:
    return m.ApplyRound(job, "t", frame, ({"label": "keep", "radius": 8, "points": [list(FILM.centre(frame))]},))


def listening(heard: list[tuple[m.Event, bool]]) -> Callable[[m.Event], None]:
    def send(event: m.Event) -> None:
        heard.append((event, isinstance(event, m.MatteReady) and Path(event.path).exists()))

    return send


def test_it_is_shown_with_its_small_copy_and_done_with_itself(session: TrackSession) -> None:
    heard: list[tuple[m.Event, bool]] = []
    done = apply(round_on(1), session, listening(heard))
    (ready, there), (state, _) = heard
    assert isinstance(ready, m.MatteReady)
    assert isinstance(state, m.TrackState)
    assert not there
    assert np.count_nonzero(cv2.imread(str(preview_path(Path(ready.path))), 0)) > 1000
    assert iou(read_mask(ready.path), FILM.matte(1)) > 0.9
    assert done == m.Done("j", "Refined", {"head": state.head})
    heard.clear()
    session.undo()
    apply(round_on(1), session, listening(heard))
    assert [there for _, there in heard] == [True, False], "it is there already, and told once"


def test_a_kill_after_it_was_shown_loses_nothing(session: TrackSession) -> None:
    paths: list[Path] = []

    def killed(event: m.Event) -> None:
        assert isinstance(event, m.MatteReady)
        paths.append(Path(event.path))
        raise SystemExit  # what nothing catches: the process is gone

    with pytest.raises(SystemExit):
        apply(round_on(1), session, killed)
    assert not paths[0].exists()
    session.close()
    with TrackSession.open(session.clip, session.folder, make_engine()) as again:
        assert again.keyframes() == (1,)
        assert again.matte_path(1) == paths[0]
        assert iou(read_mask(paths[0]), FILM.matte(1)) > 0.9


def test_what_cannot_be_kept_is_taken_back_and_the_host_hears_of_it(
    session: TrackSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    apply(round_on(0), session, lambda _: None)
    before = session.head

    def full(*_: object) -> None:
        raise StoreError("The disk is full.", "Free some space.")

    heard: list[tuple[m.Event, bool]] = []
    with monkeypatch.context() as patch:
        patch.setattr(store, "write_png", full)
        with pytest.raises(StoreError, match="full"):
            apply(round_on(1), session, listening(heard))
    ready, state = (event for event, _ in heard)
    assert isinstance(ready, m.MatteReady)
    assert isinstance(state, m.TrackState)
    assert (state.head, state.keyframes) == (before, (0,))
    assert not preview_path(Path(ready.path)).exists()
    apply(round_on(1), session, lambda _: None)
    assert session.keyframes() == (0, 1)
