"""Tests propagation that continues an earlier run, and corrections of it, by the mattes."""

from __future__ import annotations

import numpy as np
import pytest
from propagate_kit import SETTINGS, run, worst_iou

from blender_cutout.core.errors import InputError
from blender_cutout.core.fakes import FakePropagationNet, iou
from blender_cutout.core.propagation.outcome import MatteKind
from blender_cutout.core.propagation.propagate import propagate


def spoilt(earlier):
    """The earlier run, whose mask on frame 20 has been corrected since."""
    return earlier | {20: np.zeros_like(earlier[20])}


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
    """A correction on one keyframe, with the results of the previous run."""

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

    def test_locked_frames_and_keyframes_are_bit_identical(self, clip, earlier):
        odd = {**earlier, 8: np.full(clip.size, 0.3, np.float32)}
        soft = np.random.default_rng(0).random(clip.size, np.float32)
        keyframes = {0: clip.matte(0), 10: soft, 20: odd[20]}
        results = run(clip, keyframes, previous=odd, locked=[8])
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
