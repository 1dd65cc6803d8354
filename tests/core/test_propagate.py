"""Propagation, judged by the mattes that come out."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from blender_cutout.core.errors import FrameReadError, InputError, SizeMismatch
from blender_cutout.core.fakes import FakeFusionNet, FakePropagationNet, SyntheticClip, iou
from blender_cutout.core.propagate import PropagationSettings, propagate
from blender_cutout.core.types import Direction, FrameRange, MatteKind

SETTINGS = PropagationSettings(working_px=128, memory_every=3, budget=6)


def run(clip, keyframes, net=None, **options):
    """All results: frame -> (matte, kind); fails when a frame comes twice, but for pending ones."""
    out = {}
    for frame, matte, kind in propagate(net or FakePropagationNet(), clip, keyframes, settings=SETTINGS, **options):
        assert frame not in out
        if kind is MatteKind.PENDING:
            continue
        out[frame] = (matte, kind)
    return out


def worst_iou(results, clip) -> float:
    return min(iou(matte, clip.matte(f) if matte.ndim == 2 else clip.mattes(f)) for f, (matte, _) in results.items())


def spoilt(earlier):
    """The earlier run, whose mask of frame 20 was put right since."""
    return earlier | {20: np.zeros_like(earlier[20])}


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
    """A disc that jumps from one end of the picture to the other."""

    def centre(self, frame, n=0):
        return (40.0, 60.0) if frame < 6 else (360.0, 70.0)


def test_object_that_leaves_the_crop_in_one_step_is_found_in_the_whole_picture():
    clip = JumpingClip(length=12, width=400)
    assert worst_iou(run(clip, {0: clip.matte(0)}), clip) > 0.9


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


class TestResume:
    def test_known_frames_come_out_unchanged_and_are_not_computed_again(self, clip):
        first = {f: m for f, (m, _) in run(clip, {0: clip.matte(0)}).items() if f < 15}
        net = FakePropagationNet()
        results = run(clip, {0: clip.matte(0)}, net, known=first.get)
        assert sorted(results) == list(range(24))
        assert all(results[f][0] is first[f] for f in range(1, 15))
        assert worst_iou(results, clip) > 0.9
        assert net.counts["segment"] <= 9 * 1.2

    def test_memory_after_a_resume_is_the_one_of_an_uninterrupted_run(self, clip):
        class Remembering(FakePropagationNet):
            def segment(self, query, memory, previous=None):
                self.last = [key.image for key, _ in memory]
                return super().segment(query, memory, previous)

        whole, resumed = Remembering(), Remembering()
        full = run(clip, {0: clip.matte(0)}, whole)
        again = run(clip, {0: clip.matte(0)}, resumed, known={f: full[f][0] for f in range(20)}.get)
        for a, b in zip(whole.last, resumed.last, strict=True):
            np.testing.assert_array_equal(a, b)
        np.testing.assert_array_equal(again[23][0], full[23][0])

    def test_everything_known_needs_no_network(self, clip):
        full = {f: m for f, (m, _) in run(clip, {0: clip.matte(0)}).items()}
        net = FakePropagationNet()
        assert len(run(clip, {0: clip.matte(0)}, net, known=full.get)) == 24
        assert sum(net.counts.values()) == 0


class TestPrevious:
    """A correction on one keyframe, with the results of the run before."""

    @pytest.fixture
    def earlier(self, clip):
        return {f: m for f, (m, _) in run(clip, {0: clip.matte(0), 20: clip.matte(20)}).items()}

    def test_only_stretches_beside_the_new_keyframe_are_computed(self, clip, earlier):
        net = FakePropagationNet()
        keyframes = {0: earlier[0], 10: clip.matte(10), 20: earlier[20]}
        wrong = {**earlier, 10: np.zeros(clip.size, np.float32)}
        results = run(clip, keyframes, net, previous=wrong)
        assert sorted(results) == list(range(24))
        assert {f for f, (_, kind) in results.items() if kind is MatteKind.FUSED} == {*range(1, 10), *range(11, 20)}
        assert all(results[f][0] is earlier[f] for f in (21, 22, 23))
        assert net.counts["segment"] <= 2 * 18 * 1.2  # from both sides

    def test_artists_correction_reaches_the_frames_beside_it(self, clip, earlier):
        half_wrong = {f: m.copy() for f, m in earlier.items()}
        for frame in range(5, 16):  # the earlier run lost the lower half
            half_wrong[frame][60:] = 0
        results = run(clip, {0: clip.matte(0), 10: clip.matte(10), 20: clip.matte(20)}, previous=half_wrong)
        for frame in (7, 9, 11, 14):
            assert iou(results[frame][0], clip.matte(frame)) > 0.9
            assert iou(half_wrong[frame], clip.matte(frame)) < 0.6

    def test_frames_beyond_take_the_new_result(self, clip, earlier):
        wrong = {f: np.zeros_like(m) for f, m in earlier.items()}
        results = run(clip, {12: clip.matte(12)}, previous=wrong)
        assert worst_iou(results, clip) > 0.9

    def test_nothing_new_gives_everything_back_without_the_network(self, clip, earlier):
        net = FakePropagationNet()
        results = run(clip, {0: earlier[0], 20: earlier[20]}, net, previous=earlier.get)
        assert all(m is earlier[f] for f, (m, kind) in results.items() if kind is not MatteKind.DRAWN)
        assert sum(net.counts.values()) == 0

    def test_keyframe_rounded_to_8_bits_is_not_new(self, clip):
        soft = clip.matte(0) * np.float32(0.737)
        rounded = np.round(soft * 255).astype(np.float32) / 255
        previous = {f: clip.matte(f) for f in range(1, 24)} | {0: rounded}
        net = FakePropagationNet()
        run(clip, {0: soft}, net, previous=previous)
        assert sum(net.counts.values()) == 0

    def test_missing_earlier_frames_are_computed(self, clip, earlier):
        holes = {f: m for f, m in earlier.items() if f not in (6, 7, 22)}
        results = run(clip, {0: earlier[0], 20: earlier[20]}, previous=holes)
        assert sorted(results) == list(range(24))
        assert worst_iou(results, clip) > 0.9

    def test_lazy_previous_is_asked_frame_by_frame(self, clip, earlier):
        asked = []

        def look(frame):
            asked.append(frame)
            return earlier.get(frame)

        stream = propagate(FakePropagationNet(), clip, {0: earlier[0], 20: earlier[20]}, previous=look)
        for _ in range(5):
            next(stream)
        assert set(asked) <= {0, 20, *range(5)}

    def test_locked_frames_never_change(self, clip, earlier):
        odd = {**earlier, 8: np.full(clip.size, 0.3, np.float32)}
        results = run(clip, {0: clip.matte(0), 10: clip.matte(10)}, previous=odd, locked=[8])
        assert results[8][0] is odd[8]
        assert iou(results[6][0], clip.matte(6)) > 0.9

    def test_good_frames_survive_a_new_keyframe_whose_own_way_gets_lost(self, clip, earlier):
        class LostFrom20(FakePropagationNet):
            """Sees nothing once the walk back from frame 20 has passed frame 16."""

            def segment(self, query, memory, previous=None):
                mattes = super().segment(query, memory, previous)
                return mattes * np.float32(0) if lost else mattes

        net, lost, seen = LostFrom20(), False, []
        stream = propagate(
            net, clip, {0: clip.matte(0), 20: clip.matte(20)}, settings=SETTINGS, previous=spoilt(earlier)
        )
        results = {}
        for frame, matte, kind in stream:
            seen.append(kind)
            if kind is not MatteKind.PENDING:
                results[frame] = matte
                lost = kind is MatteKind.FUSED and 1 < frame <= 16
        assert MatteKind.PENDING in seen
        assert min(iou(results[f], clip.matte(f)) for f in range(1, 20)) > 0.9

    def test_frames_wait_for_the_far_side_before_they_are_given_out(self, clip, earlier):
        stream = propagate(FakePropagationNet(), clip, {0: clip.matte(0), 20: clip.matte(20)}, previous=spoilt(earlier))
        kinds = [(frame, kind) for frame, _, kind in stream if 0 < frame < 20]
        assert kinds[:19] == [(frame, MatteKind.PENDING) for frame in range(1, 20)]
        assert kinds[19:] == [(frame, MatteKind.FUSED) for frame in range(19, 0, -1)]

    def test_a_resumed_correction_gives_what_an_uninterrupted_one_gives(self, clip, earlier):
        keyframes = {0: clip.matte(0), 20: clip.matte(20)}
        whole = run(clip, keyframes, previous=spoilt(earlier))
        net = FakePropagationNet()
        rest = run(clip, keyframes, net, previous=spoilt(earlier), known={f: whole[f][0] for f in range(9, 24)}.get)
        assert all(iou(rest[f][0], whole[f][0]) > 0.97 for f in range(24))
        assert net.counts["segment"] <= 2 * 8 * 1.2

    def test_fusion_network_can_be_switched_off(self, clip, earlier):
        halved = {f: m * (np.arange(clip.height) < 60)[:, None] for f, m in earlier.items()}
        keyframes = {0: halved[0], 20: clip.matte(20)}
        off = replace(SETTINGS, fusion_net=False)
        streams = (
            propagate(FakePropagationNet(), clip, keyframes, previous=halved, settings=settings, fusion=fusion)
            for settings, fusion in ((off, FakeFusionNet()), (SETTINGS, None))
        )
        for (_, a, _), (_, b, _) in zip(*streams, strict=True):
            np.testing.assert_array_equal(a, b)

    def test_locked_frames_and_keyframes_are_bit_identical_with_a_fusion_network(self, clip, earlier):
        odd = {**earlier, 8: np.full(clip.size, 0.3, np.float32)}
        soft = np.random.default_rng(0).random(clip.size, np.float32)
        keyframes = {0: clip.matte(0), 10: soft, 20: odd[20]}
        results = run(clip, keyframes, previous=odd, locked=[8], fusion=FakeFusionNet())
        assert results[8][0] is odd[8]
        assert all(results[f][0] is odd[f] for f in (21, 22, 23))
        for key, matte in keyframes.items():
            np.testing.assert_array_equal(results[key][0], matte)

    def test_locked_frame_without_a_matte_is_an_error(self, clip):
        with pytest.raises(InputError, match="Clip frame 5 is locked"):
            run(clip, {0: clip.matte(0)}, locked=[5])

    def test_locked_known_frame_is_kept(self, clip):
        kept = np.full(clip.size, 0.6, np.float32)
        assert run(clip, {0: clip.matte(0)}, locked=[5], known={5: kept}.get)[5][0] is kept


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
    assert [alone.for_objects(n).working_px for n in (2, 4, 9)] == [219, 219, 219]
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
