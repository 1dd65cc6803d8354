"""Tests several objects, each in its own window: near them the result equals that of the whole crop."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import torch

from blender_cutout.models.inference import object_windows, windows
from blender_cutout.models.inference.predictors import PropagationPredictor, load_propagation
from blender_cutout.models.networks.propagation_net import STRIDE

SIZE = (192, 320)


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def scene(shift: int = 0, count: int = 3) -> tuple[np.ndarray, np.ndarray]:
    """Returns discs of different colours on noise, and their mattes."""
    image = np.random.default_rng(0).integers(90, 110, (*SIZE, 3)).astype(np.uint8)
    rows, columns = np.mgrid[: SIZE[0], : SIZE[1]]
    mattes = np.zeros((count, *SIZE), np.float32)
    for n, (y, x) in enumerate([(50, 50), (60, 250), (140, 140)][:count]):
        mattes[n] = (rows - y) ** 2 + (columns - x - shift) ** 2 < 18**2
        image[mattes[n] > 0] = [(220, 30, 30), (30, 30, 220), (30, 200, 30)][n]
    return image, mattes


def test_windows_hold_their_objects_with_room_around_them_and_lie_in_the_picture() -> None:
    _, mattes = scene()
    found = object_windows.windows_around(mattes)
    assert found is not None
    for window, matte in zip(found, mattes, strict=True):
        ys, xs = np.nonzero(matte)
        assert 0 <= window.y0 * STRIDE < ys.min() - 8
        assert ys.max() + 8 < window.y1 * STRIDE <= SIZE[0]
        assert 0 <= window.x0 * STRIDE < xs.min() - 8
        assert xs.max() + 8 < window.x1 * STRIDE <= SIZE[1]


def test_there_are_no_windows_for_one_object_for_large_ones_or_when_one_is_nowhere() -> None:
    _, mattes = scene()
    assert object_windows.windows_around(mattes[:1]) is None
    assert object_windows.windows_around(np.ones((2, *SIZE), np.float32)) is None
    mattes[1] = 0
    assert object_windows.windows_around(mattes) is None


def _run(net: PropagationPredictor) -> np.ndarray:
    first, mattes = scene()
    key = net.encode_key(first)
    memory = [(key, net.encode_value(first, key, mattes))]
    return net.segment(net.encode_key(scene(6)[0]), memory, mattes)


@pytest.mark.parametrize("name", ["propagation", "propagation-large"])
def test_mattes_are_those_of_the_whole_crop(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    net = load_propagation(name)
    narrow = _run(net)
    monkeypatch.setattr(object_windows, "WORTH", 0.0)
    whole = _run(net)
    truth = scene(6)[1] > 0.5
    for found, right, true in zip(narrow > 0.5, whole > 0.5, truth, strict=True):
        assert (found & true).sum() / (found | true).sum() > 0.85
        assert (found & right).sum() / (found | right).sum() > 0.95
    assert not np.array_equal(narrow, whole)
    assert np.abs(narrow - whole).mean() < 0.005
    assert (narrow.sum(axis=0) <= 1.0001).all()


def test_a_value_far_from_every_object_is_that_of_a_picture_without_this_one(monkeypatch: pytest.MonkeyPatch) -> None:
    net = load_propagation("propagation")
    image, mattes = scene()
    key = net.encode_key(image)
    narrow = net.encode_value(image, key, mattes).values
    monkeypatch.setattr(object_windows, "WORTH", 0.0)
    whole = net.encode_value(image, key, mattes).values
    assert narrow.shape == whole.shape
    corner = slice(-3, None)  # the lower right one, where no object is
    assert (narrow[corner] - whole[corner]).abs().mean() < 0.1 * whole.abs().mean()


def test_where_an_object_is_not_its_value_is_what_memory_says_of_the_frame() -> None:
    net = load_propagation("propagation")
    first, mattes = scene()
    key = net.encode_key(first)
    memory = [(key, net.encode_value(first, key, mattes))]
    image, moved = scene(6)
    query = net.encode_key(image)
    again = net.encode_value(image, query, moved).values
    net.segment(query, memory, mattes)
    carried = net.encode_value(image, query, moved).values
    middle = (50 // STRIDE) * (SIZE[1] // STRIDE) + 56 // STRIDE  # of the first object, which is made in either case
    assert torch.allclose(carried[middle, :128], again[middle, :128], atol=1e-3)
    assert net._last is not None
    corner = slice(-3, None)  # the lower right one, where no object is
    said = net._last[1][0].permute(2, 3, 0, 1).flatten(2).flatten(0, 1)
    assert torch.equal(carried[corner], said[corner])
    assert not torch.equal(carried, again)


def test_windows_of_one_size_are_made_at_once() -> None:
    _, mattes = scene()
    found = object_windows.windows_around(mattes)
    assert found is not None
    assert windows._alike(found) == [[0, 1, 2]]
    wide = windows.Window(0, 6, 0, 7)
    assert windows._alike([found[0], wide, found[1]]) == [[0, 2], [1]]
