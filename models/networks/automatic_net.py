"""The network of the automatic modes: a picture alone -> logits of the people, of their heads, and of the sky.

The trunk and the decoder are those of the scribble network without its strokes, so they start from its weights.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .blocks import AttentionBlock, UpFuse
from .encoders import CHANNELS, Lite0

MODES = ("person", "head", "sky")
"""What the channels of the answer are."""


class AutomaticNet(nn.Module):
    """EfficientNet-Lite0 with a light decoder to stride 2 and one answer for each of `MODES`."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = Lite0(blocks=16)
        self.deep = nn.Conv2d(CHANNELS[32], 96, 1)
        self.attention = AttentionBlock(96)
        self.up16 = UpFuse(96, CHANNELS[16], 96)
        self.up8 = UpFuse(96, CHANNELS[8], 64)
        self.up4 = UpFuse(64, CHANNELS[4], 40)
        self.up2 = UpFuse(40, CHANNELS[2], 32)
        self.head = nn.Conv2d(32, len(MODES), 3, padding=1)

    def forward(self, image: Tensor) -> Tensor:
        """Returns logits (B, 3, H, W), in the order of `MODES`.

        Args:
            image: (B, 3, H, W) RGB in [0, 255]; H and W multiples of 16.
        """
        maps = self.encoder(image)
        assert maps.f32 is not None
        x = self.up16(self.attention(self.deep(maps.f32)), maps.f16)
        x = self.up8(x, maps.f8)
        x = self.up4(x, maps.f4)
        x = self.up2(x, maps.f2)
        logits = self.head(F.relu(x)).float()
        return F.interpolate(logits, scale_factor=2, mode="bilinear", align_corners=False)

    @torch.no_grad()
    def start_from(self, state: Mapping[str, Tensor]) -> None:
        """Fills what the scribble network has too from its weights; channels that only one of them has are left out."""
        own = self.state_dict()
        for name, value in own.items():
            if name in state and not name.startswith("head."):
                given = state[name]
                part = tuple(slice(0, min(a, b)) for a, b in zip(value.shape, given.shape, strict=True))
                value[part] = given[part].to(value.dtype)
        self.load_state_dict(own)


__all__ = ["MODES", "AutomaticNet"]
