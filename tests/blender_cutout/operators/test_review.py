"""Tests frames that the artist approves: unchanged to the bit, shown as locked, closed to strokes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import bpy_kit as kit
import pytest

pytestmark = pytest.mark.bpy

Project = Callable[..., tuple[Any, Any]]


def masks(track: Any) -> dict[int, bytes]:
    from blender_cutout.tasks import jobs

    found = {frame: jobs.matte_file(track, frame) for frame in range(kit.LENGTH)}
    return {frame: Path(path).read_bytes() for frame, path in found.items() if path}


@pytest.fixture
def cut(blender: Any, project: Project) -> tuple[Any, Any]:
    """A scene whose object was drawn on one frame and carried through the clip."""
    scene, _ = project()
    blender.ops.cutout.new()
    blender.ops.cutout.apply_strokes()
    blender.ops.cutout.propagate()
    return scene, scene.cutout.tracks[0]


def test_the_current_frame_is_locked_and_unlocked(blender: Any, cut: tuple[Any, Any]) -> None:
    scene, track = cut
    scene.frame_set(7)
    blender.ops.cutout.lock_frames()
    assert track.locked_frames == "7"
    scene.frame_set(8)
    with pytest.raises(RuntimeError, match="nothing locked"):
        blender.ops.cutout.lock_frames(lock=False)
    scene.frame_set(7)
    blender.ops.cutout.lock_frames(lock=False)
    assert track.locked_frames == ""


def test_the_in_and_out_points_are_locked(blender: Any, cut: tuple[Any, Any]) -> None:
    scene, track = cut
    with pytest.raises(RuntimeError, match="no in and out points"):
        blender.ops.cutout.lock_frames(span="RANGE")
    scene.use_preview_range = True
    scene.frame_preview_start, scene.frame_preview_end = 9, 999
    blender.ops.cutout.lock_frames(span="RANGE")
    assert track.locked_frames == f"9 to {kit.LENGTH}"
    scene.frame_preview_start = 500
    with pytest.raises(RuntimeError, match="outside the preview range"):
        blender.ops.cutout.lock_frames(span="RANGE")


def test_frames_marked_not_here_are_empty_and_get_their_masks_back(blender: Any, cut: tuple[Any, Any]) -> None:
    from blender_cutout.formats.png import read_grey
    from blender_cutout.scene import frame_spans
    from blender_cutout.tasks import jobs

    scene, track = cut
    before = masks(track)
    scene.use_preview_range, scene.frame_preview_start, scene.frame_preview_end = True, 9, 10
    blender.ops.cutout.mark_absent(span="RANGE")
    assert (track.absent_frames, track.locked_frames) == ("9 to 10", "")
    scene.use_preview_range = False
    assert frame_spans.correction_reach(scene, track, frame_spans.pieces_times(scene, track)) == f"11 to {kit.LENGTH}"
    assert not any(read_grey(jobs.matte_file(track, frame)).any() for frame in (8, 9))
    scene.frame_set(9)
    with pytest.raises(RuntimeError, match="is marked Not Here"):
        blender.ops.cutout.auto()
    blender.ops.cutout.propagate()
    assert {f: data for f, data in masks(track).items() if f < 8} == {f: d for f, d in before.items() if f < 8}
    assert not any(read_grey(jobs.matte_file(track, frame)).any() for frame in (8, 9))
    blender.ops.cutout.undo_round()
    blender.ops.cutout.mark_absent(absent=False)
    assert track.absent_frames == "10"
    assert masks(track)[8] == before[8]
    blender.ops.cutout.undo_round()
    blender.ops.cutout.undo_round()
    assert masks(track) == before


def test_strokes_on_a_locked_frame_are_refused_and_say_what_to_do(blender: Any, cut: tuple[Any, Any]) -> None:
    scene, track = cut
    scene.frame_set(kit.LAYOUTS["plain"].start + kit.STROKE_FRAME)
    blender.ops.cutout.lock_frames()
    before, head, applied = masks(track), track.head, track.applied
    track.applied = ""  # as if its strokes were new
    for refused in (blender.ops.cutout.apply_strokes, blender.ops.cutout.auto):
        with pytest.raises(RuntimeError, match=r"is locked, .*Unlock Frame"):
            refused()
    assert (masks(track), track.head) == (before, head)
    blender.ops.cutout.lock_frames(lock=False)
    blender.ops.cutout.apply_strokes()
    assert track.applied == applied


def test_locked_frames_outlast_a_propagation_and_an_undo_frees_them(blender: Any, cut: tuple[Any, Any]) -> None:
    from blender_cutout.core.messages import ApplyRound
    from blender_cutout.tasks import jobs

    scene, track = cut
    scene.frame_set(7)
    blender.ops.cutout.lock_frames()
    before = masks(track)
    uuid, stroke = track.uuid, {"label": "keep", "radius": 3, "points": [[12.0, 12.0], [30.0, 20.0]]}
    jobs.wait(jobs.submit(scene, track, "Refining", lambda wire: ApplyRound(wire, uuid, 10, (stroke,))), 60)
    blender.ops.cutout.propagate()
    after = masks(track)
    assert after[6] == before[6]
    assert after[8] != before[8]
    assert track.locked_frames == "7"
    for _ in range(3):  # the propagation, the stroke, the lock
        blender.ops.cutout.undo_round()
    assert track.locked_frames == ""
    assert masks(track) == before


def test_rejected_frames_are_made_again_and_the_mark_goes_away(blender: Any, project: Project) -> None:
    from blender_cutout.tasks import jobs
    from blender_cutout.ui.timeline_overlay import marked

    scene, _ = project()
    for step in ("new", "apply_strokes", "propagate"):
        assert getattr(blender.ops.cutout, step)() == {"FINISHED"}
    track, start = scene.cutout.tracks[0], kit.LAYOUTS["plain"].start
    old = {frame: jobs.matte_file(track, frame) for frame in range(kit.LENGTH)}
    scene.use_preview_range = True
    scene.frame_preview_start, scene.frame_preview_end = start + 3, start + 7  # has the frame with strokes in it
    assert blender.ops.cutout.reject_frames(span="RANGE") == {"FINISHED"}
    scene.frame_set(start + 10)
    assert blender.ops.cutout.reject_frames() == {"FINISHED"}
    assert track.rejected_frames == f"{start + 3}, {start + 5} to {start + 7}, {start + 10}"
    ((_, _, _, marks),) = marked(scene)
    assert marks.rejected == ((start + 3, start + 4), (start + 5, start + 8), (start + 10, start + 11))
    assert blender.ops.cutout.go_to_frame(what="DOUBT", backward=True) == {"FINISHED"}
    assert scene.frame_current == start + 7
    assert blender.ops.cutout.lock_frames() == {"FINISHED"}, "reviewed instead"
    assert blender.ops.cutout.reject_frames(span="FRAME", reject=False) == {"FINISHED"}
    assert track.rejected_frames == f"{start + 3}, {start + 5} to {start + 6}, {start + 10}"
    with pytest.raises(RuntimeError, match="no propagated mask to reject"):
        blender.ops.cutout.reject_frames()

    assert blender.ops.cutout.propagate() == {"FINISHED"}
    track = scene.cutout.tracks[0]
    assert track.rejected_frames == ""
    new = {frame: jobs.matte_file(track, frame) for frame in range(kit.LENGTH)}
    assert [frame for frame in new if new[frame] != old[frame]] == [3, 5, 6, 10]


def test_undo_takes_a_rejection_back_and_a_later_file_has_it(blender: Any, project: Project) -> None:
    scene, _ = project()
    for step in ("new", "apply_strokes", "propagate"):
        assert getattr(blender.ops.cutout, step)() == {"FINISHED"}
    start = kit.LAYOUTS["plain"].start
    scene.frame_set(start + 8)
    blender.ops.ed.undo_push(message="before")
    assert blender.ops.cutout.reject_frames() == {"FINISHED"}
    blender.ops.ed.undo_push(message="rejected")
    blender.ops.wm.save_mainfile()
    blender.ops.ed.undo()
    assert blender.context.scene.cutout.tracks[0].rejected_frames == ""
    blender.ops.wm.open_mainfile(filepath=blender.data.filepath)
    assert blender.context.scene.cutout.tracks[0].rejected_frames == str(start + 8)


def test_marks_of_one_object_leave_the_other_alone_even_when_both_are_propagated(
    blender: Any, cut: tuple[Any, Any]
) -> None:
    """Reviewed, rejected and Not Here on the first of two objects of a clip; both are then propagated together."""
    from blender_cutout.formats.png import read_grey
    from blender_cutout.tasks import jobs

    scene, _ = cut
    start = kit.LAYOUTS["plain"].start
    blender.ops.cutout.new()
    tracks = scene.cutout.tracks
    scene.frame_set(start + 6)
    blender.ops.cutout.auto()
    blender.ops.cutout.propagate()
    second = masks(tracks[1])
    scene.cutout.active_index = 0
    scene.frame_set(start + 1)
    blender.ops.cutout.lock_frames()
    scene.frame_set(start + 10)
    blender.ops.cutout.reject_frames()
    scene.use_preview_range, scene.frame_preview_start, scene.frame_preview_end = True, start + 8, start + 9
    blender.ops.cutout.mark_absent(span="RANGE")
    scene.use_preview_range = False
    first = masks(tracks[0])
    marks = ("locked_frames", "rejected_frames", "absent_frames")
    assert [getattr(tracks[0], name) for name in marks] == ["2", "11", "9 to 10"]
    assert [getattr(tracks[1], name) for name in marks] == [""] * 3
    assert masks(tracks[1]) == second
    files = [jobs.matte_file(track, 10) for track in tracks]
    assert blender.ops.cutout.propagate_all() == {"FINISHED"}
    assert [getattr(tracks[0], name) for name in marks] == ["2", "", "9 to 10"]
    after = masks(tracks[0])
    assert after[1] == first[1], "what is reviewed stays, to the bit"
    assert not any(read_grey(jobs.matte_file(tracks[0], frame)).any() for frame in (8, 9))
    assert all(read_grey(jobs.matte_file(tracks[1], frame)).any() for frame in (8, 9))
    assert jobs.matte_file(tracks[0], 10) != files[0], "what is rejected is made again"
    both = [read_grey(jobs.matte_file(track, 10)) for track in tracks]
    assert not ((both[0] > 127) & (both[1] > 127)).any()
    scene.cutout.active_index = 1
    scene.frame_set(start + 1)
    blender.ops.cutout.reject_frames()
    assert (tracks[0].rejected_frames, tracks[1].rejected_frames) == ("", "2")
    blender.ops.cutout.propagate()
    assert masks(tracks[0]) == after
