"""Depthwise convolution with a fast backward pass on processors, in bfloat16 too.

PyTorch's own (oneDNN, 2.13) takes the slow general path for the gradient of 5x5 weights, and in bfloat16 for that of
the input of strided ones, many times slower than the forward pass. Here both are composed of fast operations.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor


class _Depthwise(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None, stride: int) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.stride, ctx.biased = stride, bias is not None
        return F.conv2d(x, weight, bias, stride, weight.shape[-1] // 2, 1, weight.shape[0])

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, Tensor | None, Tensor | None, None]:
        x, weight = ctx.saved_tensors
        wants_x, wants_weight, wants_bias = ctx.needs_input_grad[:3]
        grad = grad.contiguous(memory_format=torch.channels_last)
        grad_x = input_gradient(grad, weight, ctx.stride, x) if wants_x else None
        grad_weight = weight_gradient(grad, x, weight, ctx.stride) if wants_weight else None
        grad_bias = grad.sum(dim=(0, 2, 3)) if ctx.biased and wants_bias else None
        return grad_x, grad_weight, grad_bias, None


def depthwise(x: Tensor, weight: Tensor, bias: Tensor | None, stride: int) -> Tensor:
    """Returns the depthwise convolution of x (B, C, H, W) with weight (C, 1, k, k), k odd, padded by k // 2.

    Args:
        x: of any type.
        weight: of the same type.
        bias: (C,) of the same type, or None.
        stride: 1 or 2.
    """
    out: Tensor = _Depthwise.apply(x, weight, bias, stride)
    return out


def input_gradient(grad: Tensor, weight: Tensor, stride: int, x: Tensor) -> Tensor:
    """Returns the gradient of the input x (B, C, H, W)."""
    if stride == 1:
        return F.conv2d(grad, weight.flip(2, 3), None, 1, weight.shape[-1] // 2, 1, weight.shape[0])
    # Only the input's shape is used, not its values.
    like = torch.empty_like(x, dtype=torch.float32)
    out = _gradients(grad.float(), like, weight.float(), stride, weight.shape[-1] // 2, [True, False, False])[0]
    return out.to(grad.dtype)


def weight_gradient(grad: Tensor, x: Tensor, weight: Tensor, stride: int) -> Tensor:
    """Returns the gradient of the weight (C, 1, k, k); for 5x5 assembled from four of 3x3."""
    if weight.shape[-1] == 3:
        return _weight_gradient(grad, x, weight, stride, 1)
    padded = F.pad(x, (2, 2, 2, 2)).contiguous(memory_format=torch.channels_last)
    height, width = (s - 2 for s in padded.shape[-2:])
    out = torch.empty_like(weight)
    like = weight[..., :3, :3].contiguous()
    for top in (0, 2):
        for left in (0, 2):
            view = padded[:, :, top : top + height, left : left + width]
            view = view.contiguous(memory_format=torch.channels_last)
            out[..., top : top + 3, left : left + 3] = _weight_gradient(grad, view, like, stride, 0)
    return out


def _weight_gradient(grad: Tensor, x: Tensor, weight: Tensor, stride: int, padding: int) -> Tensor:
    return _gradients(grad, x, weight, stride, padding, [False, True, False])[1]


def _gradients(
    grad: Tensor, x: Tensor, weight: Tensor, stride: int, padding: int, wanted: list[bool]
) -> tuple[Tensor, Tensor, Tensor]:
    """Returns PyTorch's gradients of input, weight and bias, where requested."""
    steps, pads, channels = [stride, stride], [padding, padding], weight.shape[0]
    out: tuple[Tensor, Tensor, Tensor] = torch.ops.aten.convolution_backward(
        grad, x, weight, [0], steps, pads, [1, 1], False, [0, 0], channels, wanted
    )
    return out
