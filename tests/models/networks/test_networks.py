"""Tests networks: shapes, gradients, start from ImageNet, folding, and learning one synthetic clip."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from torch import Tensor

from blender_cutout.models.networks import affinity
from blender_cutout.models.networks.blocks import fold_batch_norms
from blender_cutout.models.networks.encoders import CHANNELS, Lite0
from blender_cutout.models.networks.propagation_net import PropagationNet
from blender_cutout.models.networks.scribble_to_mask import ScribbleToMask


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    yield
    torch.set_num_threads(before)


def _randomise_norms(network: torch.nn.Module) -> None:
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.2)  # type: ignore[union-attr]
            module.running_var.uniform_(0.5, 2)  # type: ignore[union-attr]


@pytest.mark.parametrize("size", [(64, 64), (48, 80), (16, 112)])
def test_encoder_maps_have_the_documented_strides_and_channels(size: tuple[int, int]) -> None:
    maps = Lite0()(torch.rand(1, 3, *size) * 255)
    for stride, channels in CHANNELS.items():
        expected = (1, channels, -(-size[0] // stride), -(-size[1] // stride))
        assert getattr(maps, f"f{stride}").shape == expected


def test_extra_inputs_change_nothing_before_training() -> None:
    encoder = Lite0(extra_inputs=2, blocks=6).eval()
    image = torch.rand(1, 3, 32, 32) * 255
    with torch.no_grad():
        torch.testing.assert_close(encoder(image).f16, encoder(image, torch.rand(1, 2, 32, 32)).f16)


def test_imagenet_weights_reach_every_layer_of_the_trunk() -> None:
    from blender_cutout.models.networks.encoders import imagenet_weights

    encoder = Lite0(extra_inputs=1)
    for p in encoder.parameters():
        p.data.fill_(7.0)
    encoder.extra_stem.weight.data.zero_()  # type: ignore[union-attr]
    encoder.load_imagenet(imagenet_weights())
    assert all(not bool((p == 7.0).all()) for p in encoder.parameters())
    flat, textured = torch.full((1, 3, 64, 64), 127.0), torch.rand(1, 3, 64, 64) * 255
    with torch.no_grad():
        gap = (encoder.eval()(flat).f32 - encoder(textured).f32).abs().mean()  # type: ignore[operator]
    assert 0.05 < float(gap) < 50


def test_frozen_norms_keep_their_statistics_while_training() -> None:
    encoder = Lite0(blocks=6).train()
    norm = encoder.stem.norm
    before = norm.running_mean.clone()  # type: ignore[operator,union-attr]
    encoder(torch.rand(2, 3, 32, 32) * 255)
    torch.testing.assert_close(norm.running_mean, before)


def test_folding_keeps_the_function() -> None:
    net = ScribbleToMask().eval()
    _randomise_norms(net)
    torch.nn.init.normal_(net.encoder.extra_stem.weight, std=0.1)  # type: ignore[union-attr]
    inputs = (torch.rand(1, 3, 32, 48) * 255, *torch.rand(3, 1, 1, 32, 48))
    with torch.no_grad():
        before = net(*inputs)
        after = fold_batch_norms(net)(*inputs)
        torch.testing.assert_close(fold_batch_norms(net)(*inputs), after, msg="folded twice")
    torch.testing.assert_close(after, before, rtol=1e-3, atol=1e-3)
    assert not any(isinstance(m, torch.nn.BatchNorm2d) for m in net.modules())


@pytest.mark.parametrize("size", [(64, 64), (48, 80)])
def test_scribble_network_answers_at_input_size_with_gradients_everywhere(size: tuple[int, int]) -> None:
    net = ScribbleToMask().train()
    maps = (torch.rand(3, 2, 1, *size) > 0.8).float()
    logits = net(torch.rand(2, 3, *size) * 255, *maps)
    assert logits.shape == (2, 1, *size)
    logits.square().mean().backward()
    assert [name for name, p in net.named_parameters() if p.grad is None] == []


def _frames(count: int, size: int = 64) -> tuple[Tensor, Tensor]:
    """A textured square that moves over a textured ground: images (T, 3, S, S), mattes (T, 1, S, S)."""
    ground = torch.rand(3, size, size) * 110
    thing = 140 + torch.rand(3, 24, 24) * 110
    images, mattes = [], []
    for t in range(count):
        image, matte = ground.clone(), torch.zeros(1, size, size)
        y, x = 8 + 5 * t, 6 + 8 * t
        image[:, y : y + 24, x : x + 24] = thing
        matte[:, y : y + 24, x : x + 24] = 1
        images.append(image)
        mattes.append(matte)
    return torch.stack(images), torch.stack(mattes)


def _step(net: PropagationNet, images: Tensor, mattes: Tensor, previous: Tensor | None = None) -> tuple[Tensor, Tensor]:
    first, last = net.encode_key(images[:1]), net.encode_key(images[-1:])
    value = net.encode_value(images[:1], first, mattes[:1])
    return net.segment(last, first.key.flatten(2), value.flatten(3), previous), value


@pytest.mark.parametrize("objects", [1, 3])
def test_propagation_gives_one_answer_for_each_object(objects: int) -> None:
    net = PropagationNet().eval()
    image = torch.rand(1, 3, 48, 64) * 255
    mattes = torch.rand(1, objects, 48, 64)
    with torch.no_grad():
        key = net.encode_key(image)
        value = net.encode_value(image, key, mattes)
        logits = net.segment(key, key.key.flatten(2).repeat(1, 1, 2), value.flatten(3).repeat(1, 1, 1, 2))
    assert value.shape == (1, objects, 128, 3, 4)
    assert logits.shape == (1, objects, 48, 64)


def test_objects_are_treated_alike_whatever_their_order() -> None:
    net = PropagationNet().eval()
    torch.nn.init.normal_(net.value_encoder.trunk.extra_stem.weight)  # type: ignore[union-attr]
    image, mattes = torch.rand(1, 3, 48, 48) * 255, torch.rand(1, 2, 48, 48)
    with torch.no_grad():
        key = net.encode_key(image)
        out = [
            net.segment(key, key.key.flatten(2), net.encode_value(image, key, m).flatten(3))
            for m in (mattes, mattes.flip(1))
        ]
    torch.testing.assert_close(out[0], out[1].flip(1), rtol=1e-3, atol=1e-4)


def test_gradients_reach_every_part_of_the_propagation_network() -> None:
    net = PropagationNet(auxiliary=True).train()
    images, mattes = _frames(2)
    logits, value = _step(net, images, mattes, mattes[:1])
    assert net.auxiliary is not None
    again = net.auxiliary(value[:, 0])
    assert again.shape == (1, 1, 16, 16)
    (logits.square().mean() + again.square().mean()).backward()
    assert [name for name, p in net.named_parameters() if p.grad is None] == []


def test_training_and_inference_give_the_same_answer() -> None:
    net = PropagationNet(auxiliary=True)
    _randomise_norms(net)
    images, mattes = _frames(2)
    trained, _ = _step(net.train(), images, mattes)
    with torch.inference_mode():
        used, _ = _step(net.eval(), images, mattes)
    torch.testing.assert_close(used, trained.detach(), rtol=1e-4, atol=1e-4)


def test_propagation_learns_one_synthetic_clip() -> None:
    net = PropagationNet().train()
    for module in net.modules():  # random start weights: give the trunk a usable scale
        if isinstance(module, torch.nn.Conv2d) and module.bias is None and module.weight.abs().sum() > 0:
            torch.nn.init.kaiming_normal_(module.weight)
    images, mattes = _frames(3)
    optimiser = torch.optim.AdamW(net.parameters(), 2e-3)
    truth = mattes[-1:]
    start = None
    for _ in range(40):
        logits, _ = _step(net, images, mattes)
        loss = torch.nn.functional.binary_cross_entropy_with_logits(logits, truth)
        start = start or loss.item()
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimiser.step()
    with torch.no_grad():
        matte = affinity.aggregate_logits(_step(net.eval(), images, mattes)[0])[:, 1:].exp() > 0.5
    overlap = float((matte & (truth > 0.5)).sum() / (matte | (truth > 0.5)).sum())
    assert overlap > 0.85, f"IoU {overlap:.2f}, loss {start:.2f} -> {loss.item():.2f}"


def test_a_large_network_starts_as_the_small_one_whose_weights_it_takes_over() -> None:
    small = PropagationNet().eval()
    large = PropagationNet(size="large").eval()
    missing, unexpected = large.load_state_dict(small.state_dict(), strict=False)
    assert not unexpected
    assert {name.split(".")[0] for name in missing} == {"key_encoder", "context", "decoder"}
    image, masks = torch.rand(1, 3, 64, 64) * 255, (torch.rand(1, 2, 64, 64) > 0.5).float() * 0.5

    def answer(net: PropagationNet) -> Tensor:
        key = net.encode_key(image)
        return net.segment(key, key.key.flatten(2), net.encode_value(image, key, masks).flatten(3), masks)

    with torch.no_grad():
        torch.testing.assert_close(answer(large), answer(small))
        assert large.context is not None
        large.context.weight.normal_()
        assert not torch.equal(answer(large), answer(small))
