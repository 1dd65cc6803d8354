"""The append-only log of what the artist did, the source of truth of a track; mattes derive from it and may be lost.

One JSON object per line: {"sum": CRC-32 of the record, "record": {…}}, written and synced before the work it describes.
A record is an operation (a round, a propagation, a lock …), which also becomes the head, or a move of the head. Undo
moves the head back and deletes nothing, so operations form a tree, and every id ever given stays valid.

A damaged line costs only itself: where later lines build on it, a `Lost` operation with its id takes its place, so that
its mattes, which are stored by id, are still found. The original file is kept under another name.

The file may come from somebody else. It is read line by line and within limits, an id always means the same operation,
and a parent must come earlier, so operations form a tree whatever the file says.
"""

from __future__ import annotations

import errno
import itertools
import json
import os
import shutil
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import IO, Any, overload

from ..atomic import NotOrdinary, open_regular, replacing, sync_folder
from ..errors import CutoutError, StoreError
from .actions import (
    Absence,
    Action,
    Lock,
    Lost,
    NewerError,
    Operation,
    Propagation,
    action_from_json,
    action_to_json,
    drawn_frames,
    is_operation_id,
)

ROOT = ""
"""The head before the first operation."""
MOST_BYTES = 128 * 2**20
"""Larger journals are refused. Ten thousand rounds of twenty points each take 8 MB."""
MOST_IN_LINE = 8 * 2**20
"""Longer lines are damage and are never written: an import of 240,000 masks or a round of 200,000 points is shorter."""
MOST_OPERATIONS = 250_000
MOST_BAD = 10_000
"""Most unreadable lines, and most operations; the rest of the file is left out."""
_DAMAGE = (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError, CutoutError)
_HEAD, _MIDDLE, _SUM = b'{"sum":"', b'","record":', 8


class Chain(Sequence[Operation]):
    """Operations on the way back from a head, newest first, indexed by the frames whose mattes they may have made."""

    def __init__(self, operations: Iterable[Operation]) -> None:
        self._all = tuple(operations)
        self._drawn: dict[int, list[int]] | None = None
        self._others: list[int] = []
        self._marks: list[tuple[str, Absence]] | None = None

    @overload
    def __getitem__(self, index: int) -> Operation: ...
    @overload
    def __getitem__(self, index: slice) -> Chain: ...
    def __getitem__(self, index: int | slice) -> Operation | Chain:
        return Chain(self._all[index]) if isinstance(index, slice) else self._all[index]

    def __len__(self) -> int:
        return len(self._all)

    def __iter__(self) -> Iterator[Operation]:
        return iter(self._all)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and self._all == tuple(other)

    __hash__ = None  # type: ignore[assignment]

    def absence_at(self, frame: int) -> str | None:
        """Returns the operation that marked the frame Not Here; None = none did."""
        if self._marks is None:
            self._marks = [(op.id, op.action) for op in self._all if isinstance(op.action, Absence)]
        newest = next((mark for mark in self._marks if frame in mark[1].frames), None)
        return newest[0] if newest is not None and newest[1].absent else None

    def about(self, frame: int) -> Iterator[Operation]:
        """Yields those that drew on the frame, and those that may have a matte of any frame, newest first."""
        if self._drawn is None:
            self._drawn = {}
            for place, operation in enumerate(self._all):
                if drawn := drawn_frames(operation.action):
                    for at in drawn:
                        self._drawn.setdefault(at, []).append(place)
                elif not isinstance(operation.action, Lock | Absence):
                    self._others.append(place)
        return (self._all[place] for place in sorted([*self._drawn.get(frame, ()), *self._others]))


class Journal:
    """The operations of one track and where its head is.

    Attributes:
        path: the log file; made at the first record.
        operations: every operation ever recorded, by id.
        head: id of the operation that is shown, ROOT = none.
        warnings: damage found when the file was read, in sentences for the user.
    """

    def __init__(self, path: Path) -> None:
        """Reads the file if there is one.

        A torn last line (the machine crashed while writing it) is cut off. Other damaged lines are left out, and the
        whole file is kept under another name.

        Raises:
            StoreError: the file cannot be read or repaired, or a newer version wrote it (it is then left alone).
        """
        self.path = path
        self.operations: dict[str, Operation] = {}
        self.head = ROOT
        self.warnings: list[str] = []
        try:
            file = _opened(path)
            if file is not None:
                with file:
                    reading = self._replay(file)
                    if reading.bad:
                        self._mend(file, reading)
        except NewerError as error:
            raise StoreError(
                f"The journal {path} has steps that this version does not know ({error}).",
                "A newer version of Blender Cutout wrote it: update the add-on and its engine.",
            ) from error
        except OSError as error:
            raise _unwritable(path, error) from error

    def append(self, operation: Operation) -> None:
        """Records an operation, which becomes the head. Raises StoreError and then changes nothing."""
        self._write({"id": operation.id, "parent": operation.parent, **action_to_json(operation.action)})
        self._take(operation)

    def move_head(self, head: str) -> None:
        """Records that `head` (an operation's id or ROOT) is shown now. Raises StoreError."""
        if head != self.head:
            self._write({"head": head})
            self.head = head

    def take_back(self, head: str) -> None:
        """Like `move_head` after a failed step: if even this cannot be written, the head moves all the same.

        The file then ends with the failed step until the next record; after a crash in between, it is back.
        """
        try:
            self.move_head(head)
        except StoreError:
            self.head = head

    def step_back(self, head: str) -> str:
        """Returns the operation that an undo leads to from `head`: the one before it.

        A propagation is undone together with those before it that went through a smaller part of its frames, as they
        were steps on its way.
        """
        if head == ROOT:
            return ROOT
        action, parent = self.operations[head].action, self.operations[head].parent
        while parent != ROOT and _is_part(self.operations[parent].action, action):
            parent = self.operations[parent].parent
        return parent

    def chain(self, head: str | None = None) -> Chain:
        """Returns the operations from the given head (default: the journal's) back to the first, newest first."""
        found = []
        current = self.head if head is None else head
        while current != ROOT:
            operation = self.operations[current]
            found.append(operation)
            current = operation.parent
        return Chain(found)

    def _apply(self, record: dict[str, Any], text: bytes = b"") -> None:
        """Applies a record; see `action_from_json`. Raises one of `_DAMAGE` and then changes nothing."""
        if "head" in record:
            head = record["head"]
            if head != ROOT and head not in self.operations:
                raise ValueError("unknown head")
            self.head = head
            return
        name, parent = record["id"], record["parent"]
        if not is_operation_id(name):
            raise ValueError("no id")
        if parent != ROOT and parent not in self.operations:
            raise ValueError("unknown parent")
        operation = Operation(name, parent, action_from_json(record, text))
        if self.operations.get(name, operation) != operation:
            raise ValueError("an id that is taken")
        self._take(operation)

    def _take(self, operation: Operation) -> None:
        self.operations.setdefault(operation.id, operation)
        self.head = operation.id

    def _replay(self, file: IO[bytes]) -> _Reading:
        """Applies the records of a file; returns which of its lines cannot be applied."""
        reading = _Reading()
        for number, (line, is_whole) in enumerate(_lines(file)):
            reading.count, reading.last = number + 1, line
            try:
                if not is_whole:
                    raise ValueError("torn, or too long")
                if len(self.operations) >= MOST_OPERATIONS:
                    raise ValueError("too many")
                record, text = _checked(line)
                missing = record["head"] if "head" in record else record["parent"]
                if reading.bad and is_operation_id(missing) and missing not in self.operations:
                    if missing == record.get("id"):
                        raise ValueError("its own parent")
                    lost = {"id": missing, "parent": self.head, **action_to_json(Lost())}
                    self._apply(lost)
                    reading.lost[number] = _encoded(lost)
                self._apply(record, text)
            except NewerError:
                raise
            except _DAMAGE:
                reading.bad.add(number)
                if len(reading.bad) >= MOST_BAD:
                    reading.is_cut = True
                    break
        return reading

    def _mend(self, file: IO[bytes], reading: _Reading) -> None:
        """Rewrites the file without the bad lines; keeps a copy unless the only loss was never written completely."""
        last = reading.last
        torn = reading.bad == {reading.count - 1} and (not last.endswith(b"\n") or not last.strip(b"\0\n"))
        if torn and len(last) <= MOST_IN_LINE:
            self.warnings.append(
                f"The last entry of the journal {self.path} was not written completely and is left out: "
                "repeat the step it belonged to."
            )
        else:
            copy = _kept_aside(file, self.path)
            lines = "many lines" if reading.is_cut else f"{len(reading.bad)} of {reading.count} lines"
            self.warnings.append(
                f"The journal {self.path} is damaged: {lines} cannot be read. "
                f"The other {len(self.operations)} steps and all masks were kept. The file as it was is {copy.name}."
            )
        file.seek(0)
        with replacing(self.path, durable=True) as new:
            for number, (line, _) in enumerate(itertools.islice(_lines(file), reading.count)):
                new.write(reading.lost.get(number, b""))
                if number not in reading.bad:
                    new.write(line)
            file.close()  # before another one takes its place: Windows requires it

    def _write(self, record: dict[str, Any]) -> None:
        """Appends a line and waits until it is on disk; after an error the file is as it was."""
        line = _encoded(record)
        if len(line) > MOST_IN_LINE:
            raise StoreError("This step is too large to be recorded.", "Do it in several smaller steps.")
        try:
            is_new = not self.path.exists()
            handle = open_regular(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, follow=False)
            with os.fdopen(handle, "ab", buffering=0) as file:
                start = file.seek(0, os.SEEK_END)
                try:
                    if file.write(line) != len(line):
                        raise OSError(28, "no space left for a whole line")
                    os.fsync(file.fileno())
                except OSError:
                    with suppress(OSError):
                        file.truncate(start)
                    raise
            if is_new:
                sync_folder(self.path.parent)
        except OSError as error:
            raise _unwritable(self.path, error) from error


