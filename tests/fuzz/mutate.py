"""Structured changes to JSON values and to bytes; each is a function of the random generator alone."""

from __future__ import annotations

import json
import random
import struct
from collections.abc import Sequence
from typing import Any

DEEP, DIGITS, LONG = "@deep@", "@digits@", "@long@"
"""Strings that `dumped` replaces by text `json.dumps` cannot write: deep nesting, a number of 6,000 digits, 1 MB."""

_NUMBERS: tuple[Any, ...] = (
    0, 1, -1, 2, 7, 15, 16, 17, 255, 256, 10**6, 2**31 - 1, 2**31, -(2**31), 2**63 - 1, 2**63, -(2**63), 10**12, 10**19,
    10**400, 0.5, -0.5, 1e-9, 1e9, 1e30, 1e308, 5e-324, float("nan"), float("inf"), float("-inf"),
)  # fmt: skip
_TEXTS = (
    "", "x", "0", "1", "é", "\ud800", "\0", "a\0b", "a/b", "..", "../..", "../../escape", "~nouser", "$(true)", "a\nb",
    "-1", "nan", "%s", "0" * 16, "f" * 16, "0" * 24, "0" * 32, "A" * 16, "x" * 300, ".", "./x", "con", "lock", "round",
)  # fmt: skip
_LENGTHS = (0, 1, 2, 7, 8, 9, 16, 255, 65535, 2**16, 2**24, 2**31 - 1, 2**31, 2**32 - 1)


def any_value(rng: random.Random) -> Any:
    """Returns a JSON value of any type, often a difficult one."""
    kind = rng.random()
    if kind < 0.4:
        return rng.choice(_NUMBERS)
    if kind < 0.7:
        return rng.choice(_TEXTS)
    if kind < 0.8:
        return rng.choice((None, True, False))
    if kind < 0.9:
        return rng.choice(([], {}, [[]], [{}], {"": {}}, [None], [0, 1], [[0, 1]], [[1, 2, 3, 4, 5, 6]], {"a": [1]}))
    if kind < 0.99:
        return rng.choice((DEEP, DIGITS))
    return LONG


def slots(value: Any) -> list[tuple[Any, Any]]:
    """Returns every place in a JSON value as (container, key or index)."""
    found: list[tuple[Any, Any]] = []
    pending = [value]
    while pending:
        container = pending.pop()
        places = container.items() if isinstance(container, dict) else enumerate(container)
        for key, inner in places:
            found.append((container, key))
            if isinstance(inner, (dict, list)):
                pending.append(inner)
    return found


def change(rng: random.Random, document: Any) -> None:
    """Changes one place of a JSON document, a list or dictionary, in place."""
    places = slots(document)
    if not places:
        return
    container, key = rng.choice(places)
    value, way = container[key], rng.randrange(12)
    if way < 4:
        container[key] = any_value(rng)
    elif way == 4:
        other, name = rng.choice(places)
        container[key] = json.loads(json.dumps(other[name]))
    elif way == 5:
        del container[key]
    elif way == 6:
        container[key] = rng.choice(([value], {"x": value}, str(value), [value] * rng.choice((2, 3, 50))))
    elif way == 7 and isinstance(container, list):
        container.insert(rng.randrange(len(container) + 1), any_value(rng))
    elif way == 8 and isinstance(container, dict):
        container[rng.choice((*container, *_TEXTS))] = value
    elif way == 9 and isinstance(container, list):
        rng.shuffle(container)
    else:
        container[key] = _nudged(rng, value)


def _nudged(rng: random.Random, value: Any) -> Any:
    """Returns a value of the same kind, slightly different."""
    if isinstance(value, str):
        at = rng.randrange(len(value) + 1)
        return rng.choice(
            (value[:at], value[at:], value[:at] + rng.choice(_TEXTS) + value[at:], value.upper(), value * 2)
        )
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        other = float(value) if abs(value) < 1e300 else 1e9
        return rng.choice((value + 1, value - 1, -value, value * 10, other, other * 1e12))
    return any_value(rng)


def dumped(value: Any) -> bytes:
    """Returns the value as canonical JSON (sorted keys, no spaces), with the placeholders still in it."""
    return expanded(json.dumps(value, sort_keys=True, separators=(",", ":")).encode())


def expanded(text: bytes) -> bytes:
    """Returns JSON text with the placeholders replaced."""
    if b"@" not in text:
        return text
    for name, raw in (
        (DEEP, b"[" * 100_000 + b"]" * 100_000), (DIGITS, b"9" * 6000), (LONG, b'"' + b"x" * 10**6 + b'"')
    ):  # fmt: skip
        text = text.replace(b'"%s"' % name.encode(), raw, 1)
    return text


def change_bytes(rng: random.Random, data: bytes, times: int = 0) -> bytes:
    """Returns the bytes with parts flipped, cut, repeated, moved or overwritten by lengths."""
    out = bytearray(data)
    for _ in range(times or rng.choice((1, 1, 1, 2, 3, 8))):
        size = len(out)
        at, way = rng.randrange(size + 1), rng.randrange(9)
        stop = min(size, at + rng.choice((1, 1, 2, 4, 8, 64, 1000)))
        if way < 3 and at < size:
            out[at] ^= 1 << rng.randrange(8)
        elif way == 3 and at < size:
            out[at] = rng.randrange(256)
        elif way == 4:
            del out[at:]
        elif way == 5:
            del out[at:stop]
        elif way == 6:
            out[at:at] = out[at:stop] * rng.choice((1, 2, 30))
        elif way == 7:
            out[at:at] = rng.randbytes(rng.choice((1, 4, 100)))
        else:
            out[at : at + 4] = struct.pack(rng.choice((">I", "<I")), rng.choice(_LENGTHS))
    return bytes(out)


def change_list(rng: random.Random, items: list[Any], spare: Sequence[Any] = ()) -> None:
    """Repeats, drops, swaps or moves items of a list, or adds a spare one, in place."""
    if not items:
        return
    at, way = rng.randrange(len(items)), rng.randrange(5)
    if way == 0:
        items[at:at] = [items[at]] * rng.choice((1, 1, 2, 40))
    elif way == 1:
        del items[at]
    elif way == 2:
        other = rng.randrange(len(items))
        items[at], items[other] = items[other], items[at]
    elif way == 3 and spare:
        items.insert(at, rng.choice(spare))
    else:
        items.append(items.pop(at))
