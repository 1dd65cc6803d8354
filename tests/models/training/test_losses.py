"""Tests the losses."""

from __future__ import annotations

import pytest
import torch

from blender_cutout.models.networks import affinity
from blender_cutout.models.training import losses


def test_bootstrapping_looks_at_the_hardest_pixels_only() -> None:
    per_pixel = torch.zeros(1, 10, 10)
    per_pixel[0, 0, :5] = 4.0
    assert float(losses.bootstrapped(per_pixel, 0.05)) == 4.0
    assert float(losses.bootstrapped(per_pixel, 1.0)) == pytest.approx(0.2)


def test_a_right_mask_costs_less_than_a_wrong_one() -> None:
    truth = torch.zeros(1, 1, 16, 16)
    truth[..., 4:12, 4:12] = 1
    right, wrong = (truth * 2 - 1) * 8, (1 - truth * 2) * 8
    assert float(losses.mask_loss(right, truth, 0.25)) < 0.02 < 5 < float(losses.mask_loss(wrong, truth, 0.25))


def test_overlap_counts_only_objects_that_are_there_or_were_found() -> None:
    truth = torch.zeros(1, 3, 8, 8)
    found = torch.zeros(1, 3, 8, 8)
    truth[0, 0, :4], found[0, 0, :2] = 1, 1  # half of it; the second object is found where nothing is; no third
    found[0, 1, 0] = 1
    assert losses.overlap(found, truth) == pytest.approx(0.25)
    assert losses.overlap(torch.zeros_like(truth), torch.zeros_like(truth)) == 1.0


def test_unknown_places_have_no_part_in_the_loss() -> None:
    torch.manual_seed(1)
    logits = torch.randn(2, 2, 8, 8, requires_grad=True)
    truth = (torch.rand(2, 2, 8, 8) > 0.5).float() * 0.5
    certain = torch.ones(2, 8, 8)
    certain[:, :3] = 0.0
    losses.matte_loss(affinity.aggregate_logits(logits), truth, 0.5, certain).sum().backward()
    assert logits.grad is not None
    assert not logits.grad[:, :, :3].any()
    assert logits.grad[:, :, 3:].any()
    other = truth.clone()
    other[:, :, :3] = 1.0 - other[:, :, :3]
    for share in (1.0, 0.25):
        log_probability = affinity.aggregate_logits(logits.detach())
        one, two = (losses.matte_loss(log_probability, t, share, certain) for t in (truth, other))
        torch.testing.assert_close(one, two)
        one, two = (losses.mask_loss(logits.detach()[:, :1], t[:, :1], share, certain[:, None]) for t in (truth, other))
        torch.testing.assert_close(one, two)
