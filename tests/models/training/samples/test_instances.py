"""Tests parts of an object: disjoint, together the object, and none of them tiny."""

from __future__ import annotations

import numpy as np

from blender_cutout.models.training.samples.instances import SMALLEST_PART, split_object


def _two_toned() -> tuple[np.ndarray, np.ndarray]:
    ys, xs = np.mgrid[:90, :120]
    mask = ((xs - 60) / 40) ** 2 + ((ys - 45) / 25) ** 2 < 1
    image = np.where((xs < 60)[..., None], (200, 40, 40), (40, 40, 200)).astype(np.uint8)
    return image, mask


def test_parts_are_disjoint_and_together_the_object() -> None:
    image, mask = _two_toned()
    for seed in range(30):
        parts = split_object(image, mask, np.random.default_rng(seed))
        assert parts is not None
        assert not (parts[0] & parts[1]).any()
        np.testing.assert_array_equal(parts[0] | parts[1], mask)
        share = parts.sum(axis=(1, 2)) / mask.sum()
        assert share.min() >= SMALLEST_PART


def test_some_splits_follow_the_colours_and_some_do_not() -> None:
    image, mask = _two_toned()
    red = mask & (image[..., 0] > 100)
    agree = []
    for seed in range(40):
        parts = split_object(image, mask, np.random.default_rng(seed))
        assert parts is not None
        share = (parts[0] == red)[mask].mean()
        agree.append(max(share, 1 - share))
    assert np.mean(np.array(agree) > 0.97) > 0.2
    assert min(agree) < 0.8


def test_what_is_too_small_is_not_split() -> None:
    mask = np.zeros((40, 40), bool)
    mask[10:15, 10:15] = True
    assert split_object(np.zeros((40, 40, 3), np.uint8), mask, np.random.default_rng(0)) is None
