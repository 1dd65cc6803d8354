"""The memory of one segmentation call as two matrices, kept between calls and written only where memory changed.

Joining all memory frames again for every new frame is STCN's largest avoidable cost. Memory mostly changes at its end,
so rows before the first change stay. Their order is that of the entries: of places that match equally well the top k
takes the first, and sums in another order round differently. A place is a row, so that `affinity.recall` finds the
values of a match next to each other.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

Rows = Any
"""A matrix, of PyTorch or numpy: the stack needs neither."""


class Entry(Protocol):
    """One memory frame: `keys` (P, Ck) and `values` (P, N * Cv) over its P places."""

    @property
    def keys(self) -> Rows:
        """(P, Ck)."""

    @property
    def values(self) -> Rows:
        """(P, N * Cv)."""


_SPARE = 8
"""How many times as many rows as needed may be kept."""


class MemoryStack:
    """Keys (M, Ck) and values (M, N * Cv) of the entries of the last `update`, in their order.

    Args:
        empty: makes a matrix of a shape, of the kind of another.
    """

    def __init__(
        self, empty: Callable[[Rows, tuple[int, int]], Rows] = lambda like, shape: like.new_empty(shape)
    ) -> None:
        self._empty = empty
        self._entries: list[Entry] = []
        self._keys: Rows | None = None
        self._values: Rows | None = None
        self.copied_entries = 0
        """Number of entries ever written into the matrices; tests of the cache count it."""

    def update(self, entries: Sequence[Entry]) -> tuple[Rows, Rows]:
        """Returns the matrices of the entries (each counts once), as views that the next call may overwrite.

        The same entries give the same matrices, whatever was there before. Entries are distinguished by identity: an
        entry must not change after it was passed in.

        Raises:
            ValueError: no entries, or entries of different numbers of objects.
        """
        if not entries:
            raise ValueError("segmenting needs at least one memory frame")
        if len({e.values.shape[1] for e in entries}) > 1:
            raise ValueError("all memory frames must hold the same objects")
        wanted = list({id(e): e for e in entries}.values())
        kept = 0
        for old, new in zip(self._entries, wanted, strict=False):
            if old is not new:
                break
            kept += 1
        keys, values = self._with_room(wanted, kept)
        used = _rows(wanted[:kept])
        for entry in wanted[kept:]:
            end = used + entry.keys.shape[0]
            keys[used:end] = entry.keys
            values[used:end] = entry.values
            used = end
        self.copied_entries += len(wanted) - kept
        self._entries = wanted
        return keys[:used], values[:used]

    def _with_room(self, entries: list[Entry], kept: int) -> tuple[Rows, Rows]:
        """Returns matrices with rows for all entries, in which those of the first `kept` are still there."""
        total, old_keys, old_values = _rows(entries), self._keys, self._values
        first = entries[0]
        if old_keys is None or old_values is None or old_values.shape[1] != first.values.shape[1]:
            room = total
        elif total > len(old_keys):
            room = max(2 * len(old_keys), total)
        elif total * _SPARE < len(old_keys):
            room = total
        else:
            return old_keys, old_values
        self._keys = self._empty(first.keys, (room, first.keys.shape[1]))
        self._values = self._empty(first.values, (room, first.values.shape[1]))
        if kept and old_keys is not None and old_values is not None:
            there = _rows(entries[:kept])
            self._keys[:there] = old_keys[:there]
            self._values[:there] = old_values[:there]
        return self._keys, self._values


def _rows(entries: Sequence[Entry]) -> int:
    return sum(entry.keys.shape[0] for entry in entries)