def _is_part(action: Action, whole: Action) -> bool:
    """Returns True when a propagation goes through some, but not all, of another one's frames, in the same way."""
    if not (isinstance(action, Propagation) and isinstance(whole, Propagation)):
        return False
    if len(action.frames) >= len(whole.frames) or replace(action, frames=whole.frames) != whole:
        return False
    return action.frames.start in whole.frames and action.frames.stop - 1 in whole.frames


class _Reading:
    """The result of reading a file.

    Attributes:
        count: lines that were read.
        last: the last of them.
        bad: numbers of lines that cannot be applied.
        lost: number of a line -> a line that must come before it.
        is_cut: there was too much damage to read to the end.
    """

    def __init__(self) -> None:
        self.count = 0
        self.last = b""
        self.bad: set[int] = set()
        self.lost: dict[int, bytes] = {}
        self.is_cut = False


def _encoded(record: dict[str, Any]) -> bytes:
    body = _canonical(record)
    return b'{"sum":"%08x","record":%s}\n' % (zlib.crc32(body), body)


def _canonical(record: dict[str, Any]) -> bytes:
    return json.dumps(record, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode()


def _checked(line: bytes) -> tuple[dict[str, Any], bytes]:
    """Returns the record of a line, and its JSON text; raises one of `_DAMAGE` when the line is damaged."""
    place = len(_HEAD) + _SUM
    if line.startswith(_HEAD) and line.startswith(_MIDDLE, place) and line.endswith(b"}\n"):
        text = line[place + len(_MIDDLE) : -2]
        if b"%08x" % zlib.crc32(text) == line[len(_HEAD) : place]:  # our own format: no need to encode it again
            return _object(json.loads(text.decode("ascii"))), text
    outer = _object(json.loads(line))
    text = _canonical(_object(outer["record"]))
    if outer["sum"] != f"{zlib.crc32(text):08x}":
        raise ValueError("wrong checksum")
    return outer["record"], text


def _object(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError("no JSON object")
    return value


def _opened(path: Path) -> IO[bytes] | None:
    """Opens the file for reading, None = there is none. Raises OSError, also when the file is not ours."""
    try:
        file = os.fdopen(open_regular(path, follow=False), "rb")
    except FileNotFoundError:
        return None
    if os.fstat(file.fileno()).st_size > MOST_BYTES:
        file.close()
        raise OSError(errno.EFBIG, f"it is larger than {MOST_BYTES >> 20} MB")
    return file


def _lines(file: IO[bytes]) -> Iterator[tuple[bytes, bool]]:
    """Yields the lines of a file, and whether each is whole; an overlong line is cut short but counted as one."""
    while line := file.readline(MOST_IN_LINE + 1):
        whole = line.endswith(b"\n") and len(line) <= MOST_IN_LINE
        rest = line
        while rest and not rest.endswith(b"\n"):
            rest = file.readline(MOST_IN_LINE)
        yield line, whole


def _kept_aside(file: IO[bytes], path: Path) -> Path:
    """Copies the whole file to an unused name next to `path`."""
    for number in itertools.count(1):
        copy = path.with_name(f"{path.stem}.damaged-{number}{path.suffix}")
        with suppress(FileExistsError), open(copy, "xb") as new:
            file.seek(0)
            shutil.copyfileobj(file, new)
            return copy
    raise AssertionError


def _unwritable(path: Path, error: OSError) -> StoreError:
    hint = "Free disk space or make the folder writable, then try again: everything up to the last step is kept."
    if isinstance(error, NotOrdinary) or error.errno == errno.EFBIG:
        hint = "Blender Cutout did not make it: do not use a folder from someone you do not trust."
    return StoreError(f"The journal {path} cannot be read or written ({error.strerror or error}).", hint)
