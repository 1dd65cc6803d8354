"""Small building blocks shared by the networks.

Batch normalisation is always *frozen* here (statistics of the ImageNet weights), because training
batches are a few crops and their statistics would be noise; `fold` merges it into the convolution for inference.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol, runtime_checkable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .depthwise import depthwise

BATCH_NORM_EPS = 1e-3


@runtime_checkable
class Foldable(Protocol):
    """A module with a norm that can be merged into convolutions."""

    def fold(self) -> None:
        """Merges the norm; does nothing when called again."""


class FrozenBatchNorm2d(nn.BatchNorm2d):
    """Batch normalisation that always uses its stored statistics; scale and shift stay trainable."""

    def __init__(self, channels: int, eps: float) -> None:
        super().__init__(channels, eps=eps)
        self.train(False)

    def train(self, mode: bool = True) -> FrozenBatchNorm2d:
        """Returns itself, always in evaluation mode."""
        return super().train(False)


class DepthwiseConv2d(nn.Conv2d):
    """Depthwise convolution without bias, (B, C, H, W) -> (B, C, H/stride, W/stride)."""

    def __init__(self, channels: int, kernel: int, stride: int) -> None:
        super().__init__(channels, channels, kernel, stride, kernel // 2, groups=channels, bias=False)


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
        self.merged: tuple[Tensor, Tensor] | None = None

    def forward(self, x: Tensor) -> Tensor:
        """Returns (B, c_out, H/stride, W/stride)."""
        if self.merged is None:
            return self.act(self.norm(self.conv(x)))
        weight, bias = self.merged
        conv = self.conv
        if isinstance(conv, DepthwiseConv2d) and x.device.type == "cpu":
            return self.act(depthwise(x.to(weight.dtype), weight, bias, conv.stride[0]))
        return self.act(F.conv2d(x.to(weight.dtype), weight, bias, conv.stride, conv.padding, 1, conv.groups))

    @torch.no_grad()
    def scale(self) -> Tensor:
        """Returns the factor of the norm for each channel (c_out,); ones once it is folded."""
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


class _Merge(torch.autograd.Function):
    """Merges a frozen norm into the weight and bias of the convolution before it; gradients for both."""

    @staticmethod
    def forward(ctx: Any, weight: Tensor, gain: Tensor, shift: Tensor, norm: nn.BatchNorm2d, kind: torch.dtype) -> Any:
        assert norm.running_mean is not None
        assert norm.running_var is not None
        inverse = torch.rsqrt(norm.running_var + norm.eps)
        ctx.save_for_backward(weight, gain, inverse, norm.running_mean)
        scale = gain * inverse
        return (weight * scale[:, None, None, None]).to(kind), (shift - norm.running_mean * scale).to(kind)

    @staticmethod
    def backward(ctx: Any, weight_grad: Tensor, bias_grad: Tensor) -> Any:
        weight, gain, inverse, mean = ctx.saved_tensors
        weight_grad, bias_grad = weight_grad.float(), bias_grad.float()
        along = (weight_grad * weight).sum(dim=(1, 2, 3)) - bias_grad * mean
        return weight_grad * (gain * inverse)[:, None, None, None], along * inverse, bias_grad, None, None


@contextmanager
def merged_norms(network: nn.Module, kind: torch.dtype) -> Iterator[None]:
    """Runs every `ConvNormAct` of a network as one convolution, with its norm still trainable.

    The same function without a separate pass over the map for the norm, forward or backward. Weights are merged once,
    on entering: parameters must not change inside.

    Args:
        network: to be trained.
        kind: type that convolutions are computed in.
    """
    units = [module for module in network.modules() if isinstance(module, ConvNormAct)]
    try:
        for unit in units:
            if isinstance(unit.norm, nn.BatchNorm2d):
                unit.merged = _Merge.apply(unit.conv.weight, unit.norm.weight, unit.norm.bias, unit.norm, kind)
        yield
    finally:
        for unit in units:
            unit.merged = None


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
    """One transformer block over the places of a small map, so that a stroke can affect the whole crop.

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
        mixed = _attended(q, k, v).transpose(1, 2).reshape(b, h * w, c)
        tokens = tokens + self.out(mixed)
        tokens = tokens + self.mlp(self.norm2(tokens))
        return tokens.transpose(1, 2).reshape(b, c, h, w)


def _attended(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """Returns attention (B, heads, places, c); in half-precision training on a processor, by two plain products.

    PyTorch's own is much slower there, mostly in the backward pass.
    """
    if torch.is_grad_enabled() and q.device.type == "cpu" and q.dtype != torch.float32:
        return torch.softmax(q @ k.transpose(-1, -2) * q.shape[-1] ** -0.5, dim=-1).to(v.dtype) @ v
    return F.scaled_dot_product_attention(q, k, v)


def silence(layer: nn.Conv2d | nn.Linear) -> None:
    """Sets a layer to output zeros: a branch that ends in it changes nothing before training."""
    nn.init.zeros_(layer.weight)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)


def fold_batch_norms(network: nn.Module) -> nn.Module:
    """Returns `network` with every frozen norm merged into its convolution. The result cannot be trained as before."""
    for module in network.modules():  # a module comes before its parts
        if isinstance(module, Foldable):
            module.fold()
    return network
