"""Tests walking in several ways side by side by the mattes that come out."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from propagate_kit import SETTINGS, run, worst_iou

from blender_cutout.core.fakes import FakePropagationNet, SyntheticClip, iou
from blender_cutout.core.propagation.hypotheses import mixed
from blender_cutout.core.propagation.mirrored import MirroredNet
from blender_cutout.core.propagation.outcome import MatteKind
from blender_cutout.core.propagation.propagate import propagate
from blender_cutout.core.types import Direction, Hypothesis, PropagationOptions

SEVERAL = replace(
    SETTINGS, hypotheses=(Hypothesis(), Hypothesis(doubt=0.85), Hypothesis(mirrored=True), Hypothesis(scale=1.25))
)


class FaintOnTheRight(FakePropagationNet):
    """Doubts what lies in the right half of what it sees."""

    def segment(self, query, memory, previous=None):
        mattes = super().segment(query, memory, previous)
        mattes[..., mattes.shape[2] // 2 :] *= 0.45
        return mattes


class TestMixed:
    def test_the_surer_of_two_decides(self):
        sure, unsure = np.zeros((8, 8), np.float32), np.zeros((8, 8), np.float32)
        sure[:, :4], unsure[:, 4:] = 1.0, 0.55
        for both in ([sure, unsure], [unsure, sure]):
            np.testing.assert_array_equal(mixed(both) > 0.5, sure > 0.5)

    def test_equally_sure_ones_give_their_mean(self):
        one, other = np.zeros((8, 8), np.float32), np.zeros((8, 8), np.float32)
        one[:, :4], other[:, 2:6] = 1.0, 1.0
        np.testing.assert_allclose(mixed([one, other]), (one + other) / 2)

    def test_each_object_has_its_own_weights_and_pixels_are_shared(self):
        chance = np.random.default_rng(2)
        several = [chance.random((3, 8, 8), np.float32) for _ in range(3)]
        out = mixed(several)
        assert out.shape == (3, 8, 8)
        assert out.dtype == np.float32
        assert out.min() >= 0
        assert out.sum(axis=0).max() <= 1 + 1e-6
        first = np.zeros((2, 8, 8), np.float32)
        first[0, :, :4], first[1, :, 4:] = 1.0, 0.55
        second = np.zeros((2, 8, 8), np.float32)
        second[0, :, 2:4], second[1, :, 6:] = 0.55, 1.0
        found = mixed([first, second]) > 0.5
        np.testing.assert_array_equal(found[0], first[0] > 0.5)
        np.testing.assert_array_equal(found[1], second[1] > 0.5)

    def test_without_the_object_everywhere_there_is_none(self):
        assert not mixed([np.zeros((8, 8), np.float32)] * 3).any()


class TestMirroredNet:
    def test_what_it_gives_is_the_right_way_round(self, clip):
        net, frame = MirroredNet(FakePropagationNet()), clip[3]
        key = net.encode_key(frame)
        memory = [(key, net.encode_value(frame, key, clip.mattes(3)))]
        found = net.segment(net.encode_key(clip[9]), memory, clip.mattes(3))
        assert iou(found[0], clip.matte(9)) > 0.95
        np.testing.assert_array_equal(net.resemblance(key, clip.mattes(3), [(key, clip.mattes(3))]), clip.mattes(3))

    def test_changes_are_carried_to_their_places(self, clip):
        net = MirroredNet(FakePropagationNet())
        carried = net.attention(net.encode_key(clip[9]), net.encode_key(clip[3]), clip.mattes(3))
        assert iou(carried[0], clip.matte(9)) > 0.95


class TestPropagation:
    @pytest.mark.parametrize("key", [0, 11, 23])
    def test_every_frame_is_reached_from_a_keyframe(self, clip, key):
        results = run(clip, {key: clip.matte(key)}, settings=SEVERAL)
        assert sorted(results) == list(range(24))
        assert worst_iou(results, clip) > 0.9
        np.testing.assert_array_equal(results[key][0], clip.matte(key))

    def test_what_one_way_gets_wrong_another_mends(self, clip):
        keyframes = {0: clip.matte(0)}
        both = replace(SETTINGS, hypotheses=(Hypothesis(), Hypothesis(mirrored=True)))
        alone, together = (run(clip, keyframes, FaintOnTheRight(), settings=s) for s in (SETTINGS, both))
        quality = [np.mean([iou(m, clip.matte(f)) for f, (m, _) in found.items()]) for found in (alone, together)]
        assert quality[1] > quality[0] + 0.1

    def test_doubtful_frames_are_not_remembered(self, clip):
        doubting = replace(SETTINGS, hypotheses=(Hypothesis(doubt=0.85),))
        held = {}
        for settings in (SETTINGS, doubting):
            net = Faint()
            run(clip, {0: clip.matte(0)}, net, settings=settings)
            held[settings] = net.largest_memory
        assert held[SETTINGS] == SETTINGS.budget
        assert held[doubting] == 2  # the keyframe and its surroundings

    def test_several_objects_stay_apart(self, two_discs):
        results = run(two_discs, {5: two_discs.mattes(5)}, settings=SEVERAL)
        for frame, (mattes, _) in results.items():
            assert min(iou(m, t) for m, t in zip(mattes, two_discs.mattes(frame), strict=True)) > 0.9
            assert mattes.sum(axis=0).max() <= 1 + 1e-6

    def test_object_that_is_away_leaves_nothing_and_is_found_again(self):
        clip = SyntheticClip(length=40, width=400, absent=range(15, 22))
        results = run(clip, {2: clip.matte(2)}, settings=SEVERAL)
        assert worst_iou(results, clip) > 0.9
        assert not results[17][0].any()

    def test_all_stop_at_a_cut(self):
        clip = [SyntheticClip()[f] for f in range(8)] + [np.full((120, 200, 3), 7 * f, np.uint8) for f in range(9, 15)]
        stops = []
        results = run(
            clip, {0: SyntheticClip().matte(0)}, settings=SEVERAL,
            options=PropagationOptions(stop_at_cuts=True, stability=0.0), notice=stops.append,
        )  # fmt: skip
        assert sorted(results) == list(range(8))
        assert [(stop.first, stop.last) for stop in stops] == [(8, 13)]

    def test_locked_and_known_frames_come_out_unchanged(self, clip):
        full = {f: m for f, (m, _) in run(clip, {0: clip.matte(0)}, settings=SEVERAL).items()}
        known = {f: full[f] for f in range(1, 10)}
        again = run(
            clip, {0: clip.matte(0)}, settings=SEVERAL, known=known.get, previous={15: clip.matte(15)}, locked=[15]
        )
        assert all(again[f][0] is known[f] for f in known)
        np.testing.assert_array_equal(again[15][0], clip.matte(15))
        assert again[15][1] is MatteKind.LOCKED
        assert worst_iou(again, clip) > 0.9

    def test_correction_between_two_keyframes_is_fused_and_the_rest_kept(self, clip):
        earlier = {f: m for f, (m, _) in run(clip, {0: clip.matte(0), 20: clip.matte(20)}).items()}
        wrong = {**earlier, 10: np.zeros(clip.size, np.float32)}
        keyframes = {0: earlier[0], 10: clip.matte(10), 20: earlier[20]}
        results = run(clip, keyframes, settings=SEVERAL, previous=wrong)
        assert worst_iou(results, clip) > 0.9
        assert {kind for f, (_, kind) in results.items() if f not in keyframes and f < 20} == {MatteKind.FUSED}
        assert all(results[f][1] is MatteKind.KEPT for f in range(21, 24))

    def test_the_same_run_gives_the_same_mattes(self, clip):
        first, second = (run(clip, {8: clip.matte(8)}, FaintOnTheRight(), settings=SEVERAL) for _ in range(2))
        for frame, (matte, _) in first.items():
            np.testing.assert_array_equal(matte, second[frame][0])

    def test_stopping_early_costs_no_more_than_the_frames_seen(self, clip):
        net = FakePropagationNet()
        stream = propagate(net, clip, {0: clip.matte(0)}, direction=Direction.FORWARD, settings=SEVERAL)
        for _ in zip(range(5), stream, strict=False):
            pass
        stream.close()
        assert net.counts["segment"] <= 4 * len(SEVERAL.hypotheses)

    def test_ways_that_agree_cost_no_more_than_one(self, clip):
        alone, together, apart = FakePropagationNet(), FakePropagationNet(), FakePropagationNet()
        run(clip, {0: clip.matte(0)}, alone)
        run(
            clip,
            {0: clip.matte(0)},
            together,
            settings=replace(SETTINGS, hypotheses=(Hypothesis(), Hypothesis(doubt=0.5))),
        )
        run(
            clip,
            {0: clip.matte(0)},
            apart,
            settings=replace(SETTINGS, hypotheses=(Hypothesis(), Hypothesis(mirrored=True))),
        )
        assert together.counts == alone.counts
        assert apart.counts["segment"] >= 2 * 23


class Faint(FakePropagationNet):
    """Finds the object, but is not sure of it."""

    def segment(self, query, memory, previous=None):
        return 0.6 * super().segment(query, memory, previous)
