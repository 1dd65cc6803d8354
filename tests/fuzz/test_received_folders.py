"""Tests received cutout folders: opening ends, keeps what is valid, and reaches nothing outside.

Each is the product's own folder with one change, opened by the engine's process with messages (which then draws in it)
and by `cutout session`.
"""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pace_kit import slowness
from session_kit import ALL, FILM, add_corner, keep, make_engine, run, write_film

from blender_cutout.core import errors
from blender_cutout.core.images.matte import write_mask
from blender_cutout.core.session.actions import Round
from blender_cutout.core.session.track_session import TrackSession
from blender_cutout.core.types import Clip, FrameRange

from . import received_files, received_journals
from .opener import PATIENCE, Opener

MOST_SECONDS, MOST_MEGABYTES = 2.0, 200.0
KEYFRAMES = (3, 6, 9, 12)
OPENS = received_journals.OPENS | received_files.OPENS
MAY_REFUSE = received_journals.MAY_REFUSE | received_files.MAY_REFUSE


@pytest.fixture(scope="module")
def media(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_film(tmp_path_factory.mktemp("clip"), FILM)


@pytest.fixture(scope="module")
def opener(media: Path) -> Iterator[Opener]:
    found = Opener(media)
    yield found
    found.close()


@pytest.fixture(scope="module")
def good(media: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Makes a folder with the product: drawn, proposed, propagated, corrected, locked, imported."""
    place = tmp_path_factory.mktemp("good")
    write_mask(place / "mask.png", FILM.matte(9))
    with TrackSession.open(Clip(str(media)), place / "track", make_engine()) as session:
        session.apply_round(keep(3))
        session.apply_round(Round(12, auto=True))
        run(session, ALL)
        session.apply_round(add_corner(6))
        list(session.import_mattes(place / "mask.png", 9))
        session.lock(FrameRange(2, 5))
    return place / "track"


def victims(root: Path, but: Path) -> dict[str, tuple[int, bytes]]:
    """Returns name -> mode and content of everything below `root`, except the folder `but`."""
    found = {}
    for place, folders, files in os.walk(root):
        folders[:] = [name for name in folders if Path(place, name) != but]
        for name in (*folders, *files):
            path = Path(place, name)
            mode = path.lstat().st_mode
            content = path.read_bytes() if stat.S_ISREG(mode) else b""
            found[str(path.relative_to(root))] = mode, content
    return found


@pytest.mark.parametrize("way", ["engine", "command"])
@pytest.mark.parametrize("case", [*OPENS, *MAY_REFUSE])
def test_a_received_folder_opens_or_is_refused_and_nothing_outside_is_touched(
    opener: Opener, good: Path, tmp_path: Path, case: str, way: str
) -> None:
    folder = tmp_path / "film_cutout" / "0123456789abcdef0123456789abcdef"
    shutil.copytree(good, folder)
    outside = tmp_path / "outside"
    (outside / "small").mkdir(parents=True)
    for name in ("thesis.txt", ".bashrc", "half.part", "000003.png.part", "small/half.part", "confidences.txt"):
        (outside / name).write_bytes(b"not yours")
    write_mask(outside / "000003.png", FILM.matte(14))
    (outside / "000007.png").write_bytes((outside / "000003.png").read_bytes())
    private = (outside / "000003.png").read_bytes()
    journal = (good / "rounds.jsonl").read_bytes()
    (OPENS | MAY_REFUSE)[case](folder, outside)
    before = victims(tmp_path, folder)

    found = opener.ask(way, folder)

    assert victims(tmp_path, folder) == before
    copies = [p.name for p in folder.rglob("*") if p.is_file() and not p.is_symlink() and p.read_bytes() == private]
    assert not copies, "another's file was copied into the project"
    assert found["cpu"] <= MOST_SECONDS * slowness(), found
    assert found["seconds"] < PATIENCE, found
    assert found["megabytes"] <= MOST_MEGABYTES, found
    if way == "engine":
        opened = _answered_by_the_engine(found)
    else:
        opened = _answered_by_the_command(found)
    assert opened or case in MAY_REFUSE, found
    now = folder / "rounds.jsonl"
    if not opened and now.is_file() and not now.is_symlink():
        assert now.read_bytes().startswith(journal)


def _answered_by_the_engine(found: dict[str, Any]) -> bool:
    """Returns whether it opened with the valid steps; asserts that every answer is one of our own messages."""
    assert found["end"] in ("Done", "Failed"), found
    assert found["ended"] == 0, found
    for kind, code, text in [(found["end"], found["code"], found["text"]), *found["later"]]:
        assert kind in ("Done", "Failed"), found
        if kind == "Failed":
            assert issubclass(getattr(errors, code), errors.CutoutError), found
            assert "unexpected" not in text, found
            assert 0 < len(text) < 10_000, found
    if found["end"] == "Failed":
        return False
    if found["state"]["keyframes"]:  # none where there was no journal to be read
        assert set(KEYFRAMES) <= set(found["state"]["keyframes"]), found
        assert all(0 <= first < stop <= len(FILM) for first, stop in found["state"]["locked"]), found
    return True


def _answered_by_the_command(found: dict[str, Any]) -> bool:
    assert found["ended"] in (0, 2), found
    assert "internal error" not in found["said"], found
    assert "Traceback" not in found["said"], found
    assert len(found["said"]) < 20_000, found["said"][:8000]
    if found["ended"] == 2:
        return False
    shown = next(text for text in found["said"].splitlines() if text.startswith("Keyframes: "))
    frames = shown.removeprefix("Keyframes: ").rstrip(".").split(", ")
    assert frames == ["none"] or set(map(str, KEYFRAMES)) <= set(frames), found
    return True
