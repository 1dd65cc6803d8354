"""Defines a fuzzer: valid inputs made by the product, mutations, and what must hold when one is read."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Protocol

MOST_TEXT = 10_000
"""Most characters in an error's message, whatever the file contains: it may name two paths."""


class Wrong(Exception):
    """The reader finished, but its result cannot be right."""


class Target(Protocol):
    """One kind of file.

    Attributes:
        own: errors that the reader may raise: the project's own, as it documents them.
        megabytes: memory that one input may take above the idle process.
    """

    own: tuple[type[Exception], ...]
    megabytes: int

    def make(self, rng: random.Random) -> bytes:
        """Returns a changed input."""
        ...

    def run(self, data: bytes) -> None:
        """Reads the input as the product does. Raises Wrong for a wrong result, else whatever the reader raises."""
        ...


def generator(seed: int, name: str, index: int) -> random.Random:
    """Returns the random generator of one input: the same for the same arguments, on every machine."""
    return random.Random(f"{seed} {name} {index}")


def need(holds: bool, what: str) -> None:
    """Raises Wrong unless the condition holds."""
    if not holds:
        raise Wrong(what)


def emptied(folder: Path) -> Path:
    """Returns the folder, created if missing and emptied of files."""
    import shutil

    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder
