"""Tests Cutie behind the engine's port against the package's own program, with the same random weights."""

from __future__ import annotations

import gc
import inspect
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from blender_cutout import compose
from blender_cutout.core import ports
from blender_cutout.core.propagation.propagate import propagate
from blender_cutout.core.tiers.table import find_tier
from blender_cutout.models.inference import cutie_network
from blender_cutout.models.inference.cutie import CutiePredictor, _moved

FRAMES = 20
EVERY = 5
HEIGHT, WIDTH = 80, 112
"""Multiples of 16, as all crops of the engine are."""
GAIN = 0.2
"""Gain of the norms: with random weights and a gain of one, the network overflows."""
CONTRAST = 3.0
"""Deviation that the random network's logits are scaled to: without it, all mattes are the same grey."""
CLOSE = 1e-3
WHOLE = (0.0, 0.0, 1.0, 1.0)


@pytest.fixture(scope="module")
def network() -> torch.nn.Module:
    torch.manual_seed(3)
    made = cutie_network.make_network("base")
    for module in made.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.constant_(module.weight, GAIN)
    logits: list[torch.Tensor] = []
    last: Any = made.get_submodule("mask_decoder.pred")
    hook = last.register_forward_hook(lambda *given: logits.append(given[-1]))
    next(packages_own(made))
    hook.remove()
    with torch.no_grad():
        last.weight *= CONTRAST / logits[0].std()
        last.bias.copy_((last.bias - logits[0].mean()) * CONTRAST / logits[0].std())
    return made


def pictures() -> list[NDArray[np.uint8]]:
    """Two squares that move over noise."""
    rng = np.random.default_rng(5)
    ground = rng.integers(0, 90, (HEIGHT, WIDTH, 3), np.uint8)
    out = []
    for t in range(FRAMES):
        image = ground.copy()
        for n, box in enumerate(boxes(t)):
            image[box] = (220, 60, 40) if n == 0 else (40, 80, 230)
        out.append(image)
    return out


def boxes(t: int) -> list[Any]:
    return [np.s_[10:34, 6 + 2 * t : 36 + 2 * t], np.s_[40:64, 60 - 2 * t : 90 - 2 * t]]


def first_mattes() -> NDArray[np.float32]:
    out = np.zeros((2, HEIGHT, WIDTH), np.float32)
    for n, box in enumerate(boxes(0)):
        out[n][box] = 1.0
    return out


def packages_own(network: torch.nn.Module) -> Iterator[NDArray[np.float32]]:
    """The mattes (2, h, w) of every frame after the first, from the package's `InferenceCore`."""
    from cutie.inference.inference_core import InferenceCore

    core = InferenceCore(network, cfg=cutie_network.settings("small"))
    with torch.inference_mode(), cutie_network.quiet():
        for t, image in enumerate(pictures()):
            tensor = torch.from_numpy(image).permute(2, 0, 1).float() / 255
            given = (torch.from_numpy(first_mattes()), [1, 2]) if t == 0 else (None, None)
            found = core.step(tensor, *given, idx_mask=False)
            if t:
                yield found[1:].numpy()


def ours(network: torch.nn.Module) -> Iterator[NDArray[np.float32]]:
    net = CutiePredictor(network)
    images, last = pictures(), first_mattes()
    key = net.encode_key(images[0])
    memory = [(key, net.encode_value(images[0], key, last))]
    for t, image in enumerate(images[1:], 1):
        query = net.encode_key(image)
        last = net.segment_after(query, memory, last, (key, WHOLE))
        yield last
        if t % EVERY == 0:
            memory.append((query, net.encode_value(image, query, last)))
        key = query


def test_equals_the_packages_own_program_on_twenty_frames(network: torch.nn.Module) -> None:
    for t, (expected, found) in enumerate(zip(packages_own(network), ours(network), strict=True), 1):
        assert expected.min() < 0.1 < 0.5 < expected.max(), "without contrast the comparison would show nothing"
        assert np.abs(expected - found).max() < CLOSE, f"frame {t}"


def test_the_engine_with_it_equals_the_packages_own_program(network: torch.nn.Module) -> None:
    of_tier = compose.settings_of(find_tier("cutie")).propagation
    settings = replace(of_tier, follow=False, working_px=round((HEIGHT * WIDTH) ** 0.5), growth=1.0)
    net: Any = CutiePredictor(network)
    found = propagate(net, pictures(), {0: first_mattes()}, settings=settings)
    assert next(found)[0] == 0
    for expected, (frame, mattes, _) in zip(packages_own(network), found, strict=True):
        assert np.abs(expected - mattes).max() < CLOSE, f"frame {frame}"


