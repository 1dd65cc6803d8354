"""Values to JSON text and back, and values that carry their own text. Standard library only."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property
from typing import Any


class Encoded(Sequence[Any]):
    """JSON values that carry their text; the values themselves are built only when accessed.

    A message with ten thousand values is sent after every round, and the engine reads none of them.

    Args:
        values: returns the values.
        text: their JSON text.
    """

    def __init__(self, values: Callable[[], Iterable[Any]], text: str) -> None:
        self._give = values
        self.text = text

    @cached_property
    def _values(self) -> tuple[Any, ...]:
        return tuple(self._give())

    def __len__(self) -> int:
        return len(self._values)

    def __getitem__(self, index: Any) -> Any:
        return self._values[index]

    def __iter__(self) -> Iterator[Any]:
        return iter(self._values)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and self._values == tuple(other)

    def __hash__(self) -> int:
        return hash(self._values)

    def __repr__(self) -> str:
        return repr(self._values)


def json_text(value: Any) -> str:
    """Returns the value as compact JSON."""
    return value.text if isinstance(value, Encoded) else json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def tuples(value: Any) -> Any:
    """Returns JSON lists as (nested) tuples, so that messages stay immutable; leaves dictionaries as they are."""
    return tuple(map(tuples, value)) if isinstance(value, list) else value
