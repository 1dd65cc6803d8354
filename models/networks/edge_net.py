"""The edge network: picture and matte at full resolution -> alpha along the object's edge.

A small U-Net to stride 8. It sees more than picture and matte: the colours of the sure object and of the sure
background, spread into the undecided band, and the alpha that these two colours alone suggest. So distant colours
reach every place of the band at no cost in parameters.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .blocks import ResBlock, silence

SURE = 0.95
"""Mattes above this are certainly object, below 1 minus this certainly background."""

_LEVELS = 7
_INPUTS = 23


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
    """Returns the network's inputs (B, 23, H/2, W/2).

    The four pixels of each place, picture and matte; both spread colours, and the alpha they suggest.

    Args:
        image: (B, 3, H, W) RGB in [0, 255].
        matte: (B, 1, H, W) in [0, 1].
    """
    image = (image - 127.0) / 128.0
    inside = ((matte - SURE) / (1.0 - SURE)).clamp(0.0, 1.0)
    outside = ((1.0 - matte - SURE) / (1.0 - SURE)).clamp(0.0, 1.0)
    half = F.avg_pool2d(image, 2)
    known = F.avg_pool2d(torch.cat((inside, outside)), 2)
    front, back = spread(half.repeat(2, 1, 1, 1), known).chunk(2)
    apart = front - back
    share = ((half - back) * apart).sum(1, keepdim=True) / ((apart * apart).sum(1, keepdim=True) + 0.02)
    pixels = F.pixel_unshuffle(torch.cat((image, 2.0 * matte - 1.0), dim=1), 2)
    return torch.cat((pixels, front, back, share.clamp(-0.5, 1.5)), dim=1)


class EdgeNet(nn.Module):
    """U-Net over `evidence`, 0.5 M parameters.

    Convolutions begin at half the resolution, where they take a quarter of the time: the four pixels of each place are
    channels there, and the four alphas come out as channels, so nothing of the picture is lost.

    Args:
        channels: at strides 2, 4 and 8.
    """

    def __init__(self, channels: tuple[int, int, int] = (32, 64, 96)) -> None:
        super().__init__()
        half, quarter, eighth = channels
        self.stem = nn.Conv2d(_INPUTS, half, 3, padding=1)
        self.down4 = nn.Conv2d(half, quarter, 3, stride=2, padding=1)
        self.block4 = ResBlock(quarter, quarter)
        self.down8 = nn.Conv2d(quarter, eighth, 3, stride=2, padding=1)
        self.block8 = nn.Sequential(ResBlock(eighth, eighth), ResBlock(eighth, eighth))
        self.up4 = EdgeUp(eighth, quarter)
        self.up2 = EdgeUp(quarter, half)
        self.head = nn.Conv2d(half, 4, 3, padding=1)
        silence(self.head)

    def forward(self, image: Tensor, matte: Tensor) -> Tensor:
        """Returns the logit of alpha (B, 1, H, W).

        Args:
            image: (B, 3, H, W) RGB in [0, 255]; H and W multiples of 8.
            matte: (B, 1, H, W) in [0, 1], of a propagation.
        """
        with torch.autocast(image.device.type, enabled=False):
            seen = evidence(image.float(), matte.float()).to(image.dtype)
        return self.refined(seen, matte.float())

    def refined(self, seen: Tensor, matte: Tensor) -> Tensor:
        """Returns the logit of alpha (B, 1, H, W) from the `evidence` (B, 23, H/2, W/2) and the matte (B, 1, H, W)."""
        x2 = self.stem(seen)
        x4 = self.block4(self.down4(F.relu(x2)))
        x8 = self.block8(self.down8(F.relu(x4)))
        x = self.up2(self.up4(x8, x4), x2)
        return F.pixel_shuffle(self.head(F.relu(x)), 2).float() + 4.0 * (matte - 0.5)


class EdgeUp(nn.Module):
    """Upsamples a coarse map, adds a finer one and refines the sum with one convolution."""

    def __init__(self, c_coarse: int, c_fine: int) -> None:
        super().__init__()
        self.reduce = nn.Conv2d(c_coarse, c_fine, 1)
        self.refine = nn.Conv2d(c_fine, c_fine, 3, padding=1)

    def forward(self, coarse: Tensor, fine: Tensor) -> Tensor:
        """Returns (B, c_fine, H, W) of the finer map's size."""
        x = self.reduce(F.relu(coarse))
        x = fine + F.interpolate(x, size=fine.shape[-2:], mode="bilinear", align_corners=False)
        return x + self.refine(F.relu(x))


__all__ = ["EdgeNet", "EdgeUp", "evidence", "spread"]
