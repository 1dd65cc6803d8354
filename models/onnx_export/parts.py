"""The networks cut into the parts that become ONNX graphs, with nothing that an exporter refuses or gets wrong.

Each is the same function as in `networks`, up to rounding. Height and width are multiples of 16, so that adaptive
pooling is plain pooling; sums broadcast over objects instead of repeating a map for each.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..networks.automatic_net import AutomaticNet
from ..networks.blocks import UpFuse
from ..networks.edge_net import EdgeNet
from ..networks.propagation_net import Decoder, FrameKey, PropagationNet, ValueEncoder
from ..networks.scribble_to_mask import ScribbleToMask


class ScribblePart(nn.Module):
    """Picture (B, 3, H, W), previous mask and strokes (B, 1, H, W) each -> the matte (B, 1, H, W)."""

    def __init__(self, net: ScribbleToMask) -> None:
        super().__init__()
        self.net = net

    def forward(self, image: Tensor, previous: Tensor, keep: Tensor, remove: Tensor) -> Tensor:
        """See `ScribbleToMask.forward`; the matte instead of its logits."""
        net = self.net
        extra = torch.cat((previous, keep, remove), dim=1)
        maps = net.encoder(image, extra)
        assert maps.f32 is not None
        deep = net.attention(net.deep(maps.f32))
        embedded = net.embed(maps.f16)
        alike = torch.cat((_likeness(embedded, keep), _likeness(embedded, remove)), dim=1)
        x = net.up16(deep, torch.cat((maps.f16, alike), dim=1))
        x = net.up8(x, torch.cat((maps.f8, F.avg_pool2d(extra, 8)), dim=1))
        x = net.up4(x, maps.f4)
        x = net.up2(x, torch.cat((maps.f2, F.avg_pool2d(extra, 2)), dim=1))
        logits = net.head(F.relu(x))
        return torch.sigmoid(F.interpolate(logits, scale_factor=2, mode="bilinear", align_corners=False))


def _likeness(features: Tensor, stroke: Tensor) -> Tensor:
    """Returns the cosine of features (B, C, h, w) to their mean under stroke (B, 1, H, W), written out."""
    weight = F.avg_pool2d(stroke, 16)
    total = weight.sum(dim=(2, 3), keepdim=True)
    mean = (features * weight).sum(dim=(2, 3), keepdim=True) / total.clamp(min=1e-6)
    product = (features * mean).sum(dim=1, keepdim=True)
    lengths = [(x * x).sum(dim=1, keepdim=True).sqrt().clamp(min=1e-6) for x in (features, mean)]
    return product / (lengths[0] * lengths[1]) * (total > 1e-6).to(product.dtype)


class AutomaticPart(nn.Module):
    """Pictures (B, 3, H, W) -> the mattes of people, heads and sky (B, 3, H, W)."""

    def __init__(self, net: AutomaticNet) -> None:
        super().__init__()
        self.net = net

    def forward(self, image: Tensor) -> Tensor:
        """See `AutomaticNet.forward`; mattes instead of their logits."""
        return torch.sigmoid(self.net(image))


class KeyPart(nn.Module):
    """Picture (1, 3, H, W) -> the six maps of a `FrameKey`."""

    def __init__(self, net: PropagationNet) -> None:
        super().__init__()
        self.net = net

    def forward(self, image: Tensor) -> FrameKey:
        """See `PropagationNet.encode_key`."""
        return self.net.encode_key(image)


class ValuePart(nn.Module):
    """Picture (B, 3, H, W), masks of the object and of all others (B, 2, H, W), f16 -> values (B, 128, h, w)."""

    def __init__(self, net: PropagationNet) -> None:
        super().__init__()
        self.value_encoder: ValueEncoder = net.value_encoder

    def forward(self, image: Tensor, masks: Tensor, f16: Tensor) -> Tensor:
        """See `ValueEncoder.forward`."""
        value: Tensor = self.value_encoder(image, masks, f16)
        return value


class DecodePart(nn.Module):
    """Read-out and mattes of N objects, maps of the one frame -> logits (N, 1, H, W)."""

    def __init__(self, net: PropagationNet) -> None:
        super().__init__()
        self.decoder: Decoder = net.decoder

    def forward(self, readout: Tensor, previous: Tensor, thin: Tensor, f8: Tensor, f4: Tensor, f2: Tensor) -> Tensor:
        """See `Decoder.forward`.

        Args:
            readout: (N, 128, h, w).
            previous: (N, 2, H, W) each object's matte on the frame before, and that of all others.
            thin: (1, 128, h, w), as f8, f4 and f2 from the frame's key.
            f8: (1, 40, 2h, 2w).
            f4: (1, 24, 4h, 4w).
            f2: (1, 16, 8h, 8w).
        """
        net = self.decoder
        x = torch.cat((readout, thin.expand(readout.shape[0], -1, -1, -1)), dim=1)
        x = x + net.hint(F.pixel_unshuffle(F.avg_pool2d(previous, 4), 4))
        x = net.join(x)
        for block in net.reasoning:
            x = block(x)
        for up, skip in ((net.up8, f8), (net.up4, f4), (net.up2, f2)):
            assert isinstance(up, UpFuse)
            wide = F.interpolate(up.reduce(x), scale_factor=2, mode="bilinear", align_corners=False)
            x = up.refine(wide + up.skip(skip))
        logits = net.head(F.relu(x))
        return F.interpolate(logits, scale_factor=2, mode="bilinear", align_corners=False)


class EdgePart(nn.Module):
    """Evidence (B, 23, H/2, W/2), see `edge_net.evidence`, and matte (B, 1, H, W) -> alpha (B, 1, H, W)."""

    def __init__(self, net: EdgeNet) -> None:
        super().__init__()
        self.net = net

    def forward(self, seen: Tensor, matte: Tensor) -> Tensor:
        """See `EdgeNet.forward`; alpha instead of its logit."""
        return torch.sigmoid(self.net.refined(seen, matte))
