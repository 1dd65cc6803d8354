"""Parses text properties of a .blend as untrusted input, without Blender.

Anything that the add-on would not have written counts as missing: lists are clipped to the frames of the clip, and
records with a missing value or one of the wrong type are None.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

MOST_FRAMES = 1_048_574
"""Blender's highest frame number."""
_MOST = 1 << 26
"""Maximum characters of a text to parse."""


def record(text: object, **kinds: type) -> dict[str, Any] | None:
    """Returns the named values of a JSON object; None if one is missing or of another type.

    Integers must lie within ± `MOST_FRAMES`.
    """
    found = _parsed(text)
    if not isinstance(found, dict) or not kinds.keys() <= found.keys():
        return None
    values = {name: found[name] for name in kinds}
    if any(type(values[name]) is not kind for name, kind in kinds.items()):
        return None
    return values if all(abs(v) <= MOST_FRAMES for v in values.values() if type(v) is int) else None


@lru_cache(maxsize=32)
def numbers(text: str, count: int) -> tuple[int, ...]:
    """Returns the clip frames below `count` in a JSON list."""
    return tuple(n for n in _listed(text) if type(n) is int and 0 <= n < count)


@lru_cache(maxsize=32)
def ranges(text: str, count: int) -> tuple[tuple[int, int], ...]:
    """Returns the [start, stop) pairs of a JSON list, clipped to `count` frames."""
    return tuple((start, stop) for start, stop, _ in _cut(text, count, 2))


def frames(text: str, count: int) -> set[int]:
    """Returns the frames of a JSON list of [start, stop) pairs, clipped to `count`."""
    return {frame for start, stop in ranges(text, count) for frame in range(start, stop)}


@lru_cache(maxsize=32)
def mattes(text: str, count: int) -> tuple[tuple[int, int, str], ...]:
    """Returns the (start, stop, operation id) of `TrackState.mattes`, clipped to `count` frames."""
    return tuple(
        (start, stop, id_[0])
        for start, stop, id_ in _cut(text, count, 3)
        if isinstance(id_[0], str) and re.fullmatch(r"[0-9a-f]{16}(-[a-z-]+)?", id_[0])
    )


@lru_cache(maxsize=32)
def texts(text: str) -> tuple[str, ...]:
    """Returns the texts of a JSON list."""
    return tuple(item for item in _listed(text) if isinstance(item, str))


@lru_cache(maxsize=32)
def versions(text: str) -> tuple[tuple[str, str], ...]:
    """Returns the (name, head) of `TrackState.versions`."""
    pairs = [item for item in _listed(text) if isinstance(item, list) and len(item) == 2]
    return tuple((name, head) for name, head in pairs if isinstance(name, str) and isinstance(head, str) and name)


def items(text: str) -> list[Any]:
    """Returns the items of a JSON list, whatever they are."""
    return _listed(text)


def _cut(text: str, count: int, length: int) -> Iterator[tuple[int, int, list[Any]]]:
    most = min(max(count, 0), MOST_FRAMES)
    for item in _listed(text):
        if isinstance(item, list) and len(item) == length and type(item[0]) is int and type(item[1]) is int:
            start, stop = max(0, item[0]), min(most, item[1])
            if start < stop:
                yield start, stop, item[2:]


def _listed(text: object) -> list[Any]:
    found = _parsed(text)
    return found if isinstance(found, list) else []


def _parsed(text: object) -> Any:
    """Returns the parsed JSON value; None if it is invalid."""
    if not isinstance(text, str) or len(text) > _MOST:
        return None
    try:
        return json.loads(text or "null")
    except (ValueError, RecursionError):
        return None
