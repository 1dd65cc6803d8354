"""How much disk a track's mattes take: known beforehand, and kept below a limit by removing what can be made again.

What is removed first is what nobody looks at: mattes of operations that are not in the journal, of branches that were
undone, and of runs that newer ones replaced, the oldest first. Never removed are the journal, drawn and imported
mattes, and whatever the head, an undo of one step, or the next run, which fuses with it, needs.
"""

from __future__ import annotations

import shutil
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from itertools import dropwhile
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from ..images.preview import BLOCK
from ..types import Round, size_text
from .actions import Import, Lock, Lost, Propagation
from .journal import ROOT
from .rerun import raw_of

if TYPE_CHECKING:
    from .history import History
    from .journal import Journal
    from .overview import Overview
    from .store import MatteStore

_Step = TypeVar("_Step")

_EVERY = 256
"""Steps between two looks at the limit."""
_SAMPLES = 24
_PIXELS_A_BYTE = 13
"""Pixels for each byte of a propagated matte, at least. What networks make has soft edges and faint noise that drawn
mattes have not: on clips of 854 x 480 it takes 10 to 30 KB a frame (13 to 41 pixels a byte), a drawn one 4 to 8 KB."""


@dataclass(frozen=True, slots=True)
class DiskUse:
    """What a track's mattes take, and what a propagation would add, in bytes.

    Attributes:
        used: by its mattes now.
        frame: by one frame's matte, on average, with what is kept beside it.
        free: left on the disk.
        limit: what the mattes may take, 0 = as much as there is.
    """

    used: int
    frame: int
    free: int
    limit: int

    def needed(self, frames: int) -> int:
        """What so many new mattes take."""
        return self.frame * frames

    def warning(self, frames: int) -> str:
        """Why so many new mattes will not fit, as a sentence; "" = they will."""
        needed = self.needed(frames)
        if needed > self.free:
            return (
                f"{frames} masks take about {size_text(needed)}, but only {size_text(self.free)} are free on the disk."
            )
        if self.limit and needed > self.limit:
            return (
                f"{frames} masks take about {size_text(needed)}, more than the limit of {size_text(self.limit)} "
                "for each cutout. What is shown is never removed, so the limit will be passed."
            )
        return ""


def joint(uses: Sequence[DiskUse]) -> DiskUse:
    """What several tracks' mattes take together, a frame's on average; each one's own limit is left out."""
    mean = sum(use.frame for use in uses) // len(uses)
    return DiskUse(sum(use.used for use in uses), mean, min(use.free for use in uses), 0)


