"""Prepares networks for a processor: convolutions packed once for oneDNN, with activations and sums fused in.

For inference only, and only where PyTorch was built with oneDNN. Eager PyTorch reorders a convolution's weights at
every call, runs 1x1 kernels on one thread by a slow path that returns another memory layout, and reads and writes a
whole map again for each ReLU and each sum. This module uses what PyTorch's own compiler makes of a convolution
(`torch.ops.mkldnn._convolution_pointwise`); the function is the same, up to rounding. Where these operations are
missing the network stays as it is.
"""

from __future__ import annotations

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..networks.blocks import ConvNormAct, InvertedResidual, ResBlock, UpFuse
from ..networks.edge_net import EdgeUp
from ..networks.encoders import Features, Lite0, collect

Act = Literal["none", "relu", "relu6"]
_ATTRIBUTES: dict[Act, tuple[str, list[float]]] = {
    "none": ("none", []),
    "relu": ("relu", []),
    "relu6": ("hardtanh", [0.0, 6.0]),
}

STRIP_BYTES = 4 * 2**20
"""Bytes above which a map is made in strips; chosen for a core with 1 MiB of its own cache."""
WIDE = 16
"""Number of inputs from which the packing of a kernel with a stride depends on the size of the map."""
LARGE = 100_000
"""Number of weights from which a 1x1 kernel is computed as a matrix product, see `RowsConv`."""


class PackedConv(nn.Module):
    """A convolution with its activation, (B, C, H, W) -> (B, C_out, H/stride, W/stride), channels last.

    Args:
        conv: the convolution it replaces.
        act: fused activation.
        dtype: of weights and results; inputs are cast to it.
    """

    def __init__(self, conv: nn.Conv2d, act: Act = "none", dtype: torch.dtype = torch.float32) -> None:
        super().__init__()
        assert not isinstance(conv.padding, str)
        self.dtype = dtype
        self._where = (list(conv.padding), list(conv.stride), list(conv.dilation), conv.groups)
        self._act = _ATTRIBUTES[act]
        weight = conv.weight.detach().to(dtype)
        # Without a size oneDNN packs some kernels with a stride for a method many times slower; any size will do.
        strided = max(conv.stride) > 1 and conv.groups == 1 and conv.in_channels >= WIDE
        size = [1, conv.in_channels, 64, 64] if strided else []
        self._weight = torch.ops.mkldnn._reorder_convolution_weight(weight, *self._where, size or None)
        self._bias = None if conv.bias is None else conv.bias.detach().to(dtype)

    def forward(self, x: Tensor, plus: Tensor | None = None) -> Tensor:
        """Returns act(conv(x) + plus); `plus` has the result's shape."""
        x = x.to(self.dtype)
        name, numbers = self._act
        if plus is None:
            answer: Tensor = torch.ops.mkldnn._convolution_pointwise(
                x, self._weight, self._bias, *self._where, name, numbers, ""
            )
            return answer
        plus = plus.to(self.dtype).contiguous(memory_format=torch.channels_last)
        answer = torch.ops.mkldnn._convolution_pointwise.binary(
            x, plus, self._weight, self._bias, *self._where, "add", 1.0, None if name == "none" else name, numbers, ""
        )
        return answer


class RowsConv(nn.Module):
    """Replaces `PackedConv` for 1x1 kernels with many weights, as a product of matrices.

    The best packing of weights depends on the size of the map, which is not known in advance. At some sizes oneDNN
    repacks the weights of such kernels at every call, which takes many times as long as the convolution itself.
    """

    def __init__(self, conv: nn.Conv2d, act: Act = "none", dtype: torch.dtype = torch.float32) -> None:
        super().__init__()
        self.dtype = dtype
        self._act: Act = act
        self._weight = conv.weight.detach().flatten(1).to(dtype)
        self._bias = None if conv.bias is None else conv.bias.detach().to(dtype)

    def forward(self, x: Tensor, plus: Tensor | None = None) -> Tensor:
        """Returns act(conv(x) + plus); `plus` has the result's shape."""
        rows = x.to(self.dtype).permute(0, 2, 3, 1)
        answer = F.linear(rows, self._weight, self._bias).permute(0, 3, 1, 2)
        if plus is not None:
            answer += plus
        if self._act == "none":
            return answer
        return F.relu_(answer) if self._act == "relu" else F.relu6(answer, inplace=True)


