"""Maps paths of another machine to those of this one: where a shared drive has another letter or folder."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from .. import atomic
from ..errors import InputError

_MOST_BYTES = 2**20


class PathRule(NamedTuple):
    """Paths that are, or lie within, `old` become `new` and whatever follows. Slashes of either kind are the same."""

    old: str
    new: str


def mapped(path: str, rules: Sequence[PathRule]) -> str:
    """Returns a path by the first rule that fits it; unchanged if none does."""
    plain = path.replace("\\", "/")
    for rule in rules:
        old = rule.old.replace("\\", "/").rstrip("/")
        if plain == old or plain.startswith(f"{old}/"):
            return rule.new.rstrip("/\\") + plain[len(old) :] if plain != old else rule.new
    return path


def read_rules(path: Path) -> tuple[PathRule, ...]:
    """Returns the rules of a file as Open Job Description gives it to tasks ("pathmapping-1.0"); {} has none.

    Raises:
        InputError: it cannot be read, or is something else.
    """
    try:
        record = json.loads(atomic.read_regular(path, _MOST_BYTES))
        rules = [(rule["source_path"], rule["destination_path"]) for rule in record.get("path_mapping_rules", ())]
        if not all(isinstance(part, str) and part for rule in rules for part in rule):
            raise ValueError("a path is empty or no text")
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise InputError(
            f"The path mapping {path} cannot be used ({str(error)[:100]}).",
            'It must be JSON with "path_mapping_rules", each with "source_path" and "destination_path".',
        ) from error
    return tuple(PathRule(old, new) for old, new in rules)
