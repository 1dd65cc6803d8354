"""Tests that an earlier release's session folder opens unchanged, with every step and mask, and work continues."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from session_kit import make_engine

from blender_cutout.core.errors import InputError
from blender_cutout.core.images.matte import read_mask
from blender_cutout.core.propagation.confidence import calibrated
from blender_cutout.core.session.actions import Round
from blender_cutout.core.session.track_session import TrackSession
from blender_cutout.core.types import Clip, Direction, FrameRange, Label, Stroke

FIXTURE = Path(__file__).resolve().parents[2] / "fixtures" / "0bf7e4d"
HISTORY: list[dict[str, Any]] = json.loads((FIXTURE / "expected.json").read_text(encoding="utf-8"))
LAST = HISTORY[-1]["states"]


@pytest.fixture(params=["red", "blue"])
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def session(name: str, tmp_path: Path) -> Iterator[TrackSession]:
    folder = tmp_path / "film_cutout" / name
    shutil.copytree(FIXTURE / "session" / name, folder)
    with TrackSession.open(Clip(str(FIXTURE / "clip")), folder, make_engine()) as opened:
        yield opened


def as_now(state: dict[str, Any]) -> dict[str, Any]:
    """Returns a state of then with confidences in place of certainties."""
    cells = [state["confidence"][at : at + 2] for at in range(0, len(state["confidence"]), 2)]
    now = [f"{round(100 * calibrated(int(cell) / 100)):02d}" if cell.isdecimal() else cell for cell in cells]
    return {**state, "confidence": "".join(now)}


def state(session: TrackSession) -> dict[str, Any]:
    """Returns a track's state as the engine reported it then, as JSON values."""
    found = {
        "head": session.head,
        "parent": session.parent,
        "keyframes": session.keyframes(),
        "done": session.done_ranges(),
        "frame_count": len(session.source),
        "height": session.source.size[0],
        "width": session.source.size[1],
        "fps": session.source.fps,
        "mattes": tuple(session.overview.mattes()),
        "locked": tuple(session.overview.locked()),
        "confidence": session.confidences(),
    }
    return dict(json.loads(json.dumps(found)))


def test_it_opens_without_a_warning_where_it_was_left(session: TrackSession, name: str) -> None:
    assert session.warnings == []
    assert state(session) == as_now(LAST[name])


def test_every_step_can_be_gone_back_to(session: TrackSession, name: str) -> None:
    for step in HISTORY:
        if name in step["states"]:
            session.checkout(step["states"][name]["head"])
            assert state(session) == as_now(step["states"][name])


def test_every_mask_is_the_file_that_was_written(session: TrackSession, name: str) -> None:
    for start, stop, operation in LAST[name]["mattes"]:
        for frame in range(start, stop):
            written = FIXTURE / "session" / name / "mattes" / operation / f"{frame:06d}.png"
            shown = session.matte_path(frame)
            assert shown is not None
            assert shown.read_bytes() == written.read_bytes()


def test_a_lost_round_and_a_lost_import_come_out_the_same(tmp_path: Path) -> None:
    folder = tmp_path / "red"
    shutil.copytree(FIXTURE / "session" / "red", folder)
    drawn = {f: op for start, stop, op in LAST["red"]["mattes"] for f in range(start, stop) if f in (2, 6, 7, 8)}
    before = {frame: read_mask(folder / "mattes" / op / f"{frame:06d}.png") for frame, op in drawn.items()}
    for operation in drawn.values():
        shutil.rmtree(folder / "mattes" / operation, ignore_errors=True)
    with TrackSession.open(Clip(str(FIXTURE / "clip")), folder, make_engine()) as session:
        for frame, matte in before.items():
            assert np.array_equal(session.matte(frame), matte), frame


def test_work_goes_on_upon_it(session: TrackSession, name: str) -> None:
    before = {f: session.matte(f) for f in range(len(session.source))}
    correction = Round(1, (Stroke([(90, 55)], 3, Label.KEEP),))
    session.apply_round(correction)
    assert session.keyframes() == tuple(sorted({1, *LAST[name]["keyframes"]}))
    for frame, _, _ in session.propagate(FrameRange(0, 10), Direction.BOTH):
        assert session.matte(frame) is not None
    for start, stop in LAST[name]["locked"]:
        for frame in range(start, stop):
            assert np.array_equal(session.matte(frame), before[frame]), "approved then, approved now"
            with pytest.raises(InputError, match="locked"):
                session.apply_round(Round(frame, correction.strokes))
    while session.head != LAST[name]["head"]:
        session.undo()
    for frame, matte in before.items():
        assert np.array_equal(session.matte(frame), matte), frame
