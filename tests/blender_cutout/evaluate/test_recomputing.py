"""Tests the comparison of a propagated mode with a recomputed one."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
from session_kit import make_engine

from blender_cutout.core.fakes import FakePropagationNet, SyntheticClip
from blender_cutout.evaluate.recomputing import BackAndForth, drift, stretches

CLIP = SyntheticClip(length=7, height=60, width=100, radius=10)
EVERYWHERE = np.ones(CLIP.size, bool)


class Forgetful(FakePropagationNet):
    """Loses the right half of everything it propagates."""

    def segment(self, query, memory, previous=None):
        found = super().segment(query, memory, previous).copy()
        found[..., found.shape[-1] // 2 :] *= 0.1
        return found


def test_a_clip_played_back_and_forth_turns_at_its_ends() -> None:
    long = BackAndForth(CLIP, 16)
    assert [long.place(frame) for frame in range(16)] == [0, 1, 2, 3, 4, 5, 6, 5, 4, 3, 2, 1, 0, 1, 2, 3]
    np.testing.assert_array_equal(long[8], CLIP[4])


def test_what_propagates_well_gains_nothing() -> None:
    truth = {frame: (CLIP.matte(frame) > 0.5, EVERYWHERE) for frame in range(len(CLIP))}
    found = drift(make_engine(), CLIP, truth, "person", 2)
    assert min(found) > 0.9
    assert abs(found.fused - found.propagated) < 0.05


def test_what_propagates_badly_shows_and_unknown_pixels_do_not_count() -> None:
    truth = {frame: (CLIP.matte(frame) > 0.5, EVERYWHERE) for frame in range(len(CLIP))}
    bad = drift(make_engine(net=Forgetful()), CLIP, truth, "person", 2)
    assert bad.propagated < 0.8 < bad.recomputed
    nothing = {frame: (mask, ~EVERYWHERE) for frame, (mask, _) in truth.items()}
    assert drift(make_engine(net=Forgetful()), CLIP, nothing, "person", 2).propagated in (0.0, 1.0)


def test_pictures_of_a_driving_film_are_put_in_order() -> None:
    known = {"sky": EVERYWHERE}
    names = ("0006R0_f00960", "0006R0_f00930", "0006R0_f02000", "Seq05VD_f00030")
    pictures = [SimpleNamespace(set="camvid701", name=name, known=known) for name in names]
    pictures.append(SimpleNamespace(set="ccp", name="ccp_1", known=known))
    found = stretches(pictures)
    assert {name: [one.name for one in group] for name, group in found.items()} == {
        "0006R0 0": ["0006R0_f00930", "0006R0_f00960"],
        "0006R0 1": ["0006R0_f02000"],
        "Seq05VD 0": ["Seq05VD_f00030"],
    }
