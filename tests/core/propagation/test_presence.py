"""Tests that an object out of view has no mask, even if the network keeps painting one, and that it is found again."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from propagate_kit import SETTINGS, run

from blender_cutout.core.fakes import DoubtingPropagationNet, SyntheticClip, iou
from blender_cutout.core.propagation.presence import Presence

AWAY = range(8, 16)


class HauntedNet(DoubtingPropagationNet):
    """Paints the object where it was in the frame before if it finds it nowhere, as trained networks do."""

    def segment(self, query, memory, previous=None):
        mattes = super().segment(query, memory, previous)
        for n, matte in enumerate(mattes):
            if previous is not None and not (matte > 0.5).any():
                mattes[n] = 0.9 * previous[n]
        return mattes


class BehindBoards(SyntheticClip):
    """Discs hidden by green boards on the frames `AWAY`: the first disc only, or all of them."""

    hidden = (0,)

    def mattes(self, frame):
        out = super().mattes(frame)
        if frame in AWAY:
            out[list(self.hidden)] = 0
        return out

    def __getitem__(self, frame):
        image = super().__getitem__(frame)
        if frame in AWAY:
            for whole in SyntheticClip.mattes(self, frame)[list(self.hidden)]:
                y, x = np.nonzero(whole > 0.5)
                image[y.min() - 3 : y.max() + 4, x.min() - 3 : x.max() + 4] = (30, 140, 40)
        return image


def test_hidden_object_has_no_mask_until_it_comes_back():
    clip = BehindBoards(length=24, width=400)
    results = run(clip, {0: clip.matte(0)}, HauntedNet())
    assert [f for f, (matte, _) in results.items() if not (matte > 0.5).any()] == list(AWAY)
    assert all(iou(results[f][0], clip.matte(f)) > 0.9 for f in results)


def test_hidden_object_is_empty_backwards_and_in_a_later_pass():
    clip = BehindBoards(length=24, width=400)
    results = run(clip, {4: clip.matte(4), 20: clip.matte(20)}, HauntedNet())
    assert all(iou(results[f][0], clip.matte(f)) > 0.9 for f in results)
    back = run(clip, {23: clip.matte(23)}, HauntedNet())
    assert all(iou(back[f][0], clip.matte(f)) > 0.9 for f in back)


def test_hidden_object_leaves_the_other_one_alone():
    clip = BehindBoards(length=24, width=400, objects=2)
    results = run(clip, {0: clip.mattes(0)}, HauntedNet())
    hidden, seen = ({f: iou(m[n], clip.mattes(f)[n]) for f, (m, _) in results.items()} for n in (0, 1))
    assert min(seen.values()) > 0.9
    # Beside another object, one that is away is looked for on every n-th frame only.
    late = range(AWAY.stop, AWAY.stop + SETTINGS.memory_every)
    assert min(quality for frame, quality in hidden.items() if frame not in late) > 0.9


def test_keyframe_without_the_object_shows_what_it_is_not():
    clip = BehindBoards(length=24, width=400)
    results = run(clip, {0: clip.matte(0), 10: np.zeros(clip.size, np.float32)}, HauntedNet())
    assert all(iou(results[f][0], clip.matte(f)) > 0.9 for f in results)


class OpinionNet(DoubtingPropagationNet):
    """Reports the given resemblance (w,) of a frame's columns to the object."""

    def __init__(self, columns):
        super().__init__()
        self.columns = np.array(columns, np.float32)

    def resemblance(self, query, mattes, examples):
        return np.broadcast_to(self.columns, mattes.shape)


def judged(net, matte, before, settled=True):
    """Returns the matte (h, w) after judging."""
    presence = Presence(net)
    key = net.encode_key(np.zeros((*matte.shape, 3), np.uint8))
    presence.add_keyframe(0, key, before[None])
    return presence.judged(key, matte[None], before[None], settled)[0][0]


def columns(start, stop):
    matte = np.zeros((20, 40), np.float32)
    matte[:, start:stop] = 1
    return matte