def _packed_conv(conv: nn.Conv2d, act: Act, dtype: torch.dtype) -> PackedConv | RowsConv:
    is_plain = conv.kernel_size == conv.stride == (1, 1) and conv.groups == 1 and conv.padding == (0, 0)
    return (RowsConv if is_plain and conv.weight.numel() >= LARGE else PackedConv)(conv, act, dtype)


class _PackedUnit(nn.Module):
    """`ConvNormAct` with its parts fused."""

    def __init__(self, unit: ConvNormAct, dtype: torch.dtype) -> None:
        super().__init__()
        unit.fold()
        self.conv = _packed_conv(unit.conv, "relu6" if isinstance(unit.act, nn.ReLU6) else "none", dtype)

    def forward(self, x: Tensor, plus: Tensor | None = None) -> Tensor:
        return self.conv(x, plus)


class _PackedInvertedResidual(nn.Module):
    """`InvertedResidual`, a few rows at a time: otherwise the widened map exceeds the processor's cache."""

    def __init__(self, block: InvertedResidual, dtype: torch.dtype) -> None:
        super().__init__()
        self.expand = _PackedUnit(block.expand, dtype) if isinstance(block.expand, ConvNormAct) else nn.Identity()
        self.depthwise = _PackedUnit(block.depthwise, dtype)
        self.project = _PackedUnit(block.project, dtype)
        self.shortcut = block.shortcut
        middle = block.depthwise.conv
        self._kernel, self._stride, self._bytes = middle.kernel_size[0], middle.stride[0], 4 * middle.in_channels

    def forward(self, x: Tensor) -> Tensor:
        """See `InvertedResidual`."""
        strips = -(-x.shape[2] * x.shape[3] * self._bytes // STRIP_BYTES)
        if strips < 2:
            return self._rows(x, 0, -1, x if self.shortcut else None)
        if x.shape[0] > 1:
            return torch.cat([self(one) for one in x.split(1)])
        height = (x.shape[2] - 1) // self._stride + 1
        step = -(-height // strips)
        parts = []
        for begin in range(0, height, step):
            end = min(begin + step, height)
            parts.append(self._rows(x, begin, end, x[:, :, begin:end] if self.shortcut else None))
        return torch.cat(parts, dim=2)

    def _rows(self, x: Tensor, begin: int, end: int, plus: Tensor | None) -> Tensor:
        """Returns rows begin to end of the result, computing the extra rows that the depthwise kernel needs."""
        if end < 0:
            return self.project(self.depthwise(self.expand(x)), plus)
        pad = self._kernel // 2
        first = max(0, begin - -(-pad // self._stride))
        last = min(x.shape[2], self._stride * (end - 1) + pad + 1)
        wide = self.depthwise(self.expand(x[:, :, self._stride * first : last]))
        return self.project(wide[:, :, begin - first : end - first], plus)


class _PackedResBlock(nn.Module):
    def __init__(self, block: ResBlock, dtype: torch.dtype) -> None:
        super().__init__()
        self.shortcut = PackedConv(block.shortcut, "none", dtype) if isinstance(block.shortcut, nn.Conv2d) else None
        self.conv1 = PackedConv(block.conv1, "relu", dtype)
        self.conv2 = PackedConv(block.conv2, "none", dtype)

    def forward(self, x: Tensor) -> Tensor:
        side = x if self.shortcut is None else self.shortcut(x)
        return self.conv2(self.conv1(F.relu(x)), side)


class _PackedUpFuse(nn.Module):
    def __init__(self, block: UpFuse, dtype: torch.dtype) -> None:
        super().__init__()
        self.reduce = PackedConv(block.reduce, "none", dtype)
        self.skip = PackedConv(block.skip, "none", dtype)
        self.refine = _PackedResBlock(block.refine, dtype)

    def forward(self, coarse: Tensor, skip: Tensor) -> Tensor:
        up = F.interpolate(self.reduce(coarse), size=skip.shape[-2:], mode="bilinear", align_corners=False)
        if up.shape[0] == skip.shape[0]:
            return self.refine(self.skip(skip, up))
        side = self.skip(skip)
        return self.refine(up + side.repeat_interleave(up.shape[0] // side.shape[0], dim=0))


class _PackedEdgeUp(nn.Module):
    def __init__(self, block: EdgeUp, dtype: torch.dtype) -> None:
        super().__init__()
        self.reduce = PackedConv(block.reduce, "none", dtype)
        self.refine = PackedConv(block.refine, "none", dtype)

    def forward(self, coarse: Tensor, fine: Tensor) -> Tensor:
        up = F.interpolate(self.reduce(F.relu(coarse)), size=fine.shape[-2:], mode="bilinear", align_corners=False)
        up += fine
        return self.refine(F.relu(up), up)


class _PackedLite0(nn.Module):
    """`Lite0` whose stem is one convolution of the picture and the extra planes together."""

    def __init__(self, trunk: Lite0, dtype: torch.dtype) -> None:
        super().__init__()
        trunk.fold()
        self.out_channels = trunk.out_channels
        self.extra = 0 if trunk.extra_stem is None else trunk.extra_stem.in_channels
        self.stem = PackedConv(_whole_stem(trunk), "relu6", dtype)
        self.blocks = nn.ModuleList(_packed(block, dtype) for block in trunk.blocks)

    def forward(self, image: Tensor, extra: Tensor | None = None) -> Features:
        x = image - 127.0
        if self.extra:
            if extra is None:
                extra = x.new_zeros((x.shape[0], self.extra, *x.shape[-2:]))
            x = torch.cat((x, extra.to(x.dtype)), dim=1)
        return collect(self.stem(x), self.blocks)


def _whole_stem(trunk: Lite0) -> nn.Conv2d:
    """Returns one convolution for [picture - mean, extra planes], with the scales merged into the weights."""
    stem = trunk.stem.conv
    weights = [stem.weight.detach() / 128.0]
    if trunk.extra_stem is not None:
        weights.append(trunk.extra_stem.weight.detach() * 2.0)
    weight = torch.cat(weights, dim=1)
    whole = nn.Conv2d(weight.shape[1], weight.shape[0], 3, 2, 1)
    assert stem.bias is not None
    assert whole.bias is not None
    whole.weight.data, whole.bias.data = weight, stem.bias.detach()
    return whole


def can_pack() -> bool:
    """Returns whether this PyTorch has the operations that packing needs, by trying one."""
    if not torch.backends.mkldnn.is_available():
        return False
    try:
        with torch.inference_mode():
            conv = nn.Conv2d(4, 4, 3, padding=1)
            x = torch.linspace(-1.0, 1.0, 4 * 8 * 8).view(1, 4, 8, 8).contiguous(memory_format=torch.channels_last)
            wanted = x + conv(x)
            return bool(torch.allclose(PackedConv(conv)(x, x), wanted, atol=1e-3))
    except (RuntimeError, AttributeError, NotImplementedError):
        return False


def fast_bfloat16() -> bool:
    """Returns whether packed convolutions work here, and this processor multiplies bfloat16 natively."""
    return can_pack() and native_bfloat16()


def native_bfloat16() -> bool:
    """Returns whether this processor multiplies bfloat16 natively; others emulate it and are slower."""
    tests = (getattr(torch.cpu, name, None) for name in ("_is_avx512_bf16_supported", "_is_amx_tile_supported"))
    return any(test is not None and test() for test in tests)


def pack(network: nn.Module, dtype: torch.dtype = torch.float32) -> None:
    """Replaces the convolutions inside `network` by packed ones; from then on it can be called but not trained."""
    for name, child in list(network.named_children()):
        setattr(network, name, _packed(child, dtype))


def _packed(module: nn.Module, dtype: torch.dtype) -> nn.Module:
    if isinstance(module, Lite0):
        return _PackedLite0(module, dtype)
    if isinstance(module, InvertedResidual):
        return _PackedInvertedResidual(module, dtype)
    if isinstance(module, ResBlock):
        return _PackedResBlock(module, dtype)
    if isinstance(module, EdgeUp):
        return _PackedEdgeUp(module, dtype)
    if isinstance(module, UpFuse):
        return _PackedUpFuse(module, dtype)
    if isinstance(module, ConvNormAct):
        return _PackedUnit(module, dtype)
    if isinstance(module, nn.Conv2d):
        return _packed_conv(module, "none", dtype)
    pack(module, dtype)
    return module
