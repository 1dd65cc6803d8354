"""Tests the start frames of measurements."""

from __future__ import annotations

from blender_cutout.evaluate.walks import MOST, Walk, walks


def test_the_first_walk_is_that_of_davis() -> None:
    assert walks(50) == [Walk(0, 0, 50)]
    assert walks(50)[0].name == ""


def test_every_walk_starts_at_an_end_of_its_frames_and_lies_in_the_clip() -> None:
    for length in (3, 7, 50, 70):
        for walk in walks(length, MOST):
            assert walk.given in (walk.start, walk.stop - 1)
            assert 0 <= walk.start < walk.stop <= length
            assert walk.stop - walk.start >= 3
    assert [walk.name for walk in walks(60, MOST)] == ["", "from 59 back", "from 20 on", "from 40 back"]


def test_a_very_short_clip_has_no_walk_of_two_frames() -> None:
    assert walks(3, MOST) == [Walk(0, 0, 3), Walk(2, 0, 3)], "no walk twice"
    assert all(walk.stop - walk.start >= 3 for walk in walks(3, MOST))
