"""What a propagation finds on disk: its own mattes of an interrupted run, and those of earlier runs to fuse with.

What is on disk already is handed to the engine and not written again, so that a correction of a few frames of a long
clip costs a few frames.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import dropwhile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..types import Round
from .actions import Import, Lock, Propagation
from .history import History
from .journal import Chain
from .store import MatteStore

if TYPE_CHECKING:
    from ..types import Matte


def raw_of(operation: str) -> str:
    """Where the mattes of an operation lie as they were before they were steadied: no operation's name."""
    return f"{operation}-raw"


def raw_matte(store: MatteStore, operations: Sequence[str], frame: int) -> Matte | None:
    """The matte (H, W) that one of the operations computed, before it was steadied where that is kept; None = none."""
    for name in (*map(raw_of, operations), *operations):
        matte = store.read(name, frame)
        if matte is not None:
            return matte
    return None


class Rerun:
    """One run of a propagation, on top of what is there.

    Args:
        store: the mattes.
        history: their meaning.
        chain: the operations before this one, newest first.
        own: operations whose mattes are as good as this run's: itself, and others with the same keyframes.
        same: the newest of them, as far back as they steadied their mattes as this run does.
    """

    def __init__(
        self,
        store: MatteStore,
        history: History,
        chain: Chain,
        own: Sequence[str],
        same: Sequence[str],
    ) -> None:
        self._store = store
        self._history = history
        self._chain = chain
        self._own = list(dict.fromkeys(own))
        self._same = list(dict.fromkeys(same))
        # Behind the rounds that no propagation, or only ones beside this one, knew of: the mattes the artist corrected.
        rest = dropwhile(lambda op: isinstance(op.action, Propagation | Lock), chain)
        self._before = Chain(dropwhile(lambda op: isinstance(op.action, Round | Import | Lock), rest))
        self._found: tuple[int, Matte | None] = (-1, None)

    @property
    def has_previous(self) -> bool:
        """True when there was a propagation before the newest rounds, hence something to fuse with."""
        return bool(self._before)

    def known(self, frame: int) -> Matte | None:
        """This run's own matte (H, W) of a frame, before it is steadied where that is kept; None = not made yet."""
        return raw_matte(self._store, self._own, frame)

    def has_raw(self, frame: int) -> bool:
        """True when the frame's matte before it is steadied is on disk."""
        return any(self._store.has(raw_of(operation), frame) for operation in self._own)

    def is_done(self, frame: int) -> bool:
        """True when the frame's result is on disk."""
        return any(self._store.has(operation, frame) for operation in self._same)

    def previous(self, frame: int) -> Matte | None:
        """The matte (H, W) before the newest rounds; a new keyframe is told by its matte differing from this."""
        self._found = (frame, self._history.matte(frame, self._before))
        return self._found[1]

    def path_of(self, frame: int, matte: Matte) -> Path | None:
        """Where the result `matte` lies already; None = it is new, and to be written."""
        for operation in self._same:
            if self._store.has(operation, frame):
                return self._store.path(operation, frame)
        if self._found[0] == frame and self._found[1] is not None and np.array_equal(matte, self._found[1]):
            return self._history.path(frame, self._chain)
        return None
