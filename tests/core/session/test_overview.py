"""Tests that the reported state of a track's frames does not depend on how it came about."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest
from session_kit import make_engine, write_film

from blender_cutout.core.fakes import SyntheticClip
from blender_cutout.core.session import head_state, overview
from blender_cutout.core.session.actions import Round
from blender_cutout.core.session.track_session import TrackSession
from blender_cutout.core.types import Clip, Direction, FrameRange, Label, Stroke
from blender_cutout.worker.track_states import track_state

FILM = SyntheticClip(length=40, height=30, width=50, radius=6)


@pytest.fixture
def clip(tmp_path: Path) -> Clip:
    (tmp_path / "media").mkdir()
    return Clip(str(write_film(tmp_path / "media", FILM)))


def summary(session: TrackSession) -> list[object]:
    state = track_state("job", "track", session)
    for value in (state.keyframes, state.done, state.mattes, state.locked):
        assert json.loads(value.text) == json.loads(json.dumps(tuple(value))), "the text says what the values say"
    return [list(state.keyframes), *map(list, (state.done, state.mattes, state.locked)), state.confidence]


def test_after_any_walk_through_the_steps_it_is_as_when_reopened(
    clip: Clip, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (head_state, overview):
        monkeypatch.setattr(module, "PIECE", 7)
    rng = random.Random(3)
    session = TrackSession.open(clip, tmp_path / "track", make_engine())
    heads = [""]
    for step in range(60):
        kind = rng.random()
        start = rng.randrange(len(FILM) - 12)
        if kind < 0.35:
            frame = rng.randrange(len(FILM))
            if not any(a <= frame < b for a, b in tuple(session.overview.locked())):
                session.apply_round(keep_at(frame))
        elif kind < 0.5 and session.keyframes():
            list(session.propagate(FrameRange(start, start + 12), Direction.BOTH))
        elif kind < 0.6 and session.done_ranges():
            a, b = rng.choice(session.done_ranges())
            session.lock(FrameRange(a, b))
        elif kind < 0.7 and (locked := tuple(session.overview.locked())):
            session.lock(FrameRange(*locked[0]), locked=False)
        elif kind < 0.8 and session.done_ranges():
            path = session.matte_path(rng.choice(session.done_ranges())[0])
            if path is not None:
                path.unlink()
                session.matte_path(int(path.stem))
        else:
            session.checkout(rng.choice(heads))
        heads.append(session.head)
        if step % 6 == 5:
            here = summary(session)
            session.close()
            session = TrackSession.open(clip, tmp_path / "track", make_engine())
            assert summary(session) == here
    assert len(session.keyframes()) > 1
    session.close()


def keep_at(frame: int) -> Round:
    return Round(frame, (Stroke([FILM.centre(frame)], 2, Label.KEEP),))
