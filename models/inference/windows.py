"""Restricts per-object work to windows around the objects when several share one crop.

The crop of several objects is large, and each of them fills a small part of it. Values and mattes far from an object do
not depend on it: the value there is that of a picture with only other objects, and the matte is empty.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..networks import affinity
from ..networks.propagation_net import STRIDE, FrameKey, PropagationNet

REACH = 1.8
"""Side of a window over the longer side of the object's box: what its own crop would show, and an eighth more."""
LEAST = 6
"""Least number of places (of `STRIDE` pixels) along a side."""
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
        """Returns the part (..., h, w) of maps in which a place has STRIDE / `stride` pixels a side."""
        n = STRIDE // stride
        part = maps[..., self.y0 * n : self.y1 * n, self.x0 * n : self.x1 * n]
        return part.contiguous(memory_format=torch.channels_last) if part.ndim == 4 else part

    def within(self, height: int, width: int, rim: int = 1) -> Window:
        """Returns the window without `rim` places on each side that is not at the picture's border."""
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
    """Returns about `side` places around `middle`, moved inside the map; objects of one size get equal windows."""
    length = min(limit, math.ceil(side))
    start = min(max(0, round(middle - length / 2)), limit - length)
    return start, start + length


def _alike(windows: list[Window]) -> list[list[int]]:
    """Groups the numbers of windows with the same height and width, which are processed together."""
    groups: dict[tuple[int, int], list[int]] = {}
    for n, window in enumerate(windows):
        groups.setdefault((window.y1 - window.y0, window.x1 - window.x0), []).append(n)
    return list(groups.values())


def _parts(maps: Tensor, windows: list[Window], stride: int) -> Tensor:
    """Returns the parts (B, C, h, w) of maps (1, C, H, W) in windows of one size."""
    parts = torch.cat([window.of(maps, stride) for window in windows])
    return parts.contiguous(memory_format=torch.channels_last)


def values_in_windows(
    network: PropagationNet,
    image: Tensor,
    frame: FrameKey,
    mattes: Tensor,
    windows: list[Window],
    elsewhere: Tensor | None = None,
) -> Tensor:
    """Returns approximately what `network.encode_value` does, (1, N, Cv, h, w).

    Args:
        network: makes the values.
        image: (1, 3, H, W).
        frame: its key.
        mattes: (1, N, H, W).
        windows: one for each object.
        elsewhere: (1, N, Cv, h, w) the values that memory has for this frame, used outside the windows; None = compute
            them, with the mask of all objects.
    """
    encoder = network.value_encoder
    others = affinity.other_objects(mattes)
    if elsewhere is None:
        everyone = mattes.sum(dim=1, keepdim=True).clamp(0.0, 1.0)
        without = encoder(image, torch.cat((torch.zeros_like(everyone), everyone), dim=1), frame.f16)
        values = without[:, None].repeat(1, len(windows), 1, 1, 1)
    else:
        values = elsewhere.clone()
    for group in _alike(windows):
        own = [windows[n] for n in group]
        masks = torch.cat(
            [w.of(torch.stack((mattes[:, n], others[:, n]), dim=1), 1) for n, w in zip(group, own, strict=True)]
        )
        near = encoder(_parts(image, own, 1), masks, _parts(frame.f16, own, STRIDE))
        for n, window, value in zip(group, own, near, strict=True):
            inner = window.within(*values.shape[-2:])  # at its rim a convolution lacks what lies beyond
            values[0, n, :, inner.y0 : inner.y1, inner.x0 : inner.x1] = value[
                :, inner.y0 - window.y0 : inner.y1 - window.y0, inner.x0 - window.x0 : inner.x1 - window.x0
            ]
    return values


def logits_in_windows(
    network: PropagationNet, readout: Tensor, frame: FrameKey, previous: Tensor, windows: list[Window]
) -> Tensor:
    """Returns approximately what `network.decoder` does, (1, N, H, W); `FAR` outside each object's window.

    Args:
        network: decodes.
        readout: (1, N, Cv, h, w).
        frame: the query.
        previous: (1, N, H, W) mattes of the frame before.
        windows: one for each object.
    """
    logits = torch.full_like(previous, FAR)
    others = affinity.other_objects(previous)
    strides = STRIDE, STRIDE, STRIDE, 8, 4, 2  # of a key's maps, in their order
    for group in _alike(windows):
        own = [windows[n] for n in group]
        part = FrameKey(*(_parts(maps, own, stride) for maps, stride in zip(frame, strides, strict=True)))
        carried, hint, rest = (
            torch.cat([w.of(maps[:, n : n + 1], stride) for n, w in zip(group, own, strict=True)])
            for maps, stride in ((readout, STRIDE), (previous, 1), (others, 1))
        )
        for n, window, found in zip(group, own, network.decoder(carried, part, hint, rest), strict=True):
            window.of(logits[0], 1)[n] = found[0]
    return logits
