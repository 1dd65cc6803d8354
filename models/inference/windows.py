"""Restricts per-object work to the windows of `object_windows` when several objects share one crop."""

from __future__ import annotations

import torch
from torch import Tensor

from ..networks import affinity
from ..networks.propagation_net import FrameKey, PropagationNet
from .object_windows import FAR, STRIDE, Window


def _alike(windows: list[Window]) -> list[list[int]]:
    """Groups the numbers of windows with the same height and width, which are processed together."""
    groups: dict[tuple[int, int], list[int]] = {}
    for n, window in enumerate(windows):
        groups.setdefault((window.y1 - window.y0, window.x1 - window.x0), []).append(n)
    return list(groups.values())


def _parts(maps: Tensor, windows: list[Window], stride: int) -> Tensor:
    """Returns the parts (B, C, h, w) of maps (1, C, H, W) in windows of one size."""
    return _joined([window.of(maps, stride) for window in windows])


def _joined(parts: list[Tensor]) -> Tensor:
    """Returns parts of one size as one batch."""
    whole = torch.cat(parts)
    return whole.contiguous(memory_format=torch.channels_last) if whole.ndim == 4 else whole


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
        masks = _joined(
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
            _joined([w.of(maps[:, n : n + 1], stride) for n, w in zip(group, own, strict=True)])
            for maps, stride in ((readout, STRIDE), (previous, 1), (others, 1))
        )
        for n, window, found in zip(group, own, network.decoder(carried, part, hint, rest), strict=True):
            window.of(logits[0], 1)[n] = found[0]
    return logits
