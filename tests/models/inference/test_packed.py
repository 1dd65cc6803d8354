"""Tests that networks packed for a processor give the answers of the trained ones."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from blender_cutout.models import registry
from blender_cutout.models.inference import packed, predictors
from blender_cutout.models.networks import affinity
from blender_cutout.models.networks.blocks import FrozenBatchNorm2d, fold_batch_norms
from blender_cutout.models.networks.encoders import Lite0
from blender_cutout.models.networks.propagation_net import PropagationNet
from blender_cutout.models.networks.scribble_to_mask import ScribbleToMask

PHOTOS = Path(__file__).parents[3] / "docs" / "demo.jpg"


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    yield
    torch.set_num_threads(before)


def _random(network: nn.Module) -> nn.Module:
    """Returns a network whose norms have an effect, and without branches that give zeros."""
    for module in network.modules():
        if isinstance(module, FrozenBatchNorm2d):
            assert module.running_mean is not None
            assert module.running_var is not None
            nn.init.normal_(module.running_mean, std=0.1)
            nn.init.uniform_(module.running_var, 0.5, 1.5)
            nn.init.normal_(module.bias, std=0.1)
        elif isinstance(module, nn.Conv2d) and not module.weight.any():
            nn.init.normal_(module.weight, std=0.05)
    return network.eval()


def _picture(count: int, height: int, width: int) -> Tensor:
    return (torch.rand(count, 3, height, width) * 255).contiguous(memory_format=torch.channels_last)


def test_this_machine_can_pack() -> None:
    """Otherwise the rest of this file would compare a network with itself."""
    assert packed.can_pack() == torch.backends.mkldnn.is_available()


@pytest.mark.parametrize("size", [(64, 96), (112, 48)])
@pytest.mark.parametrize("strip", [2**13, 2**16, 2**30])
@pytest.mark.parametrize("extra", [0, 2])
def test_a_packed_trunk_gives_the_same_maps_in_strips_of_any_height(
    size: tuple[int, int], strip: int, extra: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packed, "STRIP_BYTES", strip)
    trunk = _random(Lite0(extra_inputs=extra))
    image, planes = _picture(2, *size), torch.rand(2, extra, *size) if extra else None
    with torch.inference_mode():
        wanted = trunk(image, planes)
        ready = nn.ModuleList([trunk])
        packed.pack(ready)
        assert type(ready[0]) is not Lite0
        for found, right in zip(ready[0](image, planes), wanted, strict=True):
            torch.testing.assert_close(found, right, rtol=1e-3, atol=1e-3)


def test_a_packed_trunk_takes_no_planes_for_planes_of_zeros() -> None:
    ready = nn.ModuleList([_random(Lite0(extra_inputs=3))])
    packed.pack(ready)
    image = _picture(1, 32, 48)
    with torch.inference_mode():
        assert torch.equal(ready[0](image).f16, ready[0](image, torch.zeros(1, 3, 32, 48)).f16)


def test_a_packed_stroke_network_gives_the_same_logits() -> None:
    network = _random(ScribbleToMask())
    inputs = (_picture(1, 64, 80), *(torch.rand(1, 1, 64, 80) for _ in range(3)))
    with torch.inference_mode():
        wanted = network(*inputs)
        packed.pack(network)
        torch.testing.assert_close(network(*inputs), wanted, rtol=1e-3, atol=1e-3)


def _frames(count: int, size: int = 256) -> tuple[list[NDArray[np.uint8]], NDArray[np.float32]]:
    """Returns wandering views of a photograph, and a mask of the first one."""
    sheet = cv2.imread(str(PHOTOS))
    assert sheet is not None
    sheet = cv2.cvtColor(sheet, cv2.COLOR_BGR2RGB)
    assert min(sheet.shape[:2]) > size + 4 * count
    mask = np.zeros((1, size, size), np.float32)
    mask[0, size // 4 : 3 * size // 4, size // 3 : 2 * size // 3] = 1
    return [np.asarray(sheet[4 * i : 4 * i + size, 3 * i : 3 * i + size], np.uint8) for i in range(count)], mask


class _AsTrained:
    """Propagates as training does: plain convolutions, the whole affinity, all memory joined each time."""

    def __init__(self, name: str) -> None:
        entry = registry.find_entry(name)
        self.network = PropagationNet(size=entry.size, similarity=entry.similarity)
        registry.load_weights(entry, self.network)
        fold_batch_norms(self.network.eval())

    @torch.inference_mode()
    def walk(self, frames: list[NDArray[np.uint8]], mattes: NDArray[np.float32]) -> list[NDArray[np.float32]]:
        keys, values, last, answers = [], [], torch.from_numpy(mattes)[None], []
        for number, frame in enumerate(frames):
            image = torch.from_numpy(frame).permute(2, 0, 1)[None].float()
            key = self.network.encode_key(image)
            if number:
                logits = self.network.segment(key, torch.cat(keys, 2), torch.cat(values, 3), last)
                last = affinity.aggregate_logits(logits)[:, 1:].exp()
                answers.append(last[0].numpy())
            keys.append(key.key.flatten(2))
            values.append(self.network.encode_value(image, key, last).flatten(3))
        return answers


@pytest.mark.parametrize("name", ["propagation", "propagation-large"])
@pytest.mark.parametrize("objects", [1, 2])
def test_mattes_of_a_photograph_are_those_of_the_network_as_it_was_trained(name: str, objects: int) -> None:
    frames, mask = _frames(6)
    mattes = mask if objects == 1 else np.concatenate((mask, np.roll(mask, 90, 2)))
    net = predictors.load_propagation(name, "cpu", "fp32")
    memory, last, found = [], mattes, []
    for number, frame in enumerate(frames):
        key = net.encode_key(frame)
        if number:
            last = net.segment(key, memory, last)
            found.append(last)
        memory.append((key, net.encode_value(frame, key, last)))
    wanted = _AsTrained(name).walk(frames, mattes)
    assert len(found) == len(wanted) == 5
    assert np.ptp(wanted[-1]) > 0.5, "there is something to compare"
    assert np.abs(np.stack(found) - np.stack(wanted)).max() < 1 / 255


def test_half_numbers_give_nearly_the_same_mattes_where_the_processor_has_them() -> None:
    if not packed.fast_bfloat16():
        assert predictors.load_propagation(device="cpu")._run.precision == "fp32"
        return
    frames, mask = _frames(6)
    answers = []
    for precision in ("fp32", "bf16"):
        net = predictors.load_propagation("propagation", "cpu", precision)  # type: ignore[arg-type]
        memory, last = [], mask
        for number, frame in enumerate(frames):
            key = net.encode_key(frame)
            last = net.segment(key, memory, last) if number else mask
            memory.append((key, net.encode_value(frame, key, last)))
        answers.append(last)
    whole, half = answers
    assert np.abs(whole - half).mean() < 0.01
    assert ((whole > 0.5) != (half > 0.5)).mean() < 0.01
    assert not np.array_equal(whole, half), "half numbers were used"