def test_what_it_carries_moves_with_the_crop(network: torch.nn.Module) -> None:
    net = CutiePredictor(network)
    image = pictures()[0]
    before, query = net.encode_key(image), net.encode_key(image)
    before.sensory = torch.rand(1, 2, 4, HEIGHT // 16, WIDTH // 16)
    right = 16 / WIDTH
    moved = _moved(before, (right, 0.0, 1 + right, 1.0), query)
    assert moved is not None
    torch.testing.assert_close(moved[..., :-1], before.sensory[..., 1:])
    assert moved[..., -1].max() < 1e-3, "nothing is known beyond the crop of the frame before"
    larger = _moved(before, (0.25, 0.25, 0.75, 0.75), query)
    assert larger is not None
    assert larger.shape == before.sensory.shape
    torch.testing.assert_close(larger[..., 2, 3], before.sensory[..., 2, 3])


def test_a_frame_whose_features_were_dropped_is_decoded_as_before(network: torch.nn.Module) -> None:
    net = CutiePredictor(network)
    first, second = pictures()[:2]
    key = net.encode_key(first)
    memory = [(key, net.encode_value(first, key, first_mattes()))]
    query = net.encode_key(second)
    expected = net.segment(query, memory)
    net.encode_value(second, query, expected)
    np.testing.assert_array_equal(net.segment(query, memory), expected)


def test_frames_of_other_sizes_are_read_and_any_size_comes_back(network: torch.nn.Module) -> None:
    net = CutiePredictor(network)
    first, second = pictures()[:2]
    key = net.encode_key(first)
    memory = [(key, net.encode_value(first, key, first_mattes()))]
    for height, width in ((64, 48), (50, 71)):
        cut = np.ascontiguousarray(second[:height, :width])
        window = (0.0, 0.0, width / WIDTH, height / HEIGHT)
        found = net.segment_after(net.encode_key(cut), memory, None, (key, window))
        assert found.shape == (2, height, width)
        assert np.isfinite(found).all()


def test_an_objects_change_is_carried_from_a_keyframe_to_the_same_picture(network: torch.nn.Module) -> None:
    net = CutiePredictor(network)
    key = net.encode_key(pictures()[0])
    nothing = np.zeros((1, HEIGHT, WIDTH), np.float32)
    assert not net.attention(key, key, nothing).any()
    carried = net.attention(key, key, nothing + 1)
    assert carried.shape == (1, HEIGHT, WIDTH)
    np.testing.assert_allclose(carried, 1, atol=1e-4)


def test_the_memory_of_a_frame_is_that_of_its_tensors(network: torch.nn.Module) -> None:
    net = CutiePredictor(network)
    image = pictures()[0]
    one, two = net.encode_key(image), net.encode_key(image)
    small = net.megabytes(one, net.encode_value(image, one, first_mattes()[:1]))
    large = net.megabytes(two, net.encode_value(image, two, first_mattes()))
    places = (HEIGHT // 16) * (WIDTH // 16)
    per_object = 4 * places * (2 * 256 + 256) + 4 * 16 * 257
    assert large - small == pytest.approx(per_object / 2**20)


def test_it_has_the_methods_of_the_port() -> None:
    methods = [name for name in dir(ports.RecurrentNet) if not name.startswith("_")]
    assert "segment_after" in methods
    for name in methods:
        wanted = list(inspect.signature(getattr(ports.RecurrentNet, name)).parameters)
        assert list(inspect.signature(getattr(CutiePredictor, name)).parameters) == wanted, name


class Long:
    """The same pictures over and over."""

    def __init__(self, length: int) -> None:
        self._length, self._pictures = length, pictures()

    def __len__(self) -> int:
        return self._length

    def __getitem__(self, frame: int) -> NDArray[np.uint8]:
        return self._pictures[frame % FRAMES]


def _is_dense(thing: object) -> bool:
    return type(thing) is torch.Tensor and thing.layout is torch.strided


def test_the_engine_holds_no_more_after_many_frames_than_when_its_memory_is_full(network: torch.nn.Module) -> None:
    settings = compose.settings_of(find_tier("cutie")).propagation
    full = 1 + settings.budget * settings.memory_every
    net: Any = CutiePredictor(network)
    small = replace(settings, follow=False, working_px=64, growth=1.0)
    held = {}
    for frame, _, _ in propagate(net, Long(2 * full), {0: first_mattes()}, settings=small):
        if frame in (full, 2 * full - 1):
            gc.collect()
            held[frame] = sum(thing.nbytes for thing in gc.get_objects() if _is_dense(thing))
    assert len(set(held.values())) == 1, held
