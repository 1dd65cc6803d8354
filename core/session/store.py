"""Mattes on disk: `<folder>/<operation id>/<frame>.png`, 8-bit grey at source size; large ones with a small copy.

They all derive from the journal and may be deleted at any time, even while the track is open. A file is complete or
absent. The frames of an operation are found by listing its folder once, then kept up to date.

The folder may come from somebody else: links in it are neither read nor followed, and only files with our own names are
removed.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from ..atomic import is_file, is_folder, leftover_of, make_folder, unused_name
from ..errors import InputError, StoreError, store_errors
from ..images.grey_png import Packed, pack
from ..images.matte import from_grey, is_whole_png, read_grey, read_mask, to_grey, write_png
from ..images.preview import FOLDER, file_bytes, preview_path, write_preview

if TYPE_CHECKING:
    from concurrent.futures import Future

    from ..images.matte import Grey
    from ..types import Matte
from collections import deque
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable


_BEGUN = 4
"""Most mattes that may be in the write queue: those of two frames, as computed and as stabilised."""
_NAME = re.compile(r"([0-9]{6,10})\.png")
_FOLDER = re.compile("[0-9a-f]{16}(-raw|-alone)?")


class MatteStore:
    """The mattes of one track, by operation id and frame."""

    def __init__(self, folder: Path, size: tuple[int, int] | None = None) -> None:
        """Takes the folder, and the mattes' (height, width): a matte of another size counts as damaged."""
        self.folder = folder
        self._size = size
        self._used: int | None = None
        self._frames: dict[str, set[int]] = {}
        self._vanished: list[tuple[str, int]] = []
        self._behind = BackgroundWriter(_BEGUN)
        self._begun: dict[tuple[str, int], Future[int]] = {}
        self._last: tuple[Path, tuple[int, int], Packed] | None = None

    def path(self, operation: str, frame: int) -> Path:
        """Returns where the matte lies, or would lie."""
        return self.folder / operation / f"{frame:06d}.png"

    def frames(self, operation: str) -> set[int]:
        """Returns the frames that the operation has a matte of. The store's own set: do not modify."""
        if operation not in self._frames:
            self._frames[operation] = self._listed(operation)
        return self._frames[operation]

    def has(self, operation: str, frame: int) -> bool:
        """Returns True if the matte is on disk now (asks the disk)."""
        self.end(operation, frame)
        if frame not in self.frames(operation):
            return False
        if is_file(self.path(operation, frame)):
            return True
        self._forget(operation, frame)
        return False

    def vanished(self) -> list[tuple[str, int]]:
        """Returns (operation, frame) of the mattes found missing, or removed, since the last call."""
        found, self._vanished = self._vanished, []
        return found

    def read(self, operation: str, frame: int) -> Matte | None:
        """Returns the matte (H, W) float32 in [0, 1]; None when missing, or damaged (it is then removed).

        Raises:
            StoreError: it is there but cannot be read.
        """
        grey = self.read_grey(operation, frame)
        return None if grey is None else from_grey(grey)

    def read_grey(self, operation: str, frame: int) -> Grey | None:
        """Like `read`, but returns the matte (H, W) uint8 in 255ths as stored; do not modify it."""
        if not self.has(operation, frame):
            return None
        path = self.path(operation, frame)
        last = self._last
        if last is not None and last[0] == path and last[1] == _state(path):
            return last[2].grey
        try:
            return read_grey(path, self._size)
        except InputError as error:
            if isinstance(error.__cause__, OSError):
                raise StoreError(error.text, "Check the disk, then try again.") from error
            self.remove(operation, frame)
            return None

    def is_sound(self, operation: str, frame: int) -> bool:
        """Returns True when the matte's file is whole, without decoding it; removes a damaged one.

        Raises:
            StoreError: it is there but cannot be read.
        """
        if not self.has(operation, frame):
            return False
        path = self.path(operation, frame)
        with store_errors(path):
            sound = is_whole_png(path.read_bytes(), self._size)
        if not sound:
            self.remove(operation, frame)
        return sound

    def write(
        self, operation: str, frame: int, matte: Matte | Grey, early: Callable[[Path], object] = lambda _: None
    ) -> Path:
        """Writes a matte and its small copy; returns its path.

        Args:
            operation: the operation that made it.
            frame: of the clip.
            matte: (H, W) float32 in [0, 1], or uint8 in 255ths, which must not be changed afterwards.
            early: called with the path when the small copy is written and the matte itself is not yet.

        Raises:
            StoreError: it cannot be written; no partial file stays, nor a small copy.
        """
        self.end(operation, frame)
        self.frames(operation)  # listed before there is a partial file in the folder
        self._note(operation, frame, self._put(operation, frame, to_grey(matte), early))
        return self.path(operation, frame)

    def begin(self, operation: str, frame: int, matte: Matte | Grey) -> None:
        """Like `write`, in another thread; until `end` the matte counts as missing.

        Blocks when the disk cannot keep up. Reading that very matte waits for it.
        """
        self.end(operation, frame)
        self.frames(operation)
        grey = to_grey(matte)
        self._begun[operation, frame] = self._behind.put(lambda: self._put(operation, frame, grey))

    def end(self, operation: str, frame: int) -> None:
        """Waits for a matte that was begun; does nothing otherwise. Raises StoreError as `write` would have."""
        future = self._begun.get((operation, frame))
        if future is not None:
            self._note(operation, frame, future.result())
            del self._begun[operation, frame]

    def is_being_written(self, operation: str, frame: int) -> bool:
        """Returns True while a matte that was begun is not complete on disk."""
        future = self._begun.get((operation, frame))
        return future is not None and not future.done()

    def end_all(self) -> None:
        """Waits for everything begun and drops errors: a matte never reported is not missed."""
        self._behind.close()
        for operation, frame in list(self._begun):
            with suppress(StoreError):
                self.end(operation, frame)
        self._begun.clear()

    def _put(self, operation: str, frame: int, grey: Grey, early: Callable[[Path], object] = lambda _: None) -> int:
        """Writes the files of a matte, in any thread; returns their previous size."""
        path = self.path(operation, frame)
        before = file_bytes(path)
        with store_errors(path):
            self._make_folder(operation)
            if write_preview(path, grey):  # first, so that the new matte is never seen with an older small copy
                early(path)
            # The next round on a frame starts from the last round's matte, and changes part of it.
            last = self._last
            packed = pack(grey, last[2] if last else None)
            try:
                write_png(path, packed.png())
            except StoreError:
                with suppress(OSError):
                    preview_path(path).unlink(missing_ok=True)
                raise
            state = _state(path)
        self._last = (path, state, packed) if state else None
        return before

    def _note(self, operation: str, frame: int, before: int) -> None:
        """Counts a matte that was written; `before` is the size of what it replaced."""
        self.frames(operation).add(frame)
        if self._used is not None:
            self._used += file_bytes(self.path(operation, frame)) - before

    def adopt(self, operation: str, frame: int, file: Path) -> Path:
        """Stores an existing file as a matte, sharing its data where the disk supports that; returns the matte's path.

        Raises:
            InputError: the file is missing, damaged or of another size. StoreError: it cannot be written.
        """
        if not (is_file(file) and is_folder(file.parent)):
            raise InputError(f"The mask {file} is not a file.", "Import it again.")
        matte = read_mask(file, self._size)
        path = self.path(operation, frame)
        with store_errors(path):
            self._make_folder(operation)
            write_preview(path, to_grey(matte))
            part = unused_name(path)
            try:
                os.link(file, part)
            except OSError:
                return self.write(operation, frame, matte)
            os.replace(part, path)
            part.unlink(missing_ok=True)  # renaming one link onto another of the same file does nothing
        self.frames(operation).add(frame)
        self._used = None
        return path

    def remove(self, operation: str, frame: int) -> int:
        """Removes a matte and its small copy; returns how many bytes that freed.

        A matte that cannot be removed counts as missing until it is written again.
        """
        with suppress(StoreError):
            self.end(operation, frame)
        path = self.path(operation, frame)
        freed = file_bytes(path)
        self._forget(operation, frame)
        with suppress(OSError):
            for file in (path, preview_path(path)):
                if is_folder(file.parent):
                    file.unlink(missing_ok=True)
        freed -= file_bytes(path)
        if self._used is not None:
            self._used -= freed
        return freed

    def operations(self) -> list[str]:
        """Returns the names of all matte folders on disk."""
        with store_errors(self.folder), suppress(FileNotFoundError):
            names = os.listdir(self.folder) if is_folder(self.folder) else []
            return [name for name in names if _FOLDER.fullmatch(name) and is_folder(self.folder / name)]
        return []

    def used(self) -> int:
        """Returns the bytes that all mattes take; counted once, then kept up to date."""
        if self._used is None:
            self._used = sum(self.size(name, frame) for name in self.operations() for frame in self.frames(name))
        return self._used

    def size(self, operation: str, frame: int) -> int:
        """Returns the bytes that a matte and its small copy take on disk; 0 when there is none."""
        return file_bytes(f"{self.folder}/{operation}/{frame:06d}.png") if frame in self.frames(operation) else 0

    def moved(self, folder: Path) -> None:
        """Records that the files are in another folder now."""
        self.folder = folder

    def _forget(self, operation: str, frame: int) -> None:
        """Records that a matte is gone."""
        frames = self.frames(operation)
        if frame in frames:
            frames.discard(frame)
            self._vanished.append((operation, frame))

    def _make_folder(self, operation: str) -> None:
        """Makes the operation's folder. Raises OSError, also when a link to a folder lies in its place."""
        if not is_folder(self.folder):
            self.folder.parent.mkdir(parents=True, exist_ok=True)
            make_folder(self.folder)
        make_folder(self.folder / operation)

    def _listed(self, operation: str) -> set[int]:
        """Returns the frames in the operation's folder; removes partial files that a killed process left."""
        place = self.folder / operation
        if not is_folder(self.folder):
            return set()
        names = _whole_files(place)
        if FOLDER in names:
            _whole_files(place / FOLDER)
        return {int(match[1]) for name in names if (match := _NAME.fullmatch(name))}


