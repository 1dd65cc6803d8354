"""Several propagation networks as one: each looks with its own memory, all remember what they agree on.

Networks fail by chance, and propagation remembers its failures: a part of the background that one network takes in
stays for good. Where the others do not see it, it is not remembered at all. So the mean of the answers, taken at every
frame and fed back into every member's memory, gains more than the mean of finished masks could.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from .adapters import PropagationPredictor
    from .runner import Array, Image
    from .views import View

SURE = 1e-5
"""Probabilities are kept this far from 0 and 1: no member alone decides."""


class PropagationEnsemble:
    """Satisfies the same Protocol as each of its members; handles are tuples with one handle of each."""

    def __init__(self, members: Sequence[PropagationPredictor | View]) -> None:
        """Takes over the members.

        Raises:
            ValueError: there are none.
        """
        if not members:
            raise ValueError("an ensemble needs members")
        self.members = tuple(members)

    def encode_key(self, image: Image) -> tuple[Any, ...]:
        """Returns the handles of a frame (h, w, 3) uint8 RGB."""
        return tuple(member.encode_key(image) for member in self.members)

    def encode_value(self, image: Image, key: Sequence[Any], mattes: Array) -> tuple[Any, ...]:
        """Returns the handles of a frame whose mattes (N, h, w) in [0, 1] are known."""
        return tuple(m.encode_value(image, own, mattes) for m, own in zip(self.members, key, strict=True))

    def segment(
        self,
        query: Sequence[Any],
        memory: Sequence[tuple[Sequence[Any], Sequence[Any]]],
        previous: Array | None = None,
    ) -> Array:
        """Returns the mattes (N, h, w) float32 in [0, 1]: the members' mean, see `mean_answer`.

        Raises:
            ValueError: `memory` is empty or its entries hold different numbers of objects.
            OutOfMemory: the device's memory does not suffice.
        """
        answers = [
            member.segment(query[number], [(key[number], value[number]) for key, value in memory], previous)
            for number, member in enumerate(self.members)
        ]
        return mean_answer(np.stack(answers))

    def megabytes(self, key: Sequence[Any], value: Sequence[Any]) -> float:
        """Returns what all members take together."""
        return sum(m.megabytes(k, v) for m, k, v in zip(self.members, key, value, strict=True))

    def attention(self, query: Sequence[Any], keyframe: Sequence[Any], difference: Array) -> Array:
        """Returns maps (M, h, w) float32: `difference` carried to the query frame, the mean over the members."""
        every = zip(self.members, query, keyframe, strict=True)
        return np.asarray(np.mean([m.attention(q, k, difference) for m, q, k in every], axis=0), np.float32)


def mean_answer(answers: Array) -> Array:
    """Returns the geometric mean of aggregated answers (M, N, h, w), normalised over background and objects: (N, h, w).

    For one object that is the mean of the log-odds.
    """
    background = 1.0 - answers.sum(axis=1, keepdims=True)
    every = np.concatenate((background, answers), axis=1)
    mean = np.exp(np.log(np.clip(every, SURE, 1.0 - SURE)).mean(axis=0))
    return np.asarray(mean[1:] / mean.sum(axis=0, keepdims=True), np.float32)