def test_what_swells_in_doubt_is_not_the_object():
    doubt = OpinionNet(np.full(40, 0.001))
    assert judged(doubt, columns(5, 20), columns(5, 15)).any()
    assert not judged(doubt, columns(5, 30), columns(5, 15)).any()
    assert judged(OpinionNet(np.full(40, 0.2)), columns(5, 30), columns(5, 15)).any()


def test_only_what_was_compared_counts():
    wire = OpinionNet([0.0] * 10 + [-0.2] + [0.0] * 29)
    assert not judged(wire, columns(2, 20), columns(2, 20)).any()
    assert judged(OpinionNet(np.zeros(40)), columns(2, 20), columns(2, 20)).any(), "nothing speaks against it"


def test_of_what_is_found_after_an_absence_the_parts_like_the_object_are_kept():
    net = OpinionNet([0.2] * 20 + [-0.1] * 20)
    both = columns(2, 12) + columns(25, 35)
    assert np.array_equal(judged(net, both, columns(0, 0)), columns(2, 12))
    assert np.array_equal(judged(net, both, both, settled=False), columns(2, 12)), "on trial"
    assert np.array_equal(judged(net, both, both), both)


class GreedyNet(DoubtingPropagationNet):
    """Takes ground along, in doubt, in its sixth and seventh answers; and for good once that is remembered."""

    def __init__(self):
        super().__init__()
        self.greedy = False

    def segment(self, query, memory, previous=None):
        mattes = super().segment(query, memory, previous)
        self.greedy = self.counts["segment"] in (6, 7) or any(value.colours[0, 0] < 200 for _, value in memory)
        if self.greedy:
            ys, xs = np.nonzero(mattes[0] > 0.5)
            mattes[0][ys.min() : ys.max() + 1, xs.min() : xs.max() + 1] = 1
        return mattes

    def resemblance(self, query, mattes, examples):
        return np.full_like(mattes, 0.001) if self.greedy else super().resemblance(query, mattes, examples)


def test_doubtful_frame_is_not_remembered():
    clip = SyntheticClip(length=30)
    results = run(clip, {0: clip.matte(0)}, GreedyNet())
    spoilt = [frame for frame, (matte, _) in results.items() if iou(matte, clip.matte(frame)) < 0.9]
    assert spoilt
    assert set(spoilt) <= {4, 5, 6, 7}


class Passing(SyntheticClip):
    """A disc that stands still while a green board as tall as the picture passes from left to right."""

    def centre(self, frame, n=0):
        return 300.0, 60.0

    def span(self, frame):
        return 10 * frame - 20, 10 * frame + 130

    def mattes(self, frame):
        out = super().mattes(frame)
        left, right = (max(0, side) for side in self.span(frame))
        out[:, :, left:right] = 0
        return out

    def __getitem__(self, frame):
        image = super().__getitem__(frame)
        left, right = (max(0, side) for side in self.span(frame))
        image[:, left:right] = (30, 140, 40)
        return image


def test_object_that_comes_out_bit_by_bit_is_whole_again():
    clip = Passing(length=48, width=400)
    results = run(clip, {0: clip.matte(0)}, HauntedNet())
    assert max(iou(results[f][0], clip.matte(f)) for f in range(20, 30)) == 1, "hidden, and empty"
    assert min(iou(results[f][0], clip.matte(f)) for f in range(38, 48)) > 0.9


def test_what_a_correction_takes_in_stays_though_an_earlier_keyframe_left_it_out():
    clip, net = SyntheticClip(length=16, objects=2), DoubtingPropagationNet()
    first, both, later = clip.mattes(0)[:1], *(clip.mattes(f).max(axis=0, keepdims=True) for f in (8, 9))
    presence = Presence(net)
    presence.begin(8, [0, 8])
    presence.add_keyframe(0, net.encode_key(clip[0]), first)
    presence.add_keyframe(8, net.encode_key(clip[8]), both)
    found, _ = presence.judged(net.encode_key(clip[9]), later, both, settled=False)
    assert np.array_equal(found, later)


def test_without_the_comparison_whatever_is_found_is_believed():
    clip = BehindBoards(length=24, width=400)
    results = run(clip, {0: clip.matte(0)}, HauntedNet(), settings=replace(SETTINGS, presence=False))
    assert all((results[f][0] > 0.5).any() for f in AWAY)
