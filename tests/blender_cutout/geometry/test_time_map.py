"""Tests timeline frames against the clip frames they show; the tables were read off rendered pixels."""

from __future__ import annotations

import pytest

from blender_cutout.geometry.time_map import TimeMap, playback_rate

PLAIN = TimeMap(left=10, right=70, start=10, length=60, count=60)


def test_a_plain_strip_shows_frame_after_frame_and_nothing_outside() -> None:
    assert [PLAIN.clip_frame(f) for f in (9, 10, 11, 69, 70)] == [None, 0, 1, 59, None]
    assert PLAIN.clip_frames() == tuple(range(60))


def test_trimming_hides_frames_but_does_not_move_them() -> None:
    trimmed = PLAIN._replace(left=15, right=63)
    assert trimmed.clip_frames() == tuple(range(5, 53))


def test_an_offset_into_the_file_moves_them() -> None:
    assert PLAIN._replace(trim=(4, 0)).clip_frame(10) == 4
    assert PLAIN._replace(trim=(4, 0)).clip_frame(69) == 59


def test_handles_dragged_out_hold_the_first_and_last_frame() -> None:
    wide = PLAIN._replace(left=0, right=90)
    assert [wide.clip_frame(f) for f in (0, 9, 10, 69, 89)] == [0, 0, 0, 59, 59]


def test_reversed_strips_run_backwards() -> None:
    assert PLAIN._replace(reverse=True).clip_frames() == tuple(reversed(range(60)))


def test_strobe_shows_only_every_nth_frame() -> None:
    assert [PLAIN._replace(strobe=3.0).clip_frame(f) for f in range(10, 17)] == [0, 0, 0, 3, 3, 3, 6]


def test_a_slower_clip_in_real_time_repeats_frames() -> None:
    # 24 frames per second in a scene of 30: 60 clip frames take 75.
    clip = TimeMap(left=10, right=85, start=10, length=75, count=60, rate=0.8)
    assert [clip.clip_frame(f) for f in (10, 11, 12, 13, 14, 84)] == [0, 1, 2, 2, 3, 59]
    assert clip._replace(rounded=False).clip_frame(11) == 0


def test_a_still_stays_itself_for_its_whole_time() -> None:
    still = TimeMap(left=1, right=101, start=1, length=100, count=1, rounded=False)
    assert set(still.clip_frames()) == {0}
    assert len(still.clip_frames()) == 100


def test_the_first_timeline_frame_of_a_clip_frame_is_found_again() -> None:
    clip = TimeMap(left=10, right=85, start=10, length=75, count=60, rate=0.8)
    for frame in range(60):
        shown = clip.timeline_frame(frame)
        assert shown is not None
        assert clip.clip_frame(shown) == frame
    assert clip.timeline_frame(60) is None


@pytest.mark.parametrize(
    ("clip_fps", "scene_fps", "length", "count", "rate"),
    [(24, 24, 60, 60, 1.0), (24, 30, 60, 60, 1.0), (24, 30, 75, 60, 0.8), (30, 24, 48, 60, 1.25), (0, 24, 60, 60, 1.0)],
)
def test_the_length_tells_whether_a_strip_plays_in_real_time(
    clip_fps: float, scene_fps: float, length: float, count: int, rate: float
) -> None:
    assert playback_rate(clip_fps, scene_fps, length, count) == pytest.approx(rate)
