"""The append-only log of what the artist did: the truth of a track. Mattes are derived from it and may be lost.

One JSON object a line: {"sum": CRC-32 of the record, "record": {…}}, written and synced before the work it describes.
A record is an operation (a round, a propagation, a lock …), which also becomes the head, or a move of the head. Undo
moves the head back and deletes nothing, so operations form a tree, and every id ever given stays valid.

A damaged line costs itself only: where later lines build on it, a `Lost` operation with its id takes its place, so that
its mattes, which are by id, are still found. The file as it was is kept under another name.
"""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from .errors import CutoutError, StoreError
from .types import Direction, FrameRange, Round, Stroke

ROOT = ""
"""The head before the first operation."""


@dataclass(frozen=True, slots=True)
class Propagation:
    """Carrying the keyframes' mattes through a range of frames.

    Attributes:
        frames, direction: which, and how they are reached.
        group: names the joint run with other objects that this is part of (see `core.group`), "" = by itself.
        objects: how many take part.
        stability: see `Care`.
    """

    frames: FrameRange
    direction: Direction
    group: str = ""
    objects: int = 1
    stability: float = 0.0


@dataclass(frozen=True, slots=True)
class Lock:
    """Approving the mattes of a range of frames, or giving them free again; makes no matte.

    Attributes:
        frames: which.
        locked: True = they are not to be changed from now on.
    """

    frames: FrameRange
    locked: bool = True


@dataclass(frozen=True, slots=True)
class Import:
    """Mattes made elsewhere become keyframes.

    Attributes:
        contents: clip frame -> name of its matte among the track's imported ones (see `core.imports`).
        source: what they were read from, for the artist.
    """

    contents: Mapping[int, str]
    source: str


@dataclass(frozen=True, slots=True)
class Lost:
    """Something that can no longer be read; whatever mattes it gave still count."""


Action: TypeAlias = Round | Propagation | Lock | Import | Lost


@dataclass(frozen=True, slots=True)
class Operation:
    """One step of the artist: `action` applied to the state after operation `parent` (ROOT = none)."""

    id: str
    parent: str
    action: Action


def drawn_frames(action: Action) -> Collection[int]:
    """The clip frames that an action makes keyframes, in which it says itself what the matte is."""
    if isinstance(action, Round):
        return (action.frame,)
    return action.contents.keys() if isinstance(action, Import) else ()


def action_to_json(action: Action) -> dict[str, Any]:
    """The action as JSON values; equal actions give equal values."""
    if isinstance(action, Lock):
        return {
            "action": "lock" if action.locked else "unlock",
            "start": action.frames.start,
            "stop": action.frames.stop,
        }
    if isinstance(action, Lost):
        return {"action": "lost"}
    if isinstance(action, Import):
        contents = [[frame, action.contents[frame]] for frame in sorted(action.contents)]
        return {"action": "import", "contents": contents, "source": action.source}
    if isinstance(action, Propagation):
        record = {
            "action": "propagation",
            "start": action.frames.start,
            "stop": action.frames.stop,
            "direction": action.direction.value,
        }
        if action.stability:
            record["stability"] = action.stability
        return {**record, "group": action.group, "objects": action.objects} if action.group else record
    return {
        "action": "round",
        "frame": action.frame,
        "strokes": [stroke.to_json() for stroke in action.strokes],
        "zoom": action.zoom,
        "auto": action.auto,
    }


def action_from_json(record: dict[str, Any]) -> Action:
    """The action of `action_to_json`. Raises KeyError, TypeError, ValueError or CutoutError when it is none."""
    if record["action"] in ("lock", "unlock"):
        return Lock(FrameRange(int(record["start"]), int(record["stop"])), record["action"] == "lock")
    if record["action"] == "lost":
        return Lost()
    if record["action"] == "import":
        return Import({int(frame): str(name) for frame, name in record["contents"]}, str(record["source"]))
    if record["action"] == "propagation":
        frames, direction = FrameRange(int(record["start"]), int(record["stop"])), Direction(record["direction"])
        group, objects = str(record.get("group", "")), int(record.get("objects", 1))
        return Propagation(frames, direction, group, objects, float(record.get("stability", 0.0)))
    if record["action"] != "round":
        raise _NewerError(f"unknown action {record['action']!r}")
    strokes = tuple(Stroke.from_json(stroke) for stroke in record["strokes"])
    return Round(int(record["frame"]), strokes, float(record["zoom"]), bool(record["auto"]))


