"""Tests predictors: sizes, ranges, memory handling, and that the shipped weights are trained."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from blender_cutout.models.inference import predictors
from blender_cutout.models.inference.predictors import EdgePredictor, PropagationPredictor, ScribblePredictor
from blender_cutout.models.networks.edge_net import EdgeNet
from blender_cutout.models.networks.propagation_net import PropagationNet
from blender_cutout.models.networks.scribble_to_mask import ScribbleToMask

pytestmark = pytest.mark.libraries


@pytest.fixture(scope="module")
def propagation() -> PropagationPredictor:
    return predictors.load_propagation()


@pytest.fixture(scope="module")
def scribble() -> ScribblePredictor:
    return predictors.load_scribble()


def _scene(x: int, y: int, size: int = 192, seed: int = 5) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Returns a striped disc on a mottled ground: image (S, S, 3) and matte (S, S)."""
    rng = np.random.default_rng(seed)
    ground = np.kron(rng.integers(60, 120, (size // 8, size // 8, 1)), np.ones((8, 8, 1))) * np.array([0.6, 1.0, 0.7])
    ys, xs = np.mgrid[:size, :size]
    matte = ((xs - x) ** 2 + (ys - y) ** 2 < (size // 5) ** 2).astype(np.float32)
    stripes = np.where((xs - x) // 6 % 2 == 0, 1.0, 0.75)[..., None] * np.array([230, 90, 60])
    image = np.where(matte[..., None] > 0, stripes, ground)
    return image.clip(0, 255).astype(np.uint8), matte


def _iou(a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
    return float(((a > 0.5) & (b > 0.5)).sum() / max(((a > 0.5) | (b > 0.5)).sum(), 1))


@pytest.mark.parametrize("size", [(64, 64), (50, 83)])
def test_scribble_answers_at_the_images_own_size(size: tuple[int, int]) -> None:
    net = ScribblePredictor(ScribbleToMask())
    image = np.random.default_rng(0).integers(0, 255, (*size, 3), dtype=np.uint8)
    zeros = np.zeros(size, np.float32)
    for matte in (net.predict(image, zeros, zeros, zeros), net.foreground(image)):
        assert matte.shape == size
        assert matte.dtype == np.float32
        assert 0.0 <= matte.min() <= matte.max() <= 1.0


@pytest.mark.parametrize("objects", [1, 2])
def test_segment_answers_for_every_object_at_the_images_own_size(objects: int) -> None:
    net = PropagationPredictor(PropagationNet())
    image = np.random.default_rng(0).integers(0, 255, (50, 83, 3), dtype=np.uint8)
    key = net.encode_key(image)
    value = net.encode_value(image, key, np.random.default_rng(1).random((objects, 50, 83), dtype=np.float32))
    mattes = net.segment(key, [(key, value)])
    assert mattes.shape == (objects, 50, 83)
    assert mattes.dtype == np.float32
    assert mattes.sum(axis=0).max() <= 1.0 + 1e-5


def test_the_kept_memory_gives_what_a_fresh_predictor_gives() -> None:
    net = PropagationNet()
    kept = PropagationPredictor(net)
    rng = np.random.default_rng(2)
    entries = []
    for _ in range(5):
        image = rng.integers(0, 255, (48, 64, 3), dtype=np.uint8)
        key = kept.encode_key(image)
        entries.append((key, kept.encode_value(image, key, rng.random((1, 48, 64), dtype=np.float32))))
    for chosen in ([0], [0, 1, 2], [0, 2, 3], [4, 0], [1]):
        memory = [entries[i] for i in chosen]
        fresh = PropagationPredictor(net)
        np.testing.assert_allclose(kept.segment(entries[4][0], memory), fresh.segment(entries[4][0], memory), atol=1e-5)


def test_memory_frames_may_have_another_size_than_the_query() -> None:
    net = PropagationPredictor(PropagationNet())
    rng = np.random.default_rng(2)
    memory = []
    for size in ((48, 64), (64, 48), (96, 96)):
        image = rng.integers(0, 255, (*size, 3), dtype=np.uint8)
        key = net.encode_key(image)
        memory.append((key, net.encode_value(image, key, rng.random((1, *size), dtype=np.float32))))
    query = net.encode_key(rng.integers(0, 255, (32, 80, 3), dtype=np.uint8))
    assert net.segment(query, memory).shape == (1, 32, 80)


def test_shipped_scribble_weights_cut_out_the_object_under_the_stroke(scribble: ScribblePredictor) -> None:
    image, truth = _scene(90, 100)
    keep = np.zeros_like(truth)
    keep[96:102, 75:108] = 1
    zeros = np.zeros_like(truth)
    assert _iou(scribble.predict(image, zeros, keep, zeros), truth) > 0.75


def test_shipped_scribble_weights_obey_a_correction(scribble: ScribblePredictor) -> None:
    image, truth = _scene(90, 100)
    previous = truth.copy()
    previous[140:180, 140:180] = 1  # a piece of ground too much
    remove = np.zeros_like(truth)
    remove[158:162, 150:170] = 1
    after = scribble.predict(image, previous, np.zeros_like(truth), remove)
    assert after[150:170, 150:170].mean() < 0.3
    assert _iou(after, truth) > max(0.75, _iou(previous, truth))


def test_shipped_propagation_weights_follow_the_object(propagation: PropagationPredictor) -> None:
    first, matte = _scene(70, 80)
    key = propagation.encode_key(first)
    memory = [(key, propagation.encode_value(first, key, matte[None]))]
    second, truth = _scene(110, 105)
    answer = propagation.segment(propagation.encode_key(second), memory)[0]
    assert _iou(answer, truth) > 0.7 > _iou(matte, truth)


def test_shipped_propagation_weights_tell_two_objects_apart(propagation: PropagationPredictor) -> None:
    one, matte_one = _scene(56, 60)
    two, matte_two = _scene(140, 130)
    blue = two[..., ::-1]
    image = np.where(matte_two[..., None] > 0, blue, one)
    key = propagation.encode_key(image)
    mattes = np.stack((matte_one, matte_two))
    answer = propagation.segment(key, [(key, propagation.encode_value(image, key, mattes))])
    assert _iou(answer[0], matte_one) > 0.7
    assert _iou(answer[1], matte_two) > 0.7


def test_attention_carries_a_change_to_where_the_object_went(propagation: PropagationPredictor) -> None:
    first, matte = _scene(60, 70)
    second, moved = _scene(125, 120)
    carried = propagation.attention(
        propagation.encode_key(second), propagation.encode_key(first), np.stack((matte, 0 * matte))
    )
    assert carried.shape == (2, 192, 192)
    assert carried[1].max() == 0
    assert carried[0][moved > 0].mean() > 3 * carried[0][moved == 0].mean()


def test_a_network_wholly_in_sixteen_bits_answers_nearly_the_same() -> None:
    """The code path of graphics cards, here on the processor, slowly."""
    rng = np.random.default_rng(5)
    first, second = rng.integers(0, 255, (2, 96, 112, 3), np.uint8)
    mattes = np.zeros((2, 96, 112), np.float32)
    mattes[0, 16:64, 8:40], mattes[1, 16:64, 60:100] = 1.0, 1.0
    answers = []
    for precision in ("fp32", "fp16"):
        net = predictors.load_propagation("propagation-large", "cpu", precision)  # type: ignore[arg-type]
        key = net.encode_key(first)
        value = net.encode_value(first, key, mattes)
        answers.append(net.segment(net.encode_key(second), [(key, value)], mattes))
        assert answers[-1].dtype == np.float32
    assert np.abs(answers[0] - answers[1]).mean() < 0.005
    strokes = np.zeros((96, 112), np.float32)
    strokes[30:40, 20:30] = 1.0
    rounds = [
        predictors.load_scribble(device="cpu", precision=p).predict(first, mattes[0], strokes, 0 * strokes)  # type: ignore[arg-type]
        for p in ("fp32", "fp16")
    ]
    assert np.abs(rounds[0] - rounds[1]).mean() < 0.005


def test_megabytes_are_those_of_all_that_is_kept_for_a_frame() -> None:
    net = predictors.load_propagation("propagation-large", "cpu")
    image, mattes = np.zeros((96, 128, 3), np.uint8), np.zeros((3, 96, 128), np.float32)
    mattes[0, 10:40, 10:40] = mattes[1, 50:90, 60:100] = mattes[2, 5:20, 90:120] = 1.0
    key = net.encode_key(image)
    sizes = [net.megabytes(key, net.encode_value(image, key, mattes[:n])) for n in (1, 3)]
    places, floats = 6 * 8, 4 / 2**20
    features = (16 * 48 * 64 + 24 * 24 * 32 + 40 * 12 * 16 + (64 + 128 + 112) * places) * floats
    assert sizes == pytest.approx([features + 2 * places * (64 + n * 128) * floats for n in (1, 3)])


def test_every_pixel_has_an_alpha_of_its_own() -> None:
    network = EdgeNet()
    for layer in (network.stem, network.up2.reduce, network.up2.refine, network.head):
        torch.nn.init.zeros_(layer.weight)
        torch.nn.init.zeros_(layer.bias)
    with torch.no_grad():
        for corner in range(4):  # the red of each pixel of a place becomes its alpha
            network.stem.weight[corner, corner, 1, 1] = network.head.weight[corner, corner, 1, 1] = 9.0
    image = np.random.default_rng(0).integers(0, 2, (41, 58, 3), dtype=np.uint8) * np.uint8(255)
    alpha = EdgePredictor(network, precision="fp32").predict(image, np.full((41, 58), 0.4, np.float32))
    assert np.array_equal(alpha > 0.5, image[..., 0] > 127)
