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

from .history import History
from .journal import Import, Lock, Operation, Propagation
from .store import MatteStore
from .types import Round

if TYPE_CHECKING:
    from .types import Matte


class Rerun:
    """One run of a propagation, on top of what is there.

    Args:
        store: the mattes.
        history: their meaning.
        chain: the operations before this one, newest first.
        own: operations whose mattes are as good as this run's: itself, and others with the same keyframes.
    """

    def __init__(self, store: MatteStore, history: History, chain: Sequence[Operation], own: Sequence[str]) -> None:
        self._store = store
        self._history = history
        self._chain = chain
        self._own = list(dict.fromkeys(own))
        # Behind the rounds that no propagation, or only ones beside this one, knew of: the mattes the artist corrected.
        rest = dropwhile(lambda op: isinstance(op.action, Propagation | Lock), chain)
        self._before = list(dropwhile(lambda op: isinstance(op.action, Round | Import | Lock), rest))
        self._found: tuple[int, Matte | None] = (-1, None)

    @property
    def has_previous(self) -> bool:
        """True when there was a propagation before the newest rounds, hence something to fuse with."""
        return bool(self._before)

    def known(self, frame: int) -> Matte | None:
        """This run's own matte (H, W) of a frame, None = not made yet."""
        for operation in self._own:
            matte = self._store.read(operation, frame)
            if matte is not None:
                return matte
        return None

    def previous(self, frame: int) -> Matte | None:
        """The matte (H, W) before the newest rounds; a new keyframe is told by its matte differing from this."""
        self._found = (frame, self._history.matte(frame, self._before))
        return self._found[1]

    def path_of(self, frame: int, matte: Matte) -> Path | None:
        """Where the result `matte` lies already; None = it is new, and to be written."""
        for operation in self._own:
            if self._store.has(operation, frame):
                return self._store.path(operation, frame)
        if self._found[0] == frame and self._found[1] is not None and np.array_equal(matte, self._found[1]):
            return self._history.path(frame, self._chain)
        return None
