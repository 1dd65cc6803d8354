"""Tests that the fakes and the real networks both satisfy the networks' contract (`core.ports`)."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np
import pytest

from blender_cutout import compose
from blender_cutout.core import ports
from blender_cutout.core.fakes import DoubtingPropagationNet, FakePropagationNet, FakeScribbleNet, SyntheticClip
from blender_cutout.core.tiers.table import TIERS
from blender_cutout.models.inference.predictors import PropagationPredictor, ScribblePredictor

KINDS = ("fake", "real")
SIZE = (112, 160)


@pytest.fixture(scope="module")
def networks() -> compose.Networks:
    """The trained networks, as the engine uses them."""
    return compose.load_networks(TIERS["draft"], "cpu")


@pytest.fixture(params=KINDS)
def scribble(request: pytest.FixtureRequest, networks: compose.Networks) -> ports.ScribbleNet:
    return FakeScribbleNet() if request.param == "fake" else networks.scribble


@pytest.fixture(params=KINDS)
def propagation(request: pytest.FixtureRequest, networks: compose.Networks) -> ports.PropagationNet:
    return DoubtingPropagationNet() if request.param == "fake" else networks.propagation


@pytest.fixture
def scene() -> SyntheticClip:
    return SyntheticClip(length=6, height=SIZE[0], width=SIZE[1], radius=24)


@pytest.fixture
def two() -> SyntheticClip:
    return SyntheticClip(length=6, height=SIZE[0], width=SIZE[1], radius=20, objects=2)


def assert_mattes(mattes: Any, shape: tuple[int, ...]) -> None:
    assert isinstance(mattes, np.ndarray)
    assert mattes.dtype == np.float32
    assert mattes.shape == shape
    assert np.isfinite(mattes).all()
    assert mattes.min() >= 0.0
    assert mattes.max() <= 1.0


def stroke_map(x: float, y: float, size: tuple[int, int] = SIZE) -> np.ndarray:
    rows, columns = np.mgrid[: size[0], : size[1]]
    return (np.hypot(columns - x, rows - y) < 5).astype(np.float32)


@pytest.mark.parametrize(
    ("port", "kinds"),
    [
        ("ScribbleNet", (FakeScribbleNet, ScribblePredictor)),
        ("PropagationNet", (FakePropagationNet, PropagationPredictor)),
    ],
)
def test_fakes_and_networks_have_the_ports_methods_with_the_ports_arguments(port: str, kinds: tuple[type, ...]) -> None:
    methods = [name for name in vars(getattr(ports, port)) if not name.startswith("_")]
    assert methods
    for name in methods:
        wanted = list(inspect.signature(getattr(getattr(ports, port), name)).parameters)
        for kind in kinds:
            assert list(inspect.signature(getattr(kind, name)).parameters) == wanted, f"{kind.__name__}.{name}"


@pytest.mark.parametrize("size", [SIZE, (100, 150)])
def test_a_round_gives_a_matte_of_the_pictures_size(scribble: ports.ScribbleNet, size: tuple[int, int]) -> None:
    scene = SyntheticClip(length=2, height=size[0], width=size[1])
    x, y = scene.centre(0)
    nothing = np.zeros(size, np.float32)
    assert_mattes(scribble.predict(scene[0], nothing, stroke_map(x, y, size), nothing), size)
    assert_mattes(scribble.foreground(scene[0]), size)


def test_the_stroke_decides_which_of_two_objects_is_meant(scribble: ports.ScribbleNet, two: SyntheticClip) -> None:
    nothing = np.zeros(SIZE, np.float32)
    for chosen in (0, 1):
        matte = scribble.predict(two[2], nothing, stroke_map(*two.centre(2, chosen)), nothing)
        means = [float(matte[truth > 0.5].mean()) for truth in two.mattes(2)]
        assert means[chosen] > 0.6
        assert means[chosen] > means[1 - chosen] + 0.3


def test_what_is_given_to_a_network_is_not_changed(
    scribble: ports.ScribbleNet, propagation: ports.PropagationNet, scene: SyntheticClip
) -> None:
    image, mattes = scene[0], scene.mattes(0)
    keep, previous = stroke_map(*scene.centre(0)), scene.matte(0)
    given = (image, mattes, keep, previous)
    copies = [array.copy() for array in given]
    scribble.predict(image, previous, keep, np.zeros(SIZE, np.float32))
    key = propagation.encode_key(image)
    propagation.segment(key, [(key, propagation.encode_value(image, key, mattes))])
    propagation.attention(key, key, mattes)
    assert all(np.array_equal(array, copy) for array, copy in zip(given, copies, strict=True))


@pytest.mark.parametrize("objects", [1, 2])
def test_an_object_is_found_again_by_its_memory(propagation: ports.PropagationNet, objects: int) -> None:
    scene = SyntheticClip(length=12, height=SIZE[0], width=SIZE[1], radius=20, objects=objects)
    key = propagation.encode_key(scene[0])
    memory = [(key, propagation.encode_value(scene[0], key, scene.mattes(0)))]
    found = propagation.segment(propagation.encode_key(scene[1]), memory)
    assert_mattes(found, (objects, *SIZE))
    for n, truth in enumerate(scene.mattes(1)):
        assert found[n][truth > 0.5].mean() > 0.6
        assert found[n][truth < 0.5].mean() < 0.2
    assert found.sum(axis=0).max() <= 1 + 1e-4, "objects share a pixel"


def test_the_order_of_the_memory_does_not_matter(propagation: ports.PropagationNet, scene: SyntheticClip) -> None:
    keys = [propagation.encode_key(scene[f]) for f in range(4)]
    memory = [(key, propagation.encode_value(scene[f], key, scene.mattes(f))) for f, key in enumerate(keys[:3])]
    one = propagation.segment(keys[3], memory)
    other = propagation.segment(keys[3], memory[::-1])
    assert np.abs(one - other).max() < 2e-3
    assert np.abs(one - propagation.segment(keys[3], memory)).max() < 1e-5, "the same again"


def test_frames_of_different_sizes_can_be_in_the_memory(propagation: ports.PropagationNet) -> None:
    """The crop that follows the object changes its shape at the picture's edge."""
    small = SyntheticClip(length=2, height=96, width=128, radius=20)
    large = SyntheticClip(length=2, height=112, width=144, radius=20)
    memory = []
    for scene in (small, large):
        key = propagation.encode_key(scene[0])
        memory.append((key, propagation.encode_value(scene[0], key, scene.mattes(0))))
    assert_mattes(propagation.segment(propagation.encode_key(large[1]), memory), (1, 112, 144))


