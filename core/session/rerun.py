"""What a propagation finds on disk: its own mattes of an interrupted run, and those of earlier runs to fuse with.

Mattes already on disk are passed to the engine and not written again, so correcting a few frames of a long clip costs
a few frames.
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
    """Returns the folder name for an operation's mattes before stabilising; not an operation's name."""
    return f"{operation}-raw"


def raw_matte(store: MatteStore, operations: Sequence[str], frame: int) -> Matte | None:
    """Returns the matte (H, W) that one of the operations computed, before stabilising where stored; None = none."""
    for name in (*map(raw_of, operations), *operations):
        matte = store.read(name, frame)
        if matte is not None:
            return matte
    return None


class Rerun:
    """One run of a propagation, on top of earlier results.

    Args:
        store: the mattes.
        history: maps frames to mattes.
        chain: the operations before this one, newest first.
        own: operations whose mattes are as good as this run's: itself, and others with the same keyframes.
        same: the newest of them, as far back as they stabilised their mattes the way this run does.
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
        # Before the rounds unknown to any propagation (or only to ones next to this): the mattes the artist corrected.
        rest = dropwhile(lambda op: isinstance(op.action, Propagation | Lock), chain)
        self._before = Chain(dropwhile(lambda op: isinstance(op.action, Round | Import | Lock), rest))
        self._found: tuple[int, Matte | None] = (-1, None)

    @property
    def has_previous(self) -> bool:
        """Returns True when there was a propagation before the newest rounds, so there is something to fuse with."""
        return bool(self._before)

    def known(self, frame: int) -> Matte | None:
        """Returns this run's own matte (H, W) of a frame, before stabilising where stored; None = not made yet."""
        return raw_matte(self._store, self._own, frame)

    def has_raw(self, frame: int) -> bool:
        """Returns True when the frame's matte before stabilising is on disk."""
        return any(self._store.has(raw_of(operation), frame) for operation in self._own)

    def is_done(self, frame: int) -> bool:
        """Returns True when the frame's result is on disk."""
        return any(self._store.has(operation, frame) for operation in self._same)

    def previous(self, frame: int) -> Matte | None:
        """Returns the matte (H, W) before the newest rounds; a keyframe that differs from it is new."""
        self._found = (frame, self._history.matte(frame, self._before))
        return self._found[1]

    def path_of(self, frame: int, matte: Matte) -> Path | None:
        """Returns where the result `matte` lies already; None = it is new and must be written."""
        for operation in self._same:
            if self._store.has(operation, frame):
                return self._store.path(operation, frame)
        if self._found[0] == frame and self._found[1] is not None and np.array_equal(matte, self._found[1]):
            return self._history.path(frame, self._chain)
        return None
