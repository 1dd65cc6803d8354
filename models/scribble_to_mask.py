"""The scribble network: picture, previous mask, keep and remove strokes -> mask logits.

Also the foreground network: with no strokes and an empty previous mask it proposes the salient object. Strokes enter
twice: by a parallel stem that starts at zero (RITM's `conv1S`), and as two *likeness* maps, the cosine of every
place's features to the mean feature under the keep and under the remove strokes: a short stroke can name a texture.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .blocks import AttentionBlock, UpFuse
from .encoders import CHANNELS, Lite0

STRIDE = 16


def _likeness(features: Tensor, stroke: Tensor) -> Tensor:
    """Cosine of features (B, C, h, w) to their mean under stroke (B, 1, H, W), as (B, 1, h, w); 0 without stroke."""
    weight = F.adaptive_avg_pool2d(stroke, features.shape[-2:])
    total = weight.sum(dim=(2, 3), keepdim=True)
    mean = (features * weight).sum(dim=(2, 3), keepdim=True) / total.clamp(min=1e-6)
    return F.cosine_similarity(features, mean, dim=1, eps=1e-6).unsqueeze(1) * (total > 1e-6)


class ScribbleToMask(nn.Module):
    """EfficientNet-Lite0 with a light decoder to stride 2. All 16 blocks, one attention block at stride 32."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = Lite0(extra_inputs=3, blocks=16)
        self.deep = nn.Conv2d(CHANNELS[32], 96, 1)
        self.attention = AttentionBlock(96)
        self.embed = nn.Conv2d(CHANNELS[16], 64, 1)
        self.up16 = UpFuse(96, CHANNELS[16] + 2, 96)
        self.up8 = UpFuse(96, CHANNELS[8] + 3, 64)
        self.up4 = UpFuse(64, CHANNELS[4], 40)
        self.up2 = UpFuse(40, CHANNELS[2] + 3, 20)
        self.head = nn.Conv2d(20, 1, 3, padding=1)

    def forward(self, image: Tensor, previous: Tensor, keep: Tensor, remove: Tensor) -> Tensor:
        """Returns logits (B, 1, H, W) of the whole object.

        Args:
            image: (B, 3, H, W) RGB in [0, 255]; H and W multiples of 16.
            previous: (B, 1, H, W) the mask before this round, in [0, 1]; zeros in a first round.
            keep: (B, 1, H, W) strokes of this round inside the object, 1 on the stroke, 0 elsewhere.
            remove: (B, 1, H, W) the same for strokes outside it.
        """
        extra = torch.cat((previous, keep, remove), dim=1)
        maps = self.encoder(image, extra)
        assert maps.f32 is not None
        deep = self.attention(self.deep(maps.f32))
        embedded = self.embed(maps.f16).float()
        alike = torch.cat((_likeness(embedded, keep), _likeness(embedded, remove)), dim=1).to(maps.f16.dtype)
        x = self.up16(deep, torch.cat((maps.f16, alike), dim=1))
        coarse = F.adaptive_avg_pool2d(extra, maps.f8.shape[-2:]).to(maps.f8.dtype)
        x = self.up8(x, torch.cat((maps.f8, coarse), dim=1))
        x = self.up4(x, maps.f4)
        fine = F.adaptive_avg_pool2d(extra, maps.f2.shape[-2:]).to(maps.f2.dtype)
        x = self.up2(x, torch.cat((maps.f2, fine), dim=1))
        logits = self.head(F.relu(x)).float()
        return F.interpolate(logits, scale_factor=2, mode="bilinear", align_corners=False)


__all__ = ["STRIDE", "ScribbleToMask"]
