"""Tests that two looks, one of them mirrored, are put together the right way round."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from blender_cutout.core.engine import Engine, EngineSettings
from blender_cutout.core.fakes import FakePropagationNet, FakeScribbleNet, SyntheticClip, iou
from blender_cutout.core.refinement.mirrored_strokes import MirroredStrokes
from blender_cutout.core.types import Label, Stroke

if TYPE_CHECKING:
    from blender_cutout.core.types import Image, Map, Matte

CLIP = SyntheticClip(height=240, width=400, radius=30, objects=2)
IMAGE = CLIP[6]
RED, _ = CLIP.mattes(6)


class _SeesTheRightHalf(FakeScribbleNet):
    def predict(self, image: Image, previous: Matte, keep: Map, remove: Map) -> Matte:
        matte = super().predict(image, previous, keep, remove)
        matte[:, : matte.shape[1] // 2] = 0
        return matte


def test_a_round_cuts_the_object_out_where_it_is() -> None:
    engine = Engine(FakeScribbleNet(), FakePropagationNet(), EngineSettings(mirrored_strokes=True))
    matte = engine.refine(IMAGE, [Stroke([CLIP.centre(6, 0)], 4, Label.KEEP)])
    assert iou(matte, RED) > 0.97


def test_what_only_one_look_finds_counts_half() -> None:
    keep, nothing = np.zeros_like(RED), np.zeros_like(RED)
    x, y = (round(value) for value in CLIP.centre(6, 0))
    keep[y, x] = 1
    found = MirroredStrokes(_SeesTheRightHalf()).predict(IMAGE, nothing, keep, nothing)
    whole = FakeScribbleNet().predict(IMAGE, nothing, keep, nothing)
    assert whole.any()
    assert np.array_equal(found, whole * np.float32(0.5))
