"""Downloads the weights of a published network, only ever on request. Standard library only.

A partial download is kept next to the final place, and the next attempt continues it. The file gets its name only once
its checksum has matched the authors'.
"""

from __future__ import annotations

import errno
import http.client
import os
import re
import shutil
import stat
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from ..core import atomic, file_lock
from ..core.errors import StoreError, WeightsError, store_errors
from ..core.tiers.published import Published
from ..version import __version__
from . import weight_files
from .weight_files import CHUNK, DISK_HINTS

PARTIAL = ".partial"
"""Suffix of a file that is being downloaded."""
PATIENCE = 30.0
"""Seconds without an answer after which the network counts as gone."""
MOST = 4 << 30
"""Bytes after which a download is given up: no weight file is that large."""
SPARE = 64 << 20
"""Free bytes that must remain on the disk."""

Progress = Callable[[int, int | None], None]
"""Called with the bytes that are here and those there will be (None = the server does not say). May raise to stop."""


def fetch(network: Published, progress: Progress = lambda here, total: None) -> Path:
    """Downloads the network's weights unless they are here, checks them, and returns their place.

    A damaged file there is replaced.

    Raises:
        WeightsError: no network, the server refuses, the download ended early, or the file is not the authors'.
        StoreError: no space, no permission, or another process is downloading it.
    """
    target = weight_files.weight_file(network)
    with suppress(WeightsError), weight_files.opened(network):
        return target
    partial = target.with_name(target.name + PARTIAL)
    with store_errors(partial, DISK_HINTS):
        target.parent.mkdir(parents=True, exist_ok=True)
        with _begun(partial) as file:
            _download(network, file, partial.parent, progress)
            file.seek(0)
            try:
                weight_files.check(network, file, partial, "Try again: the download starts from the beginning.")
            except WeightsError:
                file.truncate(0)
                raise
            os.fsync(file.fileno())
        os.replace(partial, target)
    return target


@contextmanager
def _begun(path: Path) -> Iterator[IO[bytes]]:
    """Yields the file of an earlier attempt, or a new one, for reading and writing; for one process at a time."""
    flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0) | getattr(os, "O_NOFOLLOW", 0)
    with os.fdopen(os.open(path, flags, 0o666), "r+b") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise atomic.NotOrdinary(path, "is not an ordinary file")
        if not file_lock.try_lock(file.fileno()):
            raise StoreError(f"Another process is downloading {path}.", "Wait until it is done.")
        yield file


def _download(network: Published, file: IO[bytes], folder: Path, progress: Progress) -> None:
    """Appends to the file, which lies in `folder`, what is missing. Raises WeightsError, or OSError of the disk."""
    here = file.seek(0, os.SEEK_END)
    try:
        answer = _asked(network, here)
    except urllib.error.HTTPError as error:
        with error:
            if error.code == http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE and here:
                return  # nothing is missing; the checksum tells whether it is right
        raise WeightsError(
            f"The server does not give {network.file}: {error.code} {error.reason}.", _by_hand(network)
        ) from error
    except (OSError, http.client.HTTPException) as error:
        raise _no_connection(network, error) from error
    with answer:
        start, total = _extent(answer, here)
        if start != here:
            here = file.seek(0)
            file.truncate()
        _check_space(folder, network, total, here)
        progress(here, total)
        while chunk := _next(network, answer, here, total):
            file.write(chunk)
            here += len(chunk)
            if here > (MOST if total is None else total):
                file.truncate(0)
                raise WeightsError(f"The server sends more than {network.file}.", _by_hand(network))
            progress(here, total)
    file.flush()
    if total is not None and here < total:
        raise _ended_early(network, here, total)


def _asked(network: Published, here: int) -> Any:
    request = urllib.request.Request(network.url, headers={"User-Agent": f"blender-cutout/{__version__}"})
    if here:
        request.add_header("Range", f"bytes={here}-")
    return urllib.request.urlopen(request, timeout=PATIENCE)


def _next(network: Published, answer: Any, here: int, total: int | None) -> bytes:
    try:
        chunk: bytes = answer.read(CHUNK)
    except (OSError, http.client.HTTPException) as error:
        raise _ended_early(network, here, total) from error
    return chunk


def _extent(answer: Any, here: int) -> tuple[int, int | None]:
    """Returns at which byte the answer starts, and how large the whole file is, if the server says so."""
    if answer.status == http.HTTPStatus.PARTIAL_CONTENT:
        found = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", answer.headers.get("Content-Range", "").strip())
        if found and int(found[1]) == here:
            return here, None if found[2] == "*" else int(found[2])
        raise WeightsError("The server gives another part of the file than the one asked for.", "Try again later.")
    length = answer.headers.get("Content-Length", "")
    return 0, int(length) if length.isdecimal() else None


def _check_space(folder: Path, network: Published, total: int | None, here: int) -> None:
    needed = (total if total is not None else network.megabytes << 20) - here
    if shutil.disk_usage(folder).free < needed + SPARE:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(folder))


def _no_connection(network: Published, error: Exception) -> WeightsError:
    reason = getattr(error, "reason", error)
    return WeightsError(f"The weights of {network.title} cannot be downloaded: {reason}.", _by_hand(network))


def _ended_early(network: Published, here: int, total: int | None) -> WeightsError:
    done = here / 2**20
    text = f"The download of {network.file} ended early, after {done:.0f} MB."
    if total is not None:
        text = f"The download of {network.file} ended early, after {done:.0f} of {total / 2**20:.0f} MB."
    return WeightsError(text, "Try again: the download goes on from there.")


def _by_hand(network: Published) -> str:
    return f"Check the connection, or download {network.url} in another way and choose that file."
