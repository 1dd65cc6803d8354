"""Walks each pass in several ways side by side, and mixes their mattes by how sure the network is of each.

A walk that goes wrong stays wrong, because propagation remembers what it found. Ways that differ in what they see and
remember seldom fail at the same frame in the same way, and certainty shows which of them did. Related: the memory tree
of SAM 2 Long (Ding et al. 2024), which keeps the best of several memories; mixing scored better here, see
docs/experiments.md, "Several hypotheses".
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from contextlib import ExitStack, closing
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from .confidence import certainty
from .mirrored import MirroredNet
from .shared_net import SharedNet
from .walker import Walker

if TYPE_CHECKING:
    from ..clips.cuts import CutFinder
    from ..ports import FrameSource, PropagationNet
    from ..types import Hypothesis, Mattes
    from .plan import Pass
    from .settings import PropagationSettings
    from .walker import Fixed, Result

SPREAD = 0.15
"""Difference of certainty at which one matte counts 1/e of another."""
KEPT = 4
"""Most mattes of known frames that are held for all walkers, rather than read once for each of them."""


def walker_of(
    net: PropagationNet,
    frames: FrameSource,
    size: tuple[int, int],
    settings: PropagationSettings,
    cuts: CutFinder | None = None,
) -> Walker | Hypotheses:
    """Returns what walks the passes of a propagation: a plain walker when there is only one hypothesis."""
    ways = settings.hypotheses
    shared = net if len(ways) == 1 else SharedNet(net, 2 * len(ways))
    walkers = [_walker(shared, frames, size, settings, cuts, each) for each in ways]
    return walkers[0] if len(ways) == 1 else Hypotheses(walkers)


class Hypotheses:
    """Has the interface of `Walker`; every walker has a memory of its own, and none sees what the others found."""

    def __init__(self, walkers: Sequence[Walker]) -> None:
        self._walkers = tuple(walkers)

    def nothing(self, step: Pass, fixed: Fixed, shape: tuple[int, ...]) -> Generator[Result, None, int | None]:
        """See `Walker.nothing`."""
        return self._walkers[0].nothing(step, fixed, shape)

    def walk(
        self,
        step: Pass,
        keys: Sequence[int],
        keyframe: Callable[[int], Mattes],
        fixed: Fixed,
        before: Callable[[int], Mattes | None],
        far: Callable[[int], Mattes | None] | None = None,
    ) -> Generator[Result, None, int | None]:
        """See `Walker.walk`; frame by frame, so stopping early costs no more than with one walker."""
        far = None if far is None else lru_cache(KEPT)(far)
        known = lru_cache(KEPT)(keyframe), lru_cache(KEPT)(fixed), lru_cache(KEPT)(before), far
        with ExitStack() as stack:
            walks = [stack.enter_context(closing(walker.walk(step, keys, *known))) for walker in self._walkers]
            while True:
                try:
                    results = [next(walk) for walk in walks]
                except StopIteration as end:  # cuts and known frames are the same for all, so all end together
                    stopped: int | None = end.value
                    return stopped
                frame, matte, kind = results[0]
                found = [mattes for _, mattes, _ in results]
                is_known = all(mattes is matte for mattes in found)
                yield frame, matte if is_known else mixed(found), kind


def mixed(mattes: Sequence[Mattes]) -> Mattes:
    """Returns the mean of several mattes (H, W) or (N, H, W) of one frame, weighted by certainty for each object.

    An absent object has no certainty, so a sure sighting outweighs those that lost it; a vote scored worse.
    """
    every = np.stack([matte[None] if matte.ndim == 2 else matte for matte in mattes])
    out = np.empty(every.shape[1:], np.float32)
    for n in range(len(out)):
        sure = np.array([certainty(matte) for matte in every[:, n]])
        weights = np.exp((sure - sure.max()) / SPREAD)
        out[n] = np.tensordot((weights / weights.sum()).astype(np.float32), every[:, n], axes=1)
    out /= np.maximum(out.sum(axis=0), 1)  # each object has its own weights
    return out[0] if mattes[0].ndim == 2 else out


def _walker(
    net: PropagationNet,
    frames: FrameSource,
    size: tuple[int, int],
    settings: PropagationSettings,
    cuts: CutFinder | None,
    hypothesis: Hypothesis,
) -> Walker:
    seen = MirroredNet(net) if hypothesis.mirrored else net
    px = round(settings.working_px * hypothesis.scale)
    return Walker(seen, frames, size, replace(settings, working_px=px), cuts, hypothesis.doubt)
