"""Decides whether what the network found is the object at all, or what is left of it on the thing that hides it.

The decoder is told where the object was in the frame before, so it keeps painting there when something else comes in
front. Appearance tells the two apart: the found pixels resemble something that was never the object more than the
object itself.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection
from typing import TYPE_CHECKING, NamedTuple

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..ports import Key, PropagationNet
    from ..types import Matte, Mattes

    Likeness = NDArray[np.float64]

STAYS = -0.02
"""Least likeness of an object that was there in the frame before."""

RETURNS = 0.02
"""The same for one that was away: a wrong find is followed for long, a missed one is looked for again at once."""

SURE = 0.01
"""Least likeness of an object that is remembered: what enters memory in doubt is believed from then on."""

GROWS = 2.0
"""What is this many times as large as on the frame before and not sure either is not the object."""

RECENT = 5
"""How many of the last remembered frames count as examples of the object and of what it is not."""


class Example(NamedTuple):
    """A frame whose mattes (N, h, w) are believed."""

    key: Key
    mattes: Mattes


class Presence:
    """Tells present objects from absent ones during a pass; the examples are those that the pass gives it."""

    def __init__(self, net: PropagationNet) -> None:
        self._net = net
        self._keyframes: dict[int, Example] = {}
        self._surroundings: list[Example] = []
        self._recent: deque[Example] = deque(maxlen=RECENT)

    def begin(self, keyframes: Collection[int]) -> None:
        """Forgets the pass before, and all keyframes except these."""
        self._keyframes = {frame: known for frame, known in self._keyframes.items() if frame in keyframes}
        self._surroundings.clear()
        self._recent.clear()

    def add_keyframe(self, frame: int, key: Key, mattes: Mattes) -> None:
        """Adds a keyframe, an example for every pass that remembers it."""
        self._keyframes[frame] = Example(key, mattes)

    def add_surroundings(self, key: Key, mattes: Mattes) -> None:
        """Adds the wider view of the keyframe where the pass starts, an example for that pass."""
        self._surroundings.append(Example(key, mattes))

    def add_recent(self, key: Key, mattes: Mattes) -> None:
        """Adds a frame of the pass, an example until newer ones replace it."""
        self._recent.append(Example(key, mattes))

    def judged(self, key: Key, mattes: Mattes, before: Mattes, settled: bool) -> tuple[Mattes, Likeness]:
        """Returns the mattes (N, h, w) of a frame, zero for objects that are not there, and each one's likeness (N,).

        The likeness, in [-2, 2], is how much more an object's pixels resemble it than anything else, in the mean; 2
        where nothing was found, or what was found is not the object. Half of it counts the keyframes alone, which no
        mistake of the pass has spoilt.

        Args:
            key: of the frame.
            mattes: what the network found.
            before: mattes (N, h, w) of the frame before, in the same crop.
            settled: whether the objects of the frame before are believed, see `trail.Trail`.
        """
        drawn = [*self._keyframes.values(), *self._surroundings]
        likeness = np.full(len(mattes), 2.0)
        if not (mattes > 0.5).any() or not drawn:
            return mattes, likeness
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
            if own.any():
                likeness[n] = map_[own].mean()
                swells = settled and 0 < GROWS * area < np.count_nonzero(own)
                if likeness[n] <= STAYS or (swells and likeness[n] < SURE):
                    matte[:] = 0
                    likeness[n] = 2.0
        return out, likeness


def is_sure(likeness: Likeness) -> bool:
    """Returns whether a frame with these likenesses (N,) may be remembered: at least half of the objects are sure."""
    return bool(2 * np.count_nonzero(likeness >= SURE) >= len(likeness))


def _remove_unlike_parts(matte: Matte, map_: Matte) -> None:
    """Sets the connected parts of a matte (h, w) to zero whose mean in the map (h, w) is too small for a return."""
    number, parts = cv2.connectedComponents((matte > 0.5).view(np.uint8))
    areas = np.bincount(parts.ravel(), minlength=number)
    means = np.bincount(parts.ravel(), map_.ravel(), minlength=number) / np.maximum(areas, 1)
    like = means > RETURNS
    like[0] = like[1:].any()
    matte[~like[parts]] = 0
