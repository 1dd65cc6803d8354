"""Tests propagation by its mattes."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from propagate_kit import SETTINGS, run, worst_iou

from blender_cutout.core.errors import FrameReadError, InputError, SizeMismatch
from blender_cutout.core.fakes import FakePropagationNet, SyntheticClip, iou
from blender_cutout.core.propagation.outcome import MatteKind
from blender_cutout.core.propagation.propagate import propagate
from blender_cutout.core.propagation.settings import PropagationSettings
from blender_cutout.core.types import Direction, FrameRange


@pytest.mark.parametrize("key", [0, 11, 23])
def test_one_keyframe_reaches_every_frame_forward_and_backward(clip, key):
    results = run(clip, {key: clip.matte(key)})
    assert sorted(results) == list(range(24))
    assert worst_iou(results, clip) > 0.9
    assert {f for f, (_, kind) in results.items() if kind is MatteKind.DRAWN} == {key}
    assert all(m.dtype == np.float32 and m.shape == clip.size for m, _ in results.values())


def test_keyframes_come_out_bit_identical(clip):
    soft = {k: np.random.default_rng(k).random(clip.size, np.float32) for k in (3, 9)}
    results = run(clip, soft)
    for key, matte in soft.items():
        np.testing.assert_array_equal(results[key][0], matte)


def test_two_objects_stay_apart(two_discs):
    results = run(two_discs, {5: two_discs.mattes(5)})
    assert all(m.shape == (2, *two_discs.size) for m, _ in results.values())
    for frame, (mattes, _) in results.items():
        assert min(iou(m, t) for m, t in zip(mattes, two_discs.mattes(frame), strict=True)) > 0.9


def test_range_gives_only_its_frames_also_from_a_keyframe_outside(clip):
    assert sorted(run(clip, {2: clip.matte(2)}, frame_range=FrameRange(10, 14))) == [10, 11, 12, 13]
    results = run(clip, {20: clip.matte(20)}, frame_range=FrameRange(3, 6))
    assert sorted(results) == [3, 4, 5]
    assert worst_iou(results, clip) > 0.9


def test_directions(clip):
    keyframes = {8: clip.matte(8)}
    assert list(run(clip, keyframes, direction=Direction.FORWARD)) == list(range(8, 24))
    assert list(run(clip, keyframes, direction=Direction.BACKWARD)) == list(range(8, -1, -1))


def test_object_that_leaves_is_empty_and_found_again():
    clip = SyntheticClip(length=40, width=400, absent=range(15, 22))
    results = run(clip, {2: clip.matte(2)})
    assert worst_iou(results, clip) > 0.9
    assert not results[17][0].any()


class JumpingClip(SyntheticClip):
    """A disc that jumps from one side of the picture to the other."""

    def centre(self, frame, n=0):
        return (40.0, 60.0) if frame < 6 else (360.0, 70.0)


def test_object_that_leaves_the_crop_in_one_step_is_found_in_the_whole_picture():
    clip = JumpingClip(length=12, width=400)
    assert worst_iou(run(clip, {0: clip.matte(0)}), clip) > 0.9


@pytest.mark.parametrize("visible", [3, 8, 14, 25])
def test_object_that_jumps_is_found_whole_when_the_crop_shows_a_strip_of_it(visible):
    frames, truth = np.full((2, 360, 480, 3), 90, np.uint8), np.zeros((2, 360, 480), np.float32)
    for frame, top in enumerate((215, 215 - 28 - 40 + visible)):  # the crop begins 28 pixels above the object
        frames[frame, top : top + 40, 200:240] = (225, 40, 40)
        truth[frame, top : top + 40, 200:240] = 1
    settings = replace(SETTINGS, working_px=384)
    results = {f: m for f, m, _ in propagate(FakePropagationNet(), frames, {0: truth[0]}, settings=settings)}
    assert iou(results[1], truth[1]) > 0.95


def test_crumb_of_the_objects_colour_does_not_hold_the_view_while_the_object_is_away():
    class WithCrumb(SyntheticClip):
        def __getitem__(self, frame):
            image = super().__getitem__(frame).copy()
            image[6:8, 380:382] = self.COLOURS[0]
            return image

    clip = WithCrumb(length=24, width=400, absent=range(6, 12))
    results = run(clip, {0: clip.matte(0)})
    assert min(iou(results[f][0], clip.matte(f)) for f in range(12, 24)) > 0.9


def test_one_of_two_objects_that_comes_back_elsewhere_is_found():
    class OneComesBack(SyntheticClip):
        def centre(self, frame, n=0):
            return (40.0, 30.0) if n == 0 else ((100.0, 30.0) if frame < 4 else (700.0, 90.0))

        def mattes(self, frame):
            out = super().mattes(frame)
            if 4 <= frame < 9:
                out[1] = 0
            return out

    clip = OneComesBack(length=20, width=800, objects=2)
    results = run(clip, {0: clip.mattes(0)})
    assert iou(results[19][0][1], clip.mattes(19)[1]) > 0.9
    assert iou(results[19][0][0], clip.mattes(19)[0]) > 0.9


def test_memory_stays_within_budget_and_nothing_of_the_clip_is_held():
    import tracemalloc

    def peak(length: int) -> int:
        clip = SyntheticClip(length=length, height=64, width=96, radius=10)
        net = FakePropagationNet()
        tracemalloc.start()
        stream = propagate(net, clip, {0: clip.matte(0)}, settings=SETTINGS)
        for number, _ in enumerate(stream):
            if number == 30:
                tracemalloc.reset_peak()
        highest = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert net.largest_memory <= SETTINGS.budget
        return highest

    assert peak(400) < 1.2 * peak(60)


def test_hundreds_of_keyframes_stay_within_budget():
    clip = SyntheticClip(length=300, height=64, width=96, radius=10)
    net = FakePropagationNet()
    results = run(clip, {f: clip.matte(f) for f in range(0, 300, 2)}, net)
    assert len(results) == 300
    assert net.largest_memory <= SETTINGS.budget
    assert worst_iou(results, clip) > 0.9


def test_each_frame_is_encoded_about_once(clip):
    net = FakePropagationNet()
    run(clip, {0: clip.matte(0)}, net)
    assert net.counts["segment"] <= 1.2 * 23
    assert net.counts["encode_value"] <= 2 + 15, "the keyframe twice, and of the others what memory wants"


def test_empty_keyframes_give_empty_mattes_without_the_network(clip):
    net = FakePropagationNet()
    results = run(clip, {4: np.zeros(clip.size, np.float32)}, net)
    assert sorted(results) == list(range(24))
    assert not any(m.any() for m, _ in results.values())
    assert sum(net.counts.values()) == 0


def test_empty_keyframe_beside_a_full_one_says_the_object_is_gone_there():
    clip = SyntheticClip(absent=range(12, 24))
    results = run(clip, {0: clip.matte(0), 14: clip.matte(14)})
    assert worst_iou(results, clip) > 0.9


def test_stopping_early_closes_cleanly_and_costs_no_more(clip):
    net = FakePropagationNet()
    stream = propagate(net, clip, {0: clip.matte(0)}, settings=SETTINGS)
    for _, (frame, _, _) in zip(range(5), stream, strict=False):
        assert frame < 5
    stream.close()
    assert net.counts["segment"] == 4
    assert next(stream, None) is None


@pytest.mark.parametrize(
    ("keyframes", "options", "error", "says"),
    [
        ({}, {}, InputError, "no keyframe"),
        ({24: 1.0}, {}, InputError, "has 24 frames"),
        ({-1: 1.0}, {}, InputError, "outside the clip"),
        ({"a": 1.0}, {}, InputError, "not a whole number"),
        ({0: np.zeros((10, 20), np.float32)}, {}, SizeMismatch, "20 x 10 pixels, the picture 200 x 120"),
        ({0: np.zeros((120, 200), np.uint8)}, {}, InputError, "uint8"),
        ({0: 1.0, 3: np.zeros((2, 120, 200), np.float32)}, {}, InputError, "same number of objects"),
        ({0: 1.0}, {"frame_range": FrameRange(0, 25)}, InputError, "beyond the clip's 24 frames"),
        (
            {0: 1.0},
            {"previous": {3: np.zeros((9, 9), np.float32)}, "locked": [3]},
            SizeMismatch,
            "previous matte of frame 3",
        ),
    ],
)
def test_wrong_input_is_refused_before_the_first_frame(clip, keyframes, options, error, says):
    whole = {k: clip.matte(0) if isinstance(m, float) else m for k, m in keyframes.items()}
    with pytest.raises(error, match=says) as caught:
        propagate(FakePropagationNet(), clip, whole, **options)
    assert caught.value.hint


def test_clip_without_frames_is_an_error(clip):
    with pytest.raises(InputError, match="no frames"):
        propagate(FakePropagationNet(), [], {0: clip.matte(0)})


def test_frame_of_another_size_is_an_error_that_names_both(clip):
    frames = [clip[n] for n in range(3)] + [np.zeros((10, 20, 3), np.uint8)]
    stream = propagate(FakePropagationNet(), frames, {0: clip.matte(0)})
    with pytest.raises(FrameReadError, match="20 x 10 pixels, not 200 x 120"):
        list(stream)


def test_of_several_objects_the_network_sees_more_pixels_up_to_a_limit() -> None:
    alone = PropagationSettings(working_px=200)
    assert alone.for_objects(1) == alone
    assert [alone.for_objects(n).working_px for n in (2, 4, 9)] == [228, 228, 228]
    assert [replace(alone, growth=4.0).for_objects(n).working_px for n in (2, 4, 9)] == [283, 400, 400]


def test_memory_in_megabytes_holds_and_the_object_is_not_lost() -> None:
    clip = SyntheticClip(length=30)
    found = {}
    for megabytes in (math.inf, 0.25):
        net = FakePropagationNet()
        settings = PropagationSettings(working_px=128, memory_every=1, megabytes=megabytes)
        for frame, matte, _ in propagate(net, clip, {0: clip.matte(0)}, settings=settings):
            assert iou(matte, clip.matte(frame)) > 0.9
        found[megabytes] = net.largest_memory
    assert found[math.inf] > 9
    assert 3 <= found[0.25] < 9
