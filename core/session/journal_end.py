"""Reads where a track's journal ends, with the standard library only: Blender looks at it when it opens a file.

Only the end of the file is read, and nothing is repaired: a journal may be long, and the engine checks it when it opens
the track.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from ..atomic import open_regular

_READ = 2**20
"""Bytes at the end of the journal that are read."""
_ID = re.compile("([0-9a-f]{16})?")


class JournalEnd(NamedTuple):
    """The end of a journal.

    Attributes:
        head: id of the operation that it ends with, "" = none.
        later: how many operations were recorded after the given one; -1 = not known.
        time: when the file was last written, in seconds since the epoch.
    """

    head: str
    later: int
    time: float


def read_end(journal: Path, known: str) -> JournalEnd | None:
    """Returns the end of a journal; None if there is no journal or its end cannot be read.

    Args:
        journal: the file.
        known: id of an operation, "" = none yet.
    """
    with suppress(OSError), os.fdopen(open_regular(journal, follow=False), "rb") as file:
        found = os.fstat(file.fileno())
        file.seek(max(0, found.st_size - _READ))
        lines = file.read(_READ).split(b"\n")
        if found.st_size > _READ:
            del lines[0]  # cut in two
        records = list(_records(reversed(lines)))
        whole = found.st_size <= _READ
        if not records:
            return None
        last = records[0]
        head = last["head"] if "head" in last else last["id"]
        return JournalEnd(head, _count_after(known, records, whole), found.st_mtime)
    return None


def _count_after(known: str, records: list[dict[str, Any]], whole: bool) -> int:
    """Returns how many operations are newer than the known one; -1 if that one is not among the records."""
    count = 0
    for record in records:
        if known and known in (record.get("id"), record.get("head")):
            return count
        count += "id" in record
    return count if whole and not known else -1


def _records(lines: Iterator[bytes]) -> Iterator[dict[str, Any]]:
    """Yields the readable records; a last line that was not written completely is not one."""
    for line in lines:
        with suppress(ValueError, RecursionError):
            outer = json.loads(line) if line.strip() else None
            record = outer.get("record") if isinstance(outer, dict) else None
            head = record.get("head", record.get("id")) if isinstance(record, dict) else None
            if isinstance(record, dict) and isinstance(head, str) and _ID.fullmatch(head):
                yield record
