"""Allows one process at a time in a track's folder: a lock file with the process's id and start time.

The start time distinguishes a living owner from another process that got the same id later. A lock whose owner is gone
is broken with a warning; a lock of another machine (a shared drive) cannot be checked and is respected.

Containers and sandboxed Blenders do not see each other's processes, nor do the users of a Windows machine. So the owner
also holds a system lock on the file where there are such locks (not on every network drive). On Windows this was tested
with a stand-in only.
"""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from .. import file_lock
from ..atomic import NotOrdinary, leftover_of, new_beside, open_regular, unused_name
from ..errors import StoreError

UNREADABLE_AGE = 2.0
"""Seconds after which a lock file without readable content counts as left over from a crash. On disks with hard links a
lock appears with its content, so only a power cut leaves one empty."""
_LITTER_AGE = 60.0
_OLD_LITTER = re.compile(r"lock\.[0-9]+\.(part|stale)")
_MOST_BYTES = 65536
_TRIES = 20


class FolderLock:
    """The lock on a folder, held from construction until `release`.

    Attributes:
        warnings: says, in a sentence for the user, that the lock of a dead process was broken.
    """

    def __init__(self, folder: Path) -> None:
        """Takes the lock. Raises StoreError when a living process holds it or the folder cannot be written."""
        self.path = folder / "lock"
        self.warnings: list[str] = []
        self._handle: int | None = None
        self._content = json.dumps(
            {"pid": os.getpid(), "started": process_start(os.getpid()), "host": socket.gethostname()}
        )
        try:
            if not self._create():
                self._break_stale()
                if not self._create():
                    raise _busy(self.path, _read(self.path) or {})
        except NotOrdinary as error:
            raise StoreError(
                f"{self.path} is in the way ({error.strerror}).",
                "Blender Cutout did not make it: do not use a folder from someone you do not trust.",
            ) from error
        except OSError as error:
            raise StoreError(
                f"The folder {folder} cannot be written ({error.strerror or error}).",
                "Make it writable, free disk space, or save the project in another place.",
            ) from error

    def release(self) -> None:
        """Releases the folder; does nothing when the lock is no longer ours."""
        if file_lock.OPEN_FILES_STAY:
            self._let_go()
        with suppress(OSError, ValueError):
            if self.path.read_text(encoding="utf-8") == self._content:
                self.path.unlink()
        self._let_go()

    @contextmanager
    def moving(self, folder: Path) -> Iterator[None]:
        """Wraps the move of the folder, with the lock file in it, to `folder`."""
        if file_lock.OPEN_FILES_STAY:
            self._let_go()
        try:
            yield
            self.path = folder / self.path.name
        finally:
            if self._handle is None or not _is_at(self._handle, self.path):  # copied to another disk
                self._let_go()
                self._hold_again()

    def _hold_again(self) -> None:
        """Takes the system's lock on the lock file under its name; without it the file alone counts."""
        for _ in range(_TRIES):
            with suppress(OSError):
                handle = open_regular(self.path, os.O_RDWR, follow=False)
                if os.read(handle, _MOST_BYTES) == self._content.encode() and _hold(handle):
                    self._handle = handle
                    return
                os.close(handle)
            time.sleep(0.01)  # another process that checks the lock holds it for a moment

    def _let_go(self) -> None:
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None

    def _create(self) -> bool:
        """Creates the lock file with its content in one step; False when there is one already."""
        part, handle = new_beside(self.path)
        try:
            self._handle = handle
            os.write(handle, self._content.encode())
            _hold(handle)
            if file_lock.OPEN_FILES_STAY:
                self._let_go()
            os.link(part, self.path)
        except FileExistsError:
            self._let_go()
            return False
        except OSError:  # a disk without hard links
            self._let_go()
            return self._create_in_two_steps()
        except BaseException:
            self._let_go()
            raise
        finally:
            with suppress(OSError):
                part.unlink(missing_ok=True)
        if self._handle is None:
            self._hold_again()
        return True

    def _create_in_two_steps(self) -> bool:
        try:
            handle = os.open(self.path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666)
        except FileExistsError:
            return False
        self._handle = handle
        try:
            _hold(handle)
            os.write(handle, self._content.encode())
        except OSError:
            if file_lock.OPEN_FILES_STAY:
                self._let_go()
            with suppress(OSError):
                self.path.unlink()
            self._let_go()
            raise
        return True

    def _break_stale(self) -> None:
        """Removes the lock of a dead process; raises StoreError when its owner lives."""
        for _ in range(_TRIES):
            try:
                handle = open_regular(self.path, follow=False)
            except FileNotFoundError:
                return
            try:
                found = os.read(handle, _MOST_BYTES)
                owner = _parsed(found)
                if not _hold(handle):
                    raise _busy(self.path, owner or {})
                if not _is_at(handle, self.path):
                    continue  # another process broke it, and took it again, meanwhile
                if owner is None:
                    # The absolute age: a date in the future must not keep the lock for years.
                    if abs(time.time() - os.fstat(handle).st_mtime) < UNREADABLE_AGE:
                        raise _busy(self.path, {})
                elif owner.get("host") != socket.gethostname() or _lives(owner):
                    raise _busy(self.path, owner)
                if file_lock.OPEN_FILES_STAY:
                    os.close(handle)
                    handle = -1
                self._remove(found)
            finally:
                if handle >= 0:
                    os.close(handle)
            self._sweep()
            # Without the path, which fills the panel: the track in question is being opened.
            self.warnings.append("The last run here ended abruptly; nothing finished is lost.")
            return

    def _remove(self, stale: bytes) -> None:
        """Removes the lock if it is still the one that was examined: another process may have broken it as well."""
        aside = unused_name(self.path)
        with suppress(FileNotFoundError):
            os.replace(self.path, aside)
            if aside.read_bytes()[:_MOST_BYTES] != stale:
                with suppress(OSError):
                    os.link(aside, self.path)
                aside.unlink()
                raise _busy(self.path, _read(self.path) or {})
            aside.unlink()

    def _sweep(self) -> None:
        """Removes what killed processes left next to the lock."""
        with suppress(OSError):
            for name in os.listdir(self.path.parent):
                if _OLD_LITTER.fullmatch(name) or leftover_of(name) == self.path.name:
                    litter = self.path.with_name(name)
                    with suppress(OSError):
                        if time.time() - os.lstat(litter).st_mtime > _LITTER_AGE:
                            litter.unlink()


