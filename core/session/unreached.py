"""Finds the rounds that no propagation has carried to every frame they reach yet.

A run that was stopped, or that went through a part of the clip, leaves mattes beyond it that are older than the rounds
it started from. The next run has to start from these rounds too, wherever the newest ones are.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING

from .. import atomic
from ..types import FrameRange
from .actions import Absence, Action, Propagation, drawn_frames

if TYPE_CHECKING:
    from .history import History
    from .journal import Chain
    from .store import MatteStore

FILE = "unfinished"
"""Marks the mattes of a run that has not finished; runs of older versions have none and count as finished."""


def begin(store: MatteStore, operation: str) -> None:
    """Marks a run as unfinished. A failure is ignored: the mattes themselves will report it."""
    with suppress(OSError):
        for folder in (store.folder, store.folder / operation):
            atomic.make_folder(folder)
        atomic.write(store.folder / operation / FILE, b"")


def finish(stores: Iterable[MatteStore], operations: Iterable[str]) -> None:
    """Clears the marks of a run's operations, one for each store."""
    for store, operation in zip(stores, operations, strict=True):
        with suppress(OSError):
            (store.folder / operation / FILE).unlink(missing_ok=True)


def oldest_unreached(chain: Chain, since: int, history: History, store: MatteStore, frames: FrameRange) -> int:
    """Returns the place in `chain` of the oldest round that has not reached all its frames; -1 = there is none.

    A round reaches from its frame to the keyframes on both sides. A frame there is unreached while its matte is older
    than the round and no finished run went through it afterwards.

    Args:
        chain: operations, newest first.
        since: rounds before this place, which are newer, are left out.
        history: the track's own.
        store: the track's own.
        frames: only these count.
    """
    if not len(chain):
        return -1
    stale = _stale(chain, history, store, frames)
    drawn = [(place, frame) for place, op in enumerate(chain) if place >= since for frame in _changed(op.action)]
    keys = sorted({frame for op in chain for frame in _changed(op.action)})
    reached: dict[int, int] = {}
    for key in {frame for _, frame in drawn}:
        at = bisect_left(keys, key)
        low = keys[at - 1] + 1 if at else frames.start
        high = keys[at + 1] if at + 1 < len(keys) else frames.stop
        near = range(max(low, frames.start), min(high, frames.stop))
        reached[key] = max((stale[frame] for frame in near if frame in stale and frame != key), default=-1)
    return max((place for place, frame in drawn if place < reached[frame]), default=-1)


def _changed(action: Action) -> Collection[int]:
    """Returns the frames from which an action's change goes out: those drawn on, or both ends of an absence."""
    return {action.frames.start, action.frames.stop - 1} if isinstance(action, Absence) else drawn_frames(action)


def _stale(chain: Chain, history: History, store: MatteStore, frames: FrameRange) -> Mapping[int, int]:
    """Returns frame -> place in the chain; rounds before that place (newer) have not reached the frame."""
    places = {operation.id: place for place, operation in enumerate(chain)}
    found = {f: places[owner] for f, owner in history.owners_at(chain[0].id).items() if f in frames and owner in places}
    for place, through in _finished(chain, store):
        for frame in range(max(through.start, frames.start), min(through.stop, frames.stop)):
            if frame in found:
                found[frame] = min(found[frame], place)
    return found


def _finished(chain: Chain, store: MatteStore) -> Iterator[tuple[int, FrameRange]]:
    for place, operation in enumerate(chain):
        if isinstance(operation.action, Propagation) and not (store.folder / operation.id / FILE).exists():
            yield place, operation.action.frames
