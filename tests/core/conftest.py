"""Fixtures: a track on a small clip, for tests of sessions."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import pytest
from session_kit import FILM, make_engine

from blender_cutout.core.session.track_session import TrackSession
from blender_cutout.core.types import Clip


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
