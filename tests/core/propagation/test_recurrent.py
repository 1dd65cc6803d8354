"""Tests networks that carry a state from frame to frame, with one that finds nothing without the frame before.

It also finds nothing where that frame, moved as the engine says, does not show the same background.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from propagate_kit import SETTINGS, run, worst_iou

from blender_cutout.core.fakes import FakePropagationNet, SyntheticClip
from blender_cutout.core.images.crop import Crop
from blender_cutout.core.ports import Before
from blender_cutout.core.types import Box, Direction

CLOSE = 3.0
"""Largest mean difference of the background in grey levels, which is about eight pixels."""
PLACES = [(x, y) for x in np.linspace(0.05, 0.95, 10) for y in np.linspace(0.05, 0.95, 10)]


class Slope(SyntheticClip):
    """A red disc over a background whose green tells x, and whose blue tells y."""

    def __getitem__(self, frame):
        image = np.zeros((*self.size, 3), np.uint8)
        image[..., 1] = np.linspace(0, 255, self.width)
        image[..., 2] = np.linspace(0, 255, self.height)[:, None]
        image[self.matte(frame) > 0.5] = self.COLOURS[0]
        return image


FAST = Slope(length=24, height=240, width=640, radius=18)


class RegisteringNet(FakePropagationNet):
    def segment_after(self, query, memory, previous, before: Before | None):
        mattes = self.segment(query, memory, previous)
        return mattes if before is not None and is_registered(query.image, before) else np.zeros_like(mattes)


def is_registered(image, before: Before) -> bool:
    x0, y0, x1, y1 = before.window
    differences = []
    for x, y in PLACES:
        here, there = colour(image, x, y), colour(before.key.image, x0 + x * (x1 - x0), y0 + y * (y1 - y0))
        if here is not None and there is not None:
            differences.append(np.abs(here - there).max())
    return bool(differences) and float(np.mean(differences)) < CLOSE


def colour(image, x: float, y: float):
    """The background (G, B) at a share of both sides; None outside the picture and on the object."""
    if not (0 <= x < 1 and 0 <= y < 1):
        return None
    found = image[int(y * image.shape[0]), int(x * image.shape[1])].astype(float)
    return None if found[0] > 20 else found[1:]


@pytest.mark.parametrize("start", [0, 11, 23])
def test_the_state_follows_the_object_through_moving_crops_in_both_directions(start):
    found = run(FAST, {start: FAST.matte(start)}, RegisteringNet())
    assert sorted(found) == list(range(len(FAST)))
    assert worst_iou(found, FAST) > 0.8


def test_the_state_is_there_between_keyframes_and_in_a_second_pass():
    found = run(FAST, {4: FAST.matte(4), 15: FAST.matte(15)}, RegisteringNet())
    assert worst_iou(found, FAST) > 0.8


@pytest.mark.parametrize("done", [1, 2, 7])
def test_the_state_is_there_after_frames_that_are_known_already(done):
    known = {frame: FAST.matte(frame) for frame in range(1, 1 + done)}
    found = run(FAST, {0: FAST.matte(0)}, RegisteringNet(), known=known.get, direction=Direction.FORWARD)
    assert worst_iou(found, FAST) > 0.8


def test_the_whole_picture_without_a_crop_that_follows():
    found = run(FAST, {0: FAST.matte(0)}, RegisteringNet(), settings=replace(SETTINGS, follow=False))
    assert worst_iou(found, FAST) > 0.6


def test_a_crop_within_another():
    outer, inner = Crop(Box(100, 50, 300, 150), (64, 128)), Crop(Box(150, 25, 350, 125), (96, 96))
    assert inner.within(outer) == (0.25, -0.25, 1.25, 0.75)
    assert outer.within(outer) == (0.0, 0.0, 1.0, 1.0)
