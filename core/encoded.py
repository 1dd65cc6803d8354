"""Values as JSON text and back; values that know their text. Standard library only."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any


class Encoded(tuple[Any, ...]):
    """A tuple of JSON values that knows its JSON text, so that it is not made again for every message.

    Args:
        values: the values.
        text: their JSON text, "" = it is found out.
    """

    text: str

    def __new__(cls, values: Iterable[Any], text: str = "") -> Encoded:
        """Puts it together."""
        made = super().__new__(cls, values)
        made.text = text or json_text(tuple(made))
        return made


def json_text(value: Any) -> str:
    """The value as compact JSON."""
    return value.text if isinstance(value, Encoded) else json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def tuples(value: Any) -> Any:
    """JSON lists as (nested) tuples, so that messages stay immutable; dictionaries are left as they are."""
    return tuple(map(tuples, value)) if isinstance(value, list) else value
