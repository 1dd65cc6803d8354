"""Tests the marks on the timeline: their frames and their pixels."""

from __future__ import annotations

import time

import pytest
from pace_kit import slowness

from blender_cutout.geometry import timeline_marks
from blender_cutout.geometry.time_map import TimeMap
from blender_cutout.geometry.timeline_marks import Lane, Marks

PLAIN = TimeMap(left=10, right=70, start=10, length=60, count=60)
CLIP = Marks(done=((0, 20), (30, 31)), doubtful=((5, 8),), locked=((18, 22),), drawn=(3, 4, 30))
LANE = Lane(zero=100.0, wide=8.0, bottom=40.0, top=90.0, width=1000.0)
BLUE = (0.1, 0.2, 0.9)


def test_clip_frames_are_marked_where_the_strip_shows_them() -> None:
    assert timeline_marks.on_timeline(CLIP, PLAIN) == Marks(
        ((10, 30), (40, 41)), ((15, 18),), ((28, 32),), (13, 14, 40)
    )
    moved = PLAIN._replace(left=110, right=170, start=110)
    assert timeline_marks.on_timeline(CLIP, moved).drawn == (113, 114, 140)


def test_what_a_trimmed_strip_hides_is_not_marked() -> None:
    trimmed = PLAIN._replace(left=14, right=35)
    assert timeline_marks.on_timeline(CLIP, trimmed) == Marks(((14, 30),), ((15, 18),), ((28, 32),), (14,))


@pytest.mark.parametrize(
    ("times", "done", "drawn"),
    [
        (PLAIN._replace(reverse=True), ((39, 40), (50, 70)), (39, 65, 66)),
        (PLAIN._replace(rate=0.5, rounded=False), ((10, 50),), (16, 18)),
        (PLAIN._replace(right=40, length=30, rate=2.0), ((10, 20), (25, 26)), (12, 25)),
        (PLAIN._replace(strobe=4), ((10, 30),), (14,)),
    ],
    ids=["backwards", "half as fast", "twice as fast", "every fourth"],
)
def test_marks_follow_the_strips_speed(
    times: TimeMap, done: tuple[timeline_marks.Run, ...], drawn: tuple[int, ...]
) -> None:
    found = timeline_marks.on_timeline(CLIP, times)
    assert found.drawn == drawn
    assert found.done == done
    for start, stop in found.done:
        shown = {times.clip_frame(frame) for frame in range(start, stop)}
        assert shown <= {*range(20), 30}, "only frames with a mask"


def test_frames_beyond_the_clip_are_left_out() -> None:
    beyond = Marks(done=((50, 99),), doubtful=((70, 80),), drawn=(59, 60, 99))
    assert timeline_marks.on_timeline(beyond, PLAIN) == Marks(done=((60, 70),), drawn=(69,))


def test_absent_frames_are_black_with_a_line_over_the_bar() -> None:
    clip = Marks(done=((0, 20),), absent=((4, 8),))
    shown = timeline_marks.on_timeline(clip, PLAIN)
    assert shown.absent == ((14, 18),)
    drawn = list(timeline_marks.shapes(shown, (10, 70), LANE, BLUE))
    fills = [fill for _, fill in drawn]
    assert fills.index(timeline_marks.ABSENT) < fills.index(timeline_marks.NOWHERE)
    for corners, fill in drawn:
        if fill in (timeline_marks.ABSENT, timeline_marks.NOWHERE):
            assert {x for x, _ in corners} == {LANE.at(14), LANE.at(18)}


def test_runs() -> None:
    assert timeline_marks.runs_of([0, 1, 2, 5, 7, 8]) == ((0, 3), (5, 6), (7, 9))
    assert timeline_marks.runs_of([]) == ()


def test_bars_are_where_the_frames_are() -> None:
    assert timeline_marks.bars(((10, 30), (40, 41)), LANE) == [(180.0, 340.0), (420.0, 428.0)]


def test_bars_end_at_the_regions_edges() -> None:
    assert timeline_marks.bars(((-50, 20), (100, 500)), LANE) == [(0.0, 260.0), (900.0, 1000.0)]
    assert timeline_marks.bars(((-50, -20), (500, 600)), LANE) == []


