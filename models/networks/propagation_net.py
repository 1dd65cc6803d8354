"""The propagation network: keys from the picture, values from picture and mask, read-out, decoder (after STCN).

Differs from STCN (Cheng, Tai, Tang 2021): EfficientNet-Lite0 instead of ResNet-50 and 18, values of 128 channels, one
more decoder stage at stride 2, and the mattes of the frame before as a hint to the decoder (memory alone has no sense
more decoder stage at stride 2, and the mattes of the frame before as a hint to the decoder (memory alone has no sense
of position and takes every similar thing for the object). In training only, an auxiliary decoder on the value encoder
predicts the mask again from its features, so that these must separate the object from its surroundings (the MiVOS-type

Two sizes. `large` extends `small`: the rest of the ImageNet trunk (stride 32) gives context to the features of
stride 16, and after the read-out every place may attend to every other (transformer blocks, in the spirit of Cutie's
object transformer). The added parts end in zeros before training, so `large` starts as exactly the `small` network
whose weights it takes over.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from . import affinity
from .blocks import AttentionBlock, ChannelSpatialGate, ResBlock, UpFuse, silence
from .encoders import CHANNELS, Lite0

KEY_CHANNELS = 64
VALUE_CHANNELS = 128
STRIDE = 16
REASONING_BLOCKS = 2
Size = Literal["small", "large"]


def propagation_size(state: Mapping[str, Tensor]) -> Size:
    """Returns the network size that a state dictionary belongs to."""
    return "large" if "context.weight" in state else "small"


class FrameKey(NamedTuple):
    """Features of one picture: key (B, 64, H/16, W/16), thin (B, 128, ..) for the decoder, f16 for values, skips."""

    key: Tensor
    thin: Tensor
    f16: Tensor
    f8: Tensor
    f4: Tensor
    f2: Tensor


class ValueEncoder(nn.Module):
    """Picture, mask of the object and mask of all other objects -> value; one pass for each object."""

    def __init__(self, channels: int = VALUE_CHANNELS) -> None:
        super().__init__()
        self.trunk = Lite0(extra_inputs=2, blocks=6)
        self.fuse = ResBlock(self.trunk.out_channels + CHANNELS[16], channels)
        self.gate = ChannelSpatialGate(channels)
        self.refine = ResBlock(channels, channels)

    def forward(self, image: Tensor, masks: Tensor, f16: Tensor) -> Tensor:
        """Returns (B, Cv, H/16, W/16) from image (B, 3, H, W), masks (B, 2, H, W) and the key encoder's f16."""
        x = self.trunk(image, masks).f16
        x = self.fuse(torch.cat((x, f16.to(x.dtype)), dim=1))
        return self.refine(x + self.gate(x))


class Decoder(nn.Module):
    """Read-out and the query's features -> logits, by three small stages at strides 8, 4 and 2."""

    def __init__(self, channels: int = VALUE_CHANNELS, reasoning: int = 0) -> None:
        super().__init__()
        self.hint = nn.Conv2d(2 * 16, 2 * channels, 3, padding=1, bias=False)
        nn.init.zeros_(self.hint.weight)
        self.join = ResBlock(2 * channels, channels)
        self.reasoning = nn.ModuleList(AttentionBlock(channels, silent=True) for _ in range(reasoning))
        self.up8 = UpFuse(channels, CHANNELS[8], 64)
        self.up4 = UpFuse(64, CHANNELS[4], 40)
        self.up2 = UpFuse(40, CHANNELS[2], 16)
        self.head = nn.Conv2d(16, 1, 3, padding=1)

    def forward(
        self, readout: Tensor, query: FrameKey, previous: Tensor | None, others: Tensor | None = None
    ) -> Tensor:
        """Returns (B, N, H, W) logits.

        Args:
            readout: (B, N, Cv, H/16, W/16).
            query: of the frame.
            previous: (B, N, H, W) mattes of the frame before.
            others: (B, N, H, W) sum of all other objects' mattes for each object; None = `previous` has all of them.
        """
        b, n, c, h, w = readout.shape
        thin = query.thin[:, None].expand(-1, n, -1, -1, -1).reshape(b * n, -1, h, w)
        x = torch.cat((readout.reshape(b * n, c, h, w).to(thin.dtype), thin), dim=1)
        if previous is not None:
            others = affinity.other_objects(previous) if others is None else others
            both = torch.stack((previous, others), dim=2).flatten(0, 1)
            x = x + self.hint(F.pixel_unshuffle(F.avg_pool2d(both, 4), 4))
        x = self.join(x)
        for block in self.reasoning:
            x = block(x)
        x = self.up2(self.up4(self.up8(x, query.f8), query.f4), query.f2)
        logits = self.head(F.relu(x))
        logits = F.interpolate(logits.float(), scale_factor=2, mode="bilinear", align_corners=False)
        return logits.view(b, n, *logits.shape[-2:])


