"""Tests that strokes of the Detail Brush stay on the hair they were painted on, however it moves."""

from __future__ import annotations

import math
from collections.abc import Callable

import cv2
import numpy as np
import pytest

from blender_cutout.core.edges.detail_map import detail_map
from blender_cutout.core.propagation.carried_detail import CarriedDetail
from blender_cutout.core.types import Label, Stroke

SIZE = (240, 320)
LENGTH = 14
CENTRE, SPEED, TURN = (120.0, 120.0), 3.0, 6.0
"""Middle (x, y) on frame 0, pixels and degrees a frame."""
BODY, HAIR = 48, ((62.0, -18.0), (62.0, 18.0))
"""Radius of the body, and the ends of its tuft of hair, relative to the middle."""


def texture(seed: int, cell: int = 6) -> np.ndarray:
    small = np.random.default_rng(seed).integers(0, 255, (SIZE[0] // cell, SIZE[1] // cell, 3), np.uint8)
    return np.asarray(cv2.resize(small, SIZE[::-1], interpolation=cv2.INTER_CUBIC))


class Turning:
    """A round body with a tuft of hair on one side, which turns while it moves over a still ground.

    Args:
        noisy: no frame resembles another.
        cut: from this frame on the ground, and its place, are other ones.
    """

    size = SIZE

    def __init__(self, noisy: bool = False, cut: int = 99) -> None:
        self._noisy, self._cut = noisy, cut

    def __len__(self) -> int:
        return LENGTH

    def place(self, frame: int) -> np.ndarray:
        """Rotation and shift (2, 3) from frame 0's picture."""
        move = cv2.getRotationMatrix2D(CENTRE, -TURN * frame, 1.0)
        move[0, 2] += SPEED * frame + 40 * (frame >= self._cut)
        return np.asarray(move)

    def points(self, frame: int) -> np.ndarray:
        """Both ends of the hair (2, 2)."""
        ends = np.array(HAIR) + CENTRE
        move = self.place(frame)
        return np.asarray(ends @ move[:, :2].T + move[:, 2])

    def shape(self, frame: int, hair: bool) -> np.ndarray:
        flat = np.zeros(SIZE, np.uint8)
        cv2.circle(flat, (120, 120), BODY, 255, -1)
        if hair:
            cv2.line(flat, (182, 102), (182, 138), 255, 20)
        return np.asarray(cv2.warpAffine(flat, self.place(frame), SIZE[::-1])) / np.float32(255)

    def matte(self, frame: int) -> np.ndarray:
        """The mask, which lacks the hair."""
        return self.shape(frame, hair=False)

    def __getitem__(self, frame: int) -> np.ndarray:
        if self._noisy:
            return texture(100 + frame)
        ground, skin = texture(2 if frame < self._cut else 3) // 2, texture(1) // 2 + 128
        if frame >= self._cut:
            ground, skin = 255 - ground, 255 - skin
        moved = cv2.warpAffine(skin, self.place(frame), SIZE[::-1], borderMode=cv2.BORDER_REFLECT)
        share = self.shape(frame, hair=True)[..., None]
        return np.rint(ground + share * (moved.astype(np.float32) - ground)).astype(np.uint8)


def on(shot: Turning, frame: int) -> dict[int, tuple[Stroke, ...]]:
    return {frame: (Stroke(shot.points(frame).tolist(), 12.0, Label.KEEP),)}


def off(shot: Turning, strokes: tuple[Stroke, ...], frame: int) -> float:
    """How far strokes lie from the hair, in pixels."""
    (stroke,) = strokes
    return float(np.hypot(*(np.array(stroke.points) - shot.points(frame)).T).mean())


@pytest.mark.parametrize(("painted", "wanted"), [(0, 12), (12, 1)])
def test_the_band_lies_where_the_hair_is_when_the_object_turns(painted: int, wanted: int) -> None:
    shot = Turning()
    details = CarriedDetail(shot, shot.matte)
    found = details.at(on(shot, painted), wanted)
    assert off(shot, found, wanted) < 8
    hair = (shot.shape(wanted, hair=True) > 0.5) & (shot.matte(wanted) < 0.5)
    assert detail_map(found, SIZE)[hair].mean() > 0.75
    assert detail_map(on(shot, painted)[painted], SIZE)[hair].mean() < 0.4, "it has moved away from there"
    assert found[0].radius == pytest.approx(12, rel=0.05)


def test_frames_may_be_asked_for_in_any_order() -> None:
    shot = Turning()
    painted = on(shot, 4)
    details = CarriedDetail(shot, shot.matte)
    once = {frame: details.at(painted, frame) for frame in (9, 2, 7, 4, 10)}
    assert all(CarriedDetail(shot, shot.matte).at(painted, frame) == found for frame, found in once.items())
    assert once[4] == painted[4]


def test_where_motion_cannot_be_trusted_strokes_move_with_the_mask() -> None:
    shot = Turning(noisy=True)
    painted = on(shot, 0)
    (found,) = CarriedDetail(shot, shot.matte).at(painted, 8)
    assert np.allclose(np.array(found.points) - painted[0][0].points, (8 * SPEED, 0), atol=1)


def test_strokes_jump_with_the_mask_at_a_cut() -> None:
    shot = Turning(cut=5)
    (before,), (after,) = (CarriedDetail(shot, shot.matte).at(on(shot, 0), frame) for frame in (4, 5))
    assert np.allclose(np.array(after.points) - before.points, (40 + SPEED, 0), atol=1.5)


def test_far_away_they_move_with_the_mask_and_without_a_mask_there_are_none(monkeypatch: pytest.MonkeyPatch) -> None:
    from blender_cutout.core.propagation import carried_detail

    monkeypatch.setattr(carried_detail, "MOST_STEPS", 2)
    shot = Turning()
    painted = on(shot, 0)
    details = CarriedDetail(shot, shot.matte)
    near, far = (np.array(details.at(painted, frame)[0].points) for frame in (2, 10))
    assert np.allclose(far - near, (8 * SPEED, 0), atol=1)
    nowhere: Callable[[int], None] = lambda frame: None  # noqa: E731
    assert CarriedDetail(shot, nowhere).at(painted, 3) == ()
    assert CarriedDetail(shot, shot.matte).at({}, 3) == ()


def test_an_object_hidden_for_a_while_and_other_masks_later_are_no_trouble() -> None:
    shot = Turning()
    hidden = CarriedDetail(shot, lambda frame: shot.matte(frame) * (frame not in (2, 3)))
    assert off(shot, hidden.at(on(shot, 0), 6), 6) < 20
    calls: list[int] = []
    hidden.at(on(shot, 0), 6, "other", lambda: calls.append(1))
    assert len(calls) == 6
    assert math.isfinite(off(shot, hidden.at(on(shot, 0), 6, "other"), 6))


@pytest.mark.parametrize("far", [1e5, 1e12, 1e300])
def test_strokes_in_no_picture_and_huge_ones_are_no_trouble(far: float) -> None:
    shot = Turning()
    strokes = (Stroke([(far, -far), (1.0, 1.0)], 3.0, Label.KEEP), Stroke([(182.0, 102.0)], 1e9, Label.KEEP))
    found = CarriedDetail(shot, shot.matte).at({0: strokes}, 3)
    assert len(found) == 2
    assert detail_map(found, SIZE).shape == SIZE
