"""Tests that an object which something narrow hides in the middle keeps both of its parts."""

from __future__ import annotations

import numpy as np
from propagate_kit import SETTINGS, run

from blender_cutout.core.fakes import SyntheticClip, iou

POLE = slice(92, 108)


class BehindAPole(SyntheticClip):
    """A disc that passes behind a pole."""

    def mattes(self, frame):
        out = super().mattes(frame)
        out[:, :, POLE] = 0
        return out

    def __getitem__(self, frame):
        image = super().__getitem__(frame).copy()
        image[:, POLE] = (60, 90, 70)
        return image


def test_what_shows_beyond_a_pole_belongs_to_the_object():
    clip = BehindAPole(length=24, radius=30)
    results = run(clip, {0: clip.matte(0)}, settings=SETTINGS)
    split = [f for f in results if clip.matte(f)[:, : POLE.start].any() and clip.matte(f)[:, POLE.stop :].any()]
    assert split
    assert min(iou(results[f][0], clip.matte(f)) for f in results if clip.matte(f).any()) > 0.9
    assert np.all([(results[f][0][:, POLE.stop :] > 0.5).any() for f in split])