def test_a_single_frame_of_a_long_clip_is_seen() -> None:
    far = LANE._replace(wide=0.01)
    assert timeline_marks.bars(((3000, 3001),), far) == [(pytest.approx(129.005), pytest.approx(131.005))]


def test_many_runs_are_no_more_than_fit_on_the_screen() -> None:
    scattered = tuple((frame, frame + 1) for frame in range(0, 90_000, 2))
    found = timeline_marks.bars(scattered, LANE._replace(wide=0.01))
    assert found == [(pytest.approx(99.005), pytest.approx(1000.0))]


def shown(
    lane: Lane = LANE, timeline: Marks | None = None
) -> list[tuple[list[timeline_marks.Corner], timeline_marks.Colour]]:
    return list(timeline_marks.shapes(timeline or timeline_marks.on_timeline(CLIP, PLAIN), (10, 70), lane, BLUE))


def at(
    x: float, y: float, polygons: list[tuple[list[timeline_marks.Corner], timeline_marks.Colour]]
) -> timeline_marks.Colour | None:
    """Returns the topmost colour at a place."""
    found = None
    for corners, colour in polygons:
        sides = []
        for (x0, y0), (x1, y1) in zip(corners, corners[1:] + corners[:1], strict=True):
            sides.append((x1 - x0) * (y - y0) - (y1 - y0) * (x - x0))
        if all(side > 0 for side in sides) or all(side < 0 for side in sides):
            found = colour
    return found


def test_each_frame_has_the_colour_of_its_marks() -> None:
    polygons = shown()
    middle = 44.6

    def colour(frame: float, y: float = middle) -> timeline_marks.Colour | None:
        return at(100 + 8 * frame, y, polygons)

    assert colour(11.3) == (*BLUE, 1.0)
    assert [colour(15.5), colour(17.5)] == [timeline_marks.DOUBT] * 2
    assert colour(35.5) == timeline_marks.EMPTY
    assert [colour(13), colour(14), colour(40)] == [timeline_marks.DRAWN] * 3, "at the playhead's line"
    assert [colour(28.5, 49.0), colour(31.5, 49.0)] == [timeline_marks.LOCKED] * 2
    assert [colour(27.5, 49.0), colour(32.5, 49.0)] == [None] * 2
    assert [colour(9.5), colour(70.5)] == [None] * 2
    assert colour(35.5, 55.0) is None, "the strip above stays as it is"


def test_on_a_low_strip_they_are_lower() -> None:
    for height in (4.0, 12.0, 100.0):
        tops = [y for corners, _ in shown(LANE._replace(top=LANE.bottom + height)) for _, y in corners]
        assert max(tops) <= LANE.bottom + max(0.75 * height, 5.0)


def test_a_large_screen_scale_makes_them_larger() -> None:
    def height(scale: float) -> float:
        (corners, _), *_ = shown(LANE._replace(scale=scale, top=400.0))
        return corners[2][1] - corners[0][1]

    assert height(2.0) == pytest.approx(2 * height(1.0))


def test_triangles_cover_the_polygons() -> None:
    square = [(0.0, 0.0), (2.0, 0.0), (2.0, 1.0), (0.0, 1.0)]
    places, colours = timeline_marks.triangles([(square, timeline_marks.DOUBT), (square, timeline_marks.LOCKED)])
    assert len(places) == len(colours) == 12
    assert colours == [timeline_marks.DOUBT] * 6 + [timeline_marks.LOCKED] * 6
    area = sum(
        abs((b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])) / 2
        for a, b, c in zip(places[0:6:3], places[1:6:3], places[2:6:3], strict=True)
    )
    assert area == 2.0


def test_a_redraw_of_a_long_clip_is_cheap() -> None:
    long = TimeMap(left=1, right=10_001, start=1, length=10_000, count=10_000)
    clip = Marks(((0, 10_000),), tuple((n, n + 3) for n in range(0, 9990, 17)), (), tuple(range(0, 10_000, 50)))
    shown = timeline_marks.on_timeline(clip, long)
    times = []
    for _ in range(5):
        start = time.process_time()
        again = timeline_marks.on_timeline(clip, long)
        timeline_marks.triangles(timeline_marks.shapes(again, (1, 10_001), LANE._replace(wide=0.1), BLUE))
        times.append(time.process_time() - start)
    assert again == shown
    assert min(times) < 0.02 * slowness()
