"""Tests that what the panel says is true at that moment: the next step, frame numbers, progress, summaries."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import bpy_kit as kit
import pytest
from panel_kit import Paper

from tests.blender_cutout.host.test_pieces import cut, longer_green

pytestmark = pytest.mark.bpy

Project = Callable[..., tuple[Any, Any]]


def sidebar(bpy: Any) -> str:
    """Returns everything that the main panel shows."""
    from blender_cutout.ui.panel import CUTOUT_PT_cutout

    paper = Paper()
    CUTOUT_PT_cutout.draw(SimpleNamespace(layout=paper), bpy.context)
    return "\n".join(paper.notes)


def propagated(bpy: Any, project: Project) -> tuple[Any, Any]:
    scene, strip = project()
    for step in ("new", "apply_strokes", "propagate"):
        assert getattr(bpy.ops.cutout, step)() == {"FINISHED"}
    return scene, strip


def test_after_a_correction_the_next_step_is_to_propagate_it(blender: Any, project: Project) -> None:
    scene, _ = propagated(blender, project)
    blender.ops.cutout.write_strips()
    scene.frame_set(9)
    blender.ops.cutout.auto()
    shown = sidebar(blender)
    assert "Propagate the correction to" in shown
    assert "frames 6 to 8, 10 to 12." in shown, "between the keyframe on frame 5 and the strip's end"
    blender.ops.cutout.propagate()
    assert "Propagate the correction" not in sidebar(blender)
    assert "Write Strips to see the composite." in sidebar(blender)
    blender.ops.cutout.undo_round()
    assert "Propagate the correction" in sidebar(blender)
    blender.ops.cutout.undo_round()
    assert "Propagate the correction" not in sidebar(blender)


def test_a_propagation_says_which_strokes_it_did_not_know(blender: Any, project: Project) -> None:
    scene, _ = propagated(blender, project)
    scene.cutout.auto_apply = False
    scene.frame_set(9)
    x, y = kit.object_at(8)
    assert blender.ops.cutout.paint(label="keep", points=f"{x + 9},{y + 9},1 {x + 9},{y + 40},1") == {"FINISHED"}
    blender.ops.cutout.propagate()
    status = blender.context.window_manager.cutout
    assert status.level == "WARNING"
    assert "12 frames propagated, without the strokes on frame 9." in status.text
    assert "Apply Strokes" in status.hint
    blender.ops.cutout.apply_strokes()
    blender.ops.cutout.propagate()
    assert (status.level, status.text) == ("INFO", "12 frames propagated.")


def test_the_progress_is_a_share_of_the_whole(blender: Any, project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    from blender_cutout.tasks import jobs

    seen = []
    look = jobs.JobReporter.on_progress

    def watched(self: Any, job: Any, event: Any) -> None:
        look(self, job, event)
        seen.append(blender.context.window_manager.cutout.stage)

    monkeypatch.setattr(jobs.JobReporter, "on_progress", watched)
    propagated(blender, project)
    shares = [text for text in seen if text.startswith("Propagating")]
    assert shares
    assert all("%" in text and " of " not in text for text in shares), shares


def test_frame_numbers_follow_a_clip_that_is_dragged(blender: Any, project: Project) -> None:
    from blender_cutout.host import compat
    from blender_cutout.tasks import upkeep

    scene, strip = propagated(blender, project)
    blender.ops.cutout.lock_frames(span="FRAME")
    track = scene.cutout.tracks[0]
    assert (track.keyframes, track.locked_frames) == ("5", "5")
    longer_green(scene, 60)
    compat.time_set(strip, "frame_start", 31)
    upkeep._tick()
    assert (track.keyframes, track.locked_frames) == ("35", "35")


def test_after_a_split_each_frame_number_is_its_own_halfs(blender: Any, project: Project) -> None:
    from blender_cutout.host import compat
    from blender_cutout.tasks import upkeep

    scene, strip = propagated(blender, project)
    scene.frame_set(10)
    blender.ops.cutout.auto()
    track = scene.cutout.tracks[0]
    assert track.keyframes == "5, 10"
    cut(blender, scene, 8, strip)
    longer_green(scene, 60)
    right = max(
        (s for s in compat.strips(scene.sequence_editor) if s.name.startswith("clip")),
        key=lambda s: compat.time_get(s, "frame_final_start"),
    )
    compat.time_set(right, "frame_start", 31)
    for now in (5, 40):
        scene.frame_set(now)
        upkeep._tick()
        assert track.keyframes == "5, 40"


def test_after_the_render_the_message_is_in_the_past(blender: Any, project: Project, tmp_path: Path) -> None:
    scene, _ = propagated(blender, project)
    blender.ops.cutout.write_strips()
    scene.frame_start, scene.frame_end = 3, 4
    scene.render.filepath = str(tmp_path / "out") + "/"
    assert blender.ops.cutout.render() == {"FINISHED"}
    assert blender.context.window_manager.cutout.text.startswith("Rendered to ")


def test_a_message_is_shown_once(blender: Any, project: Project) -> None:
    from blender_cutout.tasks import upkeep

    _scene, strip = propagated(blender, project)
    blender.ops.cutout.write_strips()
    strip.use_reverse_frames = True
    upkeep._tick()
    with pytest.raises(RuntimeError, match="may not fit"):
        blender.ops.cutout.render()
    assert sidebar(blender).replace("\n", " ").count("changed since") == 1
