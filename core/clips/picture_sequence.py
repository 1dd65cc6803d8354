"""Orders the pictures of a sequence by name, and reports what is odd about them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path, PurePath

_HEAD = 64 * 1024
_ANIMATED_WEBP = 0x02  # RFC 9649, section 2.7
_NUMBER = re.compile(r"\d+")


def natural_key(name: str) -> list[tuple[int, int, str]]:
    """Returns a sort key that counts numbers in names as numbers: shot2 before shot10, case ignored."""
    parts = re.split(r"(\d+)", name.casefold())
    return [(0, int(part), "") if part.isdecimal() else (1, 0, part) for part in parts if part]


def sequence_notes(folder: Path, names: Sequence[str]) -> list[str]:
    """Returns doubts about the pictures of a folder as one sequence, as sentences.

    Args:
        folder: the folder.
        names: of the pictures, in natural order.
    """
    kinds = Counter(_kind(name) for name in names)
    if len(kinds) > 1:
        (common, count), *others = kinds.most_common()
        first = {kind: next(name for name in names if _kind(name) == kind) for kind in kinds}
        rest = f"{first[others[0][0]]}" + (f" and {len(others) - 1} more kinds" if len(others) > 1 else "")
        return [
            f"Not all pictures in {folder} belong to one sequence: {count} are like {first[common]}, others like "
            f"{rest}. All of them count as frames, in the order of their names."
        ]
    numbers = numbers_of(names)
    gaps = [(before, after) for before, after in pairwise(numbers) if after > before + 1]
    if not gaps:
        return []
    lacking = sum(after - before - 1 for before, after in gaps)
    return [
        f"{lacking} {'picture is' if lacking == 1 else 'pictures are'} missing in the sequence {folder}, the first is "
        f"number {gaps[0][0] + 1}. Frames are numbered without a gap."
    ]


def numbers_of(names: Sequence[str]) -> Sequence[int]:
    """Returns the numbers of a sequence's pictures, ascending by name; 0, 1, ... where the names do not number them."""
    columns = [column for column in zip(*map(_numbers, names), strict=False) if len(set(column)) > 1]
    alike = len({_kind(name) for name in names}) == 1
    rising = len(columns) == 1 and all(after > before for before, after in pairwise(columns[0]))
    return columns[0] if alike and rising else range(len(names))


def animation_notes(path: Path) -> list[str]:
    """Returns a warning that only the first picture of an animated file is used; empty for other files."""
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD)
    except OSError:
        return []
    webp = head[8:16] == b"WEBPVP8X" and len(head) > 20 and head[20] & _ANIMATED_WEBP
    png = head.startswith(b"\x89PNG") and b"acTL" in head[: max(0, head.find(b"IDAT"))]
    if not webp and not png:
        return []
    return [f"{path.name} is animated, and only its first picture is used. Convert it to a movie to use the others."]


def _kind(name: str) -> tuple[str, str]:
    """Returns what the names of a sequence's pictures have in common."""
    path = PurePath(name.casefold())
    return _NUMBER.sub("#", path.stem), path.suffix


def _numbers(name: str) -> list[int]:
    return [int(number) for number in _NUMBER.findall(PurePath(name).stem)]
