"""Tests the simulated artist's strokes."""

from __future__ import annotations

import numpy as np
import torch

from blender_cutout.models.training.samples import round_samples, strokes
from blender_cutout.models.training.samples.pool import Pool

CPU = torch.device("cpu")


def test_strokes_lie_inside_their_region() -> None:
    region = torch.zeros(96, 96, dtype=torch.bool)
    region[20:70, 30:50] = True
    share = []
    for seed in range(30):
        points = strokes.stroke_in(region, np.random.default_rng(seed))
        assert points is not None
        x, y = points.astype(int).clip(0, 95).T
        share.append(float(region[y, x].float().mean()))
    assert np.mean(share) > 0.95


def test_hurried_strokes_are_shorter_and_leave_the_region_now_and_then() -> None:
    region = torch.zeros(96, 96, dtype=torch.bool)
    region[20:70, 30:60] = True
    lengths: dict[float, list[float]] = {0.0: [], 1.0: []}
    inside: dict[float, list[float]] = {0.0: [], 1.0: []}
    for seed in range(60):
        for hurried in lengths:
            points = strokes.stroke_in(region, np.random.default_rng(seed), hurried=hurried)
            assert points is not None
            lengths[hurried].append(float(np.hypot(*(points.max(axis=0) - points.min(axis=0)))))
            x, y = points.astype(int).clip(0, 95).T
            inside[hurried].append(float(region[y, x].float().mean()))
    assert np.median(lengths[1.0]) < 0.8 * np.median(lengths[0.0])
    assert 0.6 < np.mean(inside[1.0]) < 0.99 < np.mean(inside[0.0])


def test_corrections_go_to_the_wrong_places_with_the_right_label() -> None:
    truth = torch.zeros(96, 96)
    truth[20:80, 20:60] = 1
    missing, extra = truth.clone(), truth.clone()
    missing[50:80] = 0
    extra[30:60, 60:90] = 1
    for seed in range(10):
        rng = np.random.default_rng(seed)
        keep, remove = strokes.correction(truth, missing, rng, 2.0)
        assert keep[0, 48:82, 18:62].sum() > 0.9 * keep.sum() > 0
        assert remove.sum() == 0
        keep, remove = strokes.correction(truth, extra, rng, 2.0)
        assert remove[0, 28:62, 58:92].sum() > 0.9 * remove.sum() > 0
        assert keep.sum() == 0


def test_a_drawn_stroke_is_as_wide_as_its_radius() -> None:
    line = strokes.draw([np.array([[10.0, 30.0], [50.0, 30.0]])], 4.0, (60, 60), CPU)[0]
    assert int(line[:, 30].sum()) == 8
    assert int(line[30].sum()) == 48


def test_spoilt_masks_are_wrong_but_not_unrelated() -> None:
    truth = torch.zeros(128, 128, dtype=torch.bool)
    truth[30:100, 40:90] = True
    overlaps = []
    for seed in range(20):
        torch.manual_seed(seed)
        spoilt = strokes.spoil(truth, np.random.default_rng(seed)) > 0.5
        overlaps.append(float((spoilt & truth).sum() / (spoilt | truth).sum()))
    assert 0.3 < np.mean(overlaps) < 0.97


def test_rounds_agree_with_their_truth(pool: Pool) -> None:
    rng = np.random.default_rng(1)
    first = round_samples.round_batch(pool, rng, 4, (96, 128), CPU, ("first",), (1.0,))
    assert first.previous.sum() == 0
    assert (first.keep.sum(dim=(1, 2, 3)) > 0).all()
    assert float((first.keep * first.truth).sum() / first.keep.sum()) > 0.8
    closer = round_samples.round_batch(pool, rng, 4, (96, 128), CPU, ("closer",), (1.0,))
    assert (closer.keep.sum(dim=(1, 2, 3)) > 0).all()
    assert (closer.previous.sum(dim=(1, 2, 3)) > 0).all()
    nothing = round_samples.round_batch(pool, rng, 2, (96, 128), CPU, ("foreground",), (1.0,))
    assert float(nothing.keep.sum() + nothing.remove.sum() + nothing.previous.sum()) == 0
    later = round_samples.next_round(first, torch.zeros_like(first.truth), rng)
    assert (later.remove.sum(dim=(1, 2, 3)) == 0).float().mean() > 0.7
    assert (later.keep.sum(dim=(1, 2, 3)) > 0).all()