def test_remembering_takes_more_the_larger_the_picture(propagation: ports.PropagationNet) -> None:
    sizes = []
    for height in (96, 192):
        scene = SyntheticClip(length=1, height=height, width=128, radius=20)
        key = propagation.encode_key(scene[0])
        sizes.append(propagation.megabytes(key, propagation.encode_value(scene[0], key, scene.mattes(0))))
    assert 0 < sizes[0] < 20
    assert sizes[1] == pytest.approx(2 * sizes[0], rel=0.01)


def test_a_change_is_carried_to_where_it_went(propagation: ports.PropagationNet, scene: SyntheticClip) -> None:
    keyframe, query = propagation.encode_key(scene[0]), propagation.encode_key(scene[3])
    carried = propagation.attention(
        query, keyframe, np.concatenate((scene.mattes(0), np.zeros((1, *SIZE), np.float32)))
    )
    assert carried.shape == (2, *SIZE)
    assert carried.dtype == np.float32
    inside, outside = scene.matte(3) > 0.5, scene.matte(3) < 0.5
    assert carried[0][inside].mean() > 2 * carried[0][outside].mean()
    assert np.abs(carried[1]).max() < 1e-3


def test_what_is_found_on_the_ground_resembles_the_object_less_than_the_object_does(
    propagation: ports.PropagationNet, two: SyntheticClip
) -> None:
    examples = [(propagation.encode_key(two[0]), two.mattes(0))]
    true, false = two.mattes(1), np.roll(two.mattes(1), SIZE[1] // 2, axis=2)
    key = propagation.encode_key(two[1])
    right, wrong = (propagation.resemblance(key, found, examples) for found in (true, false))
    assert right.shape == wrong.shape == (2, *SIZE)
    assert right.dtype == np.float32
    for n in range(2):
        assert right[n][true[n] > 0.5].mean() > 0.02
        assert wrong[n][false[n] > 0.5].mean() < 0