def expected_bytes(pixels: int, drawn: int = 0) -> int:
    """What a propagated matte will take at most, about, before there is any; `drawn` is what drawn ones take."""
    return max(drawn, -(-pixels // _PIXELS_A_BYTE // BLOCK) * BLOCK)


def free_bytes(folder: Path) -> int:
    """What is free on the folder's disk."""
    place = folder
    while not place.exists() and place != place.parent:
        place = place.parent
    return shutil.disk_usage(place).free


class DiskLimit:
    """Counts what a track's mattes take and keeps that below a limit.

    Args:
        store, history, journal, overview: the track's own.
        pixels: of one matte.
        limit: bytes, 0 = none.
    """

    def __init__(
        self,
        store: MatteStore,
        history: History,
        journal: Journal,
        overview: Overview,
        pixels: int,
        limit: int = 0,
    ) -> None:
        self.limit = limit
        self._store = store
        self._history = history
        self._journal = journal
        self._overview = overview
        self._pixels = pixels

    def use(self) -> DiskUse:
        """How things stand."""
        return DiskUse(self._store.used(), self._frame_bytes(), free_bytes(self._store.folder), self.limit)

    def keep(self, room: int = 0) -> int:
        """Removes what may be removed until `room` bytes more fit below the limit; returns how many it freed."""
        if not self.limit:
            return 0
        before = used = self._store.used()
        target = self.limit - room
        if used <= target:
            return 0
        kept = self._kept()
        for name, frame in self._worthless_first(kept):
            used -= self._store.remove(name, frame)
            if used <= target:
                break
        return before - used

    def kept(self, steps: Iterator[_Step]) -> Iterator[_Step]:
        """Passes the steps of a propagation on, and keeps to the limit before, meanwhile and afterwards.

        Not on opening: the head may still be moved to where the project file was saved.
        """
        self.keep()
        try:
            for count, step in enumerate(steps, start=1):
                if self.limit and count % _EVERY == 0:
                    self.keep()
                yield step
        finally:
            if isinstance(steps, Generator):
                steps.close()
            self.keep()

    def _frame_bytes(self) -> int:
        store = self._store
        made = self._overview.sampled(_SAMPLES, propagated=True)
        sizes = [
            store.size(name, frame) + store.size(raw_of(name), frame)
            for frame, name in made or self._overview.sampled(_SAMPLES)
        ]
        sizes = [size for size in sizes if size]
        mean = sum(sizes) // len(sizes) if sizes else 0
        if made:
            return mean
        # Steadied, as the add-on has it from the start, they take twice as much: as computed, and as shown.
        return 2 * expected_bytes(self._pixels, mean)

    def _kept(self) -> dict[str, set[int]]:
        """Operation -> frames whose mattes stay."""
        kept: dict[str, set[int]] = {}

        def keep(frame: int, operation: str) -> None:
            kept.setdefault(operation, set()).add(frame)

        operations = self._journal.operations
        head = self._journal.head
        heads = {head, operations[head].parent if head != ROOT else ROOT}
        heads |= {before for top in tuple(heads) if (before := self._fused_with(top)) != ROOT}
        for top in heads:
            for frame, owner in self._history.owners_at(top).items():
                keep(frame, owner)
        for frame, below in self._below_rounds():
            # A drawn matte that is lost is drawn again onto the one before it, which must be the same then.
            keep(frame, below)
        return kept

    def _below_rounds(self) -> Iterator[tuple[int, str]]:
        """For every round its frame, and the nearest operation before it that has a matte there, ROOT = none.

        The operations are gone through from the root on, each once, with the mattes on the way to it at hand.
        """
        operations = self._journal.operations
        onward: dict[str, list[str]] = {}
        for operation in operations.values():
            onward.setdefault(operation.parent, []).append(operation.id)
        rounds = {op.id: op.action.frame for op in operations.values() if isinstance(op.action, Round)}
        drawn = set(rounds.values())
        on_the_way: dict[int, list[str]] = {frame: [ROOT] for frame in drawn}
        pending = [(name, False) for name in onward.get(ROOT, ())]
        while pending:
            name, is_left = pending.pop()
            there = drawn & self._store.frames(name)
            if is_left:
                for frame in there:
                    on_the_way[frame].pop()
                continue
            if name in rounds:
                yield rounds[name], on_the_way[rounds[name]][-1]
            for frame in there:
                on_the_way[frame].append(name)
            pending.append((name, True))
            pending += [(after, False) for after in onward.get(name, ())]

    def _fused_with(self, head: str) -> str:
        """The operation whose mattes the next run from `head` is fused with, ROOT = none; see `Rerun`."""
        rest = dropwhile(lambda op: isinstance(op.action, Propagation | Lock), self._journal.chain(head))
        before = next(dropwhile(lambda op: isinstance(op.action, Round | Import | Lock), rest), None)
        return before.id if before else ROOT

    def _worthless_first(self, kept: dict[str, set[int]]) -> Iterator[tuple[str, int]]:
        """(folder's name, frame) of all that may go, in the order in which it goes."""
        operations = self._journal.operations
        ages = {name: age for age, name in enumerate(operations)}
        shown = {operation.id for operation in self._journal.chain()}
        names = self._store.operations()

        def worth(name: str) -> tuple[bool, bool, bool, int]:
            base = name.partition("-")[0]
            return base in kept, base in operations, base in shown, ages.get(base, 0)

        for name in sorted(names, key=worth):
            base, _, beside = name.partition("-")
            if beside and base in kept:
                continue  # what a run goes on from: before steadying, or alone before a joint run
            if base in operations and isinstance(operations[base].action, Round | Import | Lost):
                continue
            for frame in sorted(self._store.frames(name) - kept.get(name, set())):
                yield name, frame
