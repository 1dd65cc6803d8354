"""Chooses clips of real video: which film, which of its frames and objects, and the crops that follow them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from .compositing import Seen
from .pool import Picture, Pool, object_box

FAR = 16
"""Frames of a film beyond which no hint is known, and a crop does not carry over from one to the other."""

FAR_PLACES = 8
"""Stored frames beyond which a crop does not carry over from a first frame."""

DENSE = 4
"""Stored frames farther apart than this in their film are taken consecutively, or every second one."""

NEAREST_GAPS = 3
WIDEST_GAPS = 5
"""Most stored frames from one frame of a clip to the next: after a distant first frame, and otherwise."""

SMALLEST = 0.002
"""Share of the picture: an object smaller than this on a clip's first frame is not followed."""


def film_shares(pool: Pool) -> tuple[list[str], NDArray[np.float64]]:
    """Returns the names of all films and their probabilities, by the root of their length."""
    names = list(pool.sequences)
    share = np.array([min(len(pool.sequences[name]), 64) ** 0.5 for name in names])
    return names, share / share.sum()


def choose_frames(
    length: int, count: int, rng: np.random.Generator, far_anchors: float, widest: int = WIDEST_GAPS
) -> tuple[NDArray[np.int64], int]:
    """Returns places (count,) in a film of `length` stored frames, and the place where the second one's crop is chosen.

    Mostly gaps of 1 to `widest` either forward or backward, the crop chosen from the first frame. With a far anchor the
    first frame is anywhere and the others lie close together; the crop of the second then follows a frame near it.
    """
    far = rng.random() < far_anchors
    most = max(min(NEAREST_GAPS if far else WIDEST_GAPS, widest, (length - 1) // (count - 1)), 1)
    gaps = rng.integers(1, most + 1, count - 1)
    start = int(rng.integers(0, max(length - int(gaps.sum()), 1)))
    places = np.minimum(start + np.concatenate(([0], np.cumsum(gaps))), length - 1)
    if rng.random() < 0.5:
        places = places[::-1].copy()
    before = int(places[0])
    if far:
        places[0] = rng.integers(0, length)
        if abs(int(places[0]) - int(places[1])) <= FAR_PLACES:
            before = int(places[0])
    return places, before


def widest_gap(numbers: NDArray[np.int64]) -> int:
    """Returns how many stored frames a clip may skip, given the frames' numbers (n,) in their film."""
    return WIDEST_GAPS if len(numbers) < 2 or np.median(np.diff(numbers)) <= DENSE else 2


def choose_objects(first: Mapping[int, NDArray[np.bool_]], count: int, rng: np.random.Generator) -> list[int]:
    """Returns ids of up to `count` random objects among those large enough on a clip's first frame."""
    fit = [identity for identity, mask in first.items() if mask.mean() > SMALLEST]
    return [int(i) for i in rng.permutation(fit)[:count]]


def masks_of(picture: Picture, ids: list[int]) -> NDArray[np.bool_]:
    """Returns the masks (N, H, W) of objects on a film's frame; empty where one is not visible."""
    there = picture.objects()
    none = np.zeros(picture.mask.shape, bool)
    return np.stack([there.get(identity, none) for identity in ids])


def together(masks: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Returns the mask (H, W) of objects (N, H, W) taken as one."""
    return np.asarray(masks.any(axis=0))


def seen(mask: NDArray[np.bool_]) -> Seen:
    """Returns where an object is; if nowhere, the whole picture, as the engine searches for a lost object."""
    box = object_box(mask)
    if box is None:
        height, width = mask.shape
        return width / 2, height / 2, max(height, width) / 2
    return (box[0] + box[2]) / 2, (box[1] + box[3]) / 2, max(box[2] - box[0], box[3] - box[1], 24.0)
