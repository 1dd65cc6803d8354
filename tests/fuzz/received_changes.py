"""What is changed in a received cutout folder: the tables of changes, and how journals are written."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

OUTSIDE = "../../../outside"
"""Path from a folder of masks to the victims."""
LONG = 10**12
Change = Callable[[Path, Path], None]
OPENS: dict[str, Change] = {}
"""Changes after which the track must open with everything that is still valid."""
MAY_REFUSE: dict[str, Change] = {}
"""Changes after which the track may also be refused."""


def opens(name: str) -> Callable[[Change], Change]:
    return lambda change: OPENS.setdefault(name, change)


def line(record: Any) -> bytes:
    """Returns a complete line of a journal, whatever the record."""
    body = json.dumps(record, sort_keys=True, separators=(",", ":")).encode()
    return b'{"sum":"%08x","record":%s}\n' % (zlib.crc32(body), body)


def records(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(text)["record"] for text in (folder / "rounds.jsonl").read_bytes().splitlines()]


def add(folder: Path, *data: bytes) -> None:
    with (folder / "rounds.jsonl").open("ab") as file:
        file.writelines(data)


def steps(folder: Path) -> list[str]:
    """Returns the ids of the operations, the oldest first."""
    return [record["id"] for record in records(folder) if "id" in record]


def with_step(**fields: Any) -> Change:
    """Appends one more record to the journal."""

    def change(folder: Path, outside: Path) -> None:
        record = {"id": "feedfeedfeedfeed", "parent": steps(folder)[-1], **fields}
        add(folder, line(json.loads(json.dumps(record).replace("OUTSIDE", str(outside)))))

    return change


def with_lines(*data: bytes) -> Change:
    return lambda folder, outside: add(folder, *data)
