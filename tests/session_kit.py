"""A small clip, an engine of fakes and a track on it, for tests of sessions."""

from __future__ import annotations

from pathlib import Path

import cv2

from blender_cutout.core.engine import Engine, EngineSettings
from blender_cutout.core.fakes import FakeAutomaticNet, FakePropagationNet, FakeScribbleNet, SyntheticClip
from blender_cutout.core.propagation.settings import PropagationSettings
from blender_cutout.core.session.actions import Round
from blender_cutout.core.session.track_session import TrackSession
from blender_cutout.core.types import Clip, Direction, FrameRange, Label, Stroke

FILM = SyntheticClip(length=16, height=60, width=100, radius=10)
ALL = FrameRange(0, len(FILM))


def write_film(folder: Path, film: SyntheticClip) -> Path:
    """Writes a film as pictures into a folder, and returns the folder."""
    for frame in range(len(film)):
        data = cv2.imencode(".png", cv2.cvtColor(film[frame], cv2.COLOR_RGB2BGR))[1]
        (folder / f"{frame:03d}.png").write_bytes(data.tobytes())
    return folder


def make_engine(tier: str = "draft", net: FakePropagationNet | None = None) -> Engine:
    settings = EngineSettings(96, PropagationSettings(working_px=96))
    networks = {"automatic": FakeAutomaticNet(), "automatic_id": "people"}
    return Engine(FakeScribbleNet(), net or FakePropagationNet(), settings, tier=tier, weights_id="fake", **networks)


def reopened(
    session: TrackSession, media: Path, tier: str = "draft", net: FakePropagationNet | None = None
) -> TrackSession:
    session.close()
    return TrackSession.open(Clip(str(media)), session.folder, make_engine(tier, net))


def keep(frame: int) -> Round:
    return Round(frame, (Stroke([FILM.centre(frame)], 3, Label.KEEP),))


def add_corner(frame: int) -> Round:
    """Returns a wrong stroke on the background: a visible change that is easy to find again."""
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
