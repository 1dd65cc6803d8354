"""Small building blocks shared by the networks.

One thing to know: batch normalisation is always *frozen* here (statistics of the ImageNet weights), because training
batches are a few crops and their statistics would be noise; `fold` merges it into the convolution for inference.
"""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

BATCH_NORM_EPS = 1e-3


@runtime_checkable
class Foldable(Protocol):
    """A module with a norm that can be merged into convolutions."""

    def fold(self) -> None:
        """Merges it; does nothing when called again."""


class FrozenBatchNorm2d(nn.BatchNorm2d):
    """Batch normalisation that always uses its stored statistics; scale and shift stay trainable."""

    def train(self, mode: bool = True) -> FrozenBatchNorm2d:
        """Returns itself, left in evaluation mode whatever is asked."""
        return super().train(False)


class DepthwiseConv2d(nn.Conv2d):
    """Depthwise convolution, (B, C, H, W) -> (B, C, H/stride, W/stride).

    While training under bfloat16 autocast on a CPU, strided or 5x5 kernels run in float32: oneDNN's bfloat16 backward
    of these is up to ten times slower (45 ms against 4 ms for 96 channels at 112 x 112, stride 2).
    """

    def __init__(self, channels: int, kernel: int, stride: int) -> None:
        super().__init__(channels, channels, kernel, stride, kernel // 2, groups=channels, bias=False)
        self._slow_in_half = stride > 1 or kernel > 3

    def forward(self, x: Tensor) -> Tensor:
        """Returns the filtered map in the type of `x`."""
        if (
            self._slow_in_half
            and torch.is_grad_enabled()
            and x.device.type == "cpu"
            and torch.is_autocast_enabled("cpu")
        ):
            with torch.autocast("cpu", enabled=False):
                return super().forward(x.float()).to(x.dtype)
        return super().forward(x)


class ConvNormAct(nn.Module):
    """Convolution, frozen batch norm and, unless `act` is false, ReLU6: the unit EfficientNet-Lite is made of."""

    def __init__(
        self, c_in: int, c_out: int, kernel: int, stride: int = 1, depthwise: bool = False, act: bool = True
    ) -> None:
        super().__init__()
        self.conv: nn.Conv2d = (
            DepthwiseConv2d(c_in, kernel, stride)
            if depthwise
            else nn.Conv2d(c_in, c_out, kernel, stride, kernel // 2, bias=False)
        )
        self.norm: nn.Module = FrozenBatchNorm2d(c_out, eps=BATCH_NORM_EPS)
        self.act: nn.Module = nn.ReLU6(inplace=True) if act else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        """Returns (B, c_out, H/stride, W/stride)."""
        return self.act(self.norm(self.conv(x)))

    @torch.no_grad()
    def scale(self) -> Tensor:
        """Returns what the norm multiplies each channel (c_out,) with: ones once it is folded."""
        norm = self.norm
        if isinstance(norm, nn.Identity):
            return torch.ones_like(self.conv.weight[:, 0, 0, 0])
        assert isinstance(norm, nn.BatchNorm2d)
        assert norm.running_var is not None
        return norm.weight / torch.sqrt(norm.running_var + norm.eps)

    @torch.no_grad()
    def fold(self) -> None:
        """Merges the norm into the convolution (same function, fewer operations). For inference only."""
        norm = self.norm
        if isinstance(norm, nn.Identity):
            return
        assert isinstance(norm, nn.BatchNorm2d)
        assert norm.running_mean is not None
        scale = self.scale()
        self.conv.weight.mul_(scale[:, None, None, None])
        self.conv.bias = nn.Parameter(norm.bias - norm.running_mean * scale)
        self.norm = nn.Identity()


class InvertedResidual(nn.Module):
    """Expand 1x1, depthwise k x k, project 1x1, with a shortcut where shapes allow (MobileNetV2; no squeeze-excite)."""

    def __init__(self, c_in: int, c_out: int, kernel: int, stride: int, expand: int) -> None:
        super().__init__()
        middle = c_in * expand
        self.expand: nn.Module = ConvNormAct(c_in, middle, 1) if expand != 1 else nn.Identity()
        self.depthwise = ConvNormAct(middle, middle, kernel, stride, depthwise=True)
        self.project = ConvNormAct(middle, c_out, 1, act=False)
        self.shortcut = stride == 1 and c_in == c_out

    def forward(self, x: Tensor) -> Tensor:
        """Returns (B, c_out, H/stride, W/stride)."""
        y = self.project(self.depthwise(self.expand(x)))
        return x + y if self.shortcut else y


class ResBlock(nn.Module):
    """Two pre-activated 3x3 convolutions with a shortcut, no norm (the block of STCN's decoder)."""

    def __init__(self, c_in: int, c_out: int) -> None:
        super().__init__()
        self.shortcut: nn.Module = nn.Identity() if c_in == c_out else nn.Conv2d(c_in, c_out, 1)
        self.conv1 = nn.Conv2d(c_in, c_out, 3, padding=1)
        self.conv2 = nn.Conv2d(c_out, c_out, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """Returns (B, c_out, H, W)."""
        return self.shortcut(x) + self.conv2(F.relu(self.conv1(F.relu(x))))


class UpFuse(nn.Module):
    """Upsamples a coarse map to the size of a finer skip map, adds the projected skip, refines with a `ResBlock`."""

    def __init__(self, c_coarse: int, c_skip: int, c_out: int) -> None:
        super().__init__()
        self.reduce = nn.Conv2d(c_coarse, c_out, 1)
        self.skip = nn.Conv2d(c_skip, c_out, 3, padding=1)
        self.refine = ResBlock(c_out, c_out)

    def forward(self, coarse: Tensor, skip: Tensor) -> Tensor:
        """Returns (B, c_out, H, W) at the skip's size. `coarse` may have a multiple of the skip's batch (objects)."""
        up = F.interpolate(self.reduce(coarse), size=skip.shape[-2:], mode="bilinear", align_corners=False)
        side = self.skip(skip)
        if up.shape[0] != side.shape[0]:
            side = side.repeat_interleave(up.shape[0] // side.shape[0], dim=0)
        return self.refine(up + side)


class ChannelSpatialGate(nn.Module):
    """Rescales channels, then places, by learned gates (after CBAM, Woo et al. 2018; average pooling only)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        hidden = max(channels // 8, 8)
        self.channel = nn.Sequential(nn.Linear(channels, hidden), nn.ReLU(inplace=True), nn.Linear(hidden, channels))
        self.place = nn.Conv2d(2, 1, 7, padding=3)

    def forward(self, x: Tensor) -> Tensor:
        """Returns a map of the shape of `x`."""
        x = x * torch.sigmoid(self.channel(x.mean(dim=(2, 3))))[:, :, None, None]
        pooled = torch.stack((x.mean(dim=1), x.amax(dim=1)), dim=1)
        return x * torch.sigmoid(self.place(pooled))


class AttentionBlock(nn.Module):
    """One transformer block over the places of a small map, so that a stroke can speak to the whole crop.

    Args:
        channels: of the map.
        heads: of the attention.
        silent: the block does nothing until it is trained (its branches end in zeros).
    """

    def __init__(self, channels: int, heads: int = 4, silent: bool = False) -> None:
        super().__init__()
        self.heads = heads
        self.position = nn.Conv2d(channels, channels, 3, padding=1, groups=channels)
        self.norm1 = nn.LayerNorm(channels)
        self.qkv = nn.Linear(channels, 3 * channels)
        self.out = nn.Linear(channels, channels)
        self.norm2 = nn.LayerNorm(channels)
        last = nn.Linear(2 * channels, channels)
        self.mlp = nn.Sequential(nn.Linear(channels, 2 * channels), nn.GELU(), last)
        if silent:
            for part in (self.position, self.out, last):
                silence(part)

    def forward(self, x: Tensor) -> Tensor:
        """Returns (B, C, H, W), the shape of `x`; cost grows with (H*W)^2, so use it at stride 16 or coarser."""
        b, c, h, w = x.shape
        x = x + self.position(x)
        tokens = x.flatten(2).transpose(1, 2)
        q, k, v = self.qkv(self.norm1(tokens)).view(b, h * w, 3, self.heads, c // self.heads).permute(2, 0, 3, 1, 4)
        mixed = F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(b, h * w, c)
        tokens = tokens + self.out(mixed)
        tokens = tokens + self.mlp(self.norm2(tokens))
        return tokens.transpose(1, 2).reshape(b, c, h, w)


def silence(layer: nn.Conv2d | nn.Linear) -> None:
    """Sets a layer to give zeros: a branch that ends in it changes nothing before training."""
    nn.init.zeros_(layer.weight)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)


def fold_batch_norms(network: nn.Module) -> nn.Module:
    """Returns `network` with every frozen norm merged into its convolution. The result cannot be trained as before."""
    for module in network.modules():  # a module comes before its parts
        if isinstance(module, Foldable):
            module.fold()
    return network
