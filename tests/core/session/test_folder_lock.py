"""Tests that the lock respects living processes and not dead ones."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from blender_cutout.core.errors import StoreError
from blender_cutout.core.session import folder_lock as module
from blender_cutout.core.session.folder_lock import FolderLock, process_start


def test_a_second_taker_learns_who_has_it_and_gets_it_after_release(tmp_path: Path) -> None:
    first = FolderLock(tmp_path)
    with pytest.raises(StoreError, match=str(os.getpid())):
        FolderLock(tmp_path)
    first.release()
    second = FolderLock(tmp_path)
    assert second.warnings == []
    second.release()
    assert list(tmp_path.iterdir()) == []


def test_the_lock_of_a_process_that_ended_is_broken_with_a_warning(tmp_path: Path) -> None:
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    owner = {"pid": child.pid, "started": process_start(child.pid), "host": socket.gethostname()}
    (tmp_path / "lock").write_text(json.dumps(owner))
    with pytest.raises(StoreError, match=f"process {child.pid}"):
        FolderLock(tmp_path)
    child.communicate(b"\n")
    lock = FolderLock(tmp_path)
    assert "ended abruptly" in lock.warnings[0]
    lock.release()


def test_a_pid_given_to_another_process_does_not_keep_the_folder_locked(tmp_path: Path) -> None:
    owner = {"pid": os.getpid(), "started": "long ago", "host": socket.gethostname()}
    (tmp_path / "lock").write_text(json.dumps(owner))
    assert FolderLock(tmp_path).warnings


def test_a_lock_of_another_machine_is_respected(tmp_path: Path) -> None:
    (tmp_path / "lock").write_text(json.dumps({"pid": 1, "started": "x", "host": "elsewhere"}))
    with pytest.raises(StoreError, match="elsewhere") as caught:
        FolderLock(tmp_path)
    assert str(tmp_path / "lock") in caught.value.hint


def test_a_torn_lock_is_busy_while_young_and_stale_when_old(tmp_path: Path) -> None:
    (tmp_path / "lock").write_text("{")
    with pytest.raises(StoreError):
        FolderLock(tmp_path)
    old = time.time() - 60
    os.utime(tmp_path / "lock", (old, old))
    assert FolderLock(tmp_path).warnings


def test_a_lock_is_never_seen_without_its_content(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process killed at the worst moment leaves no lock at all, or one that names it."""
    link = os.link

    def killed(*names: object) -> None:
        raise SystemExit

    monkeypatch.setattr(os, "link", killed)
    with pytest.raises(SystemExit):
        FolderLock(tmp_path)
    assert not (tmp_path / "lock").exists()
    monkeypatch.setattr(os, "link", link)
    lock = FolderLock(tmp_path)
    assert json.loads((tmp_path / "lock").read_text())["pid"] == os.getpid()
    assert [p.name for p in tmp_path.iterdir()] == ["lock"]
    lock.release()


def test_a_disk_without_hard_links_is_locked_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def none(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", none)
    lock = FolderLock(tmp_path)
    with pytest.raises(StoreError, match=str(os.getpid())):
        FolderLock(tmp_path)
    lock.release()
    assert list(tmp_path.iterdir()) == []


def test_of_many_that_find_a_stale_lock_one_gets_it(tmp_path: Path) -> None:
    (tmp_path / "lock").write_text(json.dumps({"pid": 2**22 + 5, "started": "x", "host": socket.gethostname()}))
    code = (
        "import sys, time; from pathlib import Path; from blender_cutout.core.session.folder_lock import FolderLock\n"
        "from blender_cutout.core.errors import StoreError\n"
        "sys.stdin.readline()\n"
        "try:\n    FolderLock(Path(sys.argv[1])); print('mine', flush=True); sys.stdin.readline()\n"
        "except StoreError:\n    print('busy', flush=True)"
    )
    root = Path(__file__).parents[3]
    children = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(tmp_path)],
            cwd=root,
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        for _ in range(3)
    ]
    for child in children:
        assert child.stdin
        child.stdin.write("\n")
        child.stdin.flush()
    said = [child.stdout.readline().strip() for child in children if child.stdout]
    for child in children:
        child.communicate("\n")
    assert sorted(said) == ["busy"] * 2 + ["mine"]


