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


def _likeness(features: Tensor, stroke: Tensor) -> Tensor:
    """Returns the cosine of features (B, C, h, w) to their mean under stroke (B, 1, H, W): (B, 1, h, w); 0 without."""
    weight = F.adaptive_avg_pool2d(stroke, (features.shape[-2], features.shape[-1]))
    total = weight.sum(dim=(2, 3), keepdim=True)
    mean = (features * weight).sum(dim=(2, 3), keepdim=True) / total.clamp(min=1e-6)
    return F.cosine_similarity(features, mean, dim=1, eps=1e-6).unsqueeze(1) * (total > 1e-6)


class Alternatives(nn.Module):
    """Alternative answers besides the first one, with an estimate of quality each, for pictures with several objects.

    As in SAM (Kirillov et al., ICCV 2023, section 3): several masks, of which training penalises only the best, and a
    score for each. Here an alternative is the first answer's logits plus a coarse map that adds or removes whole parts.

    Args:
        count: number of alternatives.
        channels: of the coarse features.
    """

    def __init__(self, count: int, channels: int) -> None:
        super().__init__()
        self.maps = nn.Sequential(nn.Conv2d(channels, 48, 3, padding=1), nn.ReLU(), nn.Conv2d(48, count, 1))
        self.score = nn.Linear(channels, count + 1)
        nn.init.zeros_(self.score.weight)
        nn.init.zeros_(self.score.bias)

    def forward(self, logits: Tensor, coarse: Tensor) -> tuple[Tensor, Tensor]:
        """Returns logits (B, 1 + count, H, W), the first unchanged, and scores (B, 1 + count): expected IoU as logit.

        Args:
            logits: (B, 1, H, W) the first answer.
            coarse: (B, C, h, w) features.
        """
        change = self.maps(coarse).float()
        change = F.interpolate(change, size=logits.shape[-2:], mode="bilinear", align_corners=False)
        return torch.cat((logits, logits + change), dim=1), self.score(coarse.mean(dim=(2, 3))).float()


class ScribbleToMask(nn.Module):
    """EfficientNet-Lite0 with a light decoder to stride 2. All 16 blocks, one attention block at stride 32.

    Args:
        alternatives: number of alternatives besides the first answer; see `every`. Their weights are `auxiliary.*`,
            which export leaves out: `forward` always gives the first answer.
    """

    def __init__(self, alternatives: int = 0) -> None:
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
        self.auxiliary = Alternatives(alternatives, 96) if alternatives else None

    def forward(self, image: Tensor, previous: Tensor, keep: Tensor, remove: Tensor) -> Tensor:
        """Returns logits (B, 1, H, W) of the whole object.

        Args:
            image: (B, 3, H, W) RGB in [0, 255]; H and W multiples of 16.
            previous: (B, 1, H, W) the mask before this round, in [0, 1]; zeros in a first round.
            keep: (B, 1, H, W) strokes of this round inside the object, 1 on the stroke, 0 elsewhere.
            remove: (B, 1, H, W) the same for strokes outside it.
        """
        return self._decode(image, previous, keep, remove)[0]

    def every(self, image: Tensor, previous: Tensor, keep: Tensor, remove: Tensor) -> tuple[Tensor, Tensor]:
        """Returns all answers' logits (B, K, H, W), the first one first, and scores (B, K); arguments as `forward`.

        Raises:
            ValueError: the network was made without alternatives.
        """
        if self.auxiliary is None:
            raise ValueError("this network has no alternatives")
        answers: tuple[Tensor, Tensor] = self.auxiliary(*self._decode(image, previous, keep, remove))
        return answers

    def _decode(self, image: Tensor, previous: Tensor, keep: Tensor, remove: Tensor) -> tuple[Tensor, Tensor]:
        """Returns logits (B, 1, H, W), and features (B, 96, H/16, W/16) that cover whole objects."""
        extra = torch.cat((previous, keep, remove), dim=1)
        maps = self.encoder(image, extra)
        assert maps.f32 is not None
        deep = self.attention(self.deep(maps.f32))
        embedded = self.embed(maps.f16).float()
        alike = torch.cat((_likeness(embedded, keep), _likeness(embedded, remove)), dim=1).to(maps.f16.dtype)
        x = whole = self.up16(deep, torch.cat((maps.f16, alike), dim=1))
        coarse = F.adaptive_avg_pool2d(extra, maps.f8.shape[-2:]).to(maps.f8.dtype)
        x = self.up8(x, torch.cat((maps.f8, coarse), dim=1))
        x = self.up4(x, maps.f4)
        fine = F.adaptive_avg_pool2d(extra, maps.f2.shape[-2:]).to(maps.f2.dtype)
        x = self.up2(x, torch.cat((maps.f2, fine), dim=1))
        logits = self.head(F.relu(x)).float()
        return F.interpolate(logits, scale_factor=2, mode="bilinear", align_corners=False), whole


__all__ = ["Alternatives", "ScribbleToMask"]
