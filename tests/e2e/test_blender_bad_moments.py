"""Tests bad moments in Blender: strokes during every kind of job, a scene that is deleted, files that are swapped."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import bpy_kit as kit
import pytest

pytestmark = pytest.mark.bpy

Project = Callable[..., tuple[Any, Any]]
START = kit.LAYOUTS["plain"].start


@pytest.fixture
def slow(blender: Any, project: Project, monkeypatch: pytest.MonkeyPatch) -> tuple[Any, Any]:
    """A scene with a propagated cutout, and an engine that takes its time over each frame."""
    from blender_cutout.tasks import jobs

    monkeypatch.setattr(jobs, "engine_command", lambda python="": kit.fake_engine("--delay", "0.03"))
    scene, strip = project()
    for step in ("new", "apply_strokes", "propagate"):
        assert getattr(blender.ops.cutout, step)() == {"FINISHED"}
    return scene, strip


def rest(until: Callable[[], bool] = lambda: False) -> None:
    from blender_cutout.tasks import jobs

    deadline = time.monotonic() + 60
    while jobs.step() and not until():
        assert time.monotonic() < deadline, "the engine never came to rest"
        time.sleep(0.002)


def begin(scene: Any, kind: str) -> Any:
    """Starts a long job of the cutout without waiting for it; returns it."""
    from blender_cutout.core.types import FrameRange
    from blender_cutout.operators import review, write_strips
    from blender_cutout.scene import rejected
    from blender_cutout.tasks import propagation

    track = scene.cutout.tracks[0]
    context = SimpleNamespace(scene=scene, sequencer_scene=scene)
    match kind:
        case "propagation":
            rejected.reject(scene, track, range(4, kit.LENGTH))
            return propagation.propagate(scene, track, FrameRange(0, kit.LENGTH), undo="Propagate")
        case "strips":
            return write_strips.CUTOUT_OT_write_strips.start(SimpleNamespace(), context)
        case "lock":
            asked = SimpleNamespace(span="FRAME", lock=True, bl_label="Lock Frames")
            scene.frame_set(START + 1)
            return review.CUTOUT_OT_lock_frames.start(asked, context)
    raise LookupError(kind)


@pytest.mark.parametrize("kind", ["propagation", "strips", "lock"])
def test_strokes_during_a_job_are_all_applied(blender: Any, slow: tuple[Any, Any], kind: str) -> None:
    scene, _ = slow
    track = scene.cutout.tracks[0]
    applied = len(track.applied.split())
    job = begin(scene, kind)
    for frame, label in ((7, "keep"), (9, "remove")):
        x, y = kit.object_at(frame)
        scene.frame_set(START + frame)
        points = f"{x + 9},{y + 5},1 {x + 9},{y + 20},1"
        assert blender.ops.cutout.paint(label=label, points=points) == {"FINISHED"}
    rest()
    assert job.outcome is not None
    assert len(track.applied.split()) == applied + 2
    assert track.keyframe_count == 3
    assert blender.ops.cutout.propagate() == {"FINISHED"}
    assert track.done_count == kit.LENGTH
    assert blender.ops.cutout.write_strips() == {"FINISHED"}
    assert blender.context.window_manager.cutout.level == "INFO"


@pytest.mark.parametrize("kind", ["propagation", "strips"])
def test_a_scene_that_is_deleted_takes_its_job_along_and_no_other(
    blender: Any, slow: tuple[Any, Any], kind: str
) -> None:
    from blender_cutout.host import compat

    scene, strip = slow
    files = [Path(strip.directory) / element.filename for element in strip.elements]
    begin(scene, kind)
    rest(lambda: blender.context.window_manager.cutout.progress > 0)
    other = blender.data.scenes.new("other")
    blender.context.window.scene = other
    if hasattr(blender.context.workspace, "sequencer_scene"):
        blender.context.workspace.sequencer_scene = other
    blender.data.scenes.remove(scene)
    rest()
    status = blender.context.window_manager.cutout
    assert not status.busy
    assert not status.lost
    other.sequence_editor_create()
    strip = kit.add_strip(other, [Path(blender.path.abspath(str(file))) for file in files], kit.LAYOUTS["plain"])
    compat.ensure_sequencer_scene(other)
    other.frame_set(START + kit.STROKE_FRAME)
    for step in ("new", "auto", "propagate", "write_strips"):
        assert getattr(blender.ops.cutout, step)() == {"FINISHED"}, step
    assert other.cutout.tracks[0].done_count == kit.LENGTH


def test_a_clip_whose_files_are_swapped_is_refused_with_what_to_do_and_keeps_its_masks(
    blender: Any, slow: tuple[Any, Any]
) -> None:
    from blender_cutout.tasks import jobs

    scene, strip = slow
    track = scene.cutout.tracks[0]
    before = [jobs.matte_file(track, frame).read_bytes() for frame in range(kit.LENGTH)]
    folder = Path(blender.path.abspath(strip.directory))
    for element in strip.elements:
        kit.write_png(folder / element.filename, kit.picture(3)[:100, :120])
    assert blender.ops.cutout.restart_engine() == {"FINISHED"}
    with pytest.raises(RuntimeError, match=r"(?s)240 ?[x×] ?150.*120 ?[x×] ?100|120 ?[x×] ?100.*240 ?[x×] ?150"):
        blender.ops.cutout.propagate()
    assert [jobs.matte_file(track, frame).read_bytes() for frame in range(kit.LENGTH)] == before
