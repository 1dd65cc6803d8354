"""The edge network: picture and matte at full resolution -> alpha along the object's edge.

A small U-Net to stride 8. It sees more than picture and matte: the colours of the sure object and of the sure
background, spread into the undecided band, and the alpha that these two colours alone suggest. So distant colours
reach every place of the band at no cost in parameters.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .blocks import ResBlock, UpFuse

SURE = 0.95
"""Mattes above this are certainly object, below 1 minus this certainly background."""

_LEVELS = 7
_INPUTS = 11


def spread(image: Tensor, known: Tensor) -> Tensor:
    """Returns the picture with its known colours spread over the rest, (B, C, H, W); zeros where nothing is known.

    Push and pull over halved sizes: every unknown place takes the mean of the nearest scale that knows any.

    Args:
        image: (B, C, H, W).
        known: (B, 1, H, W) in [0, 1], how far each place counts.
    """
    sums, weights = [image * known], [known]
    for _ in range(_LEVELS):
        if min(sums[-1].shape[-2:]) < 2:
            break
        sums.append(F.avg_pool2d(sums[-1], 2, ceil_mode=True))
        weights.append(F.avg_pool2d(weights[-1], 2, ceil_mode=True))
    out = sums[-1] / weights[-1].clamp(min=1e-6)
    for total, weight in zip(sums[-2::-1], weights[-2::-1], strict=True):
        coarse = F.interpolate(out, size=total.shape[-2:], mode="bilinear", align_corners=False)
        share = (weight * 4.0).clamp(max=1.0)
        out = coarse + share * (total / weight.clamp(min=1e-6) - coarse)
    return out


def evidence(image: Tensor, matte: Tensor) -> Tensor:
    """Returns the network's inputs (B, 11, H, W): picture, matte, both spread colours, and the alpha they suggest.

    Args:
        image: (B, 3, H, W) RGB in [0, 255].
        matte: (B, 1, H, W) in [0, 1].
    """
    image = (image - 127.0) / 128.0
    inside = ((matte - SURE) / (1.0 - SURE)).clamp(0.0, 1.0)
    outside = ((1.0 - matte - SURE) / (1.0 - SURE)).clamp(0.0, 1.0)
    front, back = spread(image, inside), spread(image, outside)
    apart = front - back
    share = ((image - back) * apart).sum(1, keepdim=True) / ((apart * apart).sum(1, keepdim=True) + 0.02)
    return torch.cat((image, 2.0 * matte - 1.0, front, back, share.clamp(-0.5, 1.5)), dim=1)


class EdgeNet(nn.Module):
    """U-Net over `evidence`, 0.7 M parameters.

    Args:
        channels: at strides 1, 2, 4 and 8.
    """

    def __init__(self, channels: tuple[int, int, int, int] = (16, 32, 64, 96)) -> None:
        super().__init__()
        full, half, quarter, eighth = channels
        self.stem = nn.Conv2d(_INPUTS, full, 3, padding=1)
        self.down2 = nn.Conv2d(full, half, 3, stride=2, padding=1)
        self.block2 = ResBlock(half, half)
        self.down4 = nn.Conv2d(half, quarter, 3, stride=2, padding=1)
        self.block4 = ResBlock(quarter, quarter)
        self.down8 = nn.Conv2d(quarter, eighth, 3, stride=2, padding=1)
        self.block8 = nn.Sequential(ResBlock(eighth, eighth), ResBlock(eighth, eighth))
        self.up4 = UpFuse(eighth, quarter, quarter)
        self.up2 = UpFuse(quarter, half, half)
        self.up1 = UpFuse(half, full, full)
        self.head = nn.Conv2d(full, 1, 3, padding=1)
        nn.init.zeros_(self.head.weight)
        assert self.head.bias is not None
        nn.init.zeros_(self.head.bias)

    def forward(self, image: Tensor, matte: Tensor) -> Tensor:
        """Returns the logit of alpha (B, 1, H, W).

        Args:
            image: (B, 3, H, W) RGB in [0, 255]; H and W multiples of 8.
            matte: (B, 1, H, W) in [0, 1], of a propagation.
        """
        with torch.autocast(image.device.type, enabled=False):
            seen = evidence(image.float(), matte.float()).to(image.dtype)
        x1 = F.relu(self.stem(seen))
        x2 = self.block2(self.down2(x1))
        x4 = self.block4(self.down4(F.relu(x2)))
        x8 = self.block8(self.down8(F.relu(x4)))
        x = self.up4(x8, x4)
        x = self.up2(x, x2)
        x = self.up1(x, x1)
        return self.head(F.relu(x)).float() + 4.0 * (matte.float() - 0.5)


__all__ = ["EdgeNet", "evidence", "spread"]
