"""Tests the union of masks; writing it is tested with the objects, in `test_propagate_group`."""

from __future__ import annotations

import numpy as np

from blender_cutout.core.export.delivery import union


def test_where_objects_touch_the_union_has_no_seam() -> None:
    edge = np.linspace(0, 1, 11, dtype=np.float32)[None]
    np.testing.assert_allclose(union([edge, 1 - edge]), 1, atol=1e-6)


def test_a_pixel_that_two_claim_counts_once() -> None:
    out = union([np.ones((1, 2), np.float32)] * 3)
    assert (out.max(), out.dtype) == (1, np.float32)