def process_start(pid: int) -> str | None:
    """Returns a value that differs between two processes with the same id; None = no such process.

    It is the start time in the system's own unit, on Linux together with the boot it counts from.
    """
    if sys.platform == "win32":
        return _windows_start(pid)
    try:
        # The name, in brackets, may hold anything, so count fields after the last bracket; the 22nd is the start.
        fields = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return None if fields[0] in "ZX" else f"{boot}:{fields[19]}"
    except (OSError, IndexError):
        if sys.platform == "linux" and Path("/proc/self/stat").exists():
            return None
    run = subprocess.run(["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return run.stdout.strip() or None


def _windows_start(pid: int) -> str | None:
    """Returns the creation time of a process; `os.kill(pid, 0)` would end it on Windows."""
    if sys.platform != "win32":
        return None
    import ctypes
    from ctypes import wintypes

    kernel32 = ctypes.WinDLL("kernel32", use_last_error=True)
    kernel32.OpenProcess.restype = wintypes.HANDLE
    kernel32.GetProcessTimes.argtypes = [wintypes.HANDLE] + [ctypes.POINTER(wintypes.FILETIME)] * 4
    kernel32.GetExitCodeProcess.argtypes = [wintypes.HANDLE, ctypes.POINTER(wintypes.DWORD)]
    kernel32.CloseHandle.argtypes = [wintypes.HANDLE]
    handle = kernel32.OpenProcess(0x1000, False, pid)  # PROCESS_QUERY_LIMITED_INFORMATION
    if not handle:
        return None
    try:
        times = [wintypes.FILETIME() for _ in range(4)]
        code = wintypes.DWORD()
        kernel32.GetExitCodeProcess(handle, ctypes.byref(code))
        still_active = 259
        if code.value != still_active or not kernel32.GetProcessTimes(handle, *(ctypes.byref(t) for t in times)):
            return None
        return f"{times[0].dwHighDateTime}:{times[0].dwLowDateTime}"
    finally:
        kernel32.CloseHandle(handle)


def _hold(handle: int) -> bool:
    """Takes the system's lock on an open file; False = another process has it. True also where there are none."""
    try:
        return file_lock.try_lock(handle)
    except OSError:
        return True


def _is_at(handle: int, path: Path) -> bool:
    """Returns whether an open file is the one at that path."""
    try:
        return os.path.samestat(os.fstat(handle), os.lstat(path))
    except FileNotFoundError:
        return False


def _lives(owner: dict[str, object]) -> bool:
    pid = owner.get("pid")
    if type(pid) is not int or not 0 < pid < 2**32:
        return False
    return process_start(pid) is not None and process_start(pid) == owner.get("started")


def _read(path: Path) -> dict[str, object] | None:
    """Returns the content of the lock; None when it is not readable (being written, or torn)."""
    try:
        handle = open_regular(path, follow=False)
    except OSError:
        return None
    with os.fdopen(handle, "rb") as file:
        return _parsed(file.read(_MOST_BYTES))


def _parsed(data: bytes) -> dict[str, object] | None:
    try:
        content = json.loads(data)
    except (ValueError, RecursionError):
        return None
    return content if isinstance(content, dict) else None


def _busy(path: Path, owner: dict[str, object]) -> StoreError:
    pid, host = str(owner.get("pid", "unknown"))[:20], str(owner.get("host", ""))[:80]
    where = f" on {host}" if host and host != socket.gethostname() else ""
    return StoreError(
        f"The track in {path.parent} is in use by process {pid}{where}.",
        f"Close the other Blender that has this project open. If there is none, delete {path}.",
    )
