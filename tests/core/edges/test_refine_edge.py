"""Tests refined edges: no change at 0, decided away from the edge, clean colours, bad input refused."""

from __future__ import annotations

import numpy as np
import pytest

from blender_cutout.core.edges.bounds import BOUNDS
from blender_cutout.core.edges.refine_edge import refine_edge
from blender_cutout.core.edges.settings import UNCHANGED, EdgeSettings
from blender_cutout.core.engine import Engine
from blender_cutout.core.errors import InputError, SizeMismatch

RED, BLUE = np.float32((200, 30, 20)), np.float32((20, 40, 180))
SIZE = (150, 210)


def ramp(size: tuple[int, int] = SIZE, width: float = 6.0) -> np.ndarray:
    """Returns a disc whose alpha falls off over `width` pixels."""
    y, x = np.mgrid[: size[0], : size[1]]
    radius = min(size) / 3
    away = np.hypot(y - size[0] / 2, x - size[1] / 2) - radius
    return np.clip(0.5 - away / width, 0, 1).astype(np.float32)


def mixed(alpha: np.ndarray) -> np.ndarray:
    return np.rint(alpha[..., None] * RED + (1 - alpha[..., None]) * BLUE).astype(np.uint8)


class SharpNet:
    """Finds alpha by colour: exact on red over blue."""

    def __init__(self) -> None:
        self.seen: list[tuple[int, ...]] = []

    def predict(self, image: np.ndarray, matte: np.ndarray) -> np.ndarray:
        assert image.shape[:2] == matte.shape
        self.seen.append(matte.shape)
        share = (image.astype(np.float32) - BLUE) @ (RED - BLUE) / np.sum((RED - BLUE) ** 2)
        return np.clip(share, 0, 1).astype(np.float32)


@pytest.fixture
def soft() -> np.ndarray:
    return np.random.default_rng(3).random(SIZE, np.float32)


def test_with_everything_at_0_nothing_changes_by_a_bit(soft: np.ndarray) -> None:
    image = mixed(soft)
    alpha, colours = refine_edge(SharpNet(), image, soft, UNCHANGED)
    assert alpha.dtype == np.float32
    assert alpha.tobytes() == soft.tobytes()
    assert np.array_equal(colours, image)


def test_the_alpha_along_the_edge_is_the_networks_and_the_colours_are_the_objects_own(engine: Engine) -> None:
    true, rough = ramp(width=8), ramp(width=16)
    engine.edge = SharpNet()
    alpha, colours = engine.refine_edge(mixed(true), rough)
    assert np.abs(alpha - true).max() < 0.03
    half = (true > 0.3) & (true < 0.7)
    assert np.abs(colours[half] - RED).max() <= 12
    assert np.abs(mixed(true)[half] - RED).max() > 60


def test_half_of_the_detail_lies_between_the_matte_and_the_networks_alpha() -> None:
    true, rough = ramp(width=4), ramp(width=16)
    image = mixed(true)
    full, half = (refine_edge(SharpNet(), image, rough, EdgeSettings(detail=d))[0] for d in (1.0, 0.5))
    np.testing.assert_allclose(half, (full + rough) / 2, atol=1e-6)


def blob(y: int, x: int, radius: float) -> np.ndarray:
    ys, xs = np.mgrid[: SIZE[0], : SIZE[1]]
    return np.hypot(ys - y, xs - x) < radius


def test_doubt_away_from_the_edge_is_decided() -> None:
    matte = ramp()
    matte[blob(30, 30, 20)] = 0.3
    matte[blob(75, 105, 18)] = 0.7
    alpha, _ = refine_edge(None, mixed(ramp()), matte)
    assert (alpha[blob(30, 30, 20)] == 0).all()
    assert (alpha[blob(75, 105, 18)] == 1).all()
    assert ((alpha > 0.1) & (alpha < 0.9)).sum() > 300, "the object's own edge stays soft"


