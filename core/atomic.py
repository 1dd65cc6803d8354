"""Writes files whole or not at all, and opens only ordinary files. Standard library only.

A folder that came from somebody else may hold links, pipes and devices under any name. Temporary files therefore get
unpredictable names and are always created, never opened; each then replaces the file, or the link, of the final name.
"""

from __future__ import annotations

import errno
import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

SUFFIX = ".part"
"""Suffix of temporary files."""
NEW, OLD, COPY = ".new", ".old", ".copy"
"""Suffixes of temporary folders: one that is being filled, one that was replaced, and a copy that is being made."""
_LEFTOVER = r"(?s)\.(?P<target>.+)\.[0-9a-f]+(?P<suffix>\.[a-z]+)"
_TRIES = 100
_BINARY: int = getattr(os, "O_BINARY", 0)
_NO_FOLLOW: int = getattr(os, "O_NOFOLLOW", 0)
_NO_WAIT: int = getattr(os, "O_NONBLOCK", 0)
_REPARSE_POINT = 0x400
"""Windows: set for symbolic links and for junctions, which Python 3.10 and 3.11 do not count as links."""


class NotOrdinary(OSError):
    """Raised when a pipe, device, socket, folder or link lies where an ordinary file or a folder is expected."""

    def __init__(self, path: Path, text: str) -> None:
        super().__init__(errno.EINVAL, text, str(path))


@contextmanager
def replacing(path: str | os.PathLike[str], durable: bool = False) -> Iterator[IO[bytes]]:
    """Yields a new binary file that replaces `path` if the block succeeds and is removed if it fails.

    A link at `path` is replaced, not followed. With `durable`, the content is flushed to disk before the file appears
    under its name; the name itself is durable only after `sync_folder`. Raises OSError.
    """
    target = Path(path)
    temporary, handle = new_beside(target)
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            if durable:
                os.fsync(file.fileno())
        os.replace(temporary, target)
    except BaseException:
        with suppress(OSError):
            temporary.unlink()
        raise


def write(path: str | os.PathLike[str], data: bytes, durable: bool = False) -> None:
    """Writes a whole file; see `replacing`. Raises OSError and then leaves the old file as it was."""
    with replacing(path, durable) as file:
        file.write(data)


def new_beside(target: Path) -> tuple[Path, int]:
    """Creates a temporary file next to `target` and returns its path and a descriptor for writing. Raises OSError."""
    for _ in range(_TRIES):
        temporary = unused_name(target)
        with suppress(FileExistsError):
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | _NO_FOLLOW | _BINARY
            return temporary, os.open(temporary, flags, 0o666)
    raise FileExistsError(errno.EEXIST, "No temporary name is free", str(target))


def new_folder_beside(target: Path, suffix: str = NEW) -> Path:
    """Creates a temporary folder next to `target` and returns its path. Raises OSError."""
    for _ in range(_TRIES):
        temporary = unused_name(target, suffix)
        with suppress(FileExistsError):
            os.mkdir(temporary)
            return temporary
    raise FileExistsError(errno.EEXIST, "No temporary name is free", str(target))


def unused_name(path: str | os.PathLike[str], suffix: str = SUFFIX) -> Path:
    """Returns an unused name next to `path` for a temporary file or folder that the caller creates (`os.link`)."""
    target = Path(path)
    return target.with_name(f".{target.name}.{os.urandom(4).hex()}{suffix}")


def leftover_of(name: str, suffix: str = SUFFIX) -> str | None:
    """Returns the name of what a killed process was replacing by this temporary file or folder; None if it is not one.

    Temporary folders have another `suffix`: `NEW`, `OLD` or `COPY`.
    """
    match = re.fullmatch(_LEFTOVER, name)
    return match["target"] if match and match["suffix"] == suffix else None


def leftovers(target: Path, suffix: str = SUFFIX) -> list[Path]:
    """Returns what killed processes left next to `target` under temporary names. Raises OSError."""
    return [target.with_name(name) for name in os.listdir(target.parent) if leftover_of(name, suffix) == target.name]


def open_regular(path: str | os.PathLike[str], flags: int = os.O_RDONLY, follow: bool = True) -> int:
    """Returns a descriptor of an ordinary file; anything else is refused at once, without blocking on it.

    Args:
        path: the file.
        flags: as for `os.open`.
        follow: False to refuse links too.

    Raises:
        NotOrdinary: the path is a pipe, device, socket, folder or link. OSError: it cannot be opened.
    """
    place = Path(path)
    if "\0" in str(place):
        raise NotOrdinary(place, "Not a file's name")
    with suppress(FileNotFoundError):
        _check_regular(place, os.stat(place, follow_symlinks=follow))
    extra = _BINARY | _NO_WAIT | (0 if follow else _NO_FOLLOW)
    try:
        handle = os.open(place, flags | extra, 0o666)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENXIO):
            raise NotOrdinary(place, "Not an ordinary file") from error
        raise
    try:
        _check_regular(place, os.fstat(handle))
    except OSError:
        os.close(handle)
        raise
    return handle


def read_regular(path: str | os.PathLike[str], most: int, follow: bool = True) -> bytes:
    """Returns the bytes of an ordinary file of at most `most` bytes. Raises NotOrdinary, OSError."""
    with os.fdopen(open_regular(path, follow=follow), "rb") as file:
        # Do not simply read `most` bytes: Python would allocate all of that at once.
        data = file.read(min(most, os.fstat(file.fileno()).st_size) + 1)
    if len(data) > most:
        raise OSError(errno.EFBIG, f"The file is larger than {most} bytes", str(path))
    return data


def make_folder(path: str | os.PathLike[str]) -> None:
    """Makes a folder unless it exists. Its parent must exist; a link to a folder is refused.

    Raises:
        NotOrdinary: something else lies there. OSError: the folder cannot be made.
    """
    place = Path(path)
    with suppress(FileExistsError):
        os.mkdir(place)
    if not is_folder(place):
        raise NotOrdinary(place, "Not a folder, or only a link to one")


def is_folder(path: str | os.PathLike[str]) -> bool:
    """Returns True for a real folder, not for a link to one."""
    try:
        found = os.lstat(path)
    except (OSError, ValueError):
        return False
    return stat.S_ISDIR(found.st_mode) and not is_link(found)


def is_file(path: str | os.PathLike[str]) -> bool:
    """Returns True for an ordinary file, not for a link to one."""
    try:
        return stat.S_ISREG(os.lstat(path).st_mode)
    except (OSError, ValueError):
        return False


def is_link(found: os.stat_result) -> bool:
    """Returns True if an `os.lstat` result is a symbolic link or a Windows junction."""
    return stat.S_ISLNK(found.st_mode) or bool(getattr(found, "st_file_attributes", 0) & _REPARSE_POINT)


def sync_folder(folder: str | os.PathLike[str]) -> None:
    """Makes the names of new files durable; does nothing on Windows, which has no such call. Raises OSError."""
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _check_regular(path: Path, found: os.stat_result) -> None:
    mode = found.st_mode
    if stat.S_ISREG(mode) and not stat.S_ISLNK(mode):
        return
    kinds = {
        stat.S_IFIFO: "a pipe",
        stat.S_IFSOCK: "a socket",
        stat.S_IFCHR: "a device",
        stat.S_IFBLK: "a device",
        stat.S_IFDIR: "a folder",
        stat.S_IFLNK: "a link",
    }
    raise NotOrdinary(path, f"Not an ordinary file but {kinds.get(stat.S_IFMT(mode), 'something else')}")
