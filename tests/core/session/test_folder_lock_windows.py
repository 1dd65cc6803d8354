"""Tests the lock with a stand-in for Windows: its locks, and open files that can be neither renamed nor removed."""

from __future__ import annotations

import errno
import fcntl
import os
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from session_kit import FILM, keep, make_engine, write_film

from blender_cutout.core import file_lock
from blender_cutout.core.errors import StoreError
from blender_cutout.core.session import folder_lock
from blender_cutout.core.session.folder_lock import FolderLock
from blender_cutout.core.session.track_session import TrackSession
from blender_cutout.core.types import Clip

pytestmark = pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="the stand-in asks /proc for open files")


class Locks(ModuleType):
    """`msvcrt` as documented: one descriptor holds a byte until it is closed, and others cannot read it meanwhile."""

    LK_NBLCK = 2

    def locking(self, handle: int, mode: int, count: int) -> None:
        assert (mode, count) == (self.LK_NBLCK, 1)
        assert os.lseek(handle, 0, os.SEEK_CUR) >= os.fstat(handle).st_size, "nobody could read a locked byte"
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise OSError(errno.EACCES, "Permission denied") from error


def open_files() -> list[str]:
    """Returns the paths of this process's open files."""
    places = []
    for name in os.listdir("/proc/self/fd"):
        try:
            places.append(os.readlink(f"/proc/self/fd/{name}"))
        except OSError:
            continue
    return places


@pytest.fixture(autouse=True)
def windows(monkeypatch: pytest.MonkeyPatch) -> None:
    def checked(call: Any) -> Any:
        def checked_call(*places: Any, **options: Any) -> Any:
            for place in map(os.path.abspath, places):
                if any(name == place or name.startswith(f"{place}/") for name in open_files()):
                    raise PermissionError(errno.EACCES, "The process cannot access the file", place)
            return call(*places, **options)

        return checked_call

    for name in ("rename", "replace", "unlink", "remove"):
        monkeypatch.setattr(os, name, checked(getattr(os, name)))
    monkeypatch.setattr(Path, "unlink", lambda self, missing_ok=False: unlinked(self, missing_ok))
    monkeypatch.setattr(file_lock, "OPEN_FILES_STAY", True)
    monkeypatch.setitem(sys.modules, "msvcrt", Locks("msvcrt"))
    monkeypatch.setitem(sys.modules, "fcntl", None)


def unlinked(path: Path, missing_ok: bool) -> None:
    try:
        os.unlink(path)
    except FileNotFoundError:
        if not missing_ok:
            raise


@pytest.fixture
def unseen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Owners cannot be seen, as if they were another user's."""
    monkeypatch.setattr(folder_lock, "process_start", lambda _: None)


@pytest.mark.usefixtures("unseen")
@pytest.mark.parametrize("links", [True, False])
def test_a_second_owner_is_refused_though_it_cannot_see_the_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, links: bool
) -> None:
    def none(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    if not links:
        monkeypatch.setattr(os, "link", none)
    first = FolderLock(tmp_path)
    for _ in range(2):
        with pytest.raises(StoreError, match=f"in use by process {os.getpid()}"):
            FolderLock(tmp_path)
    first.release()
    assert list(tmp_path.iterdir()) == []
    second = FolderLock(tmp_path)
    assert second.warnings == []
    second.release()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("unseen")
def test_the_lock_of_a_dead_owner_is_broken(tmp_path: Path) -> None:
    first = FolderLock(tmp_path)
    first._let_go()  # as the system does at the process's end
    second = FolderLock(tmp_path)
    assert "ended abruptly" in second.warnings[0]
    second.release()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("unseen")
def test_a_moved_track_is_still_held(tmp_path: Path) -> None:
    (tmp_path / "media").mkdir()
    clip = Clip(str(write_film(tmp_path / "media", FILM)))
    with TrackSession.open(clip, tmp_path / "track", make_engine()) as session:
        session.apply_round(keep(3))
        session.move(tmp_path / "moved")
        with pytest.raises(StoreError, match="in use"):
            TrackSession.open(clip, tmp_path / "moved", make_engine())
        (tmp_path / "full" / "file").mkdir(parents=True)
        with pytest.raises(StoreError):
            session.move(tmp_path / "full")
        with pytest.raises(StoreError, match="in use"):
            TrackSession.open(clip, tmp_path / "moved", make_engine())
    assert not (tmp_path / "track").exists()
    assert not (tmp_path / "moved" / "lock").exists()
    TrackSession.open(clip, tmp_path / "moved", make_engine()).close()
