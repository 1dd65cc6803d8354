"""Decides whether what the network found is the object, or a remnant of it painted on the thing that hides it.

The decoder knows where the object was in the frame before, so it keeps painting there when something else comes in
front. Appearance tells the two apart: the found pixels resemble something that was never the object more than the
object itself.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection
from typing import TYPE_CHECKING, NamedTuple

import cv2
import numpy as np

from .memory import farthest_first

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..ports import Key, PropagationNet
    from ..types import Matte, Mattes

    Resemblances = NDArray[np.float64]

STAYS = -0.024
"""Least resemblance of an object that was there in the frame before."""

RETURNS = 0.024
"""The same for one that was absent: a wrong match is followed for long, a missed one is searched for again at once."""

SURE = 0.012
"""Least resemblance of an object that is remembered: whatever enters memory is trusted from then on."""

GROWS = 2.0
"""Growth since the frame before from which a match that is not sure either is rejected."""

UNUSED = 0.1
"""Matte value that makes a place an example of neither the object nor anything else."""

RECENT = 5
"""Number of the last remembered frames that count as examples of the object and of everything else."""


class Example(NamedTuple):
    """A frame whose mattes (N, h, w) are trusted."""

    key: Key
    mattes: Mattes


class Presence:
    """Tells present objects from absent ones during a pass, by examples that the pass adds.

    Args:
        net: compares them.
        judges: False = whatever is found is believed.
    """

    def __init__(self, net: PropagationNet, judges: bool = True) -> None:
        self._net = net
        self._judges = judges
        self._keyframes: dict[int, Example] = {}
        self._start = 0
        self._surroundings: list[Example] = []
        self._recent: deque[Example] = deque(maxlen=RECENT)

    def begin(self, start: int, keyframes: Collection[int]) -> None:
        """Starts a pass at keyframe `start`: forgets the one before, and all keyframes except these.

        Of the other keyframes only the objects count: a correction may take in what an earlier keyframe left out.
        """
        self._start = start
        self._keyframes = {frame: known for frame, known in self._keyframes.items() if frame in keyframes}
        self._surroundings.clear()
        self._recent.clear()

    def add_keyframe(self, frame: int, key: Key, mattes: Mattes) -> None:
        """Adds a keyframe as an example for every pass that remembers it."""
        self._keyframes[frame] = Example(key, mattes)

    def add_surroundings(self, key: Key, mattes: Mattes) -> None:
        """Adds the wider view of the pass's first keyframe as an example for that pass."""
        self._surroundings.append(Example(key, mattes))

    def add_recent(self, key: Key, mattes: Mattes) -> None:
        """Adds a frame of the pass as an example until newer ones replace it."""
        self._recent.append(Example(key, mattes))

    def judged(self, key: Key, mattes: Mattes, before: Mattes, settled: bool) -> tuple[Mattes, Resemblances]:
        """Returns the mattes (N, h, w) of a frame, zero for absent objects, and the resemblance of each object (N,).

        The resemblance, in [-2, 2], is how much more an object's pixels resemble it than anything else, on average; 2
        where nothing was found, or only something else. Half of it uses the keyframes alone, which mistakes of the
        pass cannot affect.

        Args:
            key: of the frame.
            mattes: what the network found.
            before: mattes (N, h, w) of the frame before, in the same crop.
            settled: whether the objects of the frame before are trusted, see `trail.Trail`.
        """
        keyframes = [(at, self._keyframes[at]) for at in farthest_first(self._keyframes, self._start)]
        drawn = [known if at == self._start else _objects_alone(known) for at, known in keyframes]
        drawn += self._surroundings
        resemblance = np.full(len(mattes), 2.0)
        if not self._judges or not drawn or not (mattes > 0.5).any():
            return mattes, resemblance
        maps = self._net.resemblance(key, mattes, drawn)
        if self._recent:
            every = self._net.resemblance(key, mattes, [*drawn, *self._recent])
            maps = np.asarray((maps + every) / 2, np.float32)
        out = mattes.copy()
        for n, (map_, matte) in enumerate(zip(maps, out, strict=True)):
            area = np.count_nonzero(before[n] > 0.5)
            if not settled or not area:
                _remove_unlike_parts(matte, map_)
            own = matte > 0.5
            compared = own & (map_ != 0)
            if compared.any():
                resemblance[n] = map_[compared].mean()
                swells = settled and 0 < GROWS * area < np.count_nonzero(own)
                if resemblance[n] <= STAYS or (swells and resemblance[n] < SURE):
                    matte[:] = 0
                    resemblance[n] = 2.0
        return out, resemblance


def is_sure(resemblance: Resemblances) -> bool:
    """Returns whether a frame with these resemblances (N,) may be remembered: at least half of the objects are sure."""
    return bool(2 * np.count_nonzero(resemblance >= SURE) >= len(resemblance))


def _objects_alone(known: Example) -> Example:
    """Returns the example without what it says about places outside its objects; absent objects stay absent."""
    there = (known.mattes > 0.5).any(axis=(1, 2), keepdims=True)
    return Example(known.key, np.where(there, np.maximum(known.mattes, np.float32(UNUSED)), known.mattes))


def _remove_unlike_parts(matte: Matte, map_: Matte) -> None:
    """Clears the connected parts of a matte (h, w) whose mean in the map (h, w) is too small for a return."""
    number, parts = cv2.connectedComponents((matte > 0.5).view(np.uint8))
    compared = np.bincount(parts.ravel(), map_.ravel() != 0, minlength=number)
    means = np.bincount(parts.ravel(), map_.ravel(), minlength=number) / np.maximum(compared, 1)
    like = means > RETURNS
    like[0] = like[1:].any()
    matte[~like[parts]] = 0
