"""Several objects in one crop: what is made for each of them is made only where it is.

The crop of several objects is large, and each of them fills a small part of it. Values and mattes far from an object do
not depend on it: the value there is that of a picture with somebody else's objects, and the matte is empty.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from . import affinity
from .propagation import STRIDE, FrameKey, PropagationNet

REACH = 2.0
"""Side of a window over the longer side of the object's box: what a crop of its own would show, and a fifth more."""
LEAST = 6
"""Sides have at least so many places (of `STRIDE` pixels)."""
WORTH = 0.7
"""Windows are used when together they have less than this share of all objects' places."""
FAR = -20.0
"""Logit of an object outside its window."""


class Window(NamedTuple):
    """A part of the maps at `STRIDE`, in places."""

    y0: int
    y1: int
    x0: int
    x1: int

    def of(self, maps: Tensor, stride: int) -> Tensor:
        """Returns the part (..., h, w) of maps of which a place has STRIDE / `stride` pixels a side."""
        n = STRIDE // stride
        part = maps[..., self.y0 * n : self.y1 * n, self.x0 * n : self.x1 * n]
        return part.contiguous(memory_format=torch.channels_last) if part.ndim == 4 else part

    def within(self, height: int, width: int, rim: int = 1) -> Window:
        """Returns the window without `rim` places at those of its sides that are not the picture's."""
        return Window(
            self.y0 + rim * (self.y0 > 0),
            self.y1 - rim * (self.y1 < height),
            self.x0 + rim * (self.x0 > 0),
            self.x1 - rim * (self.x1 < width),
        )


def windows_around(mattes: NDArray[np.float32]) -> list[Window] | None:
    """Returns each object's window in maps of (N, H, W) mattes; None = not worth it, or an object is nowhere."""
    count, height, width = mattes.shape
    rows, columns = -(-height // STRIDE), -(-width // STRIDE)
    if count < 2:
        return None
    found = []
    for hits in mattes > 0.5:
        ys, xs = np.flatnonzero(hits.any(axis=1)), np.flatnonzero(hits.any(axis=0))
        if not ys.size:
            return None
        side = max(LEAST, REACH * max(ys[-1] - ys[0], xs[-1] - xs[0]) / STRIDE)
        y0, y1 = _span((ys[0] + ys[-1] + 1) / 2 / STRIDE, side, rows)
        x0, x1 = _span((xs[0] + xs[-1] + 1) / 2 / STRIDE, side, columns)
        found.append(Window(y0, y1, x0, x1))
    places = sum((w.y1 - w.y0) * (w.x1 - w.x0) for w in found)
    return found if places < WORTH * count * rows * columns else None


def _span(middle: float, side: float, limit: int) -> tuple[int, int]:
    start = max(0, int(np.floor(middle - side / 2)))
    return start, min(limit, max(start + 1, int(np.ceil(middle + side / 2))))


def values_in_windows(
    network: PropagationNet, image: Tensor, frame: FrameKey, mattes: Tensor, windows: list[Window]
) -> Tensor:
    """Returns about what `network.encode_value` does, (1, N, Cv, h, w).

    Args:
        network: that makes the values.
        image: (1, 3, H, W).
        frame: its key.
        mattes: (1, N, H, W).
        windows: one for each object.
    """
    encoder = network.value_encoder
    everyone = mattes.sum(dim=1, keepdim=True).clamp(0.0, 1.0)
    without = encoder(image, torch.cat((torch.zeros_like(everyone), everyone), dim=1), frame.f16)
    others = affinity.other_objects(mattes)
    values = []
    for n, window in enumerate(windows):
        masks = torch.stack((mattes[:, n], others[:, n]), dim=1)
        near = encoder(window.of(image, 1), window.of(masks, 1), window.of(frame.f16, STRIDE))
        inner = window.within(*without.shape[-2:])  # at its rim a convolution misses what lies beyond
        value = without.clone()
        value[..., inner.y0 : inner.y1, inner.x0 : inner.x1] = near[
            ..., inner.y0 - window.y0 : inner.y1 - window.y0, inner.x0 - window.x0 : inner.x1 - window.x0
        ]
        values.append(value)
    return torch.stack(values, dim=1)


def logits_in_windows(
    network: PropagationNet, readout: Tensor, frame: FrameKey, previous: Tensor, windows: list[Window]
) -> Tensor:
    """Returns about what `network.decoder` does, (1, N, H, W); `FAR` outside of each object's window.

    Args:
        network: that decodes.
        readout: (1, N, Cv, h, w).
        frame: the query.
        previous: (1, N, H, W) mattes of the frame before.
        windows: one for each object.
    """
    logits = torch.full_like(previous, FAR)
    others = affinity.other_objects(previous)
    for n, window in enumerate(windows):
        part = FrameKey(
            *(window.of(maps, STRIDE) for maps in (frame.key, frame.thin, frame.f16)),
            window.of(frame.f8, 8), window.of(frame.f4, 4), window.of(frame.f2, 2),
        )  # fmt: skip
        hint = window.of(previous[:, n : n + 1], 1), window.of(others[:, n : n + 1], 1)
        window.of(logits[0], 1)[n] = network.decoder(window.of(readout[:, n], STRIDE)[:, None], part, *hint)[0, 0]
    return logits
