"""Tests that parts far from the object's last position are removed, unless the object has jumped there."""

from __future__ import annotations

import numpy as np

from blender_cutout.core.fakes import FakePropagationNet, SyntheticClip, iou
from blender_cutout.core.propagation.propagate import propagate
from blender_cutout.core.propagation.settings import PropagationSettings
from blender_cutout.core.propagation.strays import without_strays


def disc(x: float, y: float, radius: float = 12) -> np.ndarray:
    rows, columns = np.mgrid[:100, :160] + 0.5
    return ((columns - x) ** 2 + (rows - y) ** 2 < radius**2).astype(np.float32)[None]


def test_stray_part_goes_and_the_object_stays_bit_identical():
    kept = without_strays(np.maximum(disc(44, 50), disc(130, 50)), disc(40, 50))
    np.testing.assert_array_equal(kept, disc(44, 50))


def test_a_rounding_error_at_the_threshold_moves_no_pixel_noticeably():
    soft = disc(44, 50)
    soft[0, 45:56, 56:71] = np.linspace(0.45, 0.03, 15)
    below, above = soft.copy(), soft.copy()
    below[0, 50, 56], above[0, 50, 56] = 0.49999, 0.50001
    kept = [without_strays(matte, disc(40, 50)) for matte in (below, above)]
    assert np.abs(kept[0] - kept[1]).max() < 0.001
    assert not kept[0][0, :, 66:].any()


def test_part_beside_the_object_stays():
    both = np.maximum(disc(44, 50), disc(62, 50, 6))
    np.testing.assert_array_equal(without_strays(both, disc(40, 50)), both)


def test_leak_that_hangs_together_with_the_object_is_cut_off():
    leak = disc(44, 50)
    leak[0, 48:52, 44:160] = 1
    kept = without_strays(leak, disc(40, 50))
    assert not kept[0, :, 90:].any()
    assert iou(kept * disc(44, 50), disc(44, 50)) == 1


def test_object_that_jumped_or_came_back_is_believed():
    np.testing.assert_array_equal(without_strays(disc(130, 50), disc(30, 50)), disc(130, 50))
    np.testing.assert_array_equal(without_strays(disc(130, 50), np.zeros_like(disc(0, 0))), disc(130, 50))


def test_soft_rim_is_kept():
    soft = np.clip(disc(44, 50) * 0.6 + disc(44, 50, 15) * 0.4, 0, 1)
    np.testing.assert_array_equal(without_strays(soft, disc(40, 50)), soft)


def test_each_object_is_judged_by_its_own_place():
    mattes = np.concatenate((np.maximum(disc(44, 50), disc(130, 50)), disc(130, 50)))
    kept = without_strays(mattes, np.concatenate((disc(40, 50), disc(128, 50))))
    np.testing.assert_array_equal(kept, np.concatenate((disc(44, 50), disc(130, 50))))


def test_propagation_does_not_take_in_a_second_thing_of_the_same_kind():
    class WithDouble(SyntheticClip):
        def __getitem__(self, frame):
            image = super().__getitem__(frame).copy()
            image[8:30, 150:180] = self.COLOURS[0]
            return image

    clip = WithDouble(length=16, width=400)
    settings = PropagationSettings(working_px=128, follow=True)
    results = {f: m for f, m, _ in propagate(FakePropagationNet(), clip, {0: clip.matte(0)}, settings=settings)}
    assert min(iou(results[f], clip.matte(f)) for f in range(5)) > 0.9
    assert iou(results[15], clip.matte(15)) > 0.9
