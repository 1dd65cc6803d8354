"""The memory of one segmentation call as two matrices, kept between calls and updated only where memory changed.

Joining all memory frames again for every new frame is STCN's largest avoidable cost: here an evicted entry's rows are
overwritten by a new one, and only growth copies. The order of rows does not matter to the affinity. A place is a row,
so that `affinity.recall` finds the values of a match next to each other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from torch import Tensor


class Entry(Protocol):
    """One memory frame: `keys` (P, Ck) and `values` (P, N * Cv) over its P places."""

    @property
    def keys(self) -> Tensor:
        """(P, Ck)."""

    @property
    def values(self) -> Tensor:
        """(P, N * Cv)."""


@dataclass(frozen=True, slots=True)
class _Slot:
    entry: Entry
    start: int
    width: int


class MemoryStack:
    """Keys (M, Ck) and values (M, N * Cv) of the entries of the last `update`, without copies of unchanged ones."""

    def __init__(self) -> None:
        self._slots: dict[int, _Slot] = {}
        self._keys: Tensor | None = None
        self._values: Tensor | None = None
        self._used = 0
        self.copied_entries = 0
        """Number of entries ever written into the matrices; tests of the cache count it."""

    def update(self, entries: Sequence[Entry]) -> tuple[Tensor, Tensor]:
        """Returns the matrices holding exactly `entries` (each counts once), as views that the next call may overwrite.

        Entries are distinguished by identity: an entry must not change after it was passed in.

        Raises:
            ValueError: no entries, or entries of different numbers of objects.
        """
        if not entries:
            raise ValueError("segmenting needs at least one memory frame")
        if len({e.values.shape[1] for e in entries}) > 1:
            raise ValueError("all memory frames must hold the same objects")
        wanted = {id(e): e for e in entries}
        stale = [key for key in self._slots if key not in wanted]
        fresh = [e for key, e in wanted.items() if key not in self._slots]
        if self._values is None or self._values.shape[1] != entries[0].values.shape[1] or len(stale) > len(fresh):
            return self._rebuild(list(wanted.values()))
        for entry in fresh:
            width = entry.keys.shape[0]
            free = next((key for key in stale if self._slots[key].width == width), None)
            if free is None:
                self._append(entry)
            else:
                stale.remove(free)
                self._write(entry, self._slots.pop(free).start)
        if stale:  # entries of another size went: their rows would leave a gap
            return self._rebuild(list(wanted.values()))
        return self._view()

    def _view(self) -> tuple[Tensor, Tensor]:
        assert self._keys is not None
        assert self._values is not None
        return self._keys[: self._used], self._values[: self._used]

    def _write(self, entry: Entry, start: int) -> None:
        assert self._keys is not None
        assert self._values is not None
        width = entry.keys.shape[0]
        self._keys[start : start + width] = entry.keys
        self._values[start : start + width] = entry.values
        self._slots[id(entry)] = _Slot(entry, start, width)
        self.copied_entries += 1

    def _append(self, entry: Entry) -> None:
        assert self._keys is not None
        width = entry.keys.shape[0]
        if self._used + width > self._keys.shape[0]:
            self._grow(max(2 * self._keys.shape[0], self._used + width))
        self._write(entry, self._used)
        self._used += width

    def _grow(self, capacity: int) -> None:
        keys, values = self._view()
        self._keys, self._values = (old.new_empty((capacity, old.shape[1])) for old in (keys, values))
        self._keys[: self._used] = keys
        self._values[: self._used] = values

    def _rebuild(self, entries: list[Entry]) -> tuple[Tensor, Tensor]:
        first = entries[0]
        capacity = sum(e.keys.shape[0] for e in entries)
        self._keys = first.keys.new_empty((capacity, first.keys.shape[1]))
        self._values = first.values.new_empty((capacity, first.values.shape[1]))
        self._slots, self._used = {}, 0
        for entry in entries:
            self._append(entry)
        return self._view()
