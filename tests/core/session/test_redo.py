"""Tests frames that a propagation makes again although they are finished."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from session_kit import ALL, FILM, add_corner, keep, make_engine, run, snapshot, write_film

from blender_cutout.core.images.matte import write_mask
from blender_cutout.core.session.track_session import TrackSession
from blender_cutout.core.types import Clip, Direction, FrameRange, PropagationOptions

BAD = (5, 6, 12)


@pytest.fixture(scope="module")
def media(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_film(tmp_path_factory.mktemp("Nochmal"), FILM)


def again(session: TrackSession, redo: tuple[int, ...], stability: float = 0.0) -> None:
    options = PropagationOptions(stability=stability)
    list(session.propagate(ALL, Direction.BOTH, options, redo=redo))


@pytest.mark.parametrize("corrected", [False, True])
@pytest.mark.parametrize("stability", [0.0, 0.5])
def test_only_rejected_frames_are_made_again(media: Path, tmp_path: Path, corrected: bool, stability: float) -> None:
    with TrackSession.open(Clip(str(media)), tmp_path / "Spur", make_engine()) as session:
        session.apply_round(keep(0))
        again(session, (), stability)
        good = snapshot(session)
        for frame in BAD:  # as if the network had lost the object
            path = session.matte_path(frame)
            assert path is not None
            for folder in (path.parent, path.parent.with_name(f"{path.parent.name}-raw")):
                if folder.is_dir():
                    write_mask(folder / path.name, np.zeros((FILM.height, FILM.width), np.float32))
        bad = snapshot(session)
        again(session, (), stability)
        assert snapshot(session) == bad, "finished frames stay"
        if corrected:
            session.apply_round(add_corner(15))
        again(session, BAD, stability)
        after = snapshot(session)
        for frame in BAD:
            assert after[frame] != bad[frame], frame
            matte = session.matte(frame)
            assert matte is not None
            assert matte[FILM.matte(frame) > 0.5].mean() > 0.9, frame
        kept = [frame for frame in good if frame not in BAD]
        assert corrected or {f: after[f] for f in kept} == {f: good[f] for f in kept}


def test_a_locked_rejected_frame_stays_and_undo_brings_the_rejected_masks_back(media: Path, tmp_path: Path) -> None:
    with TrackSession.open(Clip(str(media)), tmp_path / "Spur", make_engine()) as session:
        session.apply_round(keep(0))
        run(session)
        first, before = snapshot(session), session.head
        session.lock(FrameRange(6, 7))
        locked = session.head
        again(session, (5, 6))
        paths = [session.matte_path(frame) for frame in (5, 6)]
        assert [path.parent.name == session.head for path in paths if path] == [True, False]
        session.undo()
        assert session.head == locked
        session.checkout(before)
        assert snapshot(session) == first
