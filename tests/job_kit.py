"""Helpers for the tests of job files: an engine that segments by colour under a real tier's name, and a clip."""

from __future__ import annotations

from pathlib import Path

import pytest
from cli_kit import Run, write_picture
from colour_engine import colour_engine

from blender_cutout.cli import main
from blender_cutout.core.engine import Engine
from blender_cutout.core.fakes import SyntheticClip
from blender_cutout.core.images.matte import write_mask

FILM = SyntheticClip(length=20, height=60, width=100, radius=10)
KEYS = 0, 6, 13
JOB = Path("shot.job.json")


def run_with(engine: Engine) -> Run:
    return lambda *words: main([str(word) for word in words], load=lambda tier, device: engine)


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """Runs `cutout` in a folder with the clip in "die Bilder" and masks key0.png, key6.png and key13.png."""
    place = tmp_path / "Größe 日本"
    place.mkdir()
    monkeypatch.chdir(place)
    write_film()
    return run_with(colour_engine())


def write_film() -> None:
    for frame in range(len(FILM)):
        write_picture(Path("die Bilder") / f"{frame:05d}.png", FILM[frame])
    for frame in KEYS:
        write_mask(f"key{frame}.png", FILM.matte(frame))


def keyframes() -> list[str]:
    return [word for frame in KEYS for word in ("--keyframe", f"{frame}=key{frame}.png")]


def contents(folder: str | Path) -> dict[str, bytes]:
    """Returns the bytes of all files in a folder, by name."""
    return {path.name: path.read_bytes() for path in sorted(Path(folder).iterdir())}
