"""Which object a pixel belongs to, where masks that were made apart from each other overlap. Pure numpy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from .types import Mattes

_HALF = 127.0 / 255.0
"""The most that rounds to an 8-bit value which does not own its pixel."""


def share(mattes: Mattes, drawn: Sequence[bool]) -> Mattes:
    """The mattes (N, H, W) float32 made to share pixels: their sum is at most 1, and one at most is above one half.

    What the artist drew on this frame comes first; the others get what it leaves. Where equals compete they are scaled
    down alike. Mattes that share already (but for the rounding of 8-bit files) come out as they went in, so sharing
    twice is sharing once. This is not `matte.aggregate`, which weighs independent guesses of a network.
    """
    first = np.asarray(drawn, bool)
    out = np.array(mattes, np.float32)
    crowded = out.sum(axis=0) > 1 + len(out) / 255.0
    if crowded.any():
        claims = out[:, crowded]  # (N, P)
        room = np.ones(claims.shape[1], np.float32)
        for group in (first, ~first):
            total = claims[group].sum(axis=0)
            claims[group] *= np.minimum(1.0, room / np.maximum(total, 1e-6))
            room = np.maximum(room - total, 0)
        out[:, crowded] = claims
    twice = (np.round(out * 255.0) > 127).sum(axis=0) > 1
    if twice.any():
        out[:, twice] = np.minimum(out[:, twice], _HALF)
    return out


def contested(mattes: Mattes) -> float:
    """The greatest share of an object's own area (N, H, W) that another one claims too; 0 = they do not overlap."""
    owned = mattes > 0.5
    twice = owned.sum(axis=0) > 1
    areas = owned.sum(axis=(1, 2))
    return float(((owned & twice).sum(axis=(1, 2)) / np.maximum(areas, 1)).max(initial=0.0))