def test_a_folder_that_is_not_there_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="cannot be written"):
        FolderLock(tmp_path / "none")


def test_a_released_lock_of_somebody_else_stays(tmp_path: Path) -> None:
    lock = FolderLock(tmp_path)
    (tmp_path / "lock").write_text("other")
    lock.release()
    assert (tmp_path / "lock").read_text() == "other"


def test_start_times_differ_from_no_process() -> None:
    assert process_start(os.getpid()) == process_start(os.getpid()) != None  # noqa: E711
    assert process_start(2**22 + 5) is None


HOLDER = (
    "import sys; from pathlib import Path; from blender_cutout.core.session.folder_lock import FolderLock\n"
    "lock = FolderLock(Path(sys.argv[1])); print('mine', flush=True); sys.stdin.readline()"
)


def holder(folder: Path) -> subprocess.Popen[str]:
    """A process that holds the lock until it gets a line."""
    root, pipe = Path(__file__).parents[3], subprocess.PIPE
    child = subprocess.Popen([sys.executable, "-c", HOLDER, str(folder)], cwd=root, text=True, stdin=pipe, stdout=pipe)
    assert child.stdout
    assert child.stdout.readline() == "mine\n"
    return child


def test_an_owner_that_cannot_be_seen_is_respected_while_it_lives(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As from another container: no process here has that number."""
    child = holder(tmp_path)
    monkeypatch.setattr(module, "process_start", lambda _: None)
    with pytest.raises(StoreError, match=f"process {child.pid}"):
        FolderLock(tmp_path)
    assert json.loads((tmp_path / "lock").read_text())["pid"] == child.pid
    child.kill()
    child.communicate()
    lock = FolderLock(tmp_path)
    assert "ended abruptly" in lock.warnings[0]
    lock.release()
    assert list(tmp_path.iterdir()) == []


def test_without_locks_of_the_system_the_file_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def none(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", none)
    child = holder(tmp_path)
    with pytest.raises(StoreError, match=f"process {child.pid}"):
        FolderLock(tmp_path)
    child.kill()
    child.communicate()
    FolderLock(tmp_path).release()
    assert list(tmp_path.iterdir()) == []


def test_an_unreadable_lock_of_tomorrow_holds_nobody_up(tmp_path: Path) -> None:
    (tmp_path / "lock").write_text("{")
    os.utime(tmp_path / "lock", (time.time() + 86400,) * 2)
    FolderLock(tmp_path).release()


@pytest.mark.parametrize(
    "content",
    [
        "[" * 300_000,
        json.dumps({"pid": 10**400, "started": "x", "host": socket.gethostname()}),
        json.dumps({"pid": -1, "started": "x", "host": socket.gethostname()}),
        json.dumps({"pid": [1], "started": {}, "host": socket.gethostname()}),
    ],
)
def test_nonsense_in_a_lock_holds_nobody_up(tmp_path: Path, content: str) -> None:
    (tmp_path / "lock").write_text(content)
    os.utime(tmp_path / "lock", (1, 1))
    FolderLock(tmp_path).release()


def test_what_killed_processes_left_is_removed_and_nothing_else(tmp_path: Path) -> None:
    names = ["lock.12.part", "lock.12.stale", ".lock.1a2b3c4d.part", "lock.mine.part", ".locker.1a.part"]
    for name in ("lock", *names):
        (tmp_path / name).write_text("{")
        os.utime(tmp_path / name, (1, 1))
    FolderLock(tmp_path).release()
    assert sorted(p.name for p in tmp_path.iterdir()) == [".locker.1a.part", "lock.mine.part"]
