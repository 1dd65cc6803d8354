"""The states and changes that the engine sends of a track add up to its state."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from session_kit import make_engine, write_film

from blender_cutout.client.held_states import changed
from blender_cutout.core.fakes import SyntheticClip
from blender_cutout.core.messages import Event, TrackChange, TrackState, decode, encode
from blender_cutout.core.session import head_state, overview
from blender_cutout.core.session.actions import Round
from blender_cutout.core.session.track_session import TrackSession
from blender_cutout.core.types import Clip, Direction, FrameRange, Label, Stroke
from blender_cutout.worker.track_states import StateSender, track_state


def clip_of(folder: Path, film: SyntheticClip) -> Clip:
    folder.mkdir()
    return Clip(str(write_film(folder, film)))


def keep_at(film: SyntheticClip, frame: int) -> Round:
    return Round(frame, (Stroke([film.centre(frame)], 2, Label.KEEP),))


def walk(session: TrackSession, film: SyntheticClip, steps: int) -> Iterator[None]:
    """Does random steps in a track."""
    rng, heads = random.Random(5), [""]
    for _ in range(steps):
        kind, frame = rng.random(), rng.randrange(len(film))
        locked = any(a <= frame < b for a, b in tuple(session.overview.locked()))
        if kind < 0.4 and not locked:
            session.apply_round(keep_at(film, frame))
        elif kind < 0.6 and session.keyframes():
            start = rng.randrange(len(film) - 6)
            list(session.propagate(FrameRange(start, start + 6), Direction.BOTH))
        elif kind < 0.65 and session.done_ranges():
            session.lock(FrameRange(*rng.choice(session.done_ranges())))
        elif kind < 0.7 and (locked := tuple(session.overview.locked())):
            session.lock(FrameRange(*locked[0]), locked=False)
        elif kind < 0.8 and (path := session.matte_path(frame)) is not None:
            path.unlink()
            session.matte_path(frame)
        elif kind < 0.95:
            session.checkout(rng.choice(heads))
        heads.append(session.head)
        yield


def test_changes_add_up_to_the_state_after_any_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (head_state, overview):
        monkeypatch.setattr(module, "PIECE", 3)
    film = SyntheticClip(length=40, height=30, width=50, radius=6)
    sent: list[Event] = []
    states = StateSender(lambda event: sent.append(decode(encode(event))))  # type: ignore[arg-type]
    states.changes = True
    with TrackSession.open(clip_of(tmp_path / "media", film), tmp_path / "track", make_engine()) as session:
        states.send("first", "track", session)
        (held,) = sent
        assert isinstance(held, TrackState)
        for number, _ in enumerate(walk(session, film, 150)):
            states.send(f"job {number}", "track", session)
            event = sent[-1]
            new = changed(held, event) if isinstance(event, TrackChange) else event
            assert isinstance(new, TrackState), event
            whole = decode(encode(track_state(f"job {number}", "track", session, new.revision)))
            assert isinstance(whole, TrackState)
            assert new.disk[:2] == whole.disk[:2]
            held = replace(new, disk=whole.disk)  # what is free on the disk is another matter
            assert held == whole
    kinds = [type(event) for event in sent]
    assert kinds.count(TrackChange) > 50
    assert kinds.count(TrackState) > 5


def test_a_round_on_a_long_track_takes_few_bytes(tmp_path: Path) -> None:
    film = SyntheticClip(length=600, height=30, width=50, radius=6)
    sent: list[bytes] = []
    states = StateSender(lambda event: sent.append(encode(event)))
    states.changes = True
    with TrackSession.open(clip_of(tmp_path / "media", film), tmp_path / "track", make_engine()) as session:
        for frame in range(0, len(film), 2):
            session.apply_round(keep_at(film, frame))
        states.send("job", "track", session)
        session.apply_round(keep_at(film, 301))
        states.send("job", "track", session)
    assert len(sent[0]) > 9000, "the whole state"
    assert len(sent[1]) < 2500, "what one round changed"


def test_a_host_that_does_not_ask_for_changes_or_has_no_state_gets_whole_ones(tmp_path: Path) -> None:
    film = SyntheticClip(length=200, height=30, width=50, radius=6)
    clip, sent = clip_of(tmp_path / "media", film), []
    plain, modern = StateSender(sent.append), StateSender(sent.append)
    modern.changes = True
    with TrackSession.open(clip, tmp_path / "track", make_engine()) as session:
        for _ in range(2):
            plain.send("job", "track", session)
        modern.send("job", "track", session)
        modern.send("job", "track", session, whole=True)
        modern.forget()
        modern.send("job", "track", session)
    with TrackSession.open(clip, tmp_path / "track", make_engine()) as session:
        modern.send("job", "track", session)
        assert {type(event) for event in sent} == {TrackState}
        modern.send("job", "track", session)
    assert isinstance(sent[-1], TrackChange)
    assert len({event.revision for event in sent}) == len(sent), "no two states have one revision"
