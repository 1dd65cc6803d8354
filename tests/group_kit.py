"""Helpers for tests of several objects: two objects in one clip, their tracks, and their results."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from session_kit import write_film

from blender_cutout.core.engine import Engine, EngineSettings
from blender_cutout.core.fakes import FakePropagationNet, FakeScribbleNet, SyntheticClip, iou
from blender_cutout.core.images.matte import read_mask
from blender_cutout.core.propagation.settings import PropagationSettings
from blender_cutout.core.session.actions import Round
from blender_cutout.core.session.propagation_run import PropagationRun
from blender_cutout.core.session.track_session import TrackSession
from blender_cutout.core.types import Clip, Direction, FrameRange, Label, Stroke

FILM = SyntheticClip(length=14, height=70, width=100, radius=12, objects=2)
ALL = FrameRange(0, len(FILM))
RED, BLUE = 0, 1


@pytest.fixture(scope="module")
def media(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_film(tmp_path_factory.mktemp("Zwei Scheiben"), FILM)


class Table:
    """The tracks of one clip, opened and reopened."""

    def __init__(self, media: Path, folder: Path) -> None:
        self.media, self.folder = media, folder
        self.net = FakePropagationNet()
        self.tracks: list[TrackSession] = []

    def open(self, count: int = 2) -> list[TrackSession]:
        """Reopens everything, as after a crash or a restart."""
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

    def run(self, frames: FrameRange = ALL, direction: Direction = Direction.BOTH) -> PropagationRun:
        names = ("red", "blue", "third")[: len(self.tracks)]
        return PropagationRun([track.part() for track in self.tracks], names, self.engine, frames, direction)

    def together(self, frames: FrameRange = ALL, direction: Direction = Direction.BOTH) -> dict[int, tuple]:
        """Runs to the end and returns frame -> mattes."""
        run = self.run(frames, direction)
        steps = list(run.steps())
        assert sum(not step.pending for step in steps) == run.total or direction is not Direction.BOTH
        return {step.frame: step.mattes for step in steps if step.mattes}

    def pictures(self) -> list[dict[int, bytes]]:
        """Returns every track's masks, by frame."""
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
    """Returns a wrong stroke on the background, easy to find again."""
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
