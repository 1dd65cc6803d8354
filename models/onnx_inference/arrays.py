"""The mathematics around the graphs, in numpy; each is the same function as its namesake for PyTorch."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]
STRIDE = 16
INSIDE, OUTSIDE = 0.5, 0.05
"""See `networks.resemblance`."""
SURE, LEVELS = 0.95, 7
"""See `networks.edge_net`."""


def padded(maps: NDArray[np.generic], mode: str = "constant") -> Array:
    """Returns maps (..., h, w) as float32, padded at the right and the bottom to multiples of the stride.

    `mode`: "constant" (zeros) or "edge" (repeated).
    """
    down, right = -maps.shape[-2] % STRIDE, -maps.shape[-1] % STRIDE
    if down or right:
        sides = [(0, 0)] * (maps.ndim - 2) + [(0, down), (0, right)]
        maps = np.pad(maps, sides, mode="edge" if mode == "edge" else "constant")
    return np.ascontiguousarray(maps, dtype=np.float32)


def picture(image: NDArray[np.uint8]) -> Array:
    """Returns (h, w, 3) uint8 as (1, 3, H, W) in [0, 255], padded by repeating the edge."""
    return padded(image.transpose(2, 0, 1)[None], "edge")


def cropped(maps: Array, size_hw: tuple[int, int]) -> Array:
    """Returns maps (..., h, w) without the padding."""
    return np.ascontiguousarray(maps[..., : size_hw[0], : size_hw[1]])


def rows(maps: Array) -> Array:
    """Returns maps (1, C, h, w) as (h * w, C)."""
    return np.ascontiguousarray(maps[0].reshape(maps.shape[1], -1).T)


def pooled(maps: Array, size: int = STRIDE) -> Array:
    """Returns the means (N, H / size, W / size) of maps (N, H, W) over squares."""
    n, height, width = maps.shape
    return np.asarray(maps.reshape(n, height // size, size, width // size, size).mean(axis=(2, 4)), np.float32)


def repeated(maps: Array, size: int = STRIDE) -> Array:
    """Returns maps (N, h, w) with every number repeated over a square: (N, h * size, w * size)."""
    return maps.repeat(size, axis=1).repeat(size, axis=2)


def resized(maps: Array, size_hw: tuple[int, int]) -> Array:
    """Returns maps (..., h, w) at another size, bilinear, by pixel centres (PyTorch's `align_corners=False`)."""
    for axis, length in ((-2, size_hw[0]), (-1, size_hw[1])):
        maps = _stretched(maps, axis, length)
    return maps


def _stretched(maps: Array, axis: int, length: int) -> Array:
    before = maps.shape[axis]
    if before == length:
        return maps
    place = (np.arange(length, dtype=np.float32) + np.float32(0.5)) * np.float32(before / length) - np.float32(0.5)
    place = place.clip(0.0)
    low = place.astype(np.intp)
    share = (place - low).astype(np.float32)
    if axis == -2:
        share = share[:, None]
    first = maps.take(low, axis=axis)
    return np.asarray(first + share * (maps.take(np.minimum(low + 1, before - 1), axis=axis) - first), np.float32)


def sigmoid(x: Array) -> Array:
    """Returns 1 / (1 + exp(-x)) without overflow."""
    return np.asarray(0.5 * (1.0 + np.tanh(0.5 * x)), np.float32)


def aggregate_mattes(logits: Array) -> Array:
    """Returns mattes (N, H, W) in [0, 1] from independent logits, see `affinity.aggregate_mattes`."""
    if len(logits) == 1:
        return sigmoid(np.float32(2.0) * logits)
    odds = np.exp(np.minimum(logits, np.float32(80.0)))
    with np.errstate(over="ignore"):  # the product of many large odds is infinite, and its inverse 0
        product = (np.float32(1.0) + odds).prod(axis=0, keepdims=True) - np.float32(1.0)
        background = np.float32(1.0) / product.clip(1e-6)
    return np.asarray(odds / (odds.sum(axis=0, keepdims=True) + background), np.float32)


def other_objects(mattes: Array) -> Array:
    """Returns for each object the sum of all others, (N, H, W) clipped to [0, 1]."""
    return np.asarray((mattes.sum(axis=0, keepdims=True) - mattes).clip(0.0, 1.0), np.float32)


def directions(features: Array) -> Array:
    """Returns places (P, C) as unit vectors."""
    lengths = np.sqrt(np.square(features).sum(axis=1, keepdims=True))
    return np.asarray(features / lengths.clip(1e-12), np.float32)


def margins(query: Array, mattes: Array, examples: Array, shares: Array) -> Array:
    """Returns by how much the most similar place of the object beats the most similar other, see `resemblance`."""
    out = np.zeros(mattes.shape, np.float32)
    for number, (found, share) in enumerate(zip(mattes, shares, strict=True)):
        own, inside = _filled(found), _filled(share)
        if own.any():
            places = query[own]
            out[number, own] = _nearest(places, examples[inside]) - _nearest(places, examples[share < OUTSIDE])
    return out


def _filled(shares: Array) -> NDArray[np.bool_]:
    return np.asarray((shares >= min(INSIDE, float(shares.max()))) & (shares > 0))


def _nearest(places: Array, examples: Array) -> Array:
    if not len(examples):
        return np.full(len(places), -1.0, np.float32)
    return np.asarray((places @ examples.T).max(axis=1), np.float32)


def evidence(image: Array, matte: Array) -> Array:
    """Returns the edge network's inputs (23, H/2, W/2) of a picture (3, H, W) and a matte (1, H, W), see `edge_net`."""
    image = (image - np.float32(127.0)) / np.float32(128.0)
    inside = ((matte - np.float32(SURE)) / np.float32(1.0 - SURE)).clip(0.0, 1.0)
    outside = ((np.float32(1.0) - matte - np.float32(SURE)) / np.float32(1.0 - SURE)).clip(0.0, 1.0)
    half = _halved(image)
    front, back = _spread(half, _halved(inside)), _spread(half, _halved(outside))
    apart = front - back
    share = ((half - back) * apart).sum(0, keepdims=True) / ((apart * apart).sum(0, keepdims=True) + np.float32(0.02))
    pixels = np.concatenate((image, np.float32(2.0) * matte - np.float32(1.0)))
    corners = [pixels[:, row::2, column::2] for row in (0, 1) for column in (0, 1)]
    parts = (np.stack(corners, axis=1).reshape(-1, *front.shape[1:]), front, back, share.clip(-0.5, 1.5))
    return np.concatenate(parts, dtype=np.float32)


def _spread(image: Array, known: Array) -> Array:
    sums, weights = [image * known], [known]
    for _ in range(LEVELS):
        if min(sums[-1].shape[-2:]) < 2:
            break
        sums.append(_halved(sums[-1]))
        weights.append(_halved(weights[-1]))
    out = sums[-1] / weights[-1].clip(1e-6)
    for total, weight in zip(sums[-2::-1], weights[-2::-1], strict=True):
        coarse = resized(out, (total.shape[-2], total.shape[-1]))
        share = (weight * np.float32(4.0)).clip(max=1.0)
        out = coarse + share * (total / weight.clip(1e-6) - coarse)
    return np.asarray(out, np.float32)


def _halved(maps: Array) -> Array:
    """Returns means of 2 x 2, of what there is at an odd edge."""
    height, width = maps.shape[-2:]
    even = np.pad(maps, ((0, 0), (0, height % 2), (0, width % 2)), mode="edge")
    return np.float32(0.25) * (even[:, ::2, ::2] + even[:, 1::2, ::2] + even[:, ::2, 1::2] + even[:, 1::2, 1::2])