def _state(path: Path) -> tuple[int, int] | None:
    """Returns a file's size and time, which identify it; None when it is missing."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_size, found.st_mtime_ns


def _whole_files(folder: Path) -> list[str]:
    """Returns the names of the files and folders in a folder, and removes partial mattes.

    Empty when the folder is missing or only a link to one; links in it are left out.
    """
    found: list[str] = []
    if not is_folder(folder):
        return found
    with store_errors(folder), suppress(FileNotFoundError), os.scandir(folder) as entries:
        for entry in entries:
            if _NAME.fullmatch(leftover_of(entry.name) or ""):
                with suppress(OSError):
                    os.unlink(entry.path)
            elif not entry.is_symlink():
                found.append(entry.name)
    return found


def raw_of(operation: str) -> str:
    """Returns the folder name for an operation's mattes before stabilising; not an operation's name."""
    return f"{operation}-raw"


def raw_matte(store: MatteStore, operations: Sequence[str], frame: int) -> Matte | None:
    """Returns the matte (H, W) that one of the operations computed, before stabilising where stored; None = none."""
    for name in (*map(raw_of, operations), *operations):
        matte = store.read(name, frame)
        if matte is not None:
            return matte
    return None


class LazyMattes(Mapping[int, "Matte"]):
    """Frame -> matte, read on access, so that a clip's mattes are never in memory together.

    Args:
        frames: the frames, in order.
        read: returns a frame's matte; None = it has vanished.
    """

    def __init__(self, frames: Collection[int], read: Callable[[int], Matte | None]) -> None:
        self._frames = frames
        self._read = read

    def __getitem__(self, frame: int) -> Matte:
        matte = self._read(frame) if frame in self._frames else None
        if matte is None:
            raise KeyError(frame)
        return matte

    def __contains__(self, frame: object) -> bool:
        return frame in self._frames

    def __iter__(self) -> Iterator[int]:
        return iter(self._frames)

    def __len__(self) -> int:
        return len(self._frames)


_T = TypeVar("_T")


class BackgroundWriter:
    """A thread that runs tasks one after another; starts with the first one and ends with `close`.

    Args:
        room: most tasks that may be waiting or running; `put` blocks when it is full.
    """

    def __init__(self, room: int) -> None:
        self._room = room
        self._pool: ThreadPoolExecutor | None = None
        self._given: deque[Future[object]] = deque()

    def put(self, work: Callable[[], _T]) -> Future[_T]:
        """Queues a task after all earlier ones."""
        while self._given and (self._given[0].done() or len(self._given) >= self._room):
            wait((self._given[0],), return_when=FIRST_COMPLETED)
            self._given.popleft()
        if self._pool is None:
            self._pool = ThreadPoolExecutor(1, "masks")
        future = self._pool.submit(work)
        self._given.append(future)  # type: ignore[arg-type]
        return future

    def close(self) -> None:
        """Waits until all tasks are done and ends the thread. `put` starts a new one."""
        if self._pool is not None:
            self._pool.shutdown()
        self._pool = None
        self._given.clear()