def test_a_thin_thing_is_looked_at_however_faint_its_matte() -> None:
    true = ramp()
    true[110:, 103:107] = 1
    faint = np.where((true > 0.5) & (np.mgrid[: SIZE[0], : SIZE[1]][0] > 130), np.float32(0.35), ramp())
    alpha, _ = refine_edge(SharpNet(), mixed(true), faint)
    assert (alpha[136:144, 103:107] > 0.95).all()
    assert (alpha[136:144, 90:100] == 0).all()


@pytest.mark.parametrize("value", [0.0, 0.3, 0.7, 1.0])
def test_an_even_matte_is_decided_everywhere(value: float) -> None:
    net = SharpNet()
    alpha, _ = refine_edge(net, mixed(ramp()), np.full(SIZE, value, np.float32))
    assert (alpha == round(value)).all()
    assert not net.seen


def test_a_wide_band_may_cover_the_whole_picture() -> None:
    true = ramp((60, 60), 8)
    alpha, colours = refine_edge(SharpNet(), mixed(true), ramp((60, 60), 8), EdgeSettings(width=100))
    assert np.abs(alpha - true).max() < 0.03
    assert colours.shape == (60, 60, 3)


def test_an_object_of_one_pixel_and_a_picture_of_one_pixel() -> None:
    dot = np.zeros((40, 40), np.float32)
    dot[20, 20] = 1
    alpha, _ = refine_edge(None, mixed(dot), dot)
    assert alpha[20, 20] == 1
    one = np.ones((1, 1), np.float32)
    alpha, colours = refine_edge(SharpNet(), mixed(one), one, EdgeSettings(grow=2, feather=3, smooth=2, fill_holes=9))
    assert alpha[0, 0] == 1
    assert colours.shape == (1, 1, 3)


def test_a_large_picture_is_looked_at_in_small_parts_and_seams_do_not_show() -> None:
    true = ramp((700, 900), 10)
    net = SharpNet()
    alpha, colours = refine_edge(net, mixed(true), ramp((700, 900), 20))
    assert max(max(shape) for shape in net.seen) <= 192
    assert sum(h * w for h, w in net.seen) < 2 * true.size
    assert np.abs(alpha - true).max() < 0.03
    half = (true > 0.3) & (true < 0.7)
    assert np.abs(colours[half].astype(np.float32) - RED).max() <= 12


def test_wrong_input_is_refused_with_a_sentence() -> None:
    image = mixed(ramp())
    with pytest.raises(SizeMismatch, match="200 x 150"):
        refine_edge(None, image, ramp()[:, :200])
    with pytest.raises(InputError, match="one object at a time"):
        refine_edge(None, image, np.stack((ramp(), ramp())))
    with pytest.raises(InputError, match=r"\[0, 1\]"):
        refine_edge(None, image, np.full(SIZE, np.nan, np.float32))
    with pytest.raises(InputError, match="uint8"):
        refine_edge(None, image.astype(np.float32), ramp())


@pytest.mark.parametrize("name", sorted(BOUNDS))
def test_a_setting_out_of_bounds_is_refused_by_its_name(name: str) -> None:
    low, high = BOUNDS[name]
    assert getattr(EdgeSettings(**{name: high}), name) == high
    for value in (low - 0.01, high + 0.01, float("nan"), float("inf"), "1", None, True):
        with pytest.raises(InputError, match=name.replace("_", " ")):
            EdgeSettings(**{name: value})


def test_clipping_from_both_sides_must_leave_something() -> None:
    with pytest.raises(InputError, match="nothing between"):
        EdgeSettings(clip_black=0.6, clip_white=0.5)


def test_the_network_is_shown_little_more_than_the_band() -> None:
    net, rough = SharpNet(), np.zeros((512, 512), np.float32)
    rough[:, 250:] = 1
    refine_edge(net, mixed(rough), rough)
    assert sum(height * width for height, width in net.seen) < 512 * 170
