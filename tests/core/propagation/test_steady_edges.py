"""Tests that refined edges boil less along a clip, and that nothing else about them changes."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from blender_cutout.core.edges.settings import EdgeSettings
from blender_cutout.core.propagation.steady_edges import SteadyEdges

SIZE = (120, 200)
HAIR = EdgeSettings(detail=1.0)


class Shot:
    """A red disc over a textured ground, moving by two pixels a frame; another scene from frame `cut` on."""

    size = SIZE

    def __init__(self, cut: int = 99) -> None:
        self._cut = cut

    def __len__(self) -> int:
        return 8

    def alpha(self, frame: int) -> np.ndarray:
        y, x = np.mgrid[: SIZE[0], : SIZE[1]]
        return np.clip(0.5 - (np.hypot(y - 60, x - 80 - 2 * frame) - 30) / 6, 0, 1).astype(np.float32)

    def boiling(self, frame: int, edge: EdgeSettings) -> np.ndarray:
        """The alpha with an error along the edge that is another one on each frame."""
        noise = np.random.default_rng(frame).normal(0, 1, (30, 50)).astype(np.float32)
        wrong = cv2.resize(noise, SIZE[::-1], interpolation=cv2.INTER_LINEAR) * 0.25
        alpha = self.alpha(frame)
        return np.where((alpha > 0) & (alpha < 1), np.clip(alpha + wrong, 0.001, 0.999), alpha).astype(np.float32)

    def __getitem__(self, frame: int) -> np.ndarray:
        rng = np.random.default_rng(1 if frame < self._cut else 2)
        small = rng.integers(0, 255, (12, 20, 3), np.uint8)
        ground = cv2.resize(small if frame < self._cut else 255 - small // 3, SIZE[::-1]).astype(np.float32)
        alpha = self.alpha(frame)[..., None]
        return np.rint(ground + alpha * (np.float32((220, 40, 40)) - ground)).astype(np.uint8)


def test_the_edge_boils_less_and_is_closer_to_the_truth() -> None:
    shot = Shot()
    steady = SteadyEdges(shot, shot.boiling)
    for frame in range(1, 7):
        raw, found, truth = shot.boiling(frame, HAIR), steady.at(frame, HAIR), shot.alpha(frame)
        assert found is not None
        assert found.dtype == np.float32
        edge = (truth > 0) & (truth < 1)
        assert np.abs(found - truth)[edge].mean() < 0.85 * np.abs(raw - truth)[edge].mean()
        far = cv2.dilate(edge.astype(np.uint8), np.ones((9, 9), np.uint8)) == 0
        assert np.array_equal(found[far], raw[far]), "what is solid or clean stays so"


class Turning(Shot):
    """A textured ellipse that turns by six degrees and moves by three pixels a frame."""

    def _moved(self, picture: np.ndarray, frame: int) -> np.ndarray:
        place = cv2.getRotationMatrix2D((80, 60), -6 * frame, 1.0)
        place[0, 2] += 3 * frame
        return np.asarray(cv2.warpAffine(picture, place, SIZE[::-1], borderMode=cv2.BORDER_REFLECT))

    def alpha(self, frame: int) -> np.ndarray:
        flat = np.zeros(SIZE, np.float32)
        cv2.ellipse(flat, (80, 60), (50, 28), 0, 0, 360, 1.0, -1)
        return np.clip(cv2.GaussianBlur(self._moved(flat, frame), (0, 0), 2), 0, 1)

    def __getitem__(self, frame: int) -> np.ndarray:
        dark, light = (np.random.default_rng(seed).integers(0, 128, (20, 33, 3), np.uint8) for seed in (1, 2))
        ground, skin = (cv2.resize(part, SIZE[::-1], interpolation=cv2.INTER_CUBIC) for part in (dark, light + 127))
        alpha = self.alpha(frame)[..., None]
        return np.rint(ground + alpha * (self._moved(skin, frame).astype(np.float32) - ground)).astype(np.uint8)


def test_the_edge_of_a_thing_that_turns_boils_less_too() -> None:
    shot = Turning()
    steady = SteadyEdges(shot, shot.boiling)
    errors = []
    for frame in range(1, 7):
        raw, found, truth = shot.boiling(frame, HAIR), steady.at(frame, HAIR), shot.alpha(frame)
        edge = (truth > 0.02) & (truth < 0.98)
        errors.append(np.abs(found - truth)[edge].mean() / np.abs(raw - truth)[edge].mean())
    assert np.mean(errors) < 0.63


@pytest.mark.parametrize("frames", [range(8), (5, 2, 7, 0)])
def test_the_order_in_which_frames_are_asked_for_does_not_matter(frames: range) -> None:
    shot = Shot()
    steady = SteadyEdges(shot, shot.boiling)
    for frame in frames:
        assert np.array_equal(steady.at(frame, HAIR), SteadyEdges(shot, shot.boiling).at(frame, HAIR))


def test_frames_that_the_artist_decided_and_edges_without_detail_keep_every_bit() -> None:
    shot = Shot()
    steady = SteadyEdges(shot, shot.boiling, lambda frame: frame == 3)
    assert np.array_equal(steady.at(3, HAIR), shot.boiling(3, HAIR))
    assert not np.array_equal(steady.at(4, HAIR), shot.boiling(4, HAIR))
    soft = EdgeSettings(detail=0.0, feather=3.0)
    assert np.array_equal(steady.at(4, soft), shot.boiling(4, soft))


def test_nothing_is_mixed_across_a_cut_or_from_a_frame_without_matte() -> None:
    shot = Shot(cut=4)
    steady = SteadyEdges(shot, shot.boiling)
    alone = SteadyEdges(shot, lambda frame, edge: shot.boiling(frame, edge) if frame < 4 else None)
    assert np.array_equal(steady.at(3, HAIR), alone.at(3, HAIR))
    assert alone.at(4, HAIR) is None
    single = SteadyEdges(shot, lambda frame, edge: shot.boiling(frame, edge) if frame == 2 else None)
    assert np.array_equal(single.at(2, HAIR), shot.boiling(2, HAIR))


def test_settings_that_change_from_frame_to_frame_are_those_of_the_frame() -> None:
    shot = Shot()

    def alpha_of(frame: int, edge: EdgeSettings) -> np.ndarray:
        return shot.boiling(frame, edge) * np.float32(1 - edge.width / 100)

    steady = SteadyEdges(shot, alpha_of)
    for frame in (2, 3):
        edge = EdgeSettings(width=10.0 * frame)
        found = steady.at(frame, edge)
        assert found is not None
        assert found.max() == pytest.approx(1 - edge.width / 100, abs=1e-6)
