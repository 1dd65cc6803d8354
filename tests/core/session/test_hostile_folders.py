"""Tests received folders with links in them: nothing outside is written, removed or copied."""

from __future__ import annotations

import errno
import json
import os
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from session_kit import ALL, FILM, keep, make_engine, run

from blender_cutout.core.errors import CutoutError, StoreError
from blender_cutout.core.images.matte import to_png
from blender_cutout.core.session.imported import ImportedMattes
from blender_cutout.core.session.store import MatteStore
from blender_cutout.core.session.track_session import TrackSession
from blender_cutout.core.types import Clip, Direction, PropagationOptions

A = "a" * 16


@pytest.fixture
def private(tmp_path: Path) -> Path:
    """Somebody's own folder, with names that could be a track's."""
    folder = tmp_path / "private"
    (folder / "small").mkdir(parents=True)
    for name in ("000003.png", "000004.png", "thesis.part", ".thesis.txt.1a2b.part", "small/000003.png", ".bashrc"):
        (folder / name).write_bytes(b"mine")
    return folder


def files(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def opened(media: Path, folder: Path, limit: int = 0) -> TrackSession:
    return TrackSession.open(Clip(str(media)), folder, make_engine(), limit)


@pytest.fixture
def track(media: Path, folder: Path) -> Path:
    with opened(media, folder) as session:
        session.apply_round(keep(3))
        run(session)
        session.undo()
    return folder


def replaced(place: Path, target: Path) -> None:
    """Replaces a file or folder by a link."""
    if place.is_dir():
        shutil.rmtree(place)
    else:
        place.unlink(missing_ok=True)
    place.symlink_to(target)


def whole_folder(track: Path, private: Path) -> None:
    replaced(track / "mattes", private)


def every_operation(track: Path, private: Path) -> None:
    for folder in list((track / "mattes").iterdir()):
        replaced(folder, private)


def every_small_folder(track: Path, private: Path) -> None:
    for folder in list((track / "mattes").iterdir()):
        (folder / "small").symlink_to(private)


def every_mask(track: Path, private: Path) -> None:
    for file in list((track / "mattes").rglob("*.png")):
        replaced(file, private / "000003.png")


def every_log(track: Path, private: Path) -> None:
    for folder in list((track / "mattes").iterdir()):
        replaced(folder / "confidences.txt", private / ".bashrc")


def the_journals_old_temporary(track: Path, private: Path) -> None:
    (track / "rounds.jsonl.tmp").symlink_to(private / ".bashrc")
    (track / "session.json.part").symlink_to(private / ".bashrc")
    (track / "session.json").write_text("{}")
    with open(track / "rounds.jsonl", "ab") as file:
        file.write(b"damage\nand more\n")


def the_session_file(track: Path, private: Path) -> None:
    replaced(track / "session.json", private / ".bashrc")


def the_journal(track: Path, private: Path) -> None:
    replaced(track / "rounds.jsonl", private / "new file")


def the_imported(track: Path, private: Path) -> None:
    (track / "imported").symlink_to(private)


def stray_operations(track: Path, private: Path) -> None:
    for name in (A, f"{A}-raw", "0" * 16):
        (track / "mattes" / name).symlink_to(private)


LINKS = [
    whole_folder, every_operation, every_small_folder, every_mask, every_log, the_journals_old_temporary,
    the_session_file, the_journal, the_imported, stray_operations,
]  # fmt: skip


@pytest.mark.parametrize("plant", LINKS, ids=lambda plant: plant.__name__)
def test_nothing_outside_is_written_or_removed(
    track: Path, media: Path, private: Path, tmp_path: Path, plant: Callable[[Path, Path], None]
) -> None:
    before = files(private)
    plant(track, private)
    mask = tmp_path / "mask.png"
    mask.write_bytes(to_png(FILM.matte(9)))
    acts: list[Callable[[TrackSession], object]] = [
        lambda s: s.matte_path(3),
        lambda s: run(s),
        lambda s: list(s.propagate(ALL, Direction.BOTH, PropagationOptions(stability=0.5))),
        lambda s: s.apply_round(keep(3)),
        lambda s: list(s.import_mattes(mask, 9)),
        lambda s: s.undo(),
        lambda s: s.disk.keep(10**9),
        lambda s: s.move(tmp_path / "elsewhere"),
    ]
    for act in acts:
        with suppress(CutoutError), opened(media, track, 1) as session:
            act(session)
    assert files(private) == before


def test_what_is_shown_in_the_place_of_links_is_made_again(track: Path, media: Path, private: Path) -> None:
    every_mask(track, private)
    with opened(media, track) as session:
        path = session.matte_path(3)
        assert path is not None
        assert not path.is_symlink()
        run(session)
        assert session.done_ranges() == ((0, len(FILM)),)
        assert not any(p.is_symlink() for p in (track / "mattes").rglob("*.png"))


def test_a_move_to_another_disk_copies_no_files_of_others(
    track: Path, media: Path, private: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (track / "mattes" / "photos").symlink_to(private)
    (track / "key").symlink_to(private / ".bashrc")
    os.mkfifo(track / "pipe")
    mine = tmp_path / ".far.1a2b3c4d.part"
    mine.mkdir()
    (mine / "thesis.txt").write_text("mine")
    left = tmp_path / ".far.99999999.part"
    shutil.copytree(track, left, symlinks=True, ignore=lambda *_: ["pipe", "key"])

    def other_disk(*_: object) -> None:
        raise OSError(errno.EXDEV, "Invalid cross-device link")

    monkeypatch.setattr("blender_cutout.core.session.folder.os.rename", other_disk)
    with opened(media, track) as session:
        session.move(tmp_path / "far")
        with pytest.raises(StoreError, match="in use"):
            opened(media, tmp_path / "far")
        session.apply_round(keep(5))
    assert not any(b"mine" in data for data in files(tmp_path / "far").values())
    assert (mine / "thesis.txt").read_text() == "mine"
    assert not left.exists(), "what a killed process left is removed"


def test_a_damaged_mask_that_cannot_be_removed_is_passed_by(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = MatteStore(tmp_path / "mattes", FILM.size)
    path = store.write(A, 3, FILM.matte(3))
    path.write_bytes(b"torn")

    def refused(*_: object, **__: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Path, "unlink", refused)
    assert not store.is_sound(A, 3)
    assert not store.has(A, 3), "or who asks until a whole one comes would ask for ever"


@pytest.mark.parametrize(
    "content",
    [
        b"[" * 300_000,
        b"[]",
        b'{"version": 1e999, "fingerprint": "", "clip": ""}',
        b'{"version": "2", "fingerprint": "", "clip": ""}',
        b'{"version": 2, "fingerprint": "", "clip": 7}',
        b'{"version": 2, "fingerprint": "", "clip": ["a"]}',
        b'{"version": %s, "fingerprint": "", "clip": ""}' % (b"9" * 5000),
        b"\xff\xfe\0",
    ],
)
def test_an_invalid_session_file_is_made_again(track: Path, media: Path, content: bytes) -> None:
    (track / "session.json").write_bytes(content)
    with opened(media, track) as session:
        assert session.keyframes() == (3,)
        assert "rewritten" in session.warnings[-1]
    assert json.loads((track / "session.json").read_text(encoding="utf-8"))["count"] == len(FILM)


@pytest.mark.parametrize("count", ["9" * 4000, "-5", '"many"', "[1]"])
def test_of_another_clip_only_what_makes_sense_is_said(track: Path, media: Path, count: str) -> None:
    path = json.dumps("x" * 10_000)
    (track / "session.json").write_text(f'{{"version": 2, "fingerprint": "", "clip": {path}, "count": {count}}}')
    with pytest.raises(StoreError) as caught:
        opened(media, track)
    assert len(caught.value.text) < 2000


def test_imported_masks_are_kept_in_the_folder_itself(tmp_path: Path, private: Path) -> None:
    imported = ImportedMattes(tmp_path / "imported", FILM.size)
    grey = (FILM.matte(3) * 255).astype("uint8")
    name = imported.add(grey)
    imported.path(name).unlink()
    imported.path(name).symlink_to(private / "000003.png")
    assert imported.add(grey) == name
    assert not imported.path(name).is_symlink()
    assert (private / "000003.png").read_bytes() == b"mine"
