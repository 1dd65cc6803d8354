"""Tests edges on input at the limits: nothing or everything in the mask, 8K, pictures with alpha of their own."""

from __future__ import annotations

import tracemalloc
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from blender_cutout.core.edges.refine_edge import refine_edge
from blender_cutout.core.edges.settings import EdgePlan, EdgeSettings
from blender_cutout.core.engine import Engine
from blender_cutout.core.export.delivery import deliver
from blender_cutout.core.session.track_session import TrackSession
from blender_cutout.core.types import Clip

EVERYTHING = EdgeSettings(
    1.0, width=9, grow=3, feather=4, clip_black=0.1, clip_white=0.1, smooth=3, fill_holes=30, remove_dots=3
)


class Half:
    """Finds half an alpha everywhere."""

    def predict(self, image: Any, matte: Any) -> Any:
        return np.full(matte.shape, 0.5, np.float32)


@pytest.mark.parametrize("settings", [EdgeSettings(), EVERYTHING, EdgeSettings(width=100)])
@pytest.mark.parametrize("value", [0.0, 1.0])
@pytest.mark.parametrize("size", [(90, 120), (1, 300), (300, 1)])
def test_an_empty_mask_stays_empty_and_a_full_one_full(
    size: tuple[int, int], value: float, settings: EdgeSettings
) -> None:
    image = np.random.default_rng(0).integers(0, 255, (*size, 3), np.uint8)
    alpha, colours = refine_edge(Half(), image, np.full(size, value, np.float32), settings)
    assert (alpha == value).all()
    if value:
        assert np.array_equal(colours, image)


@pytest.mark.parametrize("at", [(0, 0), (20, 30), (39, 59)])
def test_an_object_of_one_pixel_is_looked_at_wherever_it_is(at: tuple[int, int]) -> None:
    dot = np.zeros((40, 60), np.float32)
    dot[at] = 1
    image = np.full((40, 60, 3), 90, np.uint8)
    alpha, _ = refine_edge(Half(), image, dot)
    assert alpha[at] == 0.5
    assert (alpha > 0).sum() < 600, "only around it"
    assert not refine_edge(Half(), image, dot, EdgeSettings(remove_dots=3))[0].any()


def test_a_feathered_edge_can_be_refined_again() -> None:
    matte = np.zeros((1000, 1000), np.float32)
    cv2.circle(matte, (500, 500), 400, 1.0, -1)
    image = np.full((1000, 1000, 3), 90, np.uint8)
    soft, _ = refine_edge(None, image, matte, EdgeSettings(detail=0.0, feather=12))
    assert soft.max() == 1
    assert np.array_equal(refine_edge(None, image, soft, EdgeSettings(detail=0.0))[0], soft)


def test_an_8k_picture_needs_little_more_memory_than_its_results() -> None:
    size = (4320, 7680)
    matte = np.zeros(size, np.float32)
    cv2.circle(matte, (6000, 2000), 400, 1.0, -1)
    part = np.s_[1500:2500, 5500:6500]
    matte[part] = np.clip(cv2.GaussianBlur(matte[part], (0, 0), 6), 0, 1)
    image = np.full((*size, 3), 90, np.uint8)
    tracemalloc.start()
    try:
        alpha, colours = refine_edge(Half(), image, matte)
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert most < alpha.nbytes + colours.nbytes + 60e6
    assert alpha[2000, 6000] == 1
    assert alpha[2000, 6400] == pytest.approx(0.5)
    assert not alpha[:1500].any()


def test_alpha_of_the_pictures_own_stays_and_the_edge_is_found_in_it(engine: Engine, tmp_path: Path) -> None:
    clip, masks = tmp_path / "clip", tmp_path / "masks"
    clip.mkdir(), masks.mkdir()
    picture = np.full((64, 96, 4), (200, 120, 40, 255), np.uint8)
    picture[:, :20, 3], picture[:, 60:, 3] = 0, 128
    mask = np.zeros((64, 96), np.uint8)
    mask[10:54, 10:84] = 255
    for frame in range(2):
        cv2.imwrite(str(clip / f"{frame:04d}.png"), picture)
        cv2.imwrite(str(masks / f"{frame:04d}.png"), cv2.GaussianBlur(mask, (0, 0), 2))
    engine.edge = Half()
    with TrackSession.open(Clip(str(clip)), tmp_path / "track", engine) as session:
        list(session.import_mattes(str(masks)))
        plan = EdgePlan((EdgeSettings(),))
        list(deliver([session], [0, 1], tmp_path / "out", "cutout", plans=(plan,)))
    for path in sorted((tmp_path / "out").iterdir()):
        found = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)[..., 3]
        assert not found[:, :20].any()
        assert (found[20:44, 25:55] == 255).all()
        assert (found[20:44, 64:70] == 128).all(), "solid, as transparent as the picture"
        assert (found[10, 25:55] == 128).all(), "the edge"
        assert (found[10, 64:74] == 64).all(), "both"
