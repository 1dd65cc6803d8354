"""One process at a time in a track's folder: a lock file with the process's id and start time.

The start time tells a living owner from another process that was given the same id later. A lock whose owner is gone
is broken with a warning; a lock of another machine (a shared drive) cannot be judged and is respected.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

from .errors import StoreError

UNREADABLE_AGE = 2.0
"""Seconds after which a lock file without readable content is taken for the remains of a crash. On disks with hard
links a lock appears with its content, so only a power cut leaves such a one."""
_LITTER_AGE = 60.0


class FolderLock:
    """The lock on a folder; held from construction until `release`.

    Attributes:
        warnings: that the lock of a process that is gone was broken, in a sentence for the user.
    """

    def __init__(self, folder: Path) -> None:
        """Takes the lock. Raises StoreError when a living process has it or the folder cannot be written."""
        self.path = folder / "lock"
        self.warnings: list[str] = []
        self._content = json.dumps(
            {"pid": os.getpid(), "started": process_start(os.getpid()), "host": socket.gethostname()}
        )
        try:
            if not self._create():
                self._break_stale()
                if not self._create():
                    raise _busy(self.path, _read(self.path) or {})
        except OSError as error:
            raise StoreError(
                f"The folder {folder} cannot be written ({error.strerror or error}).",
                "Make it writable, free disk space, or save the project in another place.",
            ) from error

    def release(self) -> None:
        """Gives the folder free; does nothing when the lock is not ours any more."""
        with suppress(OSError):
            if self.path.read_text(encoding="utf-8") == self._content:
                self.path.unlink()

    def moved(self, folder: Path) -> None:
        """Tells that the folder, with the lock file in it, lies elsewhere now."""
        self.path = folder / self.path.name

    def _create(self) -> bool:
        """Makes the lock file with its content in one step; False when there is one already."""
        part = self.path.with_name(f"lock.{os.getpid()}.part")
        try:
            part.write_text(self._content, encoding="utf-8")
            try:
                os.link(part, self.path)
            except FileExistsError:
                return False
            except OSError:  # a disk without hard links
                return self._create_in_two_steps()
        finally:
            with suppress(OSError):
                part.unlink(missing_ok=True)
        return True

    def _create_in_two_steps(self) -> bool:
        try:
            handle = os.open(self.path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666)
        except FileExistsError:
            return False
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(self._content)
        except OSError:
            with suppress(OSError):
                self.path.unlink()
            raise
        return True

    def _break_stale(self) -> None:
        """Removes the lock of a process that is gone; raises StoreError when its owner lives."""
        try:
            owner, found = _read(self.path), self.path.read_bytes()
        except FileNotFoundError:
            return
        if owner is None:
            if time.time() - self.path.stat().st_mtime < UNREADABLE_AGE:
                raise _busy(self.path, {})
        elif owner.get("host") != socket.gethostname() or _lives(owner):
            raise _busy(self.path, owner)
        self._remove(found)
        self._sweep()
        # Without the path, which fills the panel: it is the track that is being opened.
        self.warnings.append("The last work here was cut short; it was taken over, and nothing finished is lost.")

    def _remove(self, stale: bytes) -> None:
        """Removes the lock if it is still the one that was looked at: another process may have broken it as well."""
        aside = self.path.with_name(f"lock.{os.getpid()}.stale")
        with suppress(FileNotFoundError):
            os.replace(self.path, aside)
            if aside.read_bytes() != stale:
                with suppress(OSError):
                    os.link(aside, self.path)
                aside.unlink()
                raise _busy(self.path, _read(self.path) or {})
            aside.unlink()

    def _sweep(self) -> None:
        """Removes what killed processes left beside the lock."""
        with suppress(OSError):
            for name in os.listdir(self.path.parent):
                if name.startswith("lock.") and name.endswith((".part", ".stale")):
                    litter = self.path.with_name(name)
                    with suppress(OSError):
                        if time.time() - litter.stat().st_mtime > _LITTER_AGE:
                            litter.unlink()


def process_start(pid: int) -> str | None:
    """Something that differs between two processes with the same id; None = no such process.

    The start time in the system's own unit, on Linux together with the boot it counts from.
    """
    if sys.platform == "win32":
        return _windows_start(pid)
    try:
        # The name, in brackets, may hold anything: fields are counted after the last bracket; the 22nd is the start.
        fields = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return None if fields[0] in "ZX" else f"{boot}:{fields[19]}"
    except (OSError, IndexError):
        if sys.platform == "linux" and Path("/proc/self/stat").exists():
            return None
    run = subprocess.run(["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return run.stdout.strip() or None


def _windows_start(pid: int) -> str | None:
    """Creation time of a process; `os.kill(pid, 0)` would end it on Windows."""
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


def _lives(owner: dict[str, object]) -> bool:
    pid = owner.get("pid")
    return isinstance(pid, int) and process_start(pid) is not None and process_start(pid) == owner.get("started")


def _read(path: Path) -> dict[str, object] | None:
    """What the lock says; None when it is not readable (being written, or torn)."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return content if isinstance(content, dict) else None


def _busy(path: Path, owner: dict[str, object]) -> StoreError:
    pid, host = owner.get("pid", "unknown"), owner.get("host", "")
    where = f" on {host}" if host and host != socket.gethostname() else ""
    return StoreError(
        f"The track in {path.parent} is in use by process {pid}{where}.",
        f"Close the other Blender that has this project open. If there is none, delete {path}.",
    )