class AuxiliaryDecoder(nn.Module):
    """Value -> coarse mask logits at stride 4; exists only while training."""

    def __init__(self, channels: int = VALUE_CHANNELS) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.ReLU(), nn.Conv2d(channels, 16 * 4, 3, padding=1), nn.PixelShuffle(2))
        self.head = nn.Sequential(nn.ReLU(), nn.Conv2d(16, 4, 3, padding=1), nn.PixelShuffle(2))

    def forward(self, value: Tensor) -> Tensor:
        """Returns (B, 1, H/4, W/4) logits."""
        return self.head(self.body(value)).float()


class PropagationNet(nn.Module):
    """Space-time memory network for any number of objects.

    Args:
        similarity: "l2" (STCN) or "dot" (STM).
        top_k: matches kept for every query place; None keeps all.
        auxiliary: with the training-only decoder.
        size: "small" or "large".
    """

    def __init__(
        self,
        similarity: affinity.Similarity = "l2",
        top_k: int | None = 20,
        auxiliary: bool = False,
        size: Size = "small",
    ) -> None:
        super().__init__()
        self.similarity: affinity.Similarity = similarity
        self.top_k = top_k
        self.size: Size = size
        self.key_encoder = Lite0(blocks=16 if size == "large" else 11)
        self.context = nn.Conv2d(CHANNELS[32], CHANNELS[16], 1) if size == "large" else None
        if self.context is not None:
            silence(self.context)
        self.key_head = nn.Conv2d(CHANNELS[16], KEY_CHANNELS, 3, padding=1)
        nn.init.orthogonal_(self.key_head.weight)
        nn.init.zeros_(self.key_head.bias)  # type: ignore[arg-type]
        self.thin_head = nn.Conv2d(CHANNELS[16], VALUE_CHANNELS, 3, padding=1)
        self.value_encoder = ValueEncoder()
        self.decoder = Decoder(reasoning=REASONING_BLOCKS if size == "large" else 0)
        self.auxiliary = AuxiliaryDecoder() if auxiliary else None

    def encode_key(self, image: Tensor) -> FrameKey:
        """Returns the `FrameKey` of image (B, 3, H, W), RGB in [0, 255], H and W multiples of 16."""
        maps = self.key_encoder(image)
        f16 = maps.f16
        if self.context is not None:
            wide = self.context(maps.f32)
            f16 = f16 + F.interpolate(wide, size=f16.shape[-2:], mode="bilinear", align_corners=False)
        return FrameKey(self.key_head(f16).float(), self.thin_head(f16), f16, maps.f8, maps.f4, maps.f2)

    def encode_value(self, image: Tensor, frame: FrameKey, mattes: Tensor) -> Tensor:
        """Returns values (B, N, Cv, H/16, W/16) from image (B, 3, H, W) and mattes (B, N, H, W) in [0, 1]."""
        b, n = mattes.shape[:2]
        masks = torch.stack((mattes, affinity.other_objects(mattes)), dim=2).flatten(0, 1)
        images = image.repeat_interleave(n, dim=0) if n > 1 else image
        f16 = frame.f16.repeat_interleave(n, dim=0) if n > 1 else frame.f16
        value = self.value_encoder(images, masks, f16)
        return value.view(b, n, *value.shape[1:])

    def match(self, memory_keys: Tensor, query: FrameKey) -> Tensor:
        """Returns the affinity (B, M, Q) of memory keys (B, Ck, M) to the query."""
        logits = affinity.similarity(memory_keys, query.key.flatten(2), self.similarity)
        return affinity.topk_softmax(logits, self.top_k)

    def segment(
        self, query: FrameKey, memory_keys: Tensor, memory_values: Tensor, previous: Tensor | None = None
    ) -> Tensor:
        """Returns logits (B, N, H, W) of every object, before aggregation.

        Args:
            query: of the frame to segment.
            memory_keys: (B, Ck, M), all places of all memory frames.
            memory_values: (B, N, Cv, M).
            previous: (B, N, H, W) mattes of the frame before, seen through the query's crop; None or zeros where not
                known. A hint of where to look, which separates the object from others that look like it.
        """
        carried = affinity.readout(self.match(memory_keys, query), memory_values)
        return self.decoder(carried.unflatten(3, query.key.shape[-2:]), query, previous)
