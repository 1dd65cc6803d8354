"""Predicts how much disk a track's mattes take, and keeps them below a limit by removing what can be made again.

The first to go are mattes that are not shown: those of operations that are not in the journal, of undone branches, and
of runs that newer ones replaced, oldest first. Never removed are the journal, drawn and imported mattes, and anything
that the head, a kept version, an undo of one step, or the next run, which fuses with it, needs.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from ..images.preview import BLOCK
from ..types import FrameRange, size_text
from .actions import Import, Lost, PaintRound, Round
from .journal import ROOT
from .run_plan import before_of
from .store import raw_of

if TYPE_CHECKING:
    from .history import History
    from .journal import Journal
    from .overview import Overview
    from .store import MatteStore

_Step = TypeVar("_Step")

_EVERY = 256
"""Steps between two checks of the limit."""
_SAMPLES = 24
_PIXELS_A_BYTE = 13
"""Least number of pixels per byte of a propagated matte. Network output has soft edges and faint noise that drawn
mattes lack, so it takes several times as much."""


@dataclass(frozen=True, slots=True)
class DiskUse:
    """Disk space that a track's mattes take and that a propagation would add, in bytes.

    Attributes:
        used: taken by its mattes now.
        frame: average for one frame's matte, including what is stored with it.
        free: left on the disk.
        limit: most that the mattes may take, 0 = no limit.
    """

    used: int
    frame: int
    free: int
    limit: int

    def needed(self, frames: int) -> int:
        """Returns the space that this many new mattes take."""
        return self.frame * frames

    def warning(self, frames: int) -> str:
        """Returns a sentence on why this many new mattes will not fit; "" = they will."""
        needed = self.needed(frames)
        if needed > self.free:
            return (
                f"{frames} masks take about {size_text(needed)}, but only {size_text(self.free)} are free on the disk."
            )
        if self.limit and needed > self.limit:
            return (
                f"{frames} masks take about {size_text(needed)}, more than the limit of {size_text(self.limit)} "
                "for each cutout. Masks that are shown are never removed, so the limit will be exceeded."
            )
        return ""


def joint(uses: Sequence[DiskUse]) -> DiskUse:
    """Returns the use of several tracks together, with the average size of a frame; individual limits are left out."""
    mean = sum(use.frame for use in uses) // len(uses)
    return DiskUse(sum(use.used for use in uses), mean, min(use.free for use in uses), 0)


def expected_bytes(pixels: int, drawn: int = 0) -> int:
    """Estimates the largest size of a propagated matte before there is any; `drawn` is the size of drawn ones."""
    return max(drawn, -(-pixels // _PIXELS_A_BYTE // BLOCK) * BLOCK)


def free_bytes(folder: Path) -> int:
    """Returns the free space on the folder's disk."""
    place = folder
    while not place.exists() and place != place.parent:
        place = place.parent
    return shutil.disk_usage(place).free


class DiskLimit:
    """Measures the disk space of a track's mattes and keeps it below a limit.

    Args:
        store, history, journal, overview: the track's own.
        pixels: of one matte.
        limit: bytes, 0 = none.
        kept: returns the heads of the kept versions.
    """

    def __init__(
        self,
        store: MatteStore,
        history: History,
        journal: Journal,
        overview: Overview,
        pixels: int,
        limit: int = 0,
        kept: Callable[[], Iterable[str]] = tuple,
    ) -> None:
        self.limit = limit
        self._heads = kept
        self._store = store
        self._history = history
        self._journal = journal
        self._overview = overview
        self._pixels = pixels

    def use(self) -> DiskUse:
        """Returns the current disk use."""
        return DiskUse(self._store.used(), self._frame_bytes(), free_bytes(self._store.folder), self.limit)

    def keep(self, room: int = 0) -> int:
        """Removes what may be removed until `room` more bytes fit below the limit; returns how many bytes it freed."""
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
        """Passes on the steps of a propagation, enforcing the limit before, during and after it.

        Not done on opening: the head may still be moved to where the project file was saved.
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
        # Stabilised mattes, the add-on's default, take twice as much: as computed, and as shown.
        return 2 * expected_bytes(self._pixels, mean)

    def _kept(self) -> dict[str, set[int]]:
        """Returns operation -> frames whose mattes must stay."""
        kept: dict[str, set[int]] = {}

        def keep(frame: int, operation: str) -> None:
            kept.setdefault(operation, set()).add(frame)

        head = self._journal.head
        heads = {head, self._journal.step_back(head)}
        heads |= set(self._heads())
        heads |= {before for top in tuple(heads) if (before := self._fused_with(top)) != ROOT}
        for top in heads:
            for frame, owner in self._history.owners_at(top).items():
                keep(frame, owner)
        for frame, below in self._below_rounds():
            # A lost drawn matte is drawn again onto the one before it, which must then be the same.
            keep(frame, below)
        return kept

    def _below_rounds(self) -> Iterator[tuple[int, str]]:
        """Yields for every round its frame and the nearest earlier operation that has a matte there, ROOT = none.

        Visits the operations once each from the root on, with the mattes on the way to each at hand.
        """
        operations = self._journal.operations
        onward: dict[str, list[str]] = {}
        for operation in operations.values():
            onward.setdefault(operation.parent, []).append(operation.id)
        rounds = {op.id: op.action.frame for op in operations.values() if isinstance(op.action, Round | PaintRound)}
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
        """Returns the operation whose mattes the next run from `head` is fused with, ROOT = none."""
        chain, whole = self._journal.chain(head), FrameRange(0, self._overview.count)
        before = before_of([chain], [(self._history, self._store)], whole)
        return before[0][0].id if before else ROOT

    def _worthless_first(self, kept: dict[str, set[int]]) -> Iterator[tuple[str, int]]:
        """Yields (folder's name, frame) of all removable mattes, in the order of removal."""
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
                continue  # a run resumes from these: before stabilising, or alone before a joint run
            if base in operations and isinstance(operations[base].action, Round | PaintRound | Import | Lost):
                continue
            for frame in sorted(self._store.frames(name) - kept.get(name, set())):
                yield name, frame
