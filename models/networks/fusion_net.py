"""The fusion network: decides which of two results of a frame to trust, the earlier run's or a new keyframe's.

After the fusion module of MiVOS (Cheng, Tai, Tang, CVPR 2021, arXiv 2103.07941, section 3.3), with the same inputs:
picture, both mattes, the artist's change on the keyframe carried to this frame (gains and losses), and two weights of
time. What differs: the network does not draw a matte. It gives a *lean* for each place, towards the new result or the
old one, and a formula mixes both (`mix`, the same as in the engine). So the result always lies between the two, nothing
changes where they agree, and an untrained network (its last layer starts at zero) gives the formula's result.

None of its weights are released, and all tiers fuse by formula: after short training it trusts the new result too
readily, see docs/experiments.md, "Corrections". `cutout train fusion` trains one; `--weights fusion=FILE` of
`cutout study corrections` measures it; a tier that names weights in `fusion_weights` uses it.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .blocks import ChannelSpatialGate, ResBlock, UpFuse

PLANES = 10
"""Picture (3), old, new, gains, losses, weights of new and old, and the formula's share of the new result."""

STRIDE = 4
"""It works at a quarter of the size: which result to trust changes slowly over the picture, their rims stay sharp."""

WIDTHS = (24, 40, 64)
"""Channels at strides 4, 8 and 16."""

HEAD_GAIN = 0.1


def formula_share(old: Tensor, new: Tensor, changes: Tensor, weight: Tensor) -> Tensor:
    """Returns the formula's share (B, 1, H, W) of the new result, in [0, 1].

    Args:
        old: (B, 1, H, W) matte of the earlier run.
        new: (B, 1, H, W) matte of this run.
        changes: (B, 2, H, W) gains and losses carried to this frame, in [0, 1].
        weight: (B,) of the new result, by nearness.
    """
    w = weight.view(-1, 1, 1, 1)
    support = torch.where(new >= old, changes[:, 0:1], changes[:, 1:2]).clamp(0.0, 1.0)
    return w + (1.0 - w) * support


def mix(old: Tensor, new: Tensor, share: Tensor, lean: Tensor) -> Tensor:
    """Returns the fused matte (B, 1, H, W): `share` of the new result, shifted by `lean`.

    Args:
        old: (B, 1, H, W).
        new: (B, 1, H, W).
        share: (B, 1, H, W) from `formula_share`.
        lean: (B, 1, H, W) in [-1, 1]: 1 takes all of the new result, -1 all of the old, 0 the share as it is.
    """
    share = share + lean * torch.where(lean >= 0.0, 1.0 - share, share)
    return old + share * (new - old)


class FusionNet(nn.Module):
    """Picture, two mattes, carried changes and time -> lean; a small U-net at strides 4, 8 and 16."""

    def __init__(self, widths: tuple[int, int, int] = WIDTHS) -> None:
        super().__init__()
        c4, c8, c16 = widths
        self.stem = nn.Conv2d(PLANES, c4, 3, padding=1)
        self.down8 = nn.Conv2d(c4, c8, 3, stride=2, padding=1)
        self.res8 = ResBlock(c8, c8)
        self.down16 = nn.Conv2d(c8, c16, 3, stride=2, padding=1)
        self.res16 = ResBlock(c16, c16)
        self.gate = ChannelSpatialGate(c16)
        self.last16 = ResBlock(c16, c16)
        self.up8 = UpFuse(c16, c8, c8)
        self.up4 = nn.Conv2d(c8, c4, 1)
        self.side4 = nn.Conv2d(c4, c4, 3, padding=1)
        self.head = nn.Conv2d(c4, 1, 3, padding=1)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)  # type: ignore[arg-type]

    def forward(self, image: Tensor, old: Tensor, new: Tensor, changes: Tensor, weight: Tensor) -> Tensor:
        """Returns the lean (B, 1, H, W) in [-1, 1].

        Args:
            image: (B, 3, H, W) RGB in [0, 255], H and W multiples of 16.
            old: (B, 1, H, W) matte of the earlier run, in [0, 1].
            new: (B, 1, H, W) matte of this run, in [0, 1].
            changes: (B, 2, H, W) gains and losses carried to this frame, in [0, 1].
            weight: (B,) of the new result, by time; the old one has the rest.
        """
        size = image.shape[-2:]
        image, old, new, changes = (F.avg_pool2d(x, STRIDE) for x in (image, old, new, changes))
        time = weight.view(-1, 1, 1, 1).expand_as(old)
        share = formula_share(old, new, changes, weight)
        x = torch.cat(((image - 127.0) / 128.0, old, new, changes, time, 1.0 - time, share), dim=1)
        x4 = F.relu(self.stem(x))
        x8 = self.res8(self.down8(x4))
        x16 = self.res16(self.down16(F.relu(x8)))
        x16 = self.last16(x16 + self.gate(x16))
        y = F.interpolate(self.up4(self.up8(x16, x8)), size=x4.shape[-2:], mode="bilinear", align_corners=False)
        # Where one result is better in most samples, a fast head would saturate towards it and get no gradient back.
        lean = F.softsign(HEAD_GAIN * self.head(F.relu(y + self.side4(x4))).float())
        return F.interpolate(lean, size=size, mode="bilinear", align_corners=False)