class Journal:
    """The operations of one track and where its head is.

    Attributes:
        path: the log file; made at the first record.
        operations: every operation ever recorded, by id.
        head: id of the operation that is shown, ROOT = none.
        warnings: what was damaged when the file was read, in sentences for the user.
    """

    def __init__(self, path: Path) -> None:
        """Reads the file if there is one.

        A torn last line (the machine went down while it was written) is cut off. Other damaged lines are left out,
        and the whole file is kept under another name.

        Raises:
            StoreError: the file cannot be read or mended, or a newer version wrote it, which it is left to.
        """
        self.path = path
        self.operations: dict[str, Operation] = {}
        self.head = ROOT
        self.warnings: list[str] = []
        try:
            data = path.read_bytes() if path.exists() else b""
            good, bad = self._replay(data)
            if bad:
                self._mend(data, good, bad)
        except _NewerError as error:
            raise StoreError(
                f"The journal {path} has steps that this version does not know ({error}).",
                "A newer version of Blender Cutout wrote it: update the add-on and its engine.",
            ) from error
        except OSError as error:
            raise _unwritable(path, error) from error

    def append(self, operation: Operation) -> None:
        """Records an operation, which becomes the head. Raises StoreError, and nothing has changed then."""
        record = {"id": operation.id, "parent": operation.parent, **action_to_json(operation.action)}
        self._write(record)
        self._apply(record)

    def move_head(self, head: str) -> None:
        """Records that `head` (an operation's id or ROOT) is shown now. Raises StoreError."""
        record = {"head": head}
        if head != self.head:
            self._write(record)
            self._apply(record)

    def take_back(self, head: str) -> None:
        """As `move_head` after a step that failed: when not even this can be written, the head moves all the same.

        Then the file has the step at its end until the next record; after a crash in between it is there again.
        """
        try:
            self.move_head(head)
        except StoreError:
            self.head = head

    def chain(self, head: str | None = None) -> list[Operation]:
        """The operations from the given head (default: the journal's) back to the first, newest first."""
        found = []
        current = self.head if head is None else head
        while current != ROOT:
            operation = self.operations[current]
            found.append(operation)
            current = operation.parent
        return found

    def _apply(self, record: dict[str, Any]) -> None:
        if "head" in record:
            head = record["head"]
            if head != ROOT and head not in self.operations:
                raise ValueError(f"unknown head {head!r}")
            self.head = head
            return
        if record["parent"] != ROOT and record["parent"] not in self.operations:
            raise ValueError(f"unknown parent {record['parent']!r}")
        operation = Operation(str(record["id"]), str(record["parent"]), action_from_json(record))
        self.operations[operation.id] = operation
        self.head = operation.id

    def _replay(self, data: bytes) -> tuple[list[bytes], list[bytes]]:
        """Takes in the records of `data`; returns the lines of what was taken in, and those that cannot be read."""
        good: list[bytes] = []
        bad: list[bytes] = []
        for line in data.splitlines(keepends=True):
            try:
                if not line.endswith(b"\n"):
                    raise ValueError("torn")
                record = _checked(line)
                missing = record["head"] if "head" in record else record["parent"]
                if bad and missing != ROOT and missing not in self.operations:
                    lost = {"id": missing, "parent": self.head, **action_to_json(Lost())}
                    self._apply(lost)
                    good.append(_encoded(lost))
                self._apply(record)
            except _NewerError:
                raise
            except (ValueError, KeyError, TypeError, AttributeError, CutoutError):
                bad.append(line)
            else:
                good.append(line)
        return good, bad

    def _mend(self, data: bytes, good: list[bytes], bad: list[bytes]) -> None:
        """Writes the file anew without the bad lines; keeps a copy unless all that is lost was never whole."""
        torn = len(bad) == 1 and data.endswith(bad[0]) and (not bad[0].endswith(b"\n") or not bad[0].strip(b"\0\n"))
        if torn:
            self.warnings.append(
                f"The last entry of the journal {self.path} was not written completely and is left out: "
                "the step it belonged to has to be done again."
            )
        else:
            copy = _free_name(self.path)
            copy.write_bytes(data)
            self.warnings.append(
                f"The journal {self.path} is damaged: {len(bad)} of {len(bad) + len(good)} lines cannot be read. "
                f"The other {len(self.operations)} steps and all masks were kept. The file as it was is {copy.name}."
            )
        temporary = self.path.with_name(self.path.name + ".tmp")
        try:
            with open(temporary, "wb") as file:
                file.writelines(good)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, self.path)
        except OSError:
            with suppress(OSError):
                temporary.unlink(missing_ok=True)
            raise

    def _write(self, record: dict[str, Any]) -> None:
        """Appends a line and waits until the disk has it; after an error the file is as it was."""
        line = _encoded(record)
        try:
            is_new = not self.path.exists()
            with open(self.path, "ab", buffering=0) as file:
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
                _sync_folder(self.path.parent)
        except OSError as error:
            raise _unwritable(self.path, error) from error


class _NewerError(ValueError):
    """A line is whole, but speaks of something that this version does not know."""


def _encoded(record: dict[str, Any]) -> bytes:
    body = _canonical(record)
    return b'{"sum":"%08x","record":%s}\n' % (zlib.crc32(body), body)


def _canonical(record: dict[str, Any]) -> bytes:
    return json.dumps(record, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode()


def _checked(line: bytes) -> dict[str, Any]:
    """The record of a line; raises ValueError, KeyError or TypeError when the line is damaged."""
    outer = json.loads(line)
    record: dict[str, Any] = outer["record"]
    if outer["sum"] != f"{zlib.crc32(_canonical(record)):08x}":
        raise ValueError("wrong checksum")
    return record


def _free_name(path: Path) -> Path:
    """A name beside `path` that is not taken."""
    number = 1
    while (found := path.with_name(f"{path.stem}.damaged-{number}{path.suffix}")).exists():
        number += 1
    return found


def _sync_folder(folder: Path) -> None:
    """Makes a new file's name durable; Windows has nothing like it and needs nothing."""
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _unwritable(path: Path, error: OSError) -> StoreError:
    return StoreError(
        f"The journal {path} cannot be read or written ({error.strerror or error}).",
        "Free disk space or make the folder writable, then try again: everything up to the last step is kept.",
    )
