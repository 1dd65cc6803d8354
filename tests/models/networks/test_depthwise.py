"""Tests depthwise convolutions, merged norms and frozen blocks: PyTorch's own numbers and gradients."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from blender_cutout.models.networks.blocks import AttentionBlock, ConvNormAct, merged_norms
from blender_cutout.models.networks.depthwise import depthwise
from blender_cutout.models.networks.encoders import Lite0


@pytest.mark.parametrize("kernel", [3, 5])
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("size", [(12, 16), (13, 9)])
@pytest.mark.parametrize("kind", [torch.float32, torch.bfloat16])
def test_a_depthwise_convolution_has_pytorchs_value_and_gradients(
    kernel: int, stride: int, size: tuple[int, int], kind: torch.dtype
) -> None:
    x, weight, bias = (
        torch.randn(*shape).to(kind).requires_grad_() for shape in ((2, 8, *size), (8, 1, kernel, kernel), (8,))
    )
    ours = depthwise(x, weight, bias, stride)
    theirs = F.conv2d(x, weight, bias, stride, kernel // 2, 1, 8)
    torch.testing.assert_close(ours, theirs)
    grad = torch.randn_like(ours)
    near = {"atol": 1e-5, "rtol": 1e-4} if kind == torch.float32 else {"atol": 0.25, "rtol": 0.03}
    found, wanted = (torch.autograd.grad(y, (x, weight, bias), grad) for y in (ours, theirs))
    for one, other in zip(found, wanted, strict=True):
        assert one.dtype == kind
        torch.testing.assert_close(one, other, **near)


def _unit(depthwise: bool) -> ConvNormAct:
    unit = ConvNormAct(8, 8, 3, depthwise=depthwise).train()
    norm = unit.norm
    assert isinstance(norm, torch.nn.BatchNorm2d)
    for tensor, low, high in ((norm.weight, 0.5, 2.0), (norm.bias, -1, 1), (norm.running_mean, -1, 1)):
        assert tensor is not None
        torch.nn.init.uniform_(tensor, low, high)
    assert norm.running_var is not None
    torch.nn.init.uniform_(norm.running_var, 0.5, 2.0)
    return unit


@pytest.mark.parametrize("kind", ["plain", "depthwise"])
def test_a_merged_norm_gives_the_same_and_stays_trainable(kind: str) -> None:
    unit, x = _unit(kind == "depthwise"), torch.randn(2, 8, 10, 10)
    parameters = list(unit.parameters())
    assert len(parameters) == 3

    def gradients() -> tuple[torch.Tensor, tuple[torch.Tensor, ...]]:
        y = unit(x)
        return y, torch.autograd.grad(y.square().sum(), parameters)

    plain, wanted = gradients()
    with merged_norms(unit, torch.float32):
        merged, found = gradients()
    torch.testing.assert_close(merged, plain, atol=1e-5, rtol=1e-4)
    for one, other in zip(found, wanted, strict=True):
        torch.testing.assert_close(one, other, atol=1e-3, rtol=1e-3)
    with torch.no_grad():
        parameters[0].zero_()
    assert not torch.equal(unit(x), plain)  # nothing of the merged weights is left behind


@pytest.mark.parametrize("count", [1, 4, 6])
def test_frozen_blocks_give_the_same_maps_and_get_no_gradient(count: int) -> None:
    trunk, image = Lite0(extra_inputs=2, blocks=11).train(), torch.rand(count, 3, 64, 64) * 255
    extra = torch.rand(count, 2, 64, 64)
    assert trunk.extra_stem is not None
    torch.nn.init.normal_(trunk.extra_stem.weight)
    before = trunk(image, extra)
    trunk.freeze(3)
    after = trunk(image, extra)
    for one, other in zip(after[:4], before[:4], strict=True):
        torch.testing.assert_close(one, other)
    after.f16.sum().backward()
    moved = {name.split(".")[1] for name, p in trunk.named_parameters() if p.grad is not None}
    assert moved == {str(index) for index in range(3, 11)}


def test_a_norm_is_frozen_from_the_beginning() -> None:
    """Holds in a new network too, in neither training nor evaluation mode: pictures do not depend on each other."""
    trunk, images = Lite0(blocks=6), torch.rand(4, 3, 32, 32) * 255
    torch.testing.assert_close(trunk(images).f16[:2], trunk(images[:2]).f16)


def test_attention_in_half_precision_is_pytorchs_while_training_too() -> None:
    block = AttentionBlock(32).train()
    x = torch.randn(2, 32, 6, 6)
    with torch.autocast("cpu", torch.bfloat16):
        trained = block(x)
        with torch.no_grad():
            plain = block(x)
    torch.testing.assert_close(trained, plain, atol=0.03, rtol=0.03)
