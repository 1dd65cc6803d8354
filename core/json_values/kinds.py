"""Checks JSON values against a dataclass's field types. Standard library only."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from functools import cache
from typing import Any, cast, get_args, get_origin, get_type_hints

_MOST = 2**63


def check_kinds(kind: type[Any], values: Mapping[str, Any]) -> None:
    """Raises TypeError when a value does not have the type of the dataclass field of its name.

    Supports str, bool, dict, tuples, and int and float below 2**63; an integer is accepted for a float.
    """
    wanted = _hints(cast("Hashable", kind))
    for name, value in values.items():
        if not _fits(value, wanted[name]):
            raise TypeError(f"{name} has the wrong type")


@cache
def _hints(kind: Hashable) -> dict[str, Any]:
    return get_type_hints(kind)


def _fits(value: Any, wanted: Any) -> bool:
    if get_origin(wanted) is tuple:
        inside = get_args(wanted)
        if not isinstance(value, tuple):
            return False
        if inside[-1] is ...:
            return all(_fits(item, inside[0]) for item in value)
        return len(value) == len(inside) and all(map(_fits, value, inside))
    if wanted is float:
        return type(value) is float or (type(value) is int and abs(value) < _MOST)
    if wanted is int:
        return type(value) is int and abs(value) < _MOST
    return isinstance(value, get_origin(wanted) or wanted)
