"""Compares places of a frame with examples of an object and of everything else, by nearest neighbours."""

from __future__ import annotations

import torch
from torch import Tensor

INSIDE, OUTSIDE = 0.5, 0.05
"""Share of a place from which it belongs to the object, and below which it does not; those in between are not used.

If an object is too small to fill any place that far, the places it fills best belong to it.
"""


def margins(query: Tensor, mattes: Tensor, examples: Tensor, shares: Tensor) -> Tensor:
    """Returns by how much the most similar place of the object beats the most similar other place: (N, Q) in [-2, 2].

    Args:
        query: (Q, C) unit vectors, the places of a frame.
        mattes: (N, Q) in [0, 1], where objects were found; only places inside are compared, all others are 0.
        examples: (M, C) unit vectors.
        shares: (N, M) in [0, 1], how much of each example is the object.
    """
    with torch.autocast(query.device.type, enabled=False):
        query, examples = query.float(), examples.float()
        out = query.new_zeros(mattes.shape)
        for number, (found, share) in enumerate(zip(mattes, shares, strict=True)):
            own, inside = _filled(found), _filled(share)
            if own.any():
                places = query[own]
                out[number, own] = _nearest(places, examples[inside]) - _nearest(places, examples[share < OUTSIDE])
        return out


def _filled(shares: Tensor) -> Tensor:
    """Returns which places (P,) of shares (P,) belong to the object."""
    return (shares >= min(INSIDE, float(shares.max()))) & (shares > 0)


def _nearest(places: Tensor, examples: Tensor) -> Tensor:
    """Returns the cosine of each place with the most similar example (P,), -1 when there are none."""
    if not len(examples):
        return places.new_full((len(places),), -1.0)
    return torch.mm(places, examples.T).amax(dim=1)
