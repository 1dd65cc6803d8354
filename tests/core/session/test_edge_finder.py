"""Tests refining a matte again and again: what was found once is kept, previews are small, and a wait can be ended."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import cv2
import numpy as np
import pytest

from blender_cutout.core.edges.refine_edge import refine_edge
from blender_cutout.core.edges.settings import EdgeSettings
from blender_cutout.core.session.edge_finder import EdgeFinder

SIZE = (240, 320)
SETTINGS = EdgeSettings(detail=0.8, grow=1.5, feather=2.0, smooth=1.0, fill_holes=9.0, remove_dots=5.0, clip_black=0.1)


def soft() -> np.ndarray:
    y, x = np.mgrid[: SIZE[0], : SIZE[1]]
    return np.clip(0.5 - (np.hypot(y - 120, x - 160) - 70) / 8, 0, 1).astype(np.float32)


def image() -> np.ndarray:
    return np.random.default_rng(2).integers(0, 256, (*SIZE, 3), np.uint8)


class Net:
    """Finds another alpha at each look."""

    def __init__(self) -> None:
        self.looks = 0

    def predict(self, picture: Any, matte: Any) -> Any:
        self.looks += 1
        return np.full(matte.shape, self.looks % 97 / 97, np.float32)


def test_the_alpha_is_that_of_refine_edge() -> None:
    settings = replace(SETTINGS, decontaminate=0.0)
    found = EdgeFinder().alpha(Net(), image, soft(), settings, "a")
    assert np.array_equal(found, refine_edge(Net(), image(), soft(), settings)[0])
    without = replace(settings, detail=0.0)
    assert np.array_equal(
        EdgeFinder().alpha(Net(), image, soft(), without, "a"), refine_edge(None, image(), soft(), without)[0]
    )


def test_other_settings_on_the_same_matte_keep_what_was_found_and_another_matte_does_not() -> None:
    finder, net = EdgeFinder(), Net()
    plain = EdgeSettings()
    first = finder.alpha(net, image, soft(), plain, "a")
    assert np.array_equal(finder.alpha(net, image, soft(), plain, "a"), first)
    wider = finder.alpha(net, image, soft(), replace(plain, grow=2.0), "a")
    assert np.array_equal(wider, refine_edge(None, image(), first, EdgeSettings(detail=0.0, grow=2.0))[0])
    for other, name in ((replace(plain, width=9.0), "a"), (plain, "b")):
        assert not np.array_equal(finder.alpha(net, image, soft(), other, name), first)


def test_a_preview_is_small_with_pixels_to_match() -> None:
    settings = EdgeSettings(detail=0.0, grow=8.0, feather=4.0)
    small = EdgeFinder().alpha(None, image, soft(), settings, "a", longest=80)
    assert small.shape == (60, 80)
    full = EdgeFinder().alpha(None, image, soft(), settings, "a")
    assert np.abs(cv2.resize(full, (80, 60), interpolation=cv2.INTER_AREA) - small).max() < 0.15
    assert np.array_equal(EdgeFinder().alpha(None, image, soft(), settings, "a", longest=4000), full)


def test_a_wait_that_is_ended_leaves_nothing_half_found() -> None:
    finder, net = EdgeFinder(), Net()

    def stop() -> None:
        if net.looks == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        finder.alpha(net, image, soft(), EdgeSettings(), "a", between=stop)
    net.looks = 0
    assert np.array_equal(
        finder.alpha(net, image, soft(), EdgeSettings(), "a"),
        EdgeFinder().alpha(Net(), image, soft(), EdgeSettings(), "a"),
    )


def test_a_preview_that_had_every_pixel_is_not_found_again() -> None:
    net, finder = Net(), EdgeFinder()
    preview = finder.alpha(net, image, soft(), EdgeSettings(), "a", longest=4000)
    net.looks = 0
    assert np.array_equal(finder.alpha(net, image, soft(), EdgeSettings(), "a"), preview)
    assert net.looks == 0
